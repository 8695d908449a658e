package fakellm_test

import (
	"strings"
	"testing"

	"github.com/llm-hub/llm-hub/cmd/fake-llm/fakellm"
)

// TestBadRequests: what the vendors refuse, the fake refuses, so that a translation that gets it
// wrong is noticed.
func TestBadRequests(t *testing.T) {
	open := []object{{"role": "assistant", "tool_calls": []object{{"id": "c", "function": object{"name": "f"}}}}}
	use := object{"type": "tool_use", "id": "t-1", "name": "f", "input": object{}}
	result := object{"type": "tool_result", "tool_use_id": "t-1", "content": "x"}
	call := object{"functionCall": object{"name": "f"}}
	declare := func(schema object) object {
		return object{"tools": []object{{"functionDeclarations": []object{{"name": "f", "parameters": schema}}}}}
	}
	tests := map[string]struct {
		vendor fakellm.Vendor
		fields object
		want   string
	}{
		"openai no messages":      {fakellm.OpenAI, object{"messages": nil}, "Missing required parameter: 'messages'"},
		"openai no model":         {fakellm.OpenAI, object{"model": ""}, "model parameter"},
		"openai role":             {fakellm.OpenAI, object{"messages": []object{{"role": "robot", "content": ""}}}, "Invalid value: 'robot'"},
		"openai content":          {fakellm.OpenAI, object{"messages": []object{{"role": "user", "content": 3}}}, "messages[0].content"},
		"openai both caps":        {fakellm.OpenAI, object{"max_tokens": 1, "max_completion_tokens": 1}, "at the same time"},
		"openai cap":              {fakellm.OpenAI, object{"max_tokens": 0}, "below minimum"},
		"openai n":                {fakellm.OpenAI, object{"n": 0}, "Invalid 'n'"},
		"openai stop":             {fakellm.OpenAI, object{"stop": []string{"1", "2", "3", "4", "5"}}, "Invalid 'stop'"},
		"openai options":          {fakellm.OpenAI, object{"stream_options": object{"include_usage": true}}, "only allowed when 'stream'"},
		"openai choice":           {fakellm.OpenAI, object{"tool_choice": "auto"}, "only allowed when 'tools'"},
		"openai unanswered call":  {fakellm.OpenAI, object{"messages": open}, "must be followed by tool messages"},
		"openai stray result":     {fakellm.OpenAI, object{"messages": []object{{"role": "tool", "tool_call_id": "x", "content": ""}}}, "must be a response"},
		"openai long id":          {fakellm.OpenAI, object{"messages": []object{{"role": "assistant", "tool_calls": []object{{"id": strings.Repeat("x", 41)}}}}}, "string too long"},
		"anthropic no messages":   {fakellm.Anthropic, object{"messages": nil}, "at least one message"},
		"anthropic no cap":        {fakellm.Anthropic, object{"max_tokens": nil}, "max_tokens: Field required"},
		"anthropic cap":           {fakellm.Anthropic, object{"max_tokens": 0}, "greater than or equal to 1"},
		"anthropic role":          {fakellm.Anthropic, object{"messages": []object{{"role": "robot", "content": ""}}}, "messages.0.role"},
		"anthropic temperature":   {fakellm.Anthropic, object{"temperature": 1.5}, "range: 0..1"},
		"anthropic schema":        {fakellm.Anthropic, object{"tools": []object{{"name": "f"}}}, "input_schema.type: Field required"},
		"anthropic choice":        {fakellm.Anthropic, object{"tool_choice": object{"type": "any"}}, "while providing tools"},
		"anthropic budget":        {fakellm.Anthropic, object{"thinking": object{"type": "enabled", "budget_tokens": 5}}, "budget_tokens"},
		"anthropic small cap":     {fakellm.Anthropic, object{"max_tokens": 1024, "thinking": object{"type": "enabled", "budget_tokens": 1024}}, "must be greater than"},
		"anthropic open call":     {fakellm.Anthropic, object{"messages": []object{{"role": "assistant", "content": []object{use}}}}, "without `tool_result`"},
		"anthropic stray result":  {fakellm.Anthropic, object{"messages": []object{{"role": "user", "content": []object{result}}}}, "unexpected `tool_use_id`"},
		"anthropic id":            {fakellm.Anthropic, object{"messages": []object{{"role": "assistant", "content": []object{{"type": "tool_use", "id": "a.b", "input": object{}}}}}}, "should match pattern"},
		"anthropic input":         {fakellm.Anthropic, object{"messages": []object{{"role": "assistant", "content": []object{{"type": "tool_use", "id": "a", "input": "{}"}}}}}, "valid dictionary"},
		"gemini no contents":      {fakellm.Gemini, object{"contents": nil}, "contents is not specified"},
		"gemini role":             {fakellm.Gemini, object{"contents": []object{{"role": "assistant", "parts": []object{{"text": "x"}}}}}, "valid role"},
		"gemini empty part":       {fakellm.Gemini, object{"contents": []object{{"parts": []object{{}}}}}, "required oneof field"},
		"gemini open call":        {fakellm.Gemini, object{"contents": []object{{"role": "model", "parts": []object{call}}}}, "immediately before"},
		"gemini missing response": {fakellm.Gemini, object{"contents": []object{{"role": "model", "parts": []object{call, call}}, {"role": "user", "parts": []object{{"functionResponse": object{"name": "f"}}}}}}, "number of function response parts"},
		"gemini nameless":         {fakellm.Gemini, object{"contents": []object{{"parts": []object{{"functionResponse": object{}}}}}}, "Name cannot be empty"},
		"gemini candidates":       {fakellm.Gemini, object{"generationConfig": object{"candidateCount": 2}}, "Multiple candidates"},
		"gemini schema mime":      {fakellm.Gemini, object{"generationConfig": object{"responseSchema": object{}}}, "application/json"},
		"gemini keyword":          {fakellm.Gemini, declare(object{"type": "OBJECT", "additionalProperties": false}), `Unknown name "additionalProperties"`},
		"gemini nested keyword":   {fakellm.Gemini, declare(object{"properties": object{"a": object{"items": object{"anyOf": []object{{"const": 1}}}}}}), "properties[a].items.any_of[0]"},
		"gemini type list":        {fakellm.Gemini, declare(object{"type": []string{"a", "b"}}), "not repeating"},
		"gemini mode":             {fakellm.Gemini, object{"toolConfig": object{"functionCallingConfig": object{"mode": "SOME"}}}, "mode"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			inWorld(t, fakellm.Config{}, func(w *world) {
				g := w.do(with(chat(test.vendor, "m", "hi", false), test.fields))
				message, _ := dig(t, g.body, "error", "message").(string)
				if g.status != 400 || !strings.Contains(message, test.want) {
					t.Errorf("got %d %q, want 400 with %q", g.status, message, test.want)
				}
				wantRecord(t, w, 400, fakellm.Errored, fakellm.Usage{})
			})
		})
	}
}

