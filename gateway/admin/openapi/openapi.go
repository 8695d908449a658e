// Package openapi writes the description of the operators' API, OpenAPI 3.1, from
// what each route says of itself ([web.Doc]) and from the types it names: their
// fields, and the comments on them in the source. It is not part of the binary; the
// API serves what was generated and is in package docs.
package openapi

import (
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/llm-hub/llm-hub/gateway/web"
)

// Prefix is what the addresses of this API start with.
const Prefix = "/api/"

const (
	refPrefix    = "#/components/schemas/"
	mediaJSON    = "application/json"
	mediaMerge   = "application/merge-patch+json"
	mediaProblem = "application/problem+json"
	mediaLines   = "application/x-ndjson"
)

// Document is the description of routes, indented. specs are JSON schemas of what is
// configured, by the name of the type that stands for it here. The error names the
// first route that is not described, or not rightly.
func Document(routes []web.Route, specs map[string]json.RawMessage) ([]byte, error) {
	w := &writer{names: map[string]reflect.Type{}, source: source{}}
	w.schemas = huma.NewMapRegistry(refPrefix, w.name)
	doc := &huma.OpenAPI{
		OpenAPI:    "3.1.0",
		Info:       &huma.Info{Title: "llm-hub", Version: "1", Description: "The operators' API: everything that can be seen, asked and changed."},
		Paths:      map[string]*huma.PathItem{},
		Components: &huma.Components{Schemas: w.schemas, SecuritySchemes: securitySchemes()},
		Security:   []map[string][]string{{"token": {}}, {"session": {}}},
	}
	doc.Components.Responses = w.problems()
	for _, r := range routes {
		if !strings.HasPrefix(r.Path, Prefix) {
			continue
		}
		if err := w.route(doc, r); err != nil {
			return nil, fmt.Errorf("route %s %s: %w", r.Method, r.Path, err)
		}
	}
	for name, s := range w.schemas.Map() {
		w.comment(w.names[name], s)
	}
	if err := w.enrich(specs); err != nil {
		return nil, err
	}
	compact, err := json.Marshal(doc)
	if err != nil {
		return nil, err
	}
	var plain any // in the order of its keys
	if err := json.Unmarshal(compact, &plain); err != nil {
		return nil, err
	}
	out, err := json.MarshalIndent(plain, "", "  ")
	return append(out, '\n'), err
}

// securitySchemes are the ways to be known.
func securitySchemes() map[string]*huma.SecurityScheme {
	return map[string]*huma.SecurityScheme{
		"token": {Type: "http", Scheme: "bearer", Description: "An operator's or a personal token."},
		"session": {Type: "apiKey", In: "cookie", Name: "__Host-llmhub", Description: "What signing in begins. On one's own machine without TLS it is called " +
			"llmhub-local. Whatever changes something must have the Content-Type application/json."},
	}
}

type writer struct {
	schemas huma.Registry
	names   map[string]reflect.Type
	source  source
}

// name is a type's own, of the API's packages, unless it is taken; else with its
// package before it.
func (w *writer) name(t reflect.Type, hint string) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	name := huma.DefaultSchemaNamer(t, hint)
	pkg := t.PkgPath()[strings.LastIndex(t.PkgPath(), "/")+1:]
	had, taken := w.names[name]
	if pkg != "" && (taken && had != t || !slices.Contains([]string{"client", "admin", "web"}, pkg)) {
		name = strings.ToUpper(pkg[:1]) + pkg[1:] + name
	}
	w.names[name] = t
	return name
}

func (w *writer) schema(v any) *huma.Schema {
	return w.schemas.Schema(reflect.TypeOf(v), true, "")
}

var parameters = regexp.MustCompile(`\{(\w+)\}|:(\w+)`)

