package fakellm_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/llm-hub/llm-hub/cmd/fake-llm/fakellm"
)

// respond is a request through the Responses API.
func respond(model string, fields object) ask {
	body := object{"model": model}
	maps.Copy(body, fields)
	return ask{path: "/v1/responses", body: toJSON(body), header: chat(fakellm.OpenAI, "", "", false).header}
}

func TestGoldenResponses(t *testing.T) {
	tools := []object{{"type": "function", "name": "weather", "strict": false, "parameters": weather()}, {"type": "function", "name": "now"}}
	thinking := object{"effort": "low", "summary": "auto"}
	asks := map[string]ask{
		"unary":        respond("m-1", object{"input": "Grüße, <world> 🌍", "metadata": object{"a": "b"}}),
		"stream":       respond("m-1", object{"input": "Grüße, <world> 🌍", "stream": true}),
		"tools_stream": respond("m-1+reasoning=4", object{"input": "use tools now", "tools": tools, "stream": true}),
		"tools_unary":  respond("m-1", object{"input": "use tools now", "tools": tools, "parallel_tool_calls": false}),
		"thoughts":     respond("m-1+reasoning=4", object{"input": "hi", "reasoning": thinking, "include": []string{"reasoning.encrypted_content"}, "stream": true, "store": false}),
		"length":       respond("m-1", object{"input": strings.Repeat("long ", 40), "max_output_tokens": 16}),
		"filter":       respond("m-1+filter", object{"input": "hi", "stream": true}),
		"refusal":      respond("m-1+refusal", object{"input": "hi", "stream": true}),
		"error_stream": respond("m-1+error=2", object{"input": "hi there", "stream": true}),
		"error_429":    respond("m-1+429:after=2", object{"input": "hi"}),
		"usage":        respond("m-1+in=1000+cached=400+write=100+reasoning=8", object{"input": "count"}),
		"count":        {path: "/v1/responses/input_tokens", body: `{"model":"m","input":"good morning"}`, header: chat(fakellm.OpenAI, "", "", false).header},
	}
	for _, name := range slices.Sorted(maps.Keys(asks)) {
		t.Run(name, func(t *testing.T) {
			inWorld(t, fakellm.Config{Seed: 1}, func(w *world) {
				checkGolden(t, "responses_"+name, transcript(w.do(asks[name])))
			})
		})
	}
}

// responded is an answer as far as a conversation needs it.
type responded struct {
	ID     string            `json:"id"`
	Output []json.RawMessage `json:"output"`
	Usage  struct {
		Input int64 `json:"input_tokens"`
	} `json:"usage"`
}

func (w *world) respond(a ask) responded {
	w.t.Helper()
	g := w.do(a)
	var r responded
	if err := json.Unmarshal([]byte(g.body), &r); err != nil || g.status != http.StatusOK {
		w.t.Fatalf("status %d, %v: %s", g.status, err, g.body)
	}
	return r
}

// TestResponsesMemory: an answer is kept for the key that asked, if it may be.
func TestResponsesMemory(t *testing.T) {
	inWorld(t, fakellm.Config{}, func(w *world) {
		first := w.respond(respond("m", object{"input": "one two three"}))
		second := w.respond(respond("m", object{"input": "four", "previous_response_id": first.ID}))
		if second.Usage.Input <= first.Usage.Input+1 {
			t.Errorf("%d tokens after %d", second.Usage.Input, first.Usage.Input)
		}
		var message struct{ ID string }
		if err := json.Unmarshal(second.Output[0], &message); err != nil {
			t.Fatal(err)
		}
		reference := []object{{"type": "item_reference", "id": message.ID}, {"role": "user", "content": "five"}}
		w.respond(respond("m", object{"input": reference}))
		forgotten := w.respond(respond("m", object{"input": "x", "store": false}))
		at := func(method, path string) ask {
			return ask{method: method, path: "/v1/responses/" + path, header: respond("", nil).header}
		}
		other := func(a ask) ask {
			a.header = maps.Clone(a.header)
			a.header["Authorization"] = "Bearer another"
			return a
		}
		for _, tt := range []struct {
			ask
			status int
			want   string
		}{
			{respond("m", object{"input": "x", "previous_response_id": forgotten.ID}), 400, "previous_response_not_found"},
			{other(respond("m", object{"input": "x", "previous_response_id": first.ID})), 400, "previous_response_not_found"},
			{other(respond("m", object{"input": reference})), 404, "not found"},
			{at("GET", first.ID), 200, first.ID},
			{other(at("GET", first.ID)), 404, "not found"},
			{at("GET", first.ID+"/input_items"), 200, "one two three"},
			{at("POST", first.ID+"/cancel"), 400, "synchronous"},
			{at("GET", first.ID+"/songs"), 404, "Invalid URL"},
			{at("DELETE", first.ID), 200, `"deleted": true`},
			{at("GET", first.ID), 404, "not found"},
		} {
			if g := w.do(tt.ask); g.status != tt.status || !strings.Contains(g.body, tt.want) {
				t.Errorf("%s %s %s: %d %s", tt.method, tt.path, tt.body, g.status, g.body)
			}
		}
	})
}

