package control

import (
	"errors"
	"fmt"
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
	root, wrong := Tree(data)
	if wrong != nil {
		wrong.File = d.name
		d.wrong = append(d.wrong, wrong)
	}
	if root == nil {
		return
	}
	d.value(root, "", reflect.ValueOf(doc).Elem())
}

// Tree parses one YAML document of bounded size and depth, whose mappings may have a
// key twice. The mistake names no file, and quotes nothing of it; beside a tree it is
// that there are more documents.
func Tree(data []byte) (ast.Node, *Mistake) {
	if len(data) > maxFile {
		return nil, &Mistake{Text: fmt.Sprintf("has %d bytes, more than %d", len(data), maxFile)}
	}
	tokens := lexer.Tokenize(string(data))
	if at := tooDeep(tokens); at != nil {
		return nil, syntax(at, "values are nested too deep")
	}
	tree, err := parse(tokens)
	switch {
	case err != nil:
		return nil, unparsed(err)
	case len(tree.Docs) == 0 || tree.Docs[0].Body == nil:
		return nil, &Mistake{Text: "is empty"}
	case len(tree.Docs) > 1 && tree.Docs[1].Body != nil:
		return tree.Docs[0].Body, syntax(tree.Docs[1].Body.GetToken(), "a second document: a configuration is one")
	}
	return tree.Docs[0].Body, nil
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

func syntax(at *token.Token, text string) *Mistake {
	return &Mistake{Line: at.Position.Line, Col: at.Position.Column, Text: text}
}

// unparsed is a syntax error. The parser's own text would quote the file.
func unparsed(err error) *Mistake {
	if e, ok := errors.AsType[*yaml.SyntaxError](err); ok && e.Token != nil {
		return syntax(e.Token, "not YAML: "+e.Message)
	}
	return &Mistake{Text: "not YAML"}
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
