package chat_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/chat"
)

// history is a client of one request.
type history struct {
	messages []chat.Message
	seen     *[]chat.Delta
	reply    **chat.Reply
}

func (h history) Decode(*provider.Inbound) (*chat.Request, error) {
	return &chat.Request{N: 1, Messages: h.messages}, nil
}
func (h history) Encoder(*provider.Inbound) chat.Encoder { return h }

func (h history) Reply(r *chat.Reply) []byte { *h.reply = r; return []byte("{}") }
func (h history) Step(dst []byte, s *chat.Step) []byte {
	*h.seen = append(*h.seen, s.Deltas...)
	return append(dst, '.')
}
func (h history) Trailer(dst []byte, _ *events.Usage, _ provider.Bill) []byte { return dst }
func (h history) Abort(dst []byte, _ *gateway.Error) []byte                   { return dst }

// echo is a wire that signs as "maker" and gives its answers from a table.
type echo struct {
	got    *[]chat.Message
	drop   []string
	reply  *chat.Reply
	deltas []chat.Delta
}

func (echo) SignsAs() string { return "maker" }

func (e echo) Call(req *chat.Request, _ provider.Target) (*chat.Exchange, error) {
	*e.got = req.Messages
	for _, path := range e.drop {
		req.Drop(path)
	}
	return &chat.Exchange{
		Reply:  func([]byte) (*chat.Reply, error) { return e.reply, nil },
		Source: func(io.Reader) chat.Source { return &once{deltas: e.deltas} },
	}, nil
}

func (echo) Failure(int, http.Header, []byte) *provider.Failure { return nil }

type once struct{ deltas []chat.Delta }

func (o *once) Next() (*chat.Step, error) {
	if o.deltas == nil {
		return nil, io.EOF
	}
	step := &chat.Step{Deltas: o.deltas}
	o.deltas = nil
	return step, nil
}

func TestSignaturesComeBackToTheirSigner(t *testing.T) {
	thought := func(text, signature, data string) chat.Part {
		return chat.Part{Kind: chat.ThinkingPart, Text: text, Signature: signature, Data: data}
	}
	tests := map[string]struct{ dialect, signature, want string }{
		"own":                   {"openai", "maker:abc+/=", "abc+/="},
		"another's":             {"openai", "other:abc", ""},
		"unmarked":              {"openai", "abc", ""},
		"unmarked, own dialect": {"maker", "abc", "abc"},
		"marked in own dialect": {"maker", "other:abc", ""},
		"no name of a signer":   {"maker", "No Name:abc", "No Name:abc"},
		"empty":                 {"maker", "", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var got []chat.Message
			client := history{messages: []chat.Message{{
				Role:  chat.Assistant,
				Parts: []chat.Part{thought("Hm.", tt.signature, ""), thought("", "", tt.signature), {Kind: chat.ImagePart, Data: "other:x"}},
				Calls: []chat.Call{{ID: "1", Signature: tt.signature}},
			}}}
			dialect := provider.Dialect(tt.dialect)
			v := chat.NewVendor(echo{got: &got}, map[provider.Dialect]chat.Client{dialect: client})
			if _, err := v.Prepare(&provider.Inbound{Dialect: dialect}, provider.Target{}); err != nil {
				t.Fatal(err)
			}
			parts := []chat.Part{thought("Hm.", tt.want, "")}
			if tt.want != "" {
				parts = append(parts, thought("", "", tt.want))
			}
			want := []chat.Message{{
				Role: chat.Assistant, Parts: append(parts, chat.Part{Kind: chat.ImagePart, Data: "other:x"}),
				Calls: []chat.Call{{ID: "1", Signature: tt.want}},
			}}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestSignaturesAreMarked(t *testing.T) {
	var (
		got   []chat.Message
		seen  []chat.Delta
		reply *chat.Reply
	)
	client := history{seen: &seen, reply: &reply}
	call := &chat.CallDelta{ID: "1", Signature: "c"}
	wire := echo{
		got:    &got,
		deltas: []chat.Delta{{Text: "a"}, {Signature: "s"}, {Redacted: "r"}, {Call: call}},
		reply: &chat.Reply{Choices: []chat.Answer{{
			Text:     "a",
			Thinking: []chat.Part{{Kind: chat.ThinkingPart, Signature: "s"}, {Kind: chat.ThinkingPart, Data: "r"}},
			Calls:    []chat.Call{{ID: "1", Signature: "c"}, {ID: "2"}},
		}}},
	}
	v := chat.NewVendor(wire, map[provider.Dialect]chat.Client{"x": client})
	ask := func(stream bool) *provider.Outbound {
		out, err := v.Prepare(&provider.Inbound{Dialect: "x", Stream: stream}, provider.Target{})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	if _, err := ask(false).Unary(nil); err != nil {
		t.Fatal(err)
	}
	a := reply.Choices[0]
	if s := fmt.Sprint(a.Thinking[0].Signature, " ", a.Thinking[1].Data, " ", a.Calls[0].Signature, a.Calls[1].Signature); s != "maker:s maker:r maker:c" {
		t.Errorf("whole answer: %s", s)
	}
	stream := ask(true).Stream(bytes.NewReader(nil))
	if _, err := stream.Next(); err != nil {
		t.Fatal(err)
	}
	want := []chat.Delta{{Text: "a"}, {Signature: "maker:s"}, {Redacted: "maker:r"}, {Call: &chat.CallDelta{ID: "1", Signature: "maker:c"}}}
	if diff := cmp.Diff(want, seen); diff != "" {
		t.Errorf("stream (-want +got):\n%s", diff)
	}
	if call.Signature != "c" {
		t.Error("the source's own piece was changed")
	}
}

func TestDropped(t *testing.T) {
	var got []chat.Message
	v := chat.NewVendor(echo{got: &got, drop: []string{"top_k", "seed", "top_k"}}, map[provider.Dialect]chat.Client{"x": history{}})
	out, err := v.Prepare(&provider.Inbound{Dialect: "x"}, provider.Target{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"top_k", "seed"}, out.Dropped); diff != "" {
		t.Errorf("dropped (-want +got):\n%s", diff)
	}
	_, err = v.Prepare(&provider.Inbound{Dialect: "x", Strict: true}, provider.Target{})
	e, ok := errors.AsType[*gateway.Error](err)
	if !ok || e.Kind != gateway.Invalid || e.Param != "top_k" {
		t.Errorf("strict: %v", err)
	}
}
