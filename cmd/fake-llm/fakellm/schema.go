package fakellm

import (
	"bytes"
	"encoding/json"
	"strings"
)

// Bounds of recursive schemas; what lies beyond is null.
const (
	maxSchemaDepth = 16
	maxSchemaNodes = 10_000
)

// A schema is the part of JSON Schema (and of Gemini's OpenAPI subset, with its upper-case type
// names) that the fake understands.
type schema struct {
	Type       json.RawMessage    `json:"type"`
	Properties map[string]*schema `json:"properties"`
	Items      *schema            `json:"items"`
	MinItems   json.Number        `json:"minItems"`
	MinLength  json.Number        `json:"minLength"`
	Minimum    json.Number        `json:"minimum"`
	Enum       []json.RawMessage  `json:"enum"`
	Const      json.RawMessage    `json:"const"`
	AnyOf      []*schema          `json:"anyOf"`
	OneOf      []*schema          `json:"oneOf"`
	AllOf      []*schema          `json:"allOf"`
	Ref        string             `json:"$ref"`
	Defs       map[string]*schema `json:"$defs"`
}

// maxRepeat bounds how many items or characters a schema gets.
const maxRepeat = 64

func atLeastOne(n json.Number) int {
	v, err := n.Int64()
	if err != nil {
		return 1
	}
	return int(min(max(v, 1), maxRepeat))
}

// minimalObject is the smallest JSON value that fits the schema, all properties present, in the
// order of their names; {} when there is no schema or it cannot be read.
func minimalObject(raw json.RawMessage) json.RawMessage {
	var s schema
	if len(raw) == 0 || json.Unmarshal(raw, &s) != nil {
		return json.RawMessage("{}")
	}
	b := schemaBuilder{root: &s, left: maxSchemaNodes}
	return compactJSON(b.value(&s, 0))
}

type schemaBuilder struct {
	root *schema
	left int // values that may still be made
}

func (b *schemaBuilder) value(s *schema, depth int) any {
	b.left--
	if s == nil || depth > maxSchemaDepth || b.left < 0 {
		return nil
	}
	switch {
	case s.Ref != "":
		return b.value(b.root.Defs[strings.TrimPrefix(s.Ref, "#/$defs/")], depth+1)
	case s.Const != nil:
		return s.Const
	case len(s.Enum) > 0:
		return s.Enum[0]
	case len(s.AnyOf) > 0:
		return b.value(s.AnyOf[0], depth+1)
	case len(s.OneOf) > 0:
		return b.value(s.OneOf[0], depth+1)
	case len(s.AllOf) > 0:
		return b.value(s.AllOf[0], depth+1)
	}
	return b.typed(s, depth)
}

func (b *schemaBuilder) typed(s *schema, depth int) any {
	switch s.typeName() {
	case "string":
		return strings.Repeat("x", atLeastOne(s.MinLength))
	case "number", "integer":
		if s.Minimum != "" {
			return s.Minimum
		}
		return 1
	case "boolean":
		return true
	case "array":
		if s.Items == nil {
			return []any{}
		}
		items := make([]any, atLeastOne(s.MinItems))
		for i := range items {
			items[i] = b.value(s.Items, depth+1)
		}
		return items
	case "object":
		object := make(map[string]any, len(s.Properties))
		for name, property := range s.Properties {
			object[name] = b.value(property, depth+1)
		}
		return object
	}
	return nil
}

// typeName is the first type the schema allows, in lower case; object or array when only its
// parts say so.
func (s *schema) typeName() string {
	var one string
	if json.Unmarshal(s.Type, &one) == nil && one != "" {
		return strings.ToLower(one)
	}
	var many []string
	if json.Unmarshal(s.Type, &many) == nil && len(many) > 0 {
		return strings.ToLower(many[0])
	}
	if s.Items != nil {
		return "array"
	}
	return "object"
}

// compactJSON renders v without escaping HTML. The values of this package (structs, maps of
// strings, and JSON that was parsed before) always render.
func compactJSON(v any) []byte {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n"))
}

// indentedJSON renders v the way the vendors print whole bodies.
func indentedJSON(v any) []byte {
	var buf bytes.Buffer
	if err := json.Indent(&buf, compactJSON(v), "", "  "); err != nil {
		return nil
	}
	buf.WriteByte('\n')
	return buf.Bytes()
}

// jsonString renders a text as a JSON string.
func jsonString(s string) json.RawMessage { return compactJSON(s) }
