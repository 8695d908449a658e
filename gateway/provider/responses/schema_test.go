package responses_test

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// schemas are the published ones of the Responses API (testdata/schema.json), without
// their prose.
type schemas map[string]map[string]any

func loadSchemas(t testing.TB) schemas {
	t.Helper()
	raw, err := os.ReadFile("testdata/schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var s schemas
	if err := json.Unmarshal(raw, &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// check tells how value differs from the schema of that name.
func (s schemas) check(name string, raw []byte) error {
	var value any
	if err := json.Unmarshal(raw, &value); err != nil {
		return err
	}
	return s.fits(map[string]any{"$ref": "#/" + name}, value, name)
}

func (s schemas) fits(schema map[string]any, value any, path string) error {
	if ref, ok := schema["$ref"].(string); ok {
		name := ref[strings.LastIndexByte(ref, '/')+1:]
		target, known := s[name]
		if !known {
			return fmt.Errorf("%s: no schema %s", path, name)
		}
		if err := s.fits(target, value, path); err != nil {
			return err
		}
	}
	for _, part := range list(schema["allOf"]) {
		if err := s.fits(part, value, path); err != nil {
			return err
		}
	}
	for _, key := range []string{"anyOf", "oneOf"} {
		if err := s.any(list(schema[key]), value, path); err != nil {
			return err
		}
	}
	if allowed, ok := schema["enum"].([]any); ok && !slices.Contains(allowed, value) {
		return fmt.Errorf("%s: %v is none of %v", path, value, allowed)
	}
	if want, ok := schema["type"].(string); ok && !isType(want, value) {
		return fmt.Errorf("%s: %v is not of type %s", path, value, want)
	}
	return s.inner(schema, value, path)
}

// any holds that one of the choices fits. Those of another type than the value's say
// nothing of what is wrong.
func (s schemas) any(choices []map[string]any, value any, path string) error {
	if len(choices) == 0 {
		return nil
	}
	var errs []string
	for _, c := range choices {
		err := s.fits(c, value, path)
		if err == nil {
			return nil
		}
		if s.ofType(c, value) {
			errs = append(errs, err.Error())
		}
	}
	return fmt.Errorf("%s fits nothing: %s", path, strings.Join(errs, "; "))
}

func (s schemas) ofType(schema map[string]any, value any) bool {
	if ref, ok := schema["$ref"].(string); ok {
		schema = s[ref[strings.LastIndexByte(ref, '/')+1:]]
	}
	object, _ := value.(map[string]any)
	properties, _ := schema["properties"].(map[string]any)
	kind, _ := properties["type"].(map[string]any)
	allowed, _ := kind["enum"].([]any)
	return slices.Contains(allowed, object["type"])
}

func (s schemas) inner(schema map[string]any, value any, path string) error {
	switch value := value.(type) {
	case map[string]any:
		required, _ := schema["required"].([]any)
		for _, name := range required {
			if _, there := value[name.(string)]; !there {
				return fmt.Errorf("%s: lacks %v", path, name)
			}
		}
		properties, _ := schema["properties"].(map[string]any)
		for name, p := range properties {
			if v, there := value[name]; there {
				if err := s.fits(p.(map[string]any), v, path+"."+name); err != nil {
					return err
				}
			}
		}
	case []any:
		items, ok := schema["items"].(map[string]any)
		for i, v := range value {
			if !ok {
				break
			}
			if err := s.fits(items, v, fmt.Sprintf("%s[%d]", path, i)); err != nil {
				return err
			}
		}
	}
	return nil
}

func list(v any) []map[string]any {
	raw, _ := v.([]any)
	out := make([]map[string]any, len(raw))
	for i, r := range raw {
		out[i], _ = r.(map[string]any)
	}
	return out
}

func isType(want string, value any) bool {
	switch v := value.(type) {
	case nil:
		return want == "null"
	case bool:
		return want == "boolean"
	case float64:
		return want == "number" || want == "integer" && v == float64(int64(v))
	case string:
		return want == "string"
	case []any:
		return want == "array"
	}
	return want == "object"
}

// TestSchemasRefuse: a check that lets everything pass holds nothing.
func TestSchemasRefuse(t *testing.T) {
	s := loadSchemas(t)
	for name, raw := range map[string]string{
		"TokenCountsResource": `{"object":"response.input_tokens","input_tokens":"3"}`,
		"Response":            `{"id":"resp_1"}`,
		"ResponseStreamEvent": `{"type":"response.output_text.delta","sequence_number":1}`,
	} {
		if s.check(name, []byte(raw)) == nil {
			t.Errorf("%s: %s passes", name, raw)
		}
	}
}
