package control

import (
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// document is a configuration being read: what has been understood, where each
// value stands, and what is wrong so far.
type document struct {
	name     string // of the file, for mistakes
	outside  outside
	unsealed bool // nothing may be sealed
	literal  bool // nothing comes from outside: the configuration was read before
	// assembled: of objects that were checked when they came; a credential may have lost its key since.
	assembled bool
	file      file
	places    map[string]place // by path; empty for a configuration that was not written by anyone
	wrong     mistakes
}

// place is where a value stands.
type place struct {
	line, col int
	from      string // env:NAME or file:PATH if the value comes from there: it must not be shown
}

// mistake notes what is wrong with the value at path, or with what lacks there.
func (d *document) mistake(path, format string, args ...any) {
	m := &Mistake{File: d.name, Path: path, Text: fmt.Sprintf(format, args...)}
	for p := path; ; p = parent(p) {
		if at, ok := d.places[p]; ok {
			m.Line, m.Col = at.line, at.col
			break
		}
		if p == "" {
			break
		}
	}
	d.wrong = append(d.wrong, m)
}

// parent is the path of what holds the value at path.
func parent(path string) string { return path[:max(0, strings.LastIndexAny(path, ".["))] }

// show gives the text of the value at path as it may be seen in an error.
func (d *document) show(path, text string) string {
	if from := d.places[path].from; from != "" {
		return "the value of " + from
	}
	return strconv.Quote(text)
}

// value decodes n, which stands at path, into v.
func (d *document) value(n ast.Node, path string, v reflect.Value) {
	d.places[path] = placeOf(n)
	switch n.(type) {
	case *ast.NullNode:
		d.mistake(path, "is empty: leave the key out or give a value")
		return
	case *ast.AnchorNode, *ast.AliasNode, *ast.TagNode:
		d.mistake(path, "anchors, aliases and tags are not understood here")
		return
	}
	if v.Kind() == reflect.Pointer {
		v.Set(reflect.New(v.Type().Elem()))
		v = v.Elem()
	}
	if s, ok := v.Addr().Interface().(scalar); ok {
		d.scalar(n, path, s)
		return
	}
	if v.Kind() == reflect.Slice {
		d.list(n, path, v)
		return
	}
	d.mapping(n, path, v)
}

func placeOf(n ast.Node) place {
	t := n.GetToken()
	if m, ok := n.(*ast.MappingNode); ok && !m.IsFlowStyle && len(m.Values) > 0 {
		t = m.Values[0].Key.GetToken()
	}
	return place{line: t.Position.Line, col: t.Position.Column}
}

func (d *document) list(n ast.Node, path string, v reflect.Value) {
	seq, ok := n.(*ast.SequenceNode)
	if !ok {
		d.mistake(path, "must be a list, each entry behind a dash or between brackets")
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(seq.Values), len(seq.Values)))
	for i, entry := range seq.Values {
		d.value(entry, at(path, i), v.Index(i))
	}
}

func at(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }

func in(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

func (d *document) mapping(n ast.Node, path string, v reflect.Value) {
	m, ok := n.(*ast.MappingNode)
	if !ok {
		d.mistake(path, "must hold keys and values, like %s: ...", keysOf(v.Type())[0])
		return
	}
	seen := map[string]int{}
	for _, pair := range m.Values {
		key, pos := pair.Key.GetToken().Value, pair.Key.GetToken().Position
		if k, ok := pair.Key.(*ast.StringNode); ok {
			key = k.Value
		}
		field, known := fieldOf(v, key)
		switch first, twice := seen[key]; {
		case !known:
			d.syntaxAt(pos, path, fmt.Sprintf("unknown key %q%s", key, didYouMean(key, keysOf(v.Type()))))
		case twice:
			d.syntaxAt(pos, path, fmt.Sprintf("key %q is given twice, first on line %d", key, first))
		default:
			seen[key] = pos.Line
			d.value(pair.Value, in(path, key), field)
		}
	}
	for f := range v.Type().Fields() {
		key := f.Tag.Get("yaml")
		if _, given := seen[key]; !given && f.Tag.Get("required") != "" {
			d.mistake(path, "lacks %q", key)
		}
	}
}

func (d *document) syntaxAt(pos *token.Position, path, text string) {
	d.wrong = append(d.wrong, &Mistake{File: d.name, Line: pos.Line, Col: pos.Column, Path: path, Text: text})
}

func fieldOf(v reflect.Value, key string) (reflect.Value, bool) {
	for f := range v.Type().Fields() {
		if f.Tag.Get("yaml") == key {
			return v.FieldByIndex(f.Index), true
		}
	}
	return reflect.Value{}, false
}

func keysOf(t reflect.Type) []string {
	keys := make([]string, 0, t.NumField())
	for f := range t.Fields() {
		keys = append(keys, f.Tag.Get("yaml"))
	}
	return keys
}

func (d *document) scalar(n ast.Node, path string, v scalar) {
	text, problem := scalarText(n, v.schema().Type == "integer")
	if problem != "" {
		d.mistake(path, "%s", problem)
		return
	}
	if p, ok := v.(private); ok && isSealed(text) {
		if d.unsealed {
			d.mistake(path, "sealed values are understood in whole configurations only: give the value itself")
			return
		}
		p.put(text) // it is opened when its place is known
		return
	}
	if _, ok := v.(private); ok && text == hidden && d.unsealed {
		d.mistake(path, "is what stands for a secret: give the secret itself, or leave it out")
		return
	}
	if isOutside(text) && d.literal {
		d.mistake(path, "env: and file: are understood in files only: give the value itself")
		return
	}
	if isOutside(text) {
		here := d.places[path]
		here.from = text
		d.places[path] = here
		var err error
		if text, err = d.outside.fetch(text); err != nil {
			d.mistake(path, "%s", err)
			return
		}
	}
	if err := v.parse(text); err != nil {
		d.mistake(path, "%s", d.unfit(path, text, v, err))
	}
}

// unfit words the error of parsing text, without showing what must not be seen.
func (d *document) unfit(path, text string, v scalar, err error) string {
	if h, ok := v.(interface{ hide(text string) bool }); ok && h.hide(text) && d.places[path].from == "" {
		return err.Error()
	}
	s := err.Error() + ": " + d.show(path, text)
	if e, ok := errors.AsType[*wordError](err); ok && d.places[path].from == "" {
		s += didYouMean(text, e.words)
	}
	return s
}

// scalarText is the text of a single value, or what is wrong with its type.
func scalarText(n ast.Node, number bool) (text, problem string) {
	switch n := n.(type) {
	case *ast.StringNode:
		if number && !isOutside(n.Value) {
			return "", "must be a whole number, without quotes"
		}
		return n.Value, ""
	case *ast.LiteralNode:
		return n.Value.Value, ""
	case *ast.MappingNode, *ast.SequenceNode:
		return "", "must be a single value"
	case *ast.IntegerNode:
		if number {
			return n.Token.Value, ""
		}
	}
	if number {
		return "", "must be a whole number"
	}
	return "", `must be text: put it between quotes`
}
