package openai

import (
	"net/http"
	"strings"

	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/rawjson"
)

// Vendor is the fast lane to a vendor that speaks OpenAI's dialect. Its zero
// value serves OpenAI itself.
type Vendor struct {
	// NoStreamOptions is for vendors that refuse stream_options and give usage
	// in the stream unasked.
	NoStreamOptions bool
}

var _ provider.Vendor = Vendor{}

// Prepare implements [provider.Vendor].
func (v Vendor) Prepare(in *provider.Inbound, t provider.Target) (*provider.Outbound, error) {
	if in.Dialect != provider.OpenAI {
		return nil, &gateway.Error{Kind: gateway.Invalid, Public: "This model cannot be reached through this endpoint."}
	}
	body, err := v.splice(in, t.Model)
	if err != nil {
		return nil, err
	}
	out := &provider.Outbound{
		Method: http.MethodPost,
		URL:    strings.TrimRight(t.BaseURL, "/") + "/chat/completions",
		Header: header(in, t),
		Body:   body,
	}
	if in.Stream {
		out.Stream = newStream(in)
	} else {
		out.Unary = readCompletion
	}
	return out, nil
}

func header(in *provider.Inbound, t provider.Target) http.Header {
	h := http.Header{"Content-Type": {"application/json"}, "Accept": {"application/json"}}
	if in.Stream {
		h["Accept"] = []string{"text/event-stream"}
	}
	if t.APIKey != "" {
		h["Authorization"] = []string{"Bearer " + t.APIKey}
	}
	return h
}

// splice makes the vendor's body of the client's: another model, and usage asked
// for in a stream.
func (v Vendor) splice(in *provider.Inbound, model string) ([]byte, error) {
	edits := make([]rawjson.Edit, 0, 2)
	asked := false
	obj := rawjson.NewObject(in.Body)
	for obj.Next() {
		from, to := obj.Span()
		switch string(obj.Key()) {
		case "model":
			edits = append(edits, rawjson.Edit{From: from, To: to, With: rawjson.Quote(model)})
		case "stream_options":
			switch {
			case v.NoStreamOptions:
				from, to = obj.Cut()
				edits = append(edits, rawjson.Edit{From: from, To: to})
			case in.Stream:
				asked = true
				edits = append(edits, askIn(obj.Value(), from))
			}
		}
	}
	if err := obj.Err(); err != nil {
		return nil, badJSON(err)
	}
	if in.Stream && !asked && !v.NoStreamOptions {
		at := obj.End() - 1
		edits = append(edits, rawjson.Edit{From: at, To: at, With: []byte(`,"stream_options":{"include_usage":true}`)})
	}
	return rawjson.Apply(in.Body, edits...), nil
}

// askIn sets include_usage in the stream_options that begin at base.
func askIn(options []byte, base int) rawjson.Edit {
	if rawjson.TypeOf(options) != rawjson.ObjectType {
		return rawjson.Edit{From: base, To: base + len(options), With: []byte(`{"include_usage":true}`)}
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
