package openai_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/anthropic"
	"github.com/llm-hub/llm-hub/gateway/provider/chat"
	"github.com/llm-hub/llm-hub/gateway/provider/openai"
)

// TestLacks holds what becomes of words that a vendor has not.
func TestLacks(t *testing.T) {
	const base = `{"model":"smart","max_tokens":9,"messages":[{"role":"user","content":"x"}]`
	const sent = `{"model":"m","messages":[{"role":"user","content":"x"}],`
	tool := `,"tools":[{"name":"f","input_schema":{"type":"object"}}]`
	tests := map[string]struct {
		traits  openai.Traits
		more    string
		want    string
		dropped []string
	}{
		"schema": {
			openai.Traits{Lacks: []string{"json_schema"}}, `,"output_config":{"format":{"type":"json_schema","schema":{"type":"object"}}}`,
			sent + `"response_format":{"type":"json_object"},"max_completion_tokens":9}`, []string{"response_format.json_schema"},
		},
		"tool choice": {
			openai.Traits{Lacks: []string{"tool_choice"}}, tool + `,"tool_choice":{"type":"any"}`,
			sent + `"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object"}}}],"max_completion_tokens":9}`, []string{"tool_choice"},
		},
		"thinking off": {
			openai.Traits{ThinkingSwitch: true}, `,"thinking":{"type":"disabled"}`,
			sent + `"max_completion_tokens":9,"thinking":{"type":"disabled"}}`, nil,
		},
		"thinking on": {
			openai.Traits{ThinkingSwitch: true}, `,"thinking":{"type":"enabled","budget_tokens":2000}`,
			sent + `"max_completion_tokens":9,"reasoning_effort":"low"}`, nil,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			in, err := anthropic.ParseMessages([]byte(base + tt.more + "}"))
			if err != nil {
				t.Fatal(err)
			}
			v := chat.NewVendor(openai.Wire{Traits: tt.traits}, map[provider.Dialect]chat.Client{provider.Anthropic: anthropic.Client{}})
			out, err := v.Prepare(in, provider.Target{BaseURL: "https://v.test", Model: "m"})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(canonical(t, tt.want), canonical(t, string(out.Body))); diff != "" {
				t.Errorf("body (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.dropped, out.Dropped); diff != "" {
				t.Errorf("dropped (-want +got):\n%s", diff)
			}
		})
	}
}

// canonical is JSON without regard to the order of members.
func canonical(t *testing.T, text string) any {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// TestThoughtsByAnotherName: what was thought goes back in the vendor's own word.
func TestThoughtsByAnotherName(t *testing.T) {
	wire := openai.Wire{Traits: openai.Traits{Thoughts: openai.Reasoning}}
	call, err := wire.Call(&chat.Request{N: 1, Messages: []chat.Message{
		{Role: chat.Assistant, Parts: []chat.Part{{Kind: chat.ThinkingPart, Text: "Hm."}, {Kind: chat.TextPart, Text: "Hi"}}},
	}}, provider.Target{Model: "m"})
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"model":"m","messages":[{"role":"assistant","content":"Hi","reasoning":"Hm."}]}`; string(call.Body) != want {
		t.Errorf("body %s, want %s", call.Body, want)
	}
}

// TestNoTools: a vendor that would take no notice of tools is not asked, in either lane.
func TestNoTools(t *testing.T) {
	traits := openai.Traits{Lacks: []string{"tools"}}
	v := openai.New(chat.NewVendor(openai.Wire{Traits: traits}, map[provider.Dialect]chat.Client{provider.Anthropic: anthropic.Client{}}), traits)
	own := parse(t, `{"model":"smart","messages":[{"role":"user"}],"tools":[{"type":"function","function":{"name":"f"}}]}`)
	other, err := anthropic.ParseMessages([]byte(`{"model":"s","max_tokens":9,"messages":[{"role":"user","content":"x"}],"tools":[{"name":"f","input_schema":{"type":"object"}}]}`))
	if err != nil {
		t.Fatal(err)
	}
	for _, in := range []*provider.Inbound{own, other} {
		if _, err := v.Prepare(in, provider.Target{Model: "m"}); err == nil || gateway.AsError(err).Kind != gateway.Invalid || gateway.AsError(err).Param != "tools" {
			t.Errorf("%s: %v", in.Dialect, err)
		}
	}
	none := parse(t, `{"model":"smart","messages":[{"role":"user"}],"tools":[]}`)
	if _, err := v.Prepare(none, provider.Target{Model: "m"}); err != nil {
		t.Errorf("an empty list: %v", err)
	}
}
