package responses

import (
	"net/http"
	"strings"

	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/openai"
	"github.com/llm-hub/llm-hub/gateway/provider/rawjson"
)

// vendor is the fast lane to a vendor that speaks the Responses API.
type vendor struct{ provider.Vendor }

// New is the adapter to a vendor that speaks the Responses API: requests in that
// dialect pass through, all others go to rest.
func New(rest provider.Vendor) provider.Vendor { return vendor{rest} }

// Prepare implements [provider.Vendor].
func (v vendor) Prepare(in *provider.Inbound, t provider.Target) (*provider.Outbound, error) {
	if in.Dialect != provider.Responses {
		return v.Vendor.Prepare(in, t)
	}
	body, err := splice(in.Body, t.Model)
	if err != nil {
		return nil, err
	}
	out := &provider.Outbound{
		Method: http.MethodPost, URL: address(t, ""), Header: header(in.Stream, t), Body: body, Failure: v.failure,
	}
	if in.Stream {
		out.Stream = newStream
	} else {
		out.Unary = readResponse
	}
	return out, nil
}

// failure is the vendor's, but for an address that it does not know: then the model
// may still be good for chat completions.
func (v vendor) failure(status int, h http.Header, body []byte) *provider.Failure {
	f := v.Vendor.Failure(status, h, body)
	if status == http.StatusNotFound && f.Code != "model_not_found" && f.Class == provider.BadCredential {
		f.Class = provider.BadAnswer
	}
	return f
}

// Native is what a vendor that speaks the Responses API can do beside answering.
type Native struct{}

var (
	_ provider.TokenCounter = Native{}
	_ provider.AnswerKeeper = Native{}
)

// PrepareCount implements [provider.TokenCounter].
func (Native) PrepareCount(in *provider.Inbound, t provider.Target) (*provider.Outbound, error) {
	if in.Dialect != provider.Responses {
		return nil, &gateway.Error{Kind: gateway.Invalid, Public: "This model counts tokens through the Responses API only."}
	}
	body, err := splice(in.Body, t.Model)
	if err != nil {
		return nil, err
	}
	return &provider.Outbound{
		Method: http.MethodPost, URL: address(t, "/input_tokens"), Header: header(false, t), Body: body, Unary: readCountAnswer,
	}, nil
}

// PrepareKept implements [provider.AnswerKeeper].
func (Native) PrepareKept(in *provider.Inbound, t provider.Target) (*provider.Outbound, error) {
	return &provider.Outbound{
		Method: in.Kept.Method, URL: address(t, "/"+in.Kept.Path), Header: header(false, t), Failure: notKept,
		Unary: func(body []byte) (provider.Reply, error) { return provider.Reply{Body: body}, nil },
	}, nil
}

// notKept understands why a vendor says nothing about an answer. One that it does
// not know is no fault of the credential's.
func notKept(status int, h http.Header, body []byte) *provider.Failure {
	f := openai.Wire{}.Failure(status, h, body)
	if status == http.StatusNotFound {
		f.Class, f.Message = provider.ClientError, "The vendor has no such response any more."
	}
	return f
}

// address is that of the responses, or of what is below them. A base URL may have a
// query; where it names the model, as for chats, responses are above it.
func address(t provider.Target, below string) string {
	base, query, asks := strings.Cut(t.BaseURL, "?")
	base = strings.TrimSuffix(strings.TrimRight(base, "/"), "/deployments/"+openai.ModelInAddress)
	if asks {
		query = "?" + query
	}
	return base + "/responses" + below + query
}

func header(stream bool, t provider.Target) http.Header {
	h := http.Header{"Content-Type": {"application/json"}, "Accept": {"application/json"}}
	if stream {
		h["Accept"] = []string{"text/event-stream"}
	}
	if t.APIKey != "" {
		h["Authorization"] = []string{"Bearer " + t.APIKey}
	}
	return h
}

// splice makes the vendor's body of the client's: another model, and without the
// thoughts that another vendor has signed.
func splice(body []byte, model string) ([]byte, error) {
	var edits []rawjson.Edit
	obj := rawjson.NewObject(body)
	for obj.Next() {
		from, to := obj.Span()
		switch string(obj.Key()) {
		case "model":
			edits = append(edits, rawjson.Edit{From: from, To: to, With: rawjson.Quote(model)})
		case "input":
			if own, changed := ownItems(obj.Value()); changed {
				edits = append(edits, rawjson.Edit{From: from, To: to, With: own})
			}
		}
	}
	if err := obj.Err(); err != nil {
		return nil, badJSON(err)
	}
	return rawjson.Apply(body, edits...), nil
}
