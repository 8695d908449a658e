package control

import (
	"errors"
	"reflect"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// Bounds of what is read.
const (
	maxFile  = 4 << 20 // bytes
	maxDepth = 64      // values inside each other
)

// read parses data and decodes it into d.file.
func (d *document) read(data []byte) { d.readInto(data, &d.file) }

// readInto parses data and decodes it into what doc points to.
func (d *document) readInto(data []byte, doc any) {
	if len(data) > maxFile {
		d.mistake("", "has %d bytes, more than %d", len(data), maxFile)
		return
	}
	tokens := lexer.Tokenize(string(data))
	if at := tooDeep(tokens); at != nil {
		d.syntax(at, "values are nested too deep")
		return
	}
	tree, err := parse(tokens)
	if err != nil {
		d.unparsed(err)
		return
	}
	if len(tree.Docs) == 0 || tree.Docs[0].Body == nil {
		d.mistake("", "is empty")
		return
	}
	if len(tree.Docs) > 1 && tree.Docs[1].Body != nil {
		d.syntax(tree.Docs[1].Body.GetToken(), "a second document: a configuration is one")
	}
	d.value(tree.Docs[0].Body, "", reflect.ValueOf(doc).Elem())
}

// parse makes a tree. The parser is known to panic on some texts that are not
// YAML; to whoever wrote them that is one more syntax error.
func parse(tokens token.Tokens) (tree *ast.File, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = errors.New("not YAML")
		}
	}()
	return parser.Parse(tokens, 0, parser.AllowDuplicateMapKey()) // duplicates are found here, all of them
}

func (d *document) syntax(at *token.Token, text string) {
	d.wrong = append(d.wrong, &Mistake{File: d.name, Line: at.Position.Line, Col: at.Position.Column, Text: text})
}

// unparsed notes a syntax error. The parser's own text would quote the file.
func (d *document) unparsed(err error) {
	if e, ok := errors.AsType[*yaml.SyntaxError](err); ok && e.Token != nil {
		d.syntax(e.Token, "not YAML: "+e.Message)
		return
	}
	d.mistake("", "not YAML")
}

// tooDeep finds where values nest deeper than any configuration does, by brackets
// or by one line that opens value after value. It keeps the parser's recursion
// bounded. Nesting by indentation needs no check: its depth costs its square in
// bytes.
func tooDeep(tokens token.Tokens) *token.Token {
	brackets, line, openers := 0, 0, 0
	for _, t := range tokens {
		if t.Position.Line != line {
			line, openers = t.Position.Line, 0
		}
		switch t.Type {
		case token.MappingStartType, token.SequenceStartType:
			brackets++
		case token.MappingEndType, token.SequenceEndType:
			brackets = max(0, brackets-1)
		case token.CollectEntryType: // a comma: what was opened inside these brackets is closed
			openers = 0
		case token.SequenceEntryType, token.MappingKeyType, token.MappingValueType, token.TagType, token.AnchorType:
			openers++
		default:
		}
		if brackets > maxDepth || openers > maxDepth {
			return t
		}
	}
	return nil
}