func TestVersionsOfTheVendors(t *testing.T) {
	inWorld(t, fakellm.Config{}, func(w *world) {
		strict := with(chat(fakellm.Anthropic, "m", "hi", false), object{"temperature": 1})
		strict.header["Anthropic-Version"] = "2026-10-21"
		if g := w.do(strict); !strings.Contains(g.body, "temperature: Extra inputs are not permitted") {
			t.Errorf("got %d %s", g.status, g.body)
		}
		none := chat(fakellm.Anthropic, "m", "hi", false)
		delete(none.header, "Anthropic-Version")
		if g := w.do(none); g.status != 400 || !strings.Contains(g.body, "anthropic-version: header is required") {
			t.Errorf("got %d %s", g.status, g.body)
		}
		unsigned := chat(fakellm.Gemini, "gemini-3-pro", "hi", false)
		unsigned.body = toJSON(object{"contents": []object{{"role": "model", "parts": []object{{"functionCall": object{"name": "f"}}}}}})
		if g := w.do(unsigned); g.status != 400 || !strings.Contains(g.body, "thought_signature") {
			t.Errorf("got %d %s", g.status, g.body)
		}
	})
}

func TestKeys(t *testing.T) {
	type header = map[string]string
	anthropic := func(h header) header { h["Anthropic-Version"] = "2023-06-01"; return h }
	tests := []struct {
		vendor fakellm.Vendor
		header header
		status int
	}{
		{fakellm.OpenAI, header{"Authorization": "Bearer sk-any"}, 200},
		{fakellm.OpenAI, header{"Authorization": "Basic sk-any"}, 401},
		{fakellm.OpenAI, header{"Authorization": "Bearer bad-1"}, 401},
		{fakellm.OpenAI, header{"X-Api-Key": "sk-any"}, 401},
		{fakellm.OpenAI, header{}, 401},
		{fakellm.Anthropic, anthropic(header{"X-Api-Key": "k"}), 200},
		{fakellm.Anthropic, anthropic(header{"Authorization": "Bearer k"}), 200},
		{fakellm.Anthropic, anthropic(header{"X-Api-Key": "bad", "Authorization": "Bearer k"}), 401},
		{fakellm.Anthropic, anthropic(header{}), 401},
		{fakellm.Gemini, header{"X-Goog-Api-Key": "k"}, 200},
		{fakellm.Gemini, header{"X-Goog-Api-Key": "bad"}, 400},
		{fakellm.Gemini, header{"Authorization": "Bearer k"}, 403},
	}
	inWorld(t, fakellm.Config{}, func(w *world) {
		for _, test := range tests {
			a := chat(test.vendor, "m", "hi", false)
			a.header = test.header
			if g := w.do(a); g.status != test.status {
				t.Errorf("%s %v: got %d, want %d\n%s", test.vendor, test.header, g.status, test.status, g.body)
			}
		}
		a := chat(fakellm.Gemini, "m", "hi", true)
		a.header, a.path = nil, a.path+"&key=in-query"
		if g := w.do(a); g.status != 200 || w.record().Key != "in-query" {
			t.Errorf("key in the query: got %d, key %q", g.status, w.record().Key)
		}
	})
}

