package rerank

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"unicode/utf8"

	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/rawjson"
)

// maxDocuments bounds the documents of one request.
const maxDocuments = 10_000

// Members of a request.
const (
	modelMember     = "model"
	queryMember     = "query"
	documentsMember = "documents"
	returnMember    = "return_documents"
	fieldsMember    = "rank_fields"
)

// Parse reads a request: what the gateway itself must know, and the rough shape, so
// that a plain mistake is refused before any vendor is called. An error is a
// *gateway.Error of kind Invalid that names the field.
func Parse(body []byte) (*provider.Inbound, error) {
	if !utf8.Valid(body) {
		return nil, invalid("", "The request body is not valid UTF-8.")
	}
	p := parser{in: &provider.Inbound{Dialect: provider.Cohere, Body: body}}
	if err := p.walk(body); err != nil {
		return nil, err
	}
	switch {
	case p.in.Model == "":
		return nil, missing(modelMember)
	case p.query == nil:
		return nil, missing(queryMember)
	case p.documents == 0:
		return nil, missing(documentsMember)
	}
	p.ask()
	p.in.InputTokens = provider.EstimateTokens(p.texts.Size)
	p.in.Prompt = func(in *provider.Inbound, most int) provider.Prompt {
		again := parser{in: &provider.Inbound{}, texts: provider.Texts{Keep: true}}
		_ = again.walk(in.Body) // it was found good before
		again.ask()
		return provider.Prompt{Excerpt: again.texts.Excerpt(most)}
	}
	return p.in, nil
}

func invalid(param, format string, args ...any) *gateway.Error {
	return &gateway.Error{Kind: gateway.Invalid, Public: fmt.Sprintf(format, args...), Param: param}
}

func missing(name string) *gateway.Error { return invalid(name, "'%s' is missing.", name) }

func badJSON(err error) error {
	if errors.Is(err, rawjson.ErrDepth) {
		return invalid("", "The request body nests deeper than %d levels.", rawjson.MaxDepth)
	}
	return invalid("", "The request body is not a JSON object (%v).", err)
}

type parser struct {
	in        *provider.Inbound
	names     rawjson.Names
	query     []byte // the value
	documents int
	texts     provider.Texts // that the model reads
}

func (p *parser) walk(body []byte) error {
	obj := rawjson.NewObject(body)
	for obj.Next() {
		name := obj.Key()
		if !p.names.Add(name) {
			return invalid(string(name), "'%s' is given twice.", name)
		}
		if err := p.field(string(name), obj.Value()); err != nil {
			return err
		}
	}
	if err := obj.Err(); err != nil {
		return badJSON(err)
	}
	return nil
}

func (p *parser) field(name string, value []byte) error {
	switch name {
	case modelMember:
		if err := want(name, value, rawjson.StringType); err != nil {
			return err
		}
		p.in.Model, _ = rawjson.String(value) // the walk has checked it
	case queryMember:
		if err := want(name, value, rawjson.StringType); err != nil {
			return err
		}
		if len(value) == len(`""`) {
			return invalid(name, "'%s' must not be empty.", name)
		}
		p.query = value
	case documentsMember:
		return p.list(value)
	case "top_n", "max_tokens_per_doc", "max_chunks_per_doc":
		return wantCount(name, value)
	case returnMember:
		return orNull(name, value, rawjson.BoolType)
	case fieldsMember:
		return orNull(name, value, rawjson.ArrayType)
	}
	return nil
}

func (p *parser) list(value []byte) error {
	if err := want(documentsMember, value, rawjson.ArrayType); err != nil {
		return err
	}
	list := rawjson.NewArray(value)
	for list.Next() {
		if p.documents++; p.documents > maxDocuments {
			return invalid(documentsMember, "'%s' must have at most %d elements.", documentsMember, maxDocuments)
		}
		switch d := list.Value(); rawjson.TypeOf(d) {
		case rawjson.StringType:
			d = d[1 : len(d)-1]
			p.texts.Add(d, rawjson.TextLen(d))
		case rawjson.ObjectType:
			p.texts.Add(d, len(d))
		default:
			path := fmt.Sprintf("%s[%d]", documentsMember, p.documents-1)
			return invalid(path, "'%s' must be a string or an object, not %s.", path, rawjson.TypeOf(d))
		}
	}
	if p.documents == 0 {
		return invalid(documentsMember, "'%s' must not be empty.", documentsMember)
	}
	return nil
}

// ask adds the query, which the model reads with every document.
func (p *parser) ask() {
	query := p.query[1 : len(p.query)-1]
	size := rawjson.TextLen(query)
	for range p.documents {
		p.texts.Add(query, size)
	}
}

func want(name string, value []byte, typ rawjson.Type) error {
	if got := rawjson.TypeOf(value); got != typ {
		return invalid(name, "'%s' must be %s, not %s.", name, typ, got)
	}
	return nil
}

func orNull(name string, value []byte, typ rawjson.Type) error {
	if rawjson.TypeOf(value) == rawjson.NullType {
		return nil
	}
	return want(name, value, typ)
}

// wantCount checks a whole number of at least 1, or null.
func wantCount(name string, value []byte) error {
	if rawjson.TypeOf(value) == rawjson.NullType {
		return nil
	}
	n, err := strconv.ParseFloat(string(value), 64)
	if err != nil || n != math.Trunc(n) || n < 1 || n > math.MaxInt32 {
		return invalid(name, "'%s' must be a whole number of at least 1.", name)
	}
	return nil
}
