package openapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Contract is a description that answers are held to. It may be used by several
// goroutines at once.
type Contract struct {
	paths map[*regexp.Regexp]map[string]operation
	names map[*regexp.Regexp]string

	mu       sync.Mutex
	compiler *jsonschema.Compiler
}

type operation struct {
	Parameters []struct{ Name, In string }
	Responses  map[string]struct {
		Ref     string `json:"$ref"`
		Content map[string]json.RawMessage
	}
}

const resource = "openapi.json"

// Load reads a description that [Document] has written.
func Load(document []byte) (*Contract, error) {
	var typed struct {
		Paths map[string]map[string]operation
	}
	if err := json.Unmarshal(document, &typed); err != nil {
		return nil, err
	}
	raw, err := jsonschema.UnmarshalJSON(bytes.NewReader(document))
	if err != nil {
		return nil, err
	}
	c := &Contract{paths: map[*regexp.Regexp]map[string]operation{}, names: map[*regexp.Regexp]string{}, compiler: jsonschema.NewCompiler()}
	c.compiler.AssertFormat()
	for path, operations := range typed.Paths {
		pattern := regexp.QuoteMeta(path)
		pattern = regexp.MustCompile(`\\\{\w+\\\}`).ReplaceAllString(pattern, "[^/]+")
		at := regexp.MustCompile("^" + pattern + "$")
		c.paths[at], c.names[at] = operations, path
	}
	return c, c.compiler.AddResource(resource, raw)
}

// find is what the description says of a call, and at which path. Where two paths match, the one with
// fewer variables is meant.
func (c *Contract) find(method, path string) (operation, string, error) {
	best, found := "", operation{}
	for at, operations := range c.paths {
		op, ok := operations[strings.ToLower(method)]
		if ok && at.MatchString(path) && (best == "" || strings.Count(c.names[at], "{") < strings.Count(best, "{")) {
			best, found = c.names[at], op
		}
	}
	if best == "" {
		return found, "", errors.New("no such operation is described")
	}
	return found, best, nil
}

func escaped(name string) string {
	return strings.NewReplacer("~", "~0", "/", "~1", "{", "%7B", "}", "%7D").Replace(name)
}

// Operations are all that are described, like `GET /api/v1/keys/{tenant}/{name}`, sorted.
func (c *Contract) Operations() []string {
	var all []string
	for at, operations := range c.paths {
		for method := range operations {
			all = append(all, strings.ToUpper(method)+" "+c.names[at])
		}
	}
	slices.Sort(all)
	return all
}

// Operation is which of [Contract.Operations] a call is. path is escaped as it was sent.
func (c *Contract) Operation(method, path string) (string, error) {
	_, name, err := c.find(method, path)
	return method + " " + name, err
}

// Parameters are the names of the query's parameters of an operation.
func (c *Contract) Parameters(method, path string) ([]string, error) {
	op, _, err := c.find(method, path)
	var names []string
	for _, p := range op.Parameters {
		if p.In == "query" {
			names = append(names, p.Name)
		}
	}
	return names, err
}

// Answer checks an answer to a call: that its status and its type are described and,
// if it is JSON or lines of it, that it is what the description says. path is escaped
// as it was sent.
func (c *Contract) Answer(method, path string, status int, h http.Header, body []byte) error {
	op, name, err := c.find(method, path)
	if err != nil && status >= http.StatusBadRequest { // that there is nothing has its shape, too
		return c.value("/components/schemas/Problem", body)
	}
	if err != nil {
		return err
	}
	code := strconv.Itoa(status)
	answer, ok := op.Responses[code]
	if !ok {
		return fmt.Errorf("status %d is not described: %s", status, body)
	}
	media, _, _ := mime.ParseMediaType(h.Get("Content-Type"))
	pointer := "/paths/" + escaped(name) + "/" + strings.ToLower(method) + "/responses/" + code
	if (status == http.StatusNoContent || status == http.StatusSeeOther) && len(body) == 0 && answer.Content == nil {
		return nil
	}
	if answer.Ref != "" {
		pointer = strings.TrimPrefix(answer.Ref, "#")
		answer.Content = map[string]json.RawMessage{mediaProblem: nil}
	}
	if _, any := answer.Content["*/*"]; any {
		return nil
	}
	if _, ok := answer.Content[media]; !ok {
		return fmt.Errorf("status %d: type %q is not described", status, media)
	}
	pointer += "/content/" + escaped(media) + "/schema"
	switch media {
	case mediaJSON, mediaProblem:
		return c.value(pointer, body)
	case mediaLines:
		for line := range bytes.Lines(body) {
			if err := c.value(pointer, line); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *Contract) value(pointer string, body []byte) error {
	c.mu.Lock()
	schema, err := c.compiler.Compile(resource + "#" + pointer)
	c.mu.Unlock()
	if err != nil {
		return fmt.Errorf("%s: %w", pointer, err)
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("no JSON: %w: %s", err, body)
	}
	if err := schema.Validate(value); err != nil {
		return fmt.Errorf("%w in %s", err, body)
	}
	return nil
}