func (w *writer) route(doc *huma.OpenAPI, r web.Route) error {
	path := r.Doc.Path
	if path == "" {
		path = r.Path
	}
	if r.Doc.Summary == "" || strings.Contains(path, "*") {
		return fmt.Errorf("is not described: its Doc needs a Summary, and a Path for *")
	}
	op := &huma.Operation{
		OperationID: operationID(r.Method, path), Summary: r.Doc.Summary, Tags: []string{strings.Split(path, "/")[3]},
		Responses: map[string]*huma.Response{}, Extensions: map[string]any{"x-permission": string(r.Permission)},
	}
	for _, m := range parameters.FindAllStringSubmatch(path, -1) {
		op.Parameters = append(op.Parameters, &huma.Param{Name: m[1] + m[2], In: "path", Required: true, Schema: &huma.Schema{Type: "string"}})
	}
	if r.Permission == web.Public {
		op.Security = []map[string][]string{{}} // nothing is needed
	}
	path = parameters.ReplaceAllString(path, "{$1$2}")
	if err := w.query(op, r.Doc.Query); err != nil {
		return err
	}
	w.answers(op, r)
	w.body(op, r)
	return place(doc, r.Method, path, op)
}

// place puts an operation at its path.
func place(doc *huma.OpenAPI, method, path string, op *huma.Operation) error {
	item := doc.Paths[path]
	if item == nil {
		item = &huma.PathItem{}
		doc.Paths[path] = item
	}
	at := map[string]**huma.Operation{
		http.MethodGet: &item.Get, http.MethodPost: &item.Post, http.MethodPut: &item.Put, http.MethodPatch: &item.Patch, http.MethodDelete: &item.Delete,
	}[method]
	if at == nil || *at != nil {
		return fmt.Errorf("there is no place for it at %s", path)
	}
	*at = op
	return nil
}

// operationID is like getKeysByTenantName.
func operationID(method, path string) string {
	out, by := strings.ToLower(method), ""
	for _, s := range strings.Split(path, "/")[3:] {
		word := strings.Trim(s, "{}:")
		for part := range strings.FieldsFuncSeq(word, func(r rune) bool { return strings.ContainsRune("-_.", r) }) {
			part = strings.ToUpper(part[:1]) + part[1:]
			if word != s {
				by += part
			} else {
				out += part
			}
		}
	}
	if by != "" {
		out += "By" + by
	}
	return out
}

// query describes the parameters: the fields of a struct.
func (w *writer) query(op *huma.Operation, query any) error {
	if query == nil {
		return nil
	}
	t := reflect.TypeOf(query)
	if t.Kind() != reflect.Struct {
		return fmt.Errorf("its Query is no struct")
	}
	for _, f := range reflect.VisibleFields(t) {
		if f.Anonymous {
			continue
		}
		name, doc := f.Tag.Get("query"), f.Tag.Get("doc")
		if name == "" || doc == "" {
			return fmt.Errorf("parameter %s needs the tags query and doc", f.Name)
		}
		s := huma.SchemaFromField(w.schemas, f, "")
		s.Description, s.Nullable = "", false
		op.Parameters = append(op.Parameters, &huma.Param{
			Name: name, In: "query", Description: doc, Schema: s, Required: f.Tag.Get("required") == "true",
		})
	}
	return nil
}

func (w *writer) body(op *huma.Operation, r web.Route) {
	if r.Doc.Command {
		w.command(op, r)
	}
	if r.Doc.Body == nil {
		return
	}
	s := w.schema(r.Doc.Body)
	op.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{mediaJSON: {Schema: s}}}
	if r.Method == http.MethodPatch {
		patch := &huma.MediaType{Schema: &huma.Schema{
			Type: "object", AdditionalProperties: true, Description: "JSON merge patch (RFC 7396) of " + s.Ref + ": null removes.",
		}}
		op.RequestBody.Content = map[string]*huma.MediaType{mediaMerge: patch, mediaJSON: patch}
	}
}

// command describes what every change of the configuration takes.
func (w *writer) command(op *huma.Operation, r web.Route) {
	op.Parameters = append(op.Parameters,
		&huma.Param{Name: "dry_run", In: "query", Description: "true: only tell what would change.", Schema: &huma.Schema{Type: "boolean"}},
		&huma.Param{Name: "Idempotency-Key", In: "header", Description: "The command with this key is done once, however often it is sent.", Schema: &huma.Schema{Type: "string", MaxLength: new(255)}},
	)
	refuse(op, http.StatusConflict)
	if !strings.Contains(r.Path, ":") && !strings.Contains(r.Path, "*") && r.Method == http.MethodPost {
		return // of what is not there yet
	}
	op.Parameters = append(op.Parameters,
		&huma.Param{Name: "If-Match", In: "header", Description: "The ETag that the object must have.", Schema: &huma.Schema{Type: "string"}})
	refuse(op, http.StatusPreconditionFailed)
}

