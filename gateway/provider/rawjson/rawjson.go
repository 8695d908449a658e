// Package rawjson reads JSON where it lies: it gives the members of an object
// and the elements of an array as positions in the original bytes, so that a
// value can be looked at, replaced or cut out while every other byte stays as it
// was. It allocates nothing and checks all that it passes over against RFC 8259
// but UTF-8, which callers check once for the whole text.
package rawjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// MaxDepth is how deep arrays and objects may nest.
const MaxDepth = 64

// ErrDepth is the error for text nested deeper than [MaxDepth].
var ErrDepth = errors.New("nested too deep")

var (
	errNoObject = errors.New("not an object")
	errNoArray  = errors.New("not an array")
)

// Object walks the members of an object:
//
//	obj := rawjson.NewObject(data)
//	for obj.Next() { use obj.Key, obj.Value }
//	if obj.Err() != nil { ... }
//
// Err is nil only when data was one whole object and nothing else but white space.
type Object struct {
	walker
	keyStart, keyEnd int // with quotes
}

// NewObject starts a walk over the object that data holds.
func NewObject(data []byte) Object {
	return Object{walker: newWalker(data, '{', '}', errNoObject)}
}

// Next goes to the next member; false at the end or at an error.
func (o *Object) Next() bool {
	if !o.separator() {
		return false
	}
	if o.pos >= len(o.data) || o.data[o.pos] != '"' {
		return o.fail("a member's name")
	}
	o.keyStart = o.pos
	if o.keyEnd, o.err = skipString(o.data, o.pos); o.err != nil {
		return false
	}
	o.pos = skipSpace(o.data, o.keyEnd)
	if o.pos >= len(o.data) || o.data[o.pos] != ':' {
		return o.fail("a colon")
	}
	o.pos++
	return o.value()
}

// Key is the name of the member, unescaped.
func (o *Object) Key() []byte {
	raw := o.data[o.keyStart+1 : o.keyEnd-1]
	if bytes.IndexByte(raw, '\\') < 0 {
		return raw
	}
	s, _ := String(o.data[o.keyStart:o.keyEnd]) // its escapes were checked by Next
	return []byte(s)
}

// Cut is the stretch of the data without which the object lacks the member and
// is whole: the comma before it, or after it if it is the first, goes with it.
func (o *Object) Cut() (from, to int) {
	if o.index > 1 {
		return o.before, o.to
	}
	to = skipSpace(o.data, o.to)
	if to < len(o.data) && o.data[to] == ',' {
		return o.keyStart, skipSpace(o.data, to+1)
	}
	return o.keyStart, o.to
}

// Array walks the elements of an array like [Object] does members.
type Array struct{ walker }

// NewArray starts a walk over the array that data holds.
func NewArray(data []byte) Array {
	return Array{walker: newWalker(data, '[', ']', errNoArray)}
}

// Next goes to the next element; false at the end or at an error.
func (a *Array) Next() bool { return a.separator() && a.value() }

// walker is what both walks share.
type walker struct {
	data     []byte
	pos      int
	before   int // end of the value before, or of the opening bracket
	from, to int // the value
	index    int // 1-based
	closing  byte
	done     bool
	err      error
}

func newWalker(data []byte, opening, closing byte, otherwise error) walker {
	w := walker{data: data, closing: closing, pos: skipSpace(data, 0)}
	if w.pos >= len(data) || data[w.pos] != opening {
		w.err = otherwise
		return w
	}
	w.pos++
	return w
}

// separator passes the comma, or the end with all that follows it.
func (w *walker) separator() bool {
	if w.err != nil || w.done {
		return false
	}
	w.before = w.pos
	w.pos = skipSpace(w.data, w.pos)
	if w.pos < len(w.data) && w.data[w.pos] == w.closing {
		w.pos++
		w.done = true
		if skipSpace(w.data, w.pos) != len(w.data) {
			w.fail("the end")
		}
		return false
	}
	if w.index++; w.index == 1 {
		return true
	}
	if w.pos >= len(w.data) || w.data[w.pos] != ',' {
		return w.fail("a comma")
	}
	w.pos = skipSpace(w.data, w.pos+1)
	return true
}

func (w *walker) value() bool {
	w.from = skipSpace(w.data, w.pos)
	w.to, w.err = skipValue(w.data, w.from, 1)
	w.pos = w.to
	return w.err == nil
}

func (w *walker) fail(want string) bool {
	w.err = fmt.Errorf("byte %d: want %s", w.pos, want)
	return false
}

// Value is the value at which the walk stands.
func (w *walker) Value() []byte { return w.data[w.from:w.to] }

// Span is the position of Value in the walked data.
func (w *walker) Span() (from, to int) { return w.from, w.to }

// End is the position just after the closing bracket, once Next was false.
func (w *walker) End() int { return w.pos }

// Len is how many members or elements were walked.
func (w *walker) Len() int { return w.index }

// Err tells why the walk ended early.
func (w *walker) Err() error { return w.err }

// Type is the sort of a value, told by its first byte.
type Type string

// The sorts of values, in the words of error messages.
const (
	ObjectType Type = "an object"
	ArrayType  Type = "an array"
	StringType Type = "a string"
	NumberType Type = "a number"
	BoolType   Type = "a boolean"
	NullType   Type = "null"
	NoType     Type = "nothing"
)

// TypeOf tells what value is.
func TypeOf(value []byte) Type {
	if len(value) == 0 {
		return NoType
	}
	switch value[0] {
	case '{':
		return ObjectType
	case '[':
		return ArrayType
	case '"':
		return StringType
	case 't', 'f':
		return BoolType
	case 'n':
		return NullType
	default:
		return NumberType
	}
}

// String unescapes a string value.
func String(value []byte) (string, error) {
	if len(value) >= 2 && value[0] == '"' && bytes.IndexByte(value, '\\') < 0 {
		return string(value[1 : len(value)-1]), nil
	}
	var s string
	if err := json.Unmarshal(value, &s); err != nil {
		return "", fmt.Errorf("not a string: %w", err)
	}
	return s, nil
}

// Marshal encodes v without a line end and without escaping HTML, which would
// triple the size of some texts.
func Marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// Quote writes s as a JSON string.
func Quote(s string) []byte {
	b, err := Marshal(s)
	if err != nil { // a string always encodes
		return []byte(`""`)
	}
	return b
}