// TestResponsesChecks: thoughts must come back as they were, and in front of their calls.
func TestResponsesChecks(t *testing.T) {
	inWorld(t, fakellm.Config{}, func(w *world) {
		tools := []object{{"type": "function", "name": "now"}}
		fields := object{"input": "use tool", "tools": tools, "include": []string{"reasoning.encrypted_content"}, "store": false}
		first := w.respond(respond("m+reasoning=4", fields))
		var call struct {
			CallID string `json:"call_id"`
		}
		if len(first.Output) != 2 || json.Unmarshal(first.Output[1], &call) != nil || call.CallID == "" {
			t.Fatalf("%s", first.Output)
		}
		user := json.RawMessage(`{"role":"user","content":"use tool"}`)
		result := json.RawMessage(fmt.Sprintf(`{"type":"function_call_output","call_id":%q,"output":"late"}`, call.CallID))
		forged := json.RawMessage(strings.Replace(string(first.Output[0]), `"gAAAAAB`, `"gAAAAABx`, 1))
		for name, tt := range map[string]struct {
			input any
			want  string // of the refusal; empty: none
		}{
			"whole":          {[]json.RawMessage{user, first.Output[0], first.Output[1], result}, ""},
			"no thought":     {[]json.RawMessage{user, first.Output[1], result}, "required 'reasoning' item"},
			"forged thought": {[]json.RawMessage{user, forged, first.Output[1], result}, "could not be verified"},
			"no result":      {[]json.RawMessage{user, first.Output[0], first.Output[1]}, "No tool output found"},
			"no call":        {[]json.RawMessage{user, result}, "No tool call found"},
			"no input":       {nil, "Missing required parameter: 'input'"},
			"a number":       {3, "Invalid type for 'input'"},
			"odd item":       {[]object{{"type": "odd"}}, "Invalid value: 'odd'"},
			"odd role":       {[]object{{"role": "tool", "content": "x"}}, "Supported values are: 'assistant'"},
			"odd part":       {[]object{{"role": "user", "content": []object{{"type": "text", "text": "x"}}}}, "Supported values are: 'input_text'"},
			"misplaced part": {[]object{{"role": "user", "content": []object{{"type": "output_text", "text": "x"}}}}, "does not fit"},
		} {
			g := w.do(respond("m", object{"input": tt.input, "tools": tools}))
			if (g.status == 200) != (tt.want == "") || !strings.Contains(g.body, tt.want) {
				t.Errorf("%s: %d %s", name, g.status, g.body)
			}
		}
		for name, fields := range map[string]object{
			"cap":         {"input": "x", "max_output_tokens": 3},
			"hosted tool": {"input": "x", "tools": []object{{"type": "web_search"}}},
			"no name":     {"input": "x", "tools": []object{{"type": "function"}}},
			"other tool":  {"input": "x", "tools": tools, "tool_choice": object{"type": "function", "name": "never"}},
		} {
			if g := w.do(respond("m", fields)); g.status != 400 {
				t.Errorf("%s: %d %s", name, g.status, g.body)
			}
		}
	})
}
