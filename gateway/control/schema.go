package control

import (
	"encoding/json"
	"reflect"
)

// schema is a JSON schema, as far as the configuration needs one.
type schema struct {
	Schema      string            `json:"$schema,omitempty"`
	Title       string            `json:"title,omitempty"`
	Description string            `json:"description,omitempty"`
	Type        string            `json:"type,omitempty"`
	Format      string            `json:"format,omitempty"`
	Pattern     string            `json:"pattern,omitempty"`
	Enum        []string          `json:"enum,omitempty"`
	MinLength   int               `json:"minLength,omitempty"`
	MaxLength   int               `json:"maxLength,omitempty"`
	Minimum     *int64            `json:"minimum,omitempty"`
	Maximum     *int64            `json:"maximum,omitempty"`
	AnyOf       []schema          `json:"anyOf,omitempty"`
	Items       *schema           `json:"items,omitempty"`
	Properties  map[string]schema `json:"properties,omitempty"`
	Required    []string          `json:"required,omitempty"`
	Additional  *bool             `json:"additionalProperties,omitempty"`
}

// Schema is the JSON schema of hub.yaml, indented. It says what can be said of
// each value alone; names, references and what exclude each other only
// [Loader.Parse] can check.
func Schema() ([]byte, error) {
	s := schemaOf(reflect.TypeFor[file](), func(v scalar) schema { return orOutside(v.schema()) })
	s.Schema = "https://json-schema.org/draft/2020-12/schema"
	s.Title = "hub.yaml"
	s.Description = "The whole product configuration of llm-hub. Any value may be env:NAME or file:PATH instead."
	data, err := json.MarshalIndent(s, "", "  ")
	return append(data, '\n'), err
}

// APISchema is the JSON schema of a configuration as the operators' API takes and
// gives it: without references to what is outside of it, and with secrets that may
// be masked.
func APISchema() ([]byte, error) {
	s := schemaOf(reflect.TypeFor[file](), func(v scalar) schema {
		if _, masked := v.(private); masked {
			return schema{Type: "string"}
		}
		return v.schema()
	})
	return json.Marshal(s)
}

func schemaOf(t reflect.Type, of func(scalar) schema) schema {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if s, ok := reflect.New(t).Interface().(scalar); ok {
		return of(s)
	}
	if t.Kind() == reflect.Slice {
		items := schemaOf(t.Elem(), of)
		return schema{Type: "array", Items: &items}
	}
	out := schema{Type: "object", Properties: map[string]schema{}, Additional: new(bool)}
	for f := range t.Fields() {
		key := f.Tag.Get("yaml")
		property := schemaOf(f.Type, of)
		property.Description = f.Tag.Get("doc")
		out.Properties[key] = property
		if f.Tag.Get("required") != "" {
			out.Required = append(out.Required, key)
		}
	}
	return out
}

// orOutside lets a value also be a reference, if its own rule would refuse one.
func orOutside(s schema) schema {
	if s.Type == "string" && s.Pattern == "" && s.Enum == nil && s.Format == "" && s.MaxLength == 0 {
		return s
	}
	return schema{AnyOf: []schema{s, {Type: "string", Pattern: "^(env|file):."}}}
}
