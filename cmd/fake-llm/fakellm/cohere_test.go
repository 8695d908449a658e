package fakellm_test

import (
	"strings"
	"testing"

	"github.com/llm-hub/llm-hub/cmd/fake-llm/fakellm"
)

// TestCohereIsStrict: what the vendor refuses, and in which words.
func TestCohereIsStrict(t *testing.T) {
	assistant := object{"role": "assistant", "tool_calls": []object{{"id": "1", "type": "function", "function": object{"name": "f", "arguments": "{}"}}}}
	result := object{"role": "tool", "tool_call_id": "1", "content": []object{{"type": "document", "document": object{"data": object{"a": 1}}}}}
	tests := map[string]struct {
		fields object
		status int
		want   string
	}{
		"unknown":         {object{"max_completion_tokens": 5}, 422, "parameter 'max_completion_tokens' is not a valid field"},
		"no model":        {object{"model": ""}, 400, "model is required"},
		"no messages":     {object{"messages": nil}, 400, "at least one message"},
		"role":            {object{"messages": []object{{"role": "developer", "content": "a"}}}, 400, "messages[0].role"},
		"empty":           {object{"messages": []object{{"role": "user", "content": ""}}}, 400, "non-empty content"},
		"part":            {object{"messages": []object{{"role": "user", "content": []object{{"type": "thinking", "thinking": "a"}}}}}, 400, "of type 'thinking'"},
		"ends with model": {object{"messages": []object{{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}}}, 400, "the last message"},
		"open call":       {object{"messages": []object{{"role": "user", "content": "a"}, assistant}}, 400, "no results"},
		"no result":       {object{"messages": []object{{"role": "user", "content": "a"}, assistant, {"role": "user", "content": "b"}}}, 400, "followed by a tool message"},
		"stray result":    {object{"messages": []object{{"role": "user", "content": "a"}, result}}, 400, "tool call id '1'"},
		"p":               {object{"p": 1}, 400, "p must be between"},
		"k":               {object{"k": 501}, 400, "k must be between"},
		"penalty":         {object{"frequency_penalty": -1}, 400, "frequency_penalty"},
		"temperature":     {object{"temperature": 3}, 400, "temperature"},
		"stops":           {object{"stop_sequences": []string{"1", "2", "3", "4", "5", "6"}}, 400, "stop sequences"},
		"cap":             {object{"max_tokens": 0}, 400, "max_tokens"},
		"thinking":        {object{"thinking": object{"type": "adaptive"}}, 400, "thinking.type"},
		"budget":          {object{"thinking": object{"type": "enabled", "token_budget": 0}}, 400, "token_budget"},
		"format":          {object{"response_format": object{"type": "json_schema"}}, 400, "response_format.type"},
		"safety":          {object{"safety_mode": "NONE"}, 400, "safety_mode"},
		"parameters":      {object{"tools": []object{{"type": "function", "function": object{"name": "f"}}}}, 400, "object schema"},
		"choice":          {object{"tool_choice": "REQUIRED"}, 400, "requires tools"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			inWorld(t, fakellm.Config{}, func(w *world) {
				g := w.do(with(chat(fakellm.Cohere, "m", "hi", false), test.fields))
				message, _ := dig(t, g.body, "message").(string)
				if g.status != test.status || !strings.Contains(message, test.want) {
					t.Errorf("got %d %q, want %d with %q", g.status, message, test.status, test.want)
				}
			})
		})
	}
}

// TestRankingsAreBooked: by Cohere in searches, by others in tokens.
func TestRankingsAreBooked(t *testing.T) {
	documents := make([]string, 101)
	for i := range documents {
		documents[i] = "1234"
	}
	inWorld(t, fakellm.Config{}, func(w *world) {
		body := toJSON(object{"model": "m", "query": "1234", "documents": documents})
		for v, path := range map[fakellm.Vendor]string{fakellm.Cohere: "/v2/rerank", fakellm.OpenAI: "/v1/rerank"} {
			if g := w.do(ask{path: path, body: body, header: chat(v, "", "", false).header}); g.status != 200 {
				t.Errorf("%s: %d %s", v, g.status, g.body)
			}
		}
		w.record()
		if got, want := w.fake.Ledger(0, 0).Totals.Usage, (fakellm.Usage{Input: 102, SearchUnits: 2}); got != want {
			t.Errorf("booked %+v, want %+v", got, want)
		}
	})
}