func (w *writer) answers(op *huma.Operation, r web.Route) {
	status := r.Doc.Status
	if status == 0 {
		status = http.StatusOK
	}
	ok := &huma.Response{Description: http.StatusText(status)}
	if r.Doc.Answer != nil {
		media := r.Doc.Media
		if media == "" {
			media = mediaJSON
		}
		ok.Content = map[string]*huma.MediaType{media: {Schema: w.schema(r.Doc.Answer)}}
	}
	if r.Doc.Lines != nil {
		ok.Content[mediaLines] = &huma.MediaType{Schema: w.schema(r.Doc.Lines)}
	}
	op.Responses[strconv.Itoa(status)] = ok
	refuse(op, http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusInternalServerError, http.StatusServiceUnavailable)
	refuse(op, http.StatusNotFound) // people of tenants may not know of it
	refuse(op, r.Doc.Refusals...)
}

// refuse describes answers of an operation that are problems.
func refuse(op *huma.Operation, statuses ...int) {
	for _, status := range statuses {
		op.Responses[strconv.Itoa(status)] = &huma.Response{Ref: "#/components/responses/" + strconv.Itoa(status)}
	}
}

// problems are the answers that tell an error, by their status.
func (w *writer) problems() map[string]*huma.Response {
	content := map[string]*huma.MediaType{mediaProblem: {Schema: w.schema(web.Problem{})}}
	out := map[string]*huma.Response{}
	for status, description := range map[int]string{
		http.StatusBadRequest:          "The question is wrong: field names the parameter or value at fault, extra.errors every one if there are several.",
		http.StatusUnauthorized:        "No credential, or one that is not valid.",
		http.StatusForbidden:           "The caller's role lacks the permission.",
		http.StatusNotFound:            "There is no such thing, or not for the caller.",
		http.StatusConflict:            "It does not go with what there is.",
		http.StatusTooManyRequests:     "Too often: Retry-After says when to come again.",
		http.StatusPreconditionFailed:  "It was changed since: extra has its version and what it is now.",
		http.StatusInternalServerError: "The hub's own fault.",
		http.StatusServiceUnavailable:  "Not possible at present, or not in this process.",
	} {
		out[strconv.Itoa(status)] = &huma.Response{Description: description, Content: content}
	}
	return out
}

// enrich says of the values in specs what only those know: patterns, words, bounds.
// What is not in both is an error.
func (w *writer) enrich(specs map[string]json.RawMessage) error {
	for name, raw := range specs {
		var spec huma.Schema
		s := w.schemas.Map()[name]
		if s == nil {
			return fmt.Errorf("nothing is called %s", name)
		}
		if err := json.Unmarshal(raw, &spec); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if err := w.merge(s, &spec); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func (w *writer) merge(s, spec *huma.Schema) error {
	if spec.Description != "" {
		s.Description = spec.Description
	}
	if s.Ref != "" {
		s = w.schemas.SchemaFromRef(s.Ref)
	}
	if s.Type != spec.Type {
		return fmt.Errorf("is %s, not %s", s.Type, spec.Type)
	}
	s.Pattern, s.Enum, s.Format, s.Minimum, s.MinLength, s.MaxLength = spec.Pattern, spec.Enum, spec.Format, spec.Minimum, spec.MinLength, spec.MaxLength
	if spec.Items != nil {
		return w.merge(s.Items, spec.Items)
	}
	for name, p := range spec.Properties {
		if s.Properties[name] == nil {
			return fmt.Errorf("lacks %s: add it to package client", name)
		}
		if err := w.merge(s.Properties[name], p); err != nil {
			return fmt.Errorf("%s %w", name, err)
		}
	}
	for name := range s.Properties {
		if spec.Properties[name] == nil {
			return fmt.Errorf("there is no %s", name)
		}
	}
	s.Required = spec.Required
	slices.Sort(s.Required)
	return nil
}
