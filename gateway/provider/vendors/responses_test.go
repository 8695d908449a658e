package vendors_test

import (
	"fmt"
	"net/http/httptest"
	"testing"

	"github.com/llm-hub/llm-hub/cmd/fake-llm/fakellm"
	"github.com/llm-hub/llm-hub/gateway/provider"
)

// responsesOnly is a model that speaks nothing but the Responses API.
func responsesOnly() base {
	return base{name: "responses only", kind: "openai", path: "/v1", model: "gpt-5-codex-fake", proof: provider.Settings{provider.APIKey: "k"}}
}

// TestModelsOfResponsesOnly: a model that speaks the Responses API only is reached from
// every dialect of chats.
func TestModelsOfResponsesOnly(t *testing.T) {
	server := fakellm.New(fakellm.Config{})
	fake := httptest.NewServer(server)
	t.Cleanup(fake.Close)
	site := responsesOnly().open(t, server, fake.URL)
	for name, parse := range lanes() {
		for _, broken := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/broken=%t", name, broken), func(t *testing.T) {
				in, err := parse()
				if err != nil {
					t.Fatal(err)
				}
				s := site
				s.target.Model += "+chunk=1"
				if broken {
					s.target.Model += "+cut=3"
				}
				body, whole := fetch(t, s, in)
				if whole == broken {
					t.Fatalf("whole: %t: %s", whole, body)
				}
				if whole || in.Stream {
					checkEnd(t, in, body, whole)
				}
			})
		}
	}
}
