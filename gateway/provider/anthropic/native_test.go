package anthropic_test

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/anthropic"
	"github.com/llm-hub/llm-hub/gateway/provider/chat"
	"github.com/llm-hub/llm-hub/gateway/provider/openai"
	"github.com/llm-hub/llm-hub/gateway/provider/providertest"
)

// newNative is the adapter of both lanes.
func newNative() provider.Vendor {
	clients := map[provider.Dialect]chat.Client{provider.OpenAI: openai.Client{}}
	return anthropic.New(chat.NewVendor(anthropic.Wire{}, clients))
}

const nativeTranscripts = "testdata/native"

func TestNative(t *testing.T) {
	providertest.Player{Parse: anthropic.ParseMessages, Vendor: newNative, Update: *update}.Play(t, nativeTranscripts)
}

func prepare(t *testing.T, body string, h http.Header) *provider.Outbound {
	t.Helper()
	in, err := anthropic.ParseMessages([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	in.Header = h
	out, err := newNative().Prepare(in, provider.Target{BaseURL: "https://a.test/v1/", APIKey: "key", Model: "claude"})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

const hello = `"max_tokens":9,"messages":[{"role":"user","content":"12345678"}]`

// TestNativeHeader: what the client says of version and betas goes on, and
// nothing else that is the client's.
func TestNativeHeader(t *testing.T) {
	tests := map[string]struct{ client, want http.Header }{
		"silent client": {nil, http.Header{"Anthropic-Version": {"2023-06-01"}}},
		"version and betas": {
			http.Header{
				"Anthropic-Version": {"2026-10-21"}, "Anthropic-Beta": {"one", "two,three"},
				"Authorization": {"Bearer ours"}, "X-Api-Key": {"ours"},
			},
			http.Header{"Anthropic-Version": {"2026-10-21"}, "Anthropic-Beta": {"one", "two,three"}},
		},
	}
	for name, tt := range tests {
		for accept, stream := range map[string]string{"application/json": "false", "text/event-stream": "true"} {
			t.Run(name+" "+accept, func(t *testing.T) {
				out := prepare(t, `{"model":"smart","stream":`+stream+`,`+hello+`}`, tt.client)
				want := tt.want.Clone()
				want.Set("Content-Type", "application/json")
				want.Set("Accept", accept)
				want.Set("X-Api-Key", "key")
				if diff := cmp.Diff(want, out.Header); diff != "" || out.URL != "https://a.test/v1/messages" {
					t.Errorf("to %s (-want +got):\n%s", out.URL, diff)
				}
			})
		}
	}
}

// TestNativeSplice: the client's bytes go on but for the model and the thinking
// that the vendor would refuse.
func TestNativeSplice(t *testing.T) {
	const rest = `, "max_tokens": 9,"x_new":[1, 2.50,"é\u00e4"] , "messages" : `
	tests := map[string]struct{ messages, want string }{
		"nothing": {`[ {"role":"user","content": "thinking \/ aloud"}]`, ""},
		"own": {
			`[{"role":"assistant","content":[{"type":"thinking", "thinking":"a","signature":"Eq+/="},{"type":"redacted_thinking","data":"xx"}]}]`, "",
		},
		"named": {
			`[{"role":"assistant","content":[{"type":"thinking","signature":"anthropic:Eq" ,"thinking":"a"}, {"type":"redacted_thinking","data":"anthropic:x"}]}]`,
			`[{"role":"assistant","content":[{"type":"thinking","signature":"Eq" ,"thinking":"a"},{"type":"redacted_thinking","data":"x"}]}]`,
		},
		"foreign": {
			`[{"content":[{"type":"thinking","thinking":"a","signature":"gemini:Q"},{"type":"thinking","thinking":"b","signature":""},{"type":"thinking","thinking":"c"},` +
				`{"type":"redacted_thinking","data":"call:gemini:Q"}, {"type": "tool_use"}],"role":"assistant"},{"role":"user","content":"x"}]`,
			`[{"content":[{"type": "tool_use"}],"role":"assistant"},{"role":"user","content":"x"}]`,
		},
		"citations of ours": {
			`[{"role":"assistant","content":[{"type":"text","text":"a","citations":[{"type":"web_search_result_location", "encrypted_index": "llmhub", "url":"u"}]},{"type":"text","text":"b","citations":[{"encrypted_index":"Eo8"}]}]}]`,
			`[{"role":"assistant","content":[{"type":"text","text":"a"},{"type":"text","text":"b","citations":[{"encrypted_index":"Eo8"}]}]}]`,
		},
		"nothing but foreign": {`[{"role":"assistant","content":[{"type":"thinking","thinking":"a","signature":""}]}]`, ""},
		"other blocks":        {`[{"role":"user","content":[{"type":"thinking_of_you","signature":"a:b"},{"type":"text","text":"thinking","data":"a:b"}]}]`, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			want := tt.want
			if want == "" {
				want = tt.messages
			}
			out := prepare(t, `{"mod\u0065l" :"smart"`+rest+tt.messages+`}`, nil)
			if diff := cmp.Diff(`{"mod\u0065l" :"claude"`+rest+want+`}`, string(out.Body)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestCount(t *testing.T) {
	counter, ok := newNative().(provider.TokenCounter)
	if !ok {
		t.Fatal("does not count")
	}
	in, err := anthropic.ParseCount([]byte(`{"model":"smart","stream":true,"messages":[{"role":"user","content":"12345678"}]}`))
	if err != nil || in.InputTokens != 2 || in.Stream {
		t.Fatalf("parsed %+v, %v", in, err)
	}
	in.Header = http.Header{"Anthropic-Beta": {"b"}}
	target := provider.Target{BaseURL: "https://a.test", APIKey: "key", Model: "claude"}
	out, err := counter.PrepareCount(in, target)
	if err != nil {
		t.Fatal(err)
	}
	if out.URL != "https://a.test/v1/messages/count_tokens" || out.Header.Get("Anthropic-Beta") != "b" || out.Header.Get("X-Api-Key") != "key" ||
		!strings.HasPrefix(string(out.Body), `{"model":"claude","stream":true,`) {
		t.Errorf("asks %s with %v: %s", out.URL, out.Header, out.Body)
	}
	answer := anthropic.CountBody(2095)
	if reply, err := out.Unary(answer); err != nil || !bytes.Equal(reply.Body, answer) || string(answer) != `{"input_tokens":2095}` {
		t.Errorf("%+v, %v", reply, err)
	}
	for _, bad := range []string{``, `[]`, `{}`, `{"input_tokens":"1"}`} {
		if _, err := out.Unary([]byte(bad)); gateway.AsError(err).Kind != gateway.UpstreamFailed {
			t.Errorf("%s: %v", bad, err)
		}
	}
	in.Dialect = provider.Gemini
	if _, err := counter.PrepareCount(in, target); gateway.AsError(err).Kind != gateway.Invalid {
		t.Errorf("another dialect: %v", err)
	}
}

func TestOtherDialects(t *testing.T) {
	in, err := openai.ParseChat([]byte(`{"model":"smart","messages":[{"role":"user","content":"x"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	out, err := newNative().Prepare(in, provider.Target{BaseURL: "https://a.test", Model: "claude"})
	if err != nil || !strings.Contains(string(out.Body), `"max_tokens":32000`) {
		t.Errorf("%v: %+v", err, out)
	}
	if f := newNative().Failure(529, nil, nil); f.Class != provider.ServerError {
		t.Errorf("failure %+v", f)
	}
}

// FuzzNative holds that a stream comes out the same however it arrives, and that
// it is closed by the vendor's own last event or by an error.
func FuzzNative(f *testing.F) {
	f.Add("event: message_start\r\ndata: {\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":1}}}\r\n\r\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n")
	f.Add("data: {\"type\":\"content_block_delta\",\"delta\":{\"text\":\"\\u00e4\"}}\n\ndata: {\"type\":\"message_delta\",\"usage\":{\"output_tokens\":3}}\n\n")
	f.Add("event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\"}}\n\n")
	f.Fuzz(func(t *testing.T, answer string) {
		out := prepare(t, `{"model":"smart","stream":true,`+hello+`}`, nil)
		whole, err := drain(out.Stream(strings.NewReader(answer)))
		single, again := drain(out.Stream(iotest.OneByteReader(strings.NewReader(answer))))
		if whole != single || err.Error() != again.Error() {
			t.Errorf("%q, %v; by single bytes %q, %v", whole, err, single, again)
		}
		if err == io.EOF && !strings.Contains(answer, "stop") && !strings.Contains(answer, `\u`) {
			t.Errorf("ended well: %q", whole)
		}
	})
}

// drain pulls a stream to its end.
func drain(s provider.Stream) (string, error) {
	var b strings.Builder
	for {
		chunk, err := s.Next()
		b.Write(chunk)
		if err == io.EOF {
			b.Write(s.Trailer(provider.Bill{}))
		}
		if err != nil {
			return b.String(), err
		}
	}
}