func TestRoutes(t *testing.T) {
	openai, anthropic, gemini := chat(fakellm.OpenAI, "m", "hi", false), chat(fakellm.Anthropic, "m", "hi", false), chat(fakellm.Gemini, "m", "hi", false)
	tests := []struct {
		method, path string
		like         ask
		status       int
		want         string
	}{
		{"POST", "/openai/v1/chat/completions", openai, 200, "chat.completion"},
		{"POST", "/anthropic/v1/messages", anthropic, 200, `"type":"message"`},
		{"POST", "/gemini/v1beta/models/m:generateContent", gemini, 200, "modelVersion"},
		{"POST", "/v1/models/publisher%2Fm%2B503:generateContent", gemini, 503, "UNAVAILABLE"},
		{"POST", "/gemini/v1/chat/completions", gemini, 404, "NOT_FOUND"},
		{"POST", "/v1beta/models/m:embedContent", gemini, 400, `Unknown name \"contents\"`},
		{"POST", "/v1beta/models/m:countTokens", gemini, 200, `"totalTokens": 1`},
		{"POST", "/v1beta/models/m:sing", gemini, 404, "NOT_FOUND"},
		{"POST", "/v1beta/models/m", gemini, 404, "NOT_FOUND"},
		{"GET", "/v1/messages", anthropic, 404, "not_found_error"},
		{"POST", "/v1/embeddings", openai, 400, "'$.input' is invalid"},
		{"POST", "/v1/completions", openai, 400, "Missing required parameter: 'prompt'"},
		{"POST", "/v1/messages/count_tokens", anthropic, 400, "max_tokens: Extra inputs are not permitted"},
		{"POST", "/anthropic/v1/embeddings", anthropic, 404, "not_found_error"},
		{"POST", "/v1/songs", openai, 404, "Invalid URL (POST /v1/songs)"},
		{"GET", "/v1/models", openai, 200, `"object": "list"`},
		{"GET", "/v1/models/gpt-any", openai, 200, `"id": "gpt-any"`},
		{"GET", "/v1/models", anthropic, 200, `"has_more":false`},
		{"GET", "/anthropic/v1/models/claude-any", anthropic, 200, `"id":"claude-any"`},
		{"GET", "/v1beta/models", gemini, 200, `"name": "models/gemini-fake"`},
		{"GET", "/gemini/v1/models/g", gemini, 200, `"name": "models/g"`},
	}
	inWorld(t, fakellm.Config{}, func(w *world) {
		for _, test := range tests {
			g := w.do(ask{method: test.method, path: test.path, body: test.like.body, header: test.like.header})
			if g.status != test.status || !strings.Contains(g.body, test.want) {
				t.Errorf("%s %s: got %d %s", test.method, test.path, g.status, g.body)
			}
		}
		if g := w.do(ask{method: "GET", path: "/v1/models"}); g.status != 401 {
			t.Errorf("models without a key: got %d", g.status)
		}
	})
}
