package gemini

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/provider/rawjson"
)

// What follows reads messages as Google's JSON form of protocol buffers allows
// them: members in lower camel case or in the schema's own snake case, whole
// numbers also as strings, a list of one also without its brackets.

// invalid refuses a request because of the field at param.
func invalid(param, format string, args ...any) *gateway.Error {
	return &gateway.Error{Kind: gateway.Invalid, Public: fmt.Sprintf(format, args...), Param: param}
}

func badJSON(err error) error {
	if errors.Is(err, rawjson.ErrDepth) {
		return invalid("", "The request body nests deeper than %d levels.", rawjson.MaxDepth)
	}
	return invalid("", "The request body is not a JSON object (%v).", err)
}

func wantType(value []byte, path string, want rawjson.Type) error {
	if got := rawjson.TypeOf(value); got != want {
		return invalid(path, "'%s' must be %s, not %s.", path, want, got)
	}
	return nil
}

// camel is a member's name in lower camel case.
func camel(name []byte) []byte {
	if bytes.IndexByte(name, '_') < 0 {
		return name
	}
	out := make([]byte, 0, len(name))
	raise := false
	for _, c := range name {
		switch {
		case c == '_':
			raise = len(out) > 0
		case raise && c >= 'a' && c <= 'z':
			out = append(out, c-'a'+'A')
			raise = false
		default:
			out = append(out, c)
			raise = false
		}
	}
	return out
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// eachMember gives the members of a message that are not null, by their names in
// lower camel case. A name that comes twice is refused, in whichever cases.
func eachMember(value []byte, path string, do func(name string, value []byte) error) error {
	if path != "" {
		if err := wantType(value, path, rawjson.ObjectType); err != nil {
			return err
		}
	}
	var names rawjson.Names
	obj := rawjson.NewObject(value)
	for obj.Next() {
		name := camel(obj.Key())
		if !names.Add(name) {
			at := join(path, string(name))
			return invalid(at, "'%s' is given twice.", at)
		}
		if rawjson.TypeOf(obj.Value()) == rawjson.NullType {
			continue
		}
		if err := do(string(name), obj.Value()); err != nil {
			return err
		}
	}
	if err := obj.Err(); err != nil {
		return badJSON(err)
	}
	return nil
}

// eachElement gives the elements of a list; an object stands for a list of itself.
func eachElement(value []byte, path string, do func(value []byte, path string) error) error {
	switch rawjson.TypeOf(value) {
	case rawjson.ObjectType:
		return do(value, path)
	case rawjson.ArrayType:
	default:
		return wantType(value, path, rawjson.ArrayType)
	}
	list := rawjson.NewArray(value)
	for list.Next() {
		if err := do(list.Value(), fmt.Sprintf("%s[%d]", path, list.Len()-1)); err != nil {
			return err
		}
	}
	if err := list.Err(); err != nil {
		return badJSON(err)
	}
	return nil
}

// field reads the value at path.
type field func(value []byte, path string) error

// fields are the known members of a message, by their names in lower camel case.
type fields map[string]field

// members reads the members of a message and tells unknown of all others.
func members(value []byte, path string, known fields, unknown func(path string)) error {
	return eachMember(value, path, func(name string, value []byte) error {
		at := join(path, name)
		read, ok := known[name]
		if !ok {
			unknown(at)
			return nil
		}
		return read(value, at)
	})
}

// into reads a value that is written as encoding/json has it.
func into(place any) field {
	return func(value []byte, path string) error {
		if err := json.Unmarshal(value, place); err != nil {
			return invalid(path, "'%s' has a value of the wrong form.", path)
		}
		return nil
	}
}

// raw keeps an object as it stands.
func raw(place *json.RawMessage) field {
	return func(value []byte, path string) error {
		*place = value
		return wantType(value, path, rawjson.ObjectType)
	}
}

// whole reads a whole number, which may be written as a string.
func whole(place **int64) field {
	return func(value []byte, path string) error {
		f, err := strconv.ParseFloat(strings.Trim(string(value), `"`), 64)
		if err != nil || f != math.Trunc(f) || math.Abs(f) > 1<<53 {
			return invalid(path, "'%s' must be a whole number.", path)
		}
		n := int64(f)
		*place = &n
		return nil
	}
}

// list reads texts, or one text without brackets.
func list(place *[]string) field {
	return func(value []byte, path string) error {
		if rawjson.TypeOf(value) == rawjson.StringType {
			*place = []string{""}
			return into(&(*place)[0])(value, path)
		}
		return into(place)(value, path)
	}
}

// bytesIn reads base64 in either alphabet, with or without padding, and gives it
// in the usual one.
func bytesIn(place *string) field {
	return func(value []byte, path string) error {
		if err := into(place)(value, path); err != nil {
			return err
		}
		*place = standard(*place)
		if !isBase64(*place) {
			return invalid(path, "'%s' must be base64.", path)
		}
		return nil
	}
}

// standard puts base64 into the usual alphabet, with padding.
func standard(s string) string {
	if strings.ContainsAny(s, "-_") {
		s = strings.NewReplacer("-", "+", "_", "/").Replace(s)
	}
	const group = 4
	if n := len(s) % group; n != 0 && !strings.HasSuffix(s, "=") {
		s += strings.Repeat("=", group-n)
	}
	return s
}

// isBase64 checks without keeping what is decoded.
func isBase64(s string) bool {
	var buf [3 << 10]byte
	const piece = len(buf) / 3 * 4
	for len(s) > piece {
		if n, err := base64.StdEncoding.Decode(buf[:], []byte(s[:piece])); err != nil || n != len(buf) {
			return false
		}
		s = s[piece:]
	}
	_, err := base64.StdEncoding.Decode(buf[:], []byte(s))
	return err == nil
}
