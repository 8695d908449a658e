package gemini_test

import (
	"encoding/json"
	"io"
	"net/http"
	"testing"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/chat"
	"github.com/llm-hub/llm-hub/gateway/provider/gemini"
	"github.com/llm-hub/llm-hub/gateway/provider/providertest"
	"github.com/llm-hub/llm-hub/gateway/provider/sse"
)

// ways are how an answer is asked for; each has a folder of transcripts.
func ways() map[string]func(body []byte) (*provider.Inbound, error) {
	return map[string]func(body []byte) (*provider.Inbound, error){
		"unary": func(body []byte) (*provider.Inbound, error) { return gemini.ParseGenerate("smart", body, false) },
		"stream": func(body []byte) (*provider.Inbound, error) {
			return gemini.ParseGenerate("smart", body, true)
		},
		"array": func(body []byte) (*provider.Inbound, error) {
			in, err := gemini.ParseGenerate("smart", body, true)
			if err == nil {
				in.Array = true
			}
			return in, err
		},
	}
}

// TestNative: Gemini's clients to Gemini.
func TestNative(t *testing.T) {
	for way, parse := range ways() {
		t.Run(way, func(t *testing.T) {
			p := providertest.Player{Parse: parse, Vendor: func() provider.Vendor { return gemini.New(newVendor()) }, Update: *update}
			p.Play(t, "testdata/native/"+way)
		})
	}
}

// TestClient: Gemini's clients to a vendor whose wire is the canonical form.
func TestClient(t *testing.T) {
	for way, parse := range ways() {
		t.Run(way, func(t *testing.T) {
			p := providertest.Player{Parse: parse, Vendor: newForeign, Update: *update}
			p.Play(t, "testdata/client/"+way)
		})
	}
}

// TestWire: a client whose dialect is the canonical form to Gemini.
func TestWire(t *testing.T) {
	p := providertest.Player{
		Parse: func(body []byte) (*provider.Inbound, error) {
			var req chat.Request
			if err := json.Unmarshal(body, &req); err != nil {
				return nil, err
			}
			return &provider.Inbound{Dialect: plainDialect, Body: body, Stream: req.Stream}, nil
		},
		Vendor: func() provider.Vendor {
			return chat.NewVendor(gemini.Wire{NewID: counter()}, map[provider.Dialect]chat.Client{plainDialect: plain{}})
		},
		Update: *update,
	}
	p.Play(t, "testdata/wire")
}

func newForeign() provider.Vendor {
	clients := map[provider.Dialect]chat.Client{provider.Gemini: gemini.Client{NewID: counter()}}
	return chat.NewVendor(plain{}, clients)
}

const plainDialect provider.Dialect = "plain"

// plain is the canonical form as JSON: as a vendor's wire and as a client's dialect.
type plain struct{}

func (plain) SignsAs() string { return "other" }

func (plain) Call(req *chat.Request, _ provider.Target) (*chat.Exchange, error) {
	return &chat.Exchange{
		URL: "https://other.test", Body: encode(map[string]any{"request": req, "dropped": req.Dropped()}),
		Reply: func(body []byte) (*chat.Reply, error) {
			var r chat.Reply
			if err := json.Unmarshal(body, &r); err != nil {
				return nil, provider.BadAnswerError(err)
			}
			return &r, nil
		},
		Source: func(r io.Reader) chat.Source { return &plainSource{in: sse.NewReader(r)} },
	}, nil
}

func (plain) Failure(int, http.Header, []byte) *provider.Failure { return nil }

// plainSource reads steps, and is whole after one with a finish reason.
type plainSource struct {
	in       *sse.Reader
	finished bool
}

func (s *plainSource) Next() (*chat.Step, error) {
	ev, err := s.in.Next()
	if err == io.EOF && s.finished {
		return nil, io.EOF
	}
	if err != nil {
		return nil, provider.CutError()
	}
	var step chat.Step
	if err := json.Unmarshal(ev.Data, &step); err != nil {
		return nil, provider.BadAnswerError(err)
	}
	for _, d := range step.Deltas {
		s.finished = s.finished || d.Finish != ""
	}
	step.Final = step.Usage != nil
	return &step, nil
}

func (plain) Decode(in *provider.Inbound) (*chat.Request, error) {
	var req chat.Request
	err := json.Unmarshal(in.Body, &req)
	return &req, err
}

func (plain) Encoder(*provider.Inbound) chat.Encoder { return plainEncoder{} }

type plainEncoder struct{}

func (plainEncoder) Reply(r *chat.Reply) []byte { return encode(r) }
func (plainEncoder) Step(dst []byte, s *chat.Step) []byte {
	return sse.AppendData(dst, encode(s))
}
func (plainEncoder) Trailer(dst []byte, _ *events.Usage, _ provider.Bill) []byte { return dst }
func (plainEncoder) Abort(dst []byte, err *gateway.Error) []byte {
	return append(dst, err.Error()...)
}

// encode writes v without what says nothing.
func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		return []byte(err.Error())
	}
	var tree any
	if err := json.Unmarshal(b, &tree); err != nil {
		return []byte(err.Error())
	}
	b, _ = json.Marshal(prune(tree))
	return b
}

func prune(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, inner := range v {
			if inner = prune(inner); inner == nil || inner == "" || inner == false || inner == 0.0 {
				delete(v, k)
			} else {
				v[k] = inner
			}
		}
		if len(v) == 0 {
			return nil
		}
	case []any:
		for i := range v {
			v[i] = prune(v[i])
		}
		if len(v) == 0 {
			return nil
		}
	}
	return v
}
