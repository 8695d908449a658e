// Package openapi holds answers to what OpenAI has published of its API:
// testdata/openai.json is an extract of github.com/openai/openai-openapi (MIT), which
// testdata/trim makes.
package openapi

import (
	"bufio"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/llm-hub/llm-hub/gateway/provider"
)

//go:embed testdata/openai.json
var published []byte

// Media types of answers.
const (
	JSON   = "application/json"
	Events = "text/event-stream"
)

const (
	document    = "openai.json"
	errorSchema = "/components/schemas/ErrorResponse"
	// maxLine bounds a line of a stream, in bytes.
	maxLine = 16 << 20
)

// Description is OpenAI's description of its answers. It may be used by several
// goroutines at once.
type Description struct {
	paths map[string]map[string]operation

	mu       sync.Mutex
	compiler *jsonschema.Compiler
}

type operation struct {
	Responses map[string]struct {
		Content map[string]json.RawMessage
	}
}

// Load reads the description.
func Load() (*Description, error) {
	var typed struct {
		Paths map[string]map[string]operation
	}
	if err := json.Unmarshal(published, &typed); err != nil {
		return nil, fmt.Errorf("%s: %w", document, err)
	}
	raw, err := jsonschema.UnmarshalJSON(strings.NewReader(string(published)))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", document, err)
	}
	d := &Description{paths: typed.Paths, compiler: jsonschema.NewCompiler()}
	if err := amend(raw); err != nil {
		return nil, fmt.Errorf("%s: %w", document, err)
	}
	if err := d.compiler.AddResource(document, nullable(raw)); err != nil {
		return nil, fmt.Errorf("%s: %w", document, err)
	}
	return d, nil
}

// amendments widen the description where the API itself, and OpenAI's SDKs, know more:
// vectors in base64, and legacy completions that are streamed.
func amendments() map[string]map[string]any {
	return map[string]map[string]any{
		"Embedding.properties.embedding":                                             {"type": []any{"array", "string"}},
		"CreateCompletionResponse.properties.usage":                                  {"nullable": true},
		"CreateCompletionResponse.properties.choices.items.properties.finish_reason": {"nullable": true},
	}
}

func amend(document any) error {
	for path, amendment := range amendments() {
		at := document
		for _, name := range append([]string{"components", "schemas"}, strings.Split(path, ".")...) {
			object, _ := at.(map[string]any)
			at = object[name]
		}
		schema, ok := at.(map[string]any)
		if !ok {
			return fmt.Errorf("there is no %s to amend", path)
		}
		maps.Copy(schema, amendment)
	}
	return nil
}

// nullable says in JSON Schema's words what OpenAPI 3.0 had a word of its own for,
// which is still in use.
func nullable(value any) any {
	switch v := value.(type) {
	case map[string]any:
		delete(v, "$recursiveAnchor") // of an older draft; what refers to it may be anything
		delete(v, "$recursiveRef")
		for name, member := range v {
			v[name] = nullable(member)
		}
		if v["nullable"] == true {
			delete(v, "nullable")
			return map[string]any{"anyOf": []any{v, map[string]any{"type": "null"}}}
		}
	case []any:
		for i, element := range v {
			v[i] = nullable(element)
		}
	}
	return value
}

// Answer checks a whole 200 answer of an endpoint: a method and a path in the
// description's words, as in "post /chat/completions".
func (d *Description) Answer(endpoint string, body []byte) error {
	return d.check(d.pointer(endpoint, JSON), body)
}

// Is checks a value against a schema by its name: where an endpoint answers in several
// forms, and each would pass for the simplest of them.
func (d *Description) Is(schema string, body []byte) error {
	return d.check("/components/schemas/"+schema, body)
}

// Replies makes a check of an endpoint's answers, streamed or not.
func Replies(t testing.TB, endpoint string) func(in *provider.Inbound, answer string) error {
	t.Helper()
	d, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	return func(in *provider.Inbound, answer string) error {
		if in.Stream {
			return d.Stream(endpoint, answer)
		}
		return d.Answer(endpoint, []byte(answer))
	}
}

// Error checks the body of an answer that is an error.
func (d *Description) Error(body []byte) error { return d.check(errorSchema, body) }

// Stream checks every event of a 200 stream of an endpoint, which may end in an error.
// Each event must be one line of data, as OpenAI's are.
func (d *Description) Stream(endpoint, body string) error {
	lines := bufio.NewScanner(strings.NewReader(body))
	lines.Buffer(nil, maxLine)
	events := 0
	for lines.Scan() {
		data, ok := strings.CutPrefix(lines.Text(), "data: ")
		if !ok || data == "[DONE]" {
			continue
		}
		events++
		where := d.pointer(endpoint, Events)
		if strings.HasPrefix(data, `{"error"`) {
			where = errorSchema
		}
		if err := d.check(where, []byte(data)); err != nil {
			return fmt.Errorf("event %d: %w", events, err)
		}
	}
	if events == 0 {
		return errors.Join(lines.Err(), errors.New("a stream without events"))
	}
	return lines.Err()
}

// pointer is where the schema of an endpoint's answers stands.
func (d *Description) pointer(endpoint, media string) string {
	method, path, _ := strings.Cut(endpoint, " ")
	if _, ok := d.paths[path][method].Responses["200"].Content[media]; !ok && media == Events {
		media = JSON // legacy completions stream what they answer, and say nothing of it
	}
	escape := strings.NewReplacer("~", "~0", "/", "~1", "{", "%7B", "}", "%7D")
	return "/paths/" + escape.Replace(path) + "/" + method + "/responses/200/content/" + escape.Replace(media) + "/schema"
}

func (d *Description) check(pointer string, body []byte) error {
	d.mu.Lock()
	schema, err := d.compiler.Compile(document + "#" + pointer)
	d.mu.Unlock()
	if err != nil {
		return fmt.Errorf("%s: %w", pointer, err)
	}
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(string(body)))
	if err != nil {
		return fmt.Errorf("no JSON: %w: %s", err, body)
	}
	if err := schema.Validate(value); err != nil {
		return fmt.Errorf("%w: %s", err, body)
	}
	return nil
}
