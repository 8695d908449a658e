package gemini

import (
	"bytes"
	"io"
	"net/http"

	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/failure"
	"github.com/llm-hub/llm-hub/gateway/provider/rawjson"
)

// New is the adapter for a vendor that speaks Gemini: clients of the same dialect
// have their bytes passed through, all others are rest's. It is a
// [provider.TokenCounter] and a [provider.Embedder].
func New(rest provider.Vendor) provider.Vendor { return vendor{rest} }

type vendor struct{ provider.Vendor }

var _ provider.TokenCounter = vendor{}

// Prepare implements [provider.Vendor].
func (v vendor) Prepare(in *provider.Inbound, t provider.Target) (*provider.Outbound, error) {
	if in.Dialect != provider.Gemini {
		return v.Vendor.Prepare(in, t)
	}
	out, err := outbound(in, t, generate(in.Stream))
	if err != nil {
		return nil, err
	}
	if in.Stream {
		out.Stream = func(r io.Reader) provider.Stream { return newStream(r, in.Array) }
	} else {
		out.Unary = readAnswer
	}
	return out, nil
}

// PrepareCount implements [provider.TokenCounter].
func (vendor) PrepareCount(in *provider.Inbound, t provider.Target) (*provider.Outbound, error) {
	if in.Dialect != provider.Gemini {
		return nil, &gateway.Error{Kind: gateway.Invalid, Public: "The tokens of this model cannot be counted through this endpoint."}
	}
	out, err := outbound(in, t, "countTokens")
	if err != nil {
		return nil, err
	}
	out.Unary = readCount
	return out, nil
}

// outbound is a call of method with the client's own bytes.
func outbound(in *provider.Inbound, t provider.Target, method string) (*provider.Outbound, error) {
	body, err := splice(in.Body, t.Model)
	if err != nil {
		return nil, err
	}
	h := header(t, in.Stream)
	for _, name := range []string{"X-Goog-Api-Client", "X-Server-Timeout"} {
		if values := in.Header.Values(name); len(values) > 0 {
			h[name] = values
		}
	}
	return &provider.Outbound{Method: http.MethodPost, URL: endpoint(t, method), Header: h, Body: body}, nil
}

// splice makes the vendor's body of the client's: another model where one is
// named, and no signatures but Gemini's own.
func splice(body []byte, model string) ([]byte, error) {
	s := splicer{model: model, foreign: bytes.Contains(body, []byte(encodedMark))}
	s.request(body, 0)
	if s.err != nil {
		return nil, badJSON(s.err)
	}
	if len(s.edits) == 0 {
		return body, nil
	}
	return rawjson.Apply(body, s.edits...), nil
}

type splicer struct {
	model   string
	foreign bool // there may be signatures of other vendors
	edits   []rawjson.Edit
	err     error
}

// request goes over a request that begins at base.
func (s *splicer) request(value []byte, base int) {
	obj := rawjson.NewObject(value)
	for obj.Next() {
		from, to := obj.Span()
		switch string(camel(obj.Key())) {
		case "model":
			s.edits = append(s.edits, rawjson.Edit{From: base + from, To: base + to, With: rawjson.Quote(modelPrefix + bare(s.model))})
		case "generateContentRequest":
			s.request(obj.Value(), base+from)
		case requestsMember: // of a batch of embeddings
			s.each(obj.Value(), base+from, s.request)
		case "contents":
			if s.foreign {
				s.each(obj.Value(), base+from, s.content)
			}
		}
	}
	if s.err == nil && base == 0 {
		s.err = obj.Err()
	}
}

// each goes over the elements of a list, or over the one that stands for it.
func (s *splicer) each(value []byte, base int, do func(value []byte, base int)) {
	if rawjson.TypeOf(value) == rawjson.ObjectType {
		do(value, base)
		return
	}
	list := rawjson.NewArray(value)
	for list.Next() {
		from, _ := list.Span()
		do(list.Value(), base+from)
	}
}

func (s *splicer) content(value []byte, base int) {
	obj := rawjson.NewObject(value)
	for obj.Next() {
		if string(camel(obj.Key())) == "parts" {
			from, _ := obj.Span()
			s.each(obj.Value(), base+from, s.part)
		}
	}
}

// part replaces a foreign signature, or cuts it out for a model that checks none.
func (s *splicer) part(value []byte, base int) {
	obj := rawjson.NewObject(value)
	for obj.Next() {
		if string(camel(obj.Key())) != "thoughtSignature" || !bytes.HasPrefix(obj.Value(), []byte(`"`+encodedMark)) {
			continue
		}
		from, to := obj.Span()
		with := rawjson.Quote(skipSignature)
		if generationOf(s.model) < firstSigned {
			from, to = obj.Cut()
			with = nil
		}
		s.edits = append(s.edits, rawjson.Edit{From: base + from, To: base + to, With: with})
	}
}

// readAnswer passes a whole answer through and notes what it cost.
func readAnswer(body []byte) (provider.Reply, error) {
	var text provider.TextMeter
	g, err := look(body, &text)
	usage := readUsage(g.usage)
	switch {
	case err != nil:
		return provider.Reply{}, provider.BadAnswerError(err)
	case g.failure != nil:
		return provider.Reply{Usage: usage}, failure.Told(failure.Read(body)).Public()
	case g.empty && !g.blocked:
		return provider.Reply{Usage: usage}, provider.BadAnswerError(errEmpty)
	}
	if usage == nil { // then the answer itself is needed
		text = provider.TextMeter{Keep: provider.ExcerptSize}
		_, _ = look(body, &text) // as before
	}
	return provider.Reply{
		Body: body, Usage: usage, Output: text.Tokens(), Text: text.Excerpt(), Finish: g.reason(g.calls),
	}, nil
}

// readCount passes a count through. It is no answer of a model: there is no more to
// know of it.
func readCount(body []byte) (provider.Reply, error) {
	g, err := look(body, &provider.TextMeter{})
	switch {
	case err != nil:
		return provider.Reply{}, provider.BadAnswerError(err)
	case g.failure != nil:
		return provider.Reply{}, failure.Told(failure.Read(body)).Public()
	}
	return provider.Reply{Body: body}, nil
}
