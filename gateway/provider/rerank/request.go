package rerank

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"

	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/rawjson"
)

// Shape is where a vendor ranks, and how it differs.
type Shape struct {
	URL    string
	Header http.Header // with credentials; never logged
	// Texts: documents must be texts. An object with nothing but a text becomes that,
	// another one its members, line by line.
	Texts bool
	// Lacks are members of a request that the vendor does not know. They are not sent,
	// and but for return_documents and, with Texts, rank_fields, which are done for it,
	// reported as dropped.
	Lacks []string
}

// Prepare makes the vendor's request of what [Parse] read.
func Prepare(in *provider.Inbound, model string, s Shape) (*provider.Outbound, error) {
	if in.Dialect != provider.Cohere {
		return nil, provider.UnreachableError()
	}
	b := builder{shape: s, model: model}
	body, err := b.body(in.Body)
	if err != nil {
		return nil, err
	}
	if in.Strict {
		if err := b.Refusal(); err != nil {
			return nil, err
		}
	}
	return &provider.Outbound{
		Method: http.MethodPost, URL: s.URL, Header: s.Header, Body: body, Dropped: b.Dropped(),
		Unary: func(answer []byte) (provider.Reply, error) { return read(answer, in.Body) },
	}, nil
}

// builder makes the vendor's body of the client's.
type builder struct {
	provider.Drops
	shape  Shape
	model  string
	fields []string // of objects that are ranked by; empty: all
}

func (b *builder) body(body []byte) ([]byte, error) {
	if err := b.readFields(body); err != nil {
		return nil, err
	}
	var edits []rawjson.Edit
	left := false // a member is left out
	obj := rawjson.NewObject(body)
	for obj.Next() {
		from, to := obj.Span()
		switch name := string(obj.Key()); {
		case name == modelMember:
			edits = append(edits, rawjson.Edit{From: from, To: to, With: rawjson.Quote(b.model)})
		case slices.Contains(b.shape.Lacks, name):
			left = true
			b.miss(name, obj.Value())
		case name == documentsMember && b.shape.Texts:
			texts, err := b.texts(obj.Value())
			if err != nil {
				return nil, err
			}
			if texts != nil {
				edits = append(edits, rawjson.Edit{From: from, To: to, With: texts})
			}
		}
	}
	if err := obj.Err(); err != nil {
		return nil, badJSON(err)
	}
	body = rawjson.Apply(body, edits...)
	if left {
		body = b.known(body)
	}
	return body, nil
}

// miss notes a member that is not sent.
func (b *builder) miss(name string, value []byte) {
	done := name == returnMember || name == fieldsMember && b.shape.Texts
	if !done && rawjson.TypeOf(value) != rawjson.NullType {
		b.Drop(name)
	}
}

// known is the object without what the vendor lacks.
func (b *builder) known(object []byte) []byte {
	out := []byte{'{'}
	obj := rawjson.NewObject(object)
	for obj.Next() {
		name := string(obj.Key())
		if slices.Contains(b.shape.Lacks, name) {
			continue
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(append(append(out, rawjson.Quote(name)...), ':'), obj.Value()...)
	}
	return append(out, '}')
}

func (b *builder) readFields(body []byte) error {
	obj := rawjson.NewObject(body)
	for obj.Next() {
		if string(obj.Key()) != fieldsMember {
			continue
		}
		if err := json.Unmarshal(obj.Value(), &b.fields); err != nil {
			return invalid(fieldsMember, "'%s' must be an array of strings.", fieldsMember)
		}
	}
	return nil
}

// texts are the documents as texts; nil if they are nothing else.
func (b *builder) texts(documents []byte) ([]byte, error) {
	var edits []rawjson.Edit
	list := rawjson.NewArray(documents)
	for list.Next() {
		if rawjson.TypeOf(list.Value()) != rawjson.ObjectType {
			continue
		}
		text, err := b.text(list.Value())
		if err != nil {
			return nil, err
		}
		from, to := list.Span()
		edits = append(edits, rawjson.Edit{From: from, To: to, With: text})
	}
	if edits == nil {
		return nil, nil
	}
	return rawjson.Apply(documents, edits...), nil
}

// text is a document that is an object, as a text: its one text, or line by line what
// it has to rank by.
func (b *builder) text(document []byte) ([]byte, error) {
	var lines bytes.Buffer
	var only []byte
	members := 0
	obj := rawjson.NewObject(document)
	for obj.Next() {
		name, value := string(obj.Key()), obj.Value()
		if len(b.fields) > 0 && !slices.Contains(b.fields, name) {
			continue
		}
		members++
		text := string(value)
		if rawjson.TypeOf(value) == rawjson.StringType {
			text, _ = rawjson.String(value) // it was checked as a part of the body
			only = value
		}
		lines.WriteString(name + ": " + text + "\n")
	}
	switch {
	case members == 0:
		return nil, invalid(documentsMember, "This model ranks texts; a document has none to rank by.")
	case members == 1 && only != nil:
		return only, nil
	}
	return rawjson.Quote(lines.String()), nil
}
