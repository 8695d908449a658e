package fakellm_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/llm-hub/llm-hub/cmd/fake-llm/fakellm"
)

// TestSignaturesComeBack: what the fake signed it takes back, and nothing else.
func TestSignaturesComeBack(t *testing.T) {
	turn := func(blocks ...any) ask {
		a := withTools(fakellm.Anthropic, chat(fakellm.Anthropic, "m+reasoning=4", "use tool", false))
		messages := []object{{"role": "user", "content": "use tool"}}
		if blocks != nil {
			id := blocks[len(blocks)-1].(map[string]any)["id"]
			messages = append(messages,
				object{"role": "assistant", "content": blocks},
				object{"role": "user", "content": []object{{"type": "tool_result", "tool_use_id": id, "content": "noon"}}})
		}
		return with(a, object{"messages": messages, "thinking": object{"type": "adaptive"}})
	}
	inWorld(t, fakellm.Config{}, func(w *world) {
		body := w.do(turn()).body
		thinking, call := dig(t, body, "content", 0), dig(t, body, "content", 1)
		if g := w.do(turn(thinking, call)); g.status != http.StatusOK || !strings.Contains(g.body, "noon") {
			t.Errorf("as it was: %d %s", g.status, g.body)
		}
		if g := w.do(turn(call)); g.status != http.StatusBadRequest || !strings.Contains(g.body, "must start with a thinking block") {
			t.Errorf("without the thinking: %d %s", g.status, g.body)
		}
		for _, change := range []string{"thinking", "signature"} {
			other := map[string]any{}
			for k, v := range thinking.(map[string]any) {
				other[k] = v
			}
			other[change] = "something else"
			if g := w.do(turn(other, call)); g.status != http.StatusBadRequest || !strings.Contains(g.body, "Invalid `signature`") {
				t.Errorf("with another %s: %d %s", change, g.status, g.body)
			}
		}
	})
}

func TestCallSignaturesComeBack(t *testing.T) {
	turn := func(model string, part any) ask {
		a := withTools(fakellm.Gemini, chat(fakellm.Gemini, model, "use tool", false))
		if part == nil {
			return a
		}
		return with(a, object{"contents": []object{
			{"role": "user", "parts": []object{{"text": "use tool"}}},
			{"role": "model", "parts": []any{part}},
			{"role": "user", "parts": []object{{"functionResponse": object{"name": "weather", "response": object{"output": "noon"}}}}},
		}})
	}
	call := func(signature string) object {
		o := object{"functionCall": object{"name": "weather", "args": object{}}}
		if signature != "" {
			o["thoughtSignature"] = signature
		}
		return o
	}
	inWorld(t, fakellm.Config{}, func(w *world) {
		own := dig(t, w.do(turn("gemini-3-fake", nil)).body, "candidates", 0, "content", "parts", 0)
		for name, test := range map[string]struct {
			model  string
			part   any
			status int
		}{
			"its own":       {"gemini-3-fake", own, 200},
			"the sentinel":  {"gemini-3-fake", call("skip_thought_signature_validator"), 200},
			"none":          {"gemini-3-fake", call(""), 400},
			"none, before":  {"gemini-fake", call(""), 200},
			"another's":     {"gemini-3-fake", call("bm9uc2Vuc2U="), 400},
			"another's too": {"gemini-fake", call("bm9uc2Vuc2U="), 400},
		} {
			if g := w.do(turn(test.model, test.part)); g.status != test.status {
				t.Errorf("%s: %d %s", name, g.status, g.body)
			}
		}
	})
}
