package call_test

import (
	"testing"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway/control"
)

// TestEstimates: a prompt is counted where a limit depends on it, and only there.
// "Say something." has 14 bytes, and 3 tokens of its own among 10 of the chat.
func TestEstimates(t *testing.T) {
	const counted, bytes = 10, 4
	tests := map[string]struct {
		model      string
		key        accounting.Of
		credential accounting.Of
		want       int64
	}{
		"no limit":               {"gpt-4o", "", "", bytes},
		"limit of requests":      {"gpt-4o", accounting.OfRequests, accounting.OfConcurrency, bytes},
		"limit of tokens":        {"gpt-4o", accounting.OfTokens, "", counted},
		"limit of input":         {"gpt-4o", accounting.OfInputTokens, "", counted},
		"limit of cost":          {"gpt-4o", accounting.OfCost, "", counted},
		"limit of a credential":  {"gpt-4o", "", accounting.OfTokens, counted},
		"a tokenizer not known":  {"gpt-fake", accounting.OfTokens, "", bytes},
		"another family's share": {"claude-sonnet-4-5", accounting.OfTokens, "", 11},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			key := &control.Credential{Provider: "one", Name: "a", APIKey: control.NewSecret("sk-a"), Weight: 1}
			p := &control.Provider{Name: "one", Kind: "openai", Credentials: []*control.Credential{key}}
			limit := func(of accounting.Of) []accounting.Limit {
				if of == "" {
					return nil
				}
				return []accounting.Limit{{Per: accounting.Day, Of: of, Max: 1 << 40, Mode: accounting.Hard}}
			}
			key.Limits = limit(test.credential)
			h := newHub(t, settings{limits: limit(test.key), targets: []control.Target{{Provider: p, Model: test.model, Priority: 1, Weight: 1}}})
			p.BaseURL = h.vendor.URL + "/v1"
			if a := h.ask(false); a.status != 200 {
				t.Fatalf("status %d: %s", a.status, a.body)
			}
			got := only[events.RequestAdmitted](t, h.facts(1)).Estimate.Usage
			if got != (events.Usage{Input: test.want, Output: 1024}) {
				t.Errorf("estimated %+v, want %d tokens of prompt", got, test.want)
			}
		})
	}
}

// TestBookedEstimates: what is booked in place of a vendor's count is counted,
// whatever the limits are.
func TestBookedEstimates(t *testing.T) {
	h := newHub(t, settings{targets: []control.Target{{Model: "gpt-4o+usage=none", Priority: 1, Weight: 1}}})
	for _, stream := range []bool{false, true} {
		if a := h.ask(stream); a.status != 200 {
			t.Fatalf("status %d: %s", a.status, a.body)
		}
	}
	for _, e := range h.facts(2).of(events.UsageRecordedKind) {
		u, err := events.As[events.UsageRecorded](e)
		if err != nil {
			t.Fatal(err)
		}
		// "echo: Say something." has 5 tokens.
		if u.Source != events.Estimated || u.Charge.Usage != (events.Usage{Input: 10, Output: 5}) {
			t.Errorf("booked %+v", u)
		}
	}
}
