package vendors_test

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/llm-hub/llm-hub/cmd/fake-llm/fakellm"
	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/anthropic"
	"github.com/llm-hub/llm-hub/gateway/provider/gemini"
	"github.com/llm-hub/llm-hub/gateway/provider/openai"
)

// TestCitationsEveryDialect: what a vendor cites, every client can read, whole and
// streamed.
func TestCitationsEveryDialect(t *testing.T) {
	fake := httptest.NewServer(fakellm.New(fakellm.Config{}))
	t.Cleanup(fake.Close)
	// The result of a call is a document that the vendor cites.
	const calls = `"tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":"{}"}}]`
	asks := map[string]struct {
		parse func(stream bool) (*provider.Inbound, error)
		want  []string
	}{
		"openai": {func(stream bool) (*provider.Inbound, error) {
			return openai.ParseChat(fmt.Appendf(nil, `{"model":"m","stream":%t,"messages":[{"role":"user","content":"Hi"},{"role":"assistant",%s},`+
				`{"role":"tool","tool_call_id":"1","content":"{\"a\":1}"}]}`, stream, calls))
		}, []string{`"annotations":[{"type":"url_citation"`, `"start_index":0,"end_index":4,"url":"https://docs.example/0"`}},
		"anthropic": {func(stream bool) (*provider.Inbound, error) {
			return anthropic.ParseMessages(fmt.Appendf(nil, `{"model":"m","max_tokens":50,"stream":%t,"messages":[{"role":"user","content":"Hi"},`+
				`{"role":"assistant","content":[{"type":"tool_use","id":"1","name":"f","input":{}}]},`+
				`{"role":"user","content":[{"type":"tool_result","tool_use_id":"1","content":"{\"a\":1}"}]}]}`, stream))
		}, []string{`"type":"web_search_result_location"`, `"url":"https://docs.example/0"`}},
		"gemini": {func(stream bool) (*provider.Inbound, error) {
			return gemini.ParseGenerate("m", []byte(`{"contents":[{"role":"user","parts":[{"text":"Hi"}]},{"role":"model","parts":[{"functionCall":{"name":"f","args":{}}}]},`+
				`{"role":"user","parts":[{"functionResponse":{"name":"f","response":{"a":1}}}]}]}`), stream)
		}, []string{`"groundingMetadata":{"groundingChunks":[{"web":{"uri":"https://docs.example/0"`, `"endIndex":4,"text":"tool"`}},
	}
	for name, ask := range asks {
		for _, stream := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/%t", name, stream), func(t *testing.T) {
				in, err := ask.parse(stream)
				if err != nil {
					t.Fatal(err)
				}
				body, whole := fetch(t, site{kind: "cohere", target: baseOf(fake.URL, "cohere")}, in)
				if !whole {
					t.Fatalf("broke off: %s", body)
				}
				for _, want := range ask.want {
					if !strings.Contains(body, want) {
						t.Errorf("no %s in %s", want, body)
					}
				}
			})
		}
	}
}
