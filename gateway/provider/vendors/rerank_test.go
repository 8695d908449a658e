package vendors_test

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/cmd/fake-llm/fakellm"
	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/rerank"
	"github.com/llm-hub/llm-hub/gateway/provider/vendors"
)

// TestRankersEveryVendor: whoever ranks, the best document comes first and comes back,
// and what is billed is known. Nobody else claims to be able.
func TestRankersEveryVendor(t *testing.T) {
	fake := httptest.NewServer(fakellm.New(fakellm.Config{}))
	t.Cleanup(fake.Close)
	rankers := map[string]struct {
		path  string
		usage events.Usage
	}{
		"cohere":   {"/cohere", events.Usage{SearchUnits: 1}},
		"vllm":     {"/openai/v1", events.Usage{Input: 8}},
		"llamacpp": {"/openai/v1", events.Usage{Input: 8}},
		"litellm":  {"/openai/v1", events.Usage{Input: 8}},
		"together": {"/openai/v1", events.Usage{Input: 8}},
	}
	for _, info := range vendors.List() {
		_, able := vendors.Adapters()(info.Kind).(provider.Reranker)
		if _, want := rankers[info.Kind]; able != want {
			t.Errorf("%s: able %t", info.Kind, able)
		}
	}
	for kind, ranker := range rankers {
		t.Run(kind, func(t *testing.T) {
			in, err := rerank.Parse([]byte(`{"model":"smart","query":"the sea","documents":["the land","far away",{"text":"the sea"}],"top_n":2,"return_documents":true}`))
			if err != nil {
				t.Fatal(err)
			}
			target := provider.Target{BaseURL: fake.URL + ranker.path, APIKey: "k", Model: "rerank-fake"}
			reply := called(t, in, target, vendors.Adapters()(kind).(provider.Reranker).PrepareRerank)
			var w struct {
				Results []struct {
					Index    int
					Score    float64 `json:"relevance_score"`
					Document struct{ Text string }
				}
			}
			if err := json.Unmarshal(reply.Body, &w); err != nil {
				t.Fatalf("%v: %s", err, reply.Body)
			}
			var order []string
			for _, r := range w.Results {
				order = append(order, fmt.Sprintf("%d %s", r.Index, r.Document.Text))
			}
			if want := []string{"2 the sea", "0 the land"}; !slices.Equal(order, want) {
				t.Errorf("order %q: %s", order, reply.Body)
			}
			if reply.Usage == nil {
				t.Fatal("no usage")
			}
			if diff := cmp.Diff(ranker.usage, *reply.Usage); diff != "" {
				t.Errorf("usage (-want +got):\n%s", diff)
			}
		})
	}
}
