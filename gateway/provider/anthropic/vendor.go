package anthropic

import (
	"net/http"
	"strings"

	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/rawjson"
)

// vendor is the fast lane to a vendor that speaks the Messages API.
type vendor struct{ provider.Vendor }

var _ provider.TokenCounter = vendor{}

// New is the adapter to a vendor that speaks the Messages API: requests in that
// dialect pass through, all others go to rest. It is a [provider.TokenCounter].
func New(rest provider.Vendor) provider.Vendor { return vendor{rest} }

// Prepare implements [provider.Vendor].
func (v vendor) Prepare(in *provider.Inbound, t provider.Target) (*provider.Outbound, error) {
	if in.Dialect != provider.Anthropic {
		return v.Vendor.Prepare(in, t)
	}
	body, err := splice(in.Body, t.Model)
	if err != nil {
		return nil, err
	}
	out := &provider.Outbound{
		Method: http.MethodPost, URL: address(t, ""), Header: passedHeader(in, t), Body: body,
	}
	if in.Stream {
		out.Stream = newStream
	} else {
		out.Unary = readMessage
	}
	return out, nil
}

// PrepareCount implements [provider.TokenCounter].
func (vendor) PrepareCount(in *provider.Inbound, t provider.Target) (*provider.Outbound, error) {
	if in.Dialect != provider.Anthropic {
		return nil, &gateway.Error{Kind: gateway.Invalid, Public: "This model counts tokens through the Messages API only."}
	}
	body, err := splice(in.Body, t.Model)
	if err != nil {
		return nil, err
	}
	return &provider.Outbound{
		Method: http.MethodPost, URL: address(t, "/count_tokens"), Header: passedHeader(in, t), Body: body, Unary: readCountAnswer,
	}, nil
}

// address is that of the messages, or of what is below them.
func address(t provider.Target, below string) string {
	return strings.TrimSuffix(strings.TrimRight(t.BaseURL, "/"), "/v1") + "/v1/messages" + below
}

// The headers of the API that clients and vendors talk about.
const (
	versionHeader = "Anthropic-Version"
	betaHeader    = "Anthropic-Beta"
)

// passedHeader has what the client said of the version and of betas.
func passedHeader(in *provider.Inbound, t provider.Target) http.Header {
	h := header(in.Stream, t)
	for _, name := range []string{versionHeader, betaHeader} {
		if values := in.Header.Values(name); len(values) > 0 {
			h[name] = values
		}
	}
	return h
}

// splice makes the vendor's body of the client's: another model, and without the
// thinking that another vendor signed.
func splice(body []byte, model string) ([]byte, error) {
	var edits []rawjson.Edit
	obj := rawjson.NewObject(body)
	for obj.Next() {
		from, to := obj.Span()
		switch string(obj.Key()) {
		case "model":
			edits = append(edits, rawjson.Edit{From: from, To: to, With: rawjson.Quote(model)})
		case "messages":
			edits = appendOwnThinking(edits, obj.Value(), from)
		}
	}
	if err := obj.Err(); err != nil {
		return nil, badJSON(err)
	}
	return rawjson.Apply(body, edits...), nil
}
