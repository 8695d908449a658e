package gemini

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/llm-hub/llm-hub/gateway/provider/rawjson"
)

// jsonSchema turns Google's subset of OpenAPI's schema into JSON Schema: types in
// lower case, "nullable" as a type, numbers as numbers. Order is kept, since models
// answer in it. What JSON Schema does not know is left out.
func jsonSchema(schema []byte, path string) (json.RawMessage, error) {
	w := schemaWriter{}
	err := w.schema(schema, path)
	return w.out, err
}

type schemaWriter struct{ out []byte }

// member begins the next member of the object being written.
func (w *schemaWriter) member(name string) {
	w.comma('{')
	w.out = append(append(w.out, rawjson.Quote(name)...), ':')
}

// comma separates from what was written since the opening bracket.
func (w *schemaWriter) comma(opening byte) {
	if w.out[len(w.out)-1] != opening {
		w.out = append(w.out, ',')
	}
}

func (w *schemaWriter) schema(value []byte, path string) error {
	nullable, err := isNullable(value, path)
	if err != nil {
		return err
	}
	w.out = append(w.out, '{')
	err = eachMember(value, path, func(name string, value []byte) error {
		at := join(path, name)
		switch name {
		case "type":
			return w.typ(value, at, nullable)
		case "properties", "$defs":
			w.member(name)
			return w.properties(value, at)
		case "items", "additionalProperties":
			w.member(name)
			if rawjson.TypeOf(value) == rawjson.BoolType {
				w.out = append(w.out, value...)
				return nil
			}
			return w.schema(value, at)
		case "anyOf":
			w.member(name)
			return w.list(value, at, nullable)
		case "enum":
			return w.enum(value, at, nullable)
		case "minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties":
			w.member(name)
			return w.number(value, at)
		case "description", "title", "default", "pattern", "minimum", "maximum", "required", "$ref":
			w.member(name)
			w.out = append(w.out, value...)
		case "format":
			if string(value) != `"enum"` { // says no more than the enum beside it
				w.member(name)
				w.out = append(w.out, value...)
			}
		}
		return nil
	})
	w.out = append(w.out, '}')
	return err
}

func isNullable(value []byte, path string) (bool, error) {
	nullable := false
	err := eachMember(value, path, func(name string, value []byte) error {
		if name == "nullable" {
			return into(&nullable)(value, join(path, name))
		}
		return nil
	})
	return nullable, err
}

func (w *schemaWriter) typ(value []byte, path string, nullable bool) error {
	var types []string
	if err := list(&types)(value, path); err != nil {
		return err
	}
	types = slices.DeleteFunc(types, func(t string) bool { return t == "TYPE_UNSPECIFIED" })
	for i := range types {
		types[i] = strings.ToLower(types[i])
	}
	if nullable && !slices.Contains(types, "null") {
		types = append(types, "null")
	}
	switch len(types) {
	case 0:
		return nil
	case 1:
		w.member("type")
		w.out = append(w.out, rawjson.Quote(types[0])...)
		return nil
	}
	w.member("type")
	return w.encode(types, path)
}

func (w *schemaWriter) encode(v any, path string) error {
	b, err := rawjson.Marshal(v)
	if err != nil {
		return invalid(path, "'%s' has a value of the wrong form.", path)
	}
	w.out = append(w.out, b...)
	return nil
}

// properties are named by the application: their names stay as they are.
func (w *schemaWriter) properties(value []byte, path string) error {
	if err := wantType(value, path, rawjson.ObjectType); err != nil {
		return err
	}
	w.out = append(w.out, '{')
	obj := rawjson.NewObject(value)
	for obj.Next() {
		w.member(string(obj.Key()))
		if err := w.schema(obj.Value(), join(path, string(obj.Key()))); err != nil {
			return err
		}
	}
	w.out = append(w.out, '}')
	return nil
}

func (w *schemaWriter) list(value []byte, path string, nullable bool) error {
	w.out = append(w.out, '[')
	err := eachElement(value, path, func(value []byte, path string) error {
		w.comma('[')
		return w.schema(value, path)
	})
	if nullable {
		w.comma('[')
		w.out = append(w.out, `{"type":"null"}`...)
	}
	w.out = append(w.out, ']')
	return err
}

// enum adds null to the values where it is allowed.
func (w *schemaWriter) enum(value []byte, path string, nullable bool) error {
	var values []any
	if err := into(&values)(value, path); err != nil {
		return err
	}
	if nullable && !slices.Contains(values, nil) {
		values = append(values, nil)
	}
	w.member("enum")
	return w.encode(values, path)
}

func (w *schemaWriter) number(value []byte, path string) error {
	var n *int64
	if err := whole(&n)(value, path); err != nil {
		return err
	}
	return w.encode(*n, path)
}
