package anthropic_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"testing"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/anthropic"
	"github.com/llm-hub/llm-hub/gateway/provider/chat"
	"github.com/llm-hub/llm-hub/gateway/provider/providertest"
	"github.com/llm-hub/llm-hub/gateway/provider/sse"
)

// canonical is a dialect, and a wire format, that is the canonical form itself in
// JSON, so that each side of a translation shows alone.
const canonical provider.Dialect = "canonical"

// TestClient plays the dialect in over the canonical wire.
func TestClient(t *testing.T) {
	vendor := func() provider.Vendor {
		return chat.NewVendor(canonicalWire{}, map[provider.Dialect]chat.Client{provider.Anthropic: anthropic.Client{NewID: counter()}})
	}
	providertest.Player{Parse: anthropic.ParseMessages, Vendor: vendor, Update: *update}.Play(t, "testdata/client")
}

// TestWire plays the canonical dialect in over the wire.
func TestWire(t *testing.T) {
	vendor := func() provider.Vendor {
		return anthropic.New(chat.NewVendor(anthropic.Wire{}, map[provider.Dialect]chat.Client{canonical: canonicalClient{}}))
	}
	providertest.Player{Parse: parseCanonical, Vendor: vendor, Update: *update}.Play(t, "testdata/wire")
}

func parseCanonical(body []byte) (*provider.Inbound, error) {
	req, err := canonicalClient{}.Decode(&provider.Inbound{Body: body})
	if err != nil {
		return nil, err
	}
	return &provider.Inbound{Dialect: canonical, Body: body, Stream: req.Stream}, nil
}

type canonicalClient struct{}

func (canonicalClient) Decode(in *provider.Inbound) (*chat.Request, error) {
	req := &chat.Request{N: 1}
	dec := json.NewDecoder(bytes.NewReader(in.Body))
	dec.DisallowUnknownFields()
	return req, dec.Decode(req)
}

func (canonicalClient) Encoder(*provider.Inbound) chat.Encoder { return canonicalClient{} }

func (canonicalClient) Reply(r *chat.Reply) []byte { return terse(r) }

func (canonicalClient) Step(dst []byte, s *chat.Step) []byte { return sse.AppendData(dst, terse(s)) }

func (canonicalClient) Trailer(dst []byte, _ *events.Usage, _ provider.Bill) []byte {
	return append(dst, "end\n"...)
}

func (canonicalClient) Abort(dst []byte, err *gateway.Error) []byte {
	return append(append(dst, err.Public...), '\n')
}

type canonicalWire struct{}

func (canonicalWire) SignsAs() string { return "signer" }

func (canonicalWire) Call(req *chat.Request, t provider.Target) (*chat.Exchange, error) {
	body := terse(struct {
		Request *chat.Request
		Dropped []string
	}{req, req.Dropped()})
	return &chat.Exchange{
		URL: t.BaseURL, Header: http.Header{}, Body: body,
		Reply: func(body []byte) (*chat.Reply, error) {
			r := new(chat.Reply)
			return r, json.Unmarshal(body, r)
		},
		Source: func(r io.Reader) chat.Source { return canonicalSource{sse.NewReader(r)} },
	}, nil
}

func (canonicalWire) Failure(int, http.Header, []byte) *provider.Failure { return &provider.Failure{} }

type canonicalSource struct{ in *sse.Reader }

func (s canonicalSource) Next() (*chat.Step, error) {
	ev, err := s.in.Next()
	switch {
	case err == io.EOF:
		return nil, provider.CutError()
	case err != nil:
		return nil, err
	case string(ev.Data) == "end":
		return nil, io.EOF
	}
	step := new(chat.Step)
	return step, json.Unmarshal(ev.Data, step)
}

// terse is v in JSON without what says nothing.
func terse(v any) []byte {
	raw, err := json.Marshal(v)
	if err != nil {
		return []byte(err.Error())
	}
	var tree any
	if err := json.Unmarshal(raw, &tree); err != nil {
		return []byte(err.Error())
	}
	out, _ := json.Marshal(prune(tree))
	return out
}

// spoken are the members whose zero says something, or whose value is no canonical form.
var spoken = []string{"Index", "ThinkingBudget", "ShowThinking", "ParallelTools", "Strict", "Temperature", "Parameters", "Schema"}

func prune(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for key, inner := range v {
			switch {
			case slices.Contains(spoken, key) && inner != nil:
			case silent(prune(inner)):
				delete(v, key)
			}
		}
	case []any:
		for _, inner := range v {
			prune(inner)
		}
	}
	return v
}

// silent tells whether a value is one that a canonical field has when nothing was said.
func silent(v any) bool {
	switch v := v.(type) {
	case []any:
		return len(v) == 0
	case map[string]any:
		return len(v) == 0
	}
	return slices.Contains([]any{nil, "", false, float64(0)}, v)
}
