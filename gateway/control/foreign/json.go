package foreign

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	"github.com/llm-hub/llm-hub/gateway/control"
)

// maxNested bounds how deep values may be inside each other.
const maxNested = 64

// isJSON tells JSON from everything else that is read.
func isJSON(data []byte) bool {
	text := bytes.TrimSpace(data)
	return len(text) > 0 && (text[0] == '{' || text[0] == '[') && json.Valid(text)
}

// readJSON makes a tree of JSON.
func readJSON(file string, data []byte) (*node, error) {
	r := jsonReader{d: json.NewDecoder(bytes.NewReader(data)), data: data, line: 1}
	r.d.UseNumber()
	n, err := r.node(0)
	if err != nil {
		return nil, unread(file, &control.Mistake{Line: r.line, Text: "not JSON that is understood: " + err.Error()})
	}
	return n, nil
}

type jsonReader struct {
	d    *json.Decoder
	data []byte
	seen int // bytes whose lines are counted
	line int
}

func (r *jsonReader) next() (json.Token, error) {
	t, err := r.d.Token()
	to := int(r.d.InputOffset())
	r.line += bytes.Count(r.data[r.seen:to], []byte{'\n'})
	r.seen = to
	return t, err
}

func (r *jsonReader) node(depth int) (*node, error) {
	t, err := r.next()
	if err != nil {
		return nil, err
	}
	n := &node{line: r.line}
	switch t := t.(type) {
	case json.Delim:
		if depth == maxNested {
			return nil, fmt.Errorf("values are nested deeper than %d", maxNested)
		}
		if n.shape = list; t == '{' {
			n.shape = mapping
		}
		for r.d.More() {
			if err := r.element(n, depth); err != nil {
				return nil, err
			}
		}
		_, err = r.next()
	case nil:
	default:
		n.text = fmt.Sprint(t)
	}
	return n, err
}

func (r *jsonReader) element(n *node, depth int) error {
	key, line := "", 0
	if n.shape == mapping {
		t, err := r.next()
		if err != nil {
			return err
		}
		key, line = fmt.Sprint(t), r.line
	}
	v, err := r.node(depth + 1)
	switch {
	case err == io.EOF:
		return io.ErrUnexpectedEOF
	case err != nil:
		return err
	case n.shape == mapping:
		n.pairs = append(n.pairs, pair{key, line, v})
	default:
		n.items = append(n.items, v)
	}
	return nil
}
