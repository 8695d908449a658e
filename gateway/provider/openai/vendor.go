package openai

import (
	"bytes"
	"net/http"

	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/rawjson"
)

// Vendor serves OpenAI's dialect over its own wire: bytes pass through. Every
// other dialect it leaves to another adapter. Its zero value serves OpenAI itself
// and no other dialect.
type Vendor struct {
	traits Traits
	rest   provider.Vendor
}

var (
	_ provider.Vendor    = Vendor{}
	_ provider.Embedder  = Vendor{}
	_ provider.Completer = Vendor{}
	_ provider.Worker    = Vendor{}
)

// New makes the adapter of a vendor with these traits. rest serves chats of other
// dialects, and what else it is able to: a [Wire] with the same traits, behind their
// clients; nil: nothing does.
func New(rest provider.Vendor, traits Traits) Vendor { return Vendor{traits: traits, rest: rest} }

// Prepare implements [provider.Vendor].
func (v Vendor) Prepare(in *provider.Inbound, t provider.Target) (*provider.Outbound, error) {
	if in.Dialect != provider.OpenAI && v.rest != nil {
		return v.rest.Prepare(in, t)
	}
	return v.pass(in, t, chatPath)
}

// PrepareCompletion implements [provider.Completer] for what [ParseCompletion] read.
func (v Vendor) PrepareCompletion(in *provider.Inbound, t provider.Target) (*provider.Outbound, error) {
	return v.pass(in, t, completionPath)
}

// PrepareEmbeddings implements [provider.Embedder] for what [ParseEmbeddings] read,
// and for what the rest knows.
func (v Vendor) PrepareEmbeddings(in *provider.Inbound, t provider.Target) (*provider.Outbound, error) {
	if rest, ok := v.rest.(provider.Embedder); ok && in.Dialect != provider.OpenAI {
		return rest.PrepareEmbeddings(in, t)
	}
	out, err := v.pass(in, t, embeddingPath)
	if err != nil {
		return nil, err
	}
	out.Unary, out.MaxAnswer = readEmbeddings, provider.MaxVectors
	return out, nil
}

// Failure implements [provider.Vendor].
func (Vendor) Failure(status int, h http.Header, body []byte) *provider.Failure {
	return readFailure(status, h, body)
}

// pass sends the client's bytes on to an endpoint.
func (v Vendor) pass(in *provider.Inbound, t provider.Target, path string) (*provider.Outbound, error) {
	if in.Dialect != provider.OpenAI {
		return nil, provider.UnreachableError()
	}
	body, err := v.traits.splice(in, t.Model)
	if err != nil {
		return nil, err
	}
	out := &provider.Outbound{
		Method: http.MethodPost, URL: endpoint(t, path), Header: header(in.Stream, t), Body: body,
	}
	if in.Stream {
		out.Stream = newStream(in)
	} else {
		out.Unary = readCompletion
	}
	return out, nil
}

const (
	streamOptions = "stream_options"
	usageWanted   = `{"include_usage":true}`
	oldCap        = "max_tokens"
	newCap        = "max_completion_tokens"
)

// splice makes the vendor's body of the client's: another model, usage asked for
// in a stream, the cap in the vendor's word, because it bounds the bill, and
// nothing of ours that was made for other vendors.
func (t Traits) splice(in *provider.Inbound, model string) ([]byte, error) {
	s := splicer{body: in.Body, edits: make([]rawjson.Edit, 0, 2)}
	asked := false
	obj := rawjson.NewObject(in.Body)
	for obj.Next() {
		from, to := obj.Span()
		switch key := string(obj.Key()); {
		case key == "model":
			s.replace(span{from, to}, rawjson.Quote(model))
		case key == "messages":
			if cleaned, ok := withoutForeign(obj.Value()); ok {
				s.replace(span{from, to}, cleaned)
			}
		case key == toolsMember && t.lacks(toolsMember) && hasElement(obj.Value()):
			return nil, noTools()
		case key == streamOptions && t.lacks(streamOptions):
			from, to = obj.Cut()
			s.replace(span{from, to}, nil)
		case key == streamOptions && in.Stream:
			asked = true
			s.edits = append(s.edits, askIn(obj.Value(), from))
		case key == oldCap:
			s.old = span{from, to}
		case key == newCap && t.lacks(newCap):
			s.new = span{from, to}
		}
	}
	if err := obj.Err(); err != nil {
		return nil, badJSON(err)
	}
	s.renameCap()
	if in.Stream && !asked && !t.lacks(streamOptions) {
		at := obj.End() - 1
		s.replace(span{at, at}, []byte(`,"`+streamOptions+`":`+usageWanted))
	}
	return rawjson.Apply(in.Body, s.edits...), nil
}

func hasElement(array []byte) bool {
	list := rawjson.NewArray(array)
	return list.Next()
}

// span is a stretch of a body; the empty one: it is not there.
type span struct{ from, to int }

// splicer collects the edits of a body.
type splicer struct {
	body  []byte
	edits []rawjson.Edit
	old   span // value of max_tokens
	new   span // value of max_completion_tokens, of a vendor that does not know it
}

func (s *splicer) replace(at span, with []byte) {
	s.edits = append(s.edits, rawjson.Edit{From: at.from, To: at.to, With: with})
}

// renameCap gives the new cap the old name. If both are there, the old one gets
// the new one's value, as the limits saw it.
func (s *splicer) renameCap() {
	const quoted = `"` + newCap + `"`
	switch {
	case s.new.to == 0:
		return
	case s.old.to > 0:
		s.replace(s.old, s.body[s.new.from:s.new.to])
		return
	}
	name := bytes.TrimRight(s.body[:bytes.LastIndexByte(s.body[:s.new.from], ':')], " \t\r\n")
	if bytes.HasSuffix(name, []byte(quoted)) { // not so if it is escaped
		s.replace(span{len(name) - len(quoted), len(name)}, []byte(`"`+oldCap+`"`))
	}
}

// askIn sets include_usage in the stream_options that begin at base.
func askIn(options []byte, base int) rawjson.Edit {
	if rawjson.TypeOf(options) != rawjson.ObjectType {
		return rawjson.Edit{From: base, To: base + len(options), With: []byte(usageWanted)}
	}
	obj := rawjson.NewObject(options)
	for obj.Next() {
		if string(obj.Key()) == "include_usage" {
			from, to := obj.Span()
			return rawjson.Edit{From: base + from, To: base + to, With: []byte("true")}
		}
	}
	member := `"include_usage":true`
	if obj.Len() > 0 {
		member = "," + member
	}
	at := base + obj.End() - 1
	return rawjson.Edit{From: at, To: at, With: []byte(member)}
}
