package foreign

import (
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/llm-hub/llm-hub/gateway/control"
)

// shape is what a value of a file is.
type shape int

const (
	single shape = iota // a text, a number, true or nothing
	list
	mapping
)

// node is a value of a file and where it stands. Methods of a nil node are those of
// a value that is not there.
type node struct {
	line  int
	shape shape
	text  string // of a single value; empty for nothing
	items []*node
	pairs []pair // the last of a key counts
}

type pair struct {
	key   string
	line  int
	value *node
}

// readTree reads YAML, or JSON, which is YAML too. Anchors, aliases and merged keys
// are followed; an alias shares its node, so that no text makes a tree larger than itself.
func readTree(file string, data []byte) (*node, error) {
	if isJSON(data) {
		return readJSON(file, data)
	}
	root, wrong := control.Tree(data)
	if wrong != nil {
		return nil, unread(file, wrong)
	}
	n := (&treeReader{anchors: map[string]*node{}}).node(root)
	if n.shape != mapping && n.shape != list {
		return nil, unread(file, &control.Mistake{Line: n.line, Text: "must hold keys and values"})
	}
	return n, nil
}

type treeReader struct {
	anchors map[string]*node
	merged  int
}

// maxMerged bounds the pairs that merged keys add to a tree.
const maxMerged = 100_000

func (r *treeReader) node(n ast.Node) *node {
	if n == nil || n.GetToken() == nil {
		return &node{}
	}
	out := &node{line: n.GetToken().Position.Line}
	switch n := n.(type) {
	case *ast.AnchorNode:
		v := r.node(n.Value)
		r.anchors[n.Name.GetToken().Value] = v
		return v
	case *ast.AliasNode:
		if v := r.anchors[n.Value.GetToken().Value]; v != nil {
			return v
		}
	case *ast.TagNode:
		return r.node(n.Value)
	case *ast.MappingNode:
		out.shape = mapping
		r.mapping(out, n)
	case *ast.MappingValueNode:
		out.shape = mapping
		r.pair(out, n)
	case *ast.SequenceNode:
		out.shape = list
		for _, v := range n.Values {
			out.items = append(out.items, r.node(v))
		}
	case *ast.NullNode:
	case *ast.StringNode:
		out.text = n.Value
	case *ast.LiteralNode:
		out.text = n.Value.Value
	default:
		out.text = n.GetToken().Value
	}
	return out
}

func (r *treeReader) mapping(out *node, n *ast.MappingNode) {
	for _, p := range n.Values {
		r.pair(out, p)
	}
}

func (r *treeReader) pair(out *node, p *ast.MappingValueNode) {
	value := r.node(p.Value)
	if _, merge := p.Key.(*ast.MergeKeyNode); merge {
		for _, from := range append([]*node{value}, value.items...) {
			for _, q := range from.pairs {
				if r.merged++; r.merged <= maxMerged && out.get(q.key) == nil {
					out.pairs = append(out.pairs, q)
				}
			}
		}
		return
	}
	key := p.Key.GetToken()
	name := key.Value
	if s, ok := p.Key.(*ast.StringNode); ok {
		name = s.Value
	}
	out.pairs = append(out.pairs, pair{name, key.Position.Line, value})
}

// get is the value of a key, nil if there is none.
func (n *node) get(key string) *node {
	if n == nil {
		return nil
	}
	for i := len(n.pairs) - 1; i >= 0; i-- {
		if n.pairs[i].key == key {
			return n.pairs[i].value
		}
	}
	return nil
}

// first is the value of the first of the keys that is there.
func (n *node) first(keys ...string) *node {
	for _, key := range keys {
		if v := n.get(key); v != nil {
			return v
		}
	}
	return nil
}

// string is the text of a single value, empty for everything else.
func (n *node) string() string {
	if n == nil || n.shape != single {
		return ""
	}
	return strings.TrimSpace(n.text)
}

// elements are the values of a list.
func (n *node) elements() []*node {
	if n == nil {
		return nil
	}
	return n.items
}

// at is the line of a value; of one that is not there, that of what lacks it.
func (n *node) at(holder *node) int {
	if n != nil && n.line > 0 {
		return n.line
	}
	if holder != nil {
		return holder.line
	}
	return 0
}

// whole is a whole number of at least 1.
func (n *node) whole() (int64, bool) {
	v, err := strconv.ParseInt(strings.TrimSuffix(n.string(), ".0"), 10, 64)
	return v, err == nil && v >= 1 && v <= maxWhole
}

// maxWhole is the largest number that hub.yaml takes.
const maxWhole = 1e15

// yes tells whether a value is true.
func (n *node) yes() bool { return strings.EqualFold(n.string(), "true") || n.string() == "1" }
