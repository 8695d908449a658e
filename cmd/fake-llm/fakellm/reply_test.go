package fakellm_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/cmd/fake-llm/fakellm"
)

func TestTokens(t *testing.T) {
	for text, want := range map[string]int64{"": 0, "a": 1, "abcd": 1, "abcde": 2, "🌍🌍": 2, "äöü": 2} {
		if got := fakellm.Tokens(text); got != want {
			t.Errorf("%q: %d tokens, want %d", text, got, want)
		}
	}
	if got := fakellm.Echo(strings.Repeat("ä", 5000)); len(got) != len("echo: ")+1024 {
		t.Errorf("a long echo has %d bytes", len(got))
	}
}

// limits sets the output cap and the stop sequence of a request.
func limits(v fakellm.Vendor, a ask, cap int, stop string) ask {
	fields := map[fakellm.Vendor]object{
		fakellm.OpenAI:    {"max_completion_tokens": cap, "stop": stop},
		fakellm.Anthropic: {"max_tokens": cap, "stop_sequences": []string{stop}},
		fakellm.Gemini:    {"generationConfig": object{"maxOutputTokens": cap, "stopSequences": []string{stop}}},
		fakellm.Cohere:    {"max_tokens": cap, "stop_sequences": []string{stop}},
	}
	return with(a, fields[v])
}

// finishOf is the finish reason of a whole body or a stream.
func finishOf(t *testing.T, v fakellm.Vendor, body string) (finish string) {
	t.Helper()
	paths := map[fakellm.Vendor][][]any{
		fakellm.OpenAI:    {{"choices", 0, "finish_reason"}},
		fakellm.Anthropic: {{"stop_reason"}, {"delta", "stop_reason"}},
		fakellm.Gemini:    {{"candidates", 0, "finishReason"}},
		fakellm.Cohere:    {{"finish_reason"}, {"delta", "finish_reason"}},
	}
	docs := events(body)
	if docs == nil {
		docs = []string{body}
	}
	for _, doc := range docs {
		for _, path := range paths[v] {
			if doc != "[DONE]" {
				if s, ok := dig(t, doc, path...).(string); ok {
					finish = s
				}
			}
		}
	}
	return finish
}

func TestLimits(t *testing.T) {
	tests := map[string]struct {
		cap    int
		stop   string
		tokens int64
		finish map[fakellm.Vendor]string
	}{
		"cap": {3, "none", 3, map[fakellm.Vendor]string{
			fakellm.OpenAI: "length", fakellm.Anthropic: "max_tokens", fakellm.Gemini: "MAX_TOKENS", fakellm.Cohere: "MAX_TOKENS",
		}},
		"cap that fits": {5, "none", 5, map[fakellm.Vendor]string{
			fakellm.OpenAI: "stop", fakellm.Anthropic: "end_turn", fakellm.Gemini: "STOP", fakellm.Cohere: "COMPLETE",
		}},
		"stop": {100, " world", 3, map[fakellm.Vendor]string{
			fakellm.OpenAI: "stop", fakellm.Anthropic: "stop_sequence", fakellm.Gemini: "STOP", fakellm.Cohere: "STOP_SEQUENCE",
		}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			everyVendor(t, func(t *testing.T, v fakellm.Vendor, stream bool) {
				inWorld(t, fakellm.Config{}, func(w *world) {
					g := w.do(limits(v, chat(v, "m", hello, stream), test.cap, test.stop))
					if got := finishOf(t, v, g.body); got != test.finish[v] {
						t.Errorf("finish %q, want %q\n%s", got, test.finish[v], g.body)
					}
					wantRecord(t, w, 200, fakellm.Complete, fakellm.Usage{Input: 3, Output: test.tokens})
				})
			})
		})
	}
}

func TestReasoningEatsTheCap(t *testing.T) {
	everyVendor(t, func(t *testing.T, v fakellm.Vendor, stream bool) {
		inWorld(t, fakellm.Config{}, func(w *world) {
			w.do(limits(v, chat(v, "m+reasoning=10", hello, stream), 4, "none"))
			wantRecord(t, w, 200, fakellm.Complete, fakellm.Usage{Input: 3, Output: 4, Reasoning: 4})
		})
	})
}

// TestStructuredOutput: the reply fits the schema that was asked for.
func TestStructuredOutput(t *testing.T) {
	schema := object{
		"type": "object",
		"properties": object{
			"s": object{"type": "string", "minLength": 3}, "n": object{"type": "number", "minimum": 2.5},
			"i": object{"type": "integer"}, "b": object{"type": "boolean"},
			"e": object{"enum": []string{"x", "y"}}, "u": object{"type": []string{"string", "null"}},
			"l": object{"type": "array", "items": object{"$ref": "#/$defs/leaf"}, "minItems": 2},
			"a": object{"anyOf": []object{{"type": "null"}, {"type": "string"}}},
		},
		"$defs": object{"leaf": object{"type": "object", "properties": object{"c": object{"const": 7}}}},
	}
	asks := map[fakellm.Vendor]object{
		fakellm.OpenAI:    {"response_format": object{"type": "json_schema", "json_schema": object{"name": "n", "schema": schema}}},
		fakellm.Anthropic: {"output_config": object{"format": object{"type": "json_schema", "schema": schema}}},
		fakellm.Gemini:    {"generationConfig": object{"responseMimeType": "application/json", "responseJsonSchema": schema}},
		fakellm.Cohere:    {"response_format": object{"type": "json_object", "json_schema": schema}},
	}
	want := map[string]any{
		"s": "xxx", "n": 2.5, "i": 1.0, "b": true, "e": "x", "u": "x", "a": nil,
		"l": []any{map[string]any{"c": 7.0}, map[string]any{"c": 7.0}},
	}
	for v, fields := range asks {
		inWorld(t, fakellm.Config{}, func(w *world) {
			text := streamText(t, v, w.do(with(chat(v, "m", hello, true), fields)).body)
			var got map[string]any
			if err := json.Unmarshal([]byte(text), &got); err != nil {
				t.Fatalf("%s: %q: %v", v, text, err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", v, diff)
			}
		})
	}
}

func TestJSONObjectAndRecursiveSchema(t *testing.T) {
	inWorld(t, fakellm.Config{}, func(w *world) {
		text := func(format object) string {
			g := w.do(with(chat(fakellm.OpenAI, "m", hello, true), object{"response_format": format}))
			return streamText(t, fakellm.OpenAI, g.body)
		}
		if got := text(object{"type": "json_object"}); got != `{"echo":"hello world"}` {
			t.Errorf("got %s", got)
		}
		tree := object{"$ref": "#/$defs/t", "$defs": object{"t": object{"properties": object{
			"l": object{"$ref": "#/$defs/t"}, "m": object{"$ref": "#/$defs/t"}, "r": object{"$ref": "#/$defs/t"},
		}}}}
		if got := text(object{"type": "json_schema", "json_schema": object{"schema": tree}}); !json.Valid([]byte(got)) {
			t.Errorf("not JSON: %.100s", got)
		}
	})
}

// afterTools is a conversation whose tool calls have been answered.
func afterTools(v fakellm.Vendor) ask {
	a := withTools(v, chat(v, "m", hello, true))
	switch v {
	case fakellm.Anthropic:
		return with(a, object{"messages": []object{
			{"role": "user", "content": "use tool"},
			{"role": "assistant", "content": []object{{"type": "tool_use", "id": "toolu_1", "name": "now", "input": object{}}}},
			{"role": "user", "content": []object{{"type": "tool_result", "tool_use_id": "toolu_1", "content": "noon"}}},
		}})
	case fakellm.Gemini:
		return with(a, object{"contents": []object{
			{"role": "user", "parts": []object{{"text": "use tool"}}},
			{"role": "model", "parts": []object{{"functionCall": object{"name": "now", "args": object{}}, "thoughtSignature": "skip_thought_signature_validator"}}},
			{"role": "user", "parts": []object{{"functionResponse": object{"name": "now", "response": object{"output": "noon"}}}}},
		}})
	default:
		return with(a, object{"messages": []object{
			{"role": "user", "content": "use tool"},
			{"role": "assistant", "tool_calls": []object{
				{"id": "call_1", "type": "function", "function": object{"name": "now", "arguments": "{}"}},
			}},
			{"role": "tool", "tool_call_id": "call_1", "content": "noon"},
		}})
	}
}

func TestToolResultsAreQuoted(t *testing.T) {
	for _, v := range vendors() {
		inWorld(t, fakellm.Config{}, func(w *world) {
			want := fakellm.QuoteResults("noon")
			if v == fakellm.Gemini {
				want = fakellm.QuoteResults(`{"output":"noon"}`)
			}
			if got := streamText(t, v, w.do(afterTools(v)).body); got != want {
				t.Errorf("%s: got %q, want %q", v, got, want)
			}
		})
	}
}

func TestToolChoice(t *testing.T) {
	type fields = map[fakellm.Vendor]object
	calling := func(mode string, names ...string) object {
		conf := object{"mode": mode}
		if names != nil {
			conf["allowedFunctionNames"] = names
		}
		return object{"toolConfig": object{"functionCallingConfig": conf}}
	}
	named := object{"type": "function", "function": object{"name": "now"}}
	tests := map[string]struct {
		text   string
		fields fields
		want   []string // names called
	}{
		"on demand": {"please use tool", fields{}, []string{"weather"}},
		"parallel":  {"please use tools", fields{}, []string{"weather", "now"}},
		"serial": {"please use tools", fields{
			fakellm.OpenAI:    {"parallel_tool_calls": false},
			fakellm.Anthropic: {"tool_choice": object{"type": "auto", "disable_parallel_tool_use": true}},
			fakellm.Gemini:    calling("ANY", "weather"),
		}, []string{"weather"}},
		"unasked": {"hello", fields{}, nil},
		"required": {"hello", fields{
			fakellm.OpenAI:    {"tool_choice": "required"},
			fakellm.Anthropic: {"tool_choice": object{"type": "any"}},
			fakellm.Gemini:    calling("ANY"),
			fakellm.Cohere:    {"tool_choice": "REQUIRED"},
		}, []string{"weather"}},
		"named": {"hello", fields{
			fakellm.OpenAI:    {"tool_choice": named},
			fakellm.Anthropic: {"tool_choice": object{"type": "tool", "name": "now"}},
			fakellm.Gemini:    calling("ANY", "now"),
			fakellm.Cohere:    {"tool_choice": "REQUIRED", "tools": []object{{"type": "function", "function": object{"name": "now", "parameters": object{"type": "object"}}}}},
		}, []string{"now"}},
		"none": {"use tools", fields{
			fakellm.OpenAI:    {"tool_choice": "none"},
			fakellm.Anthropic: {"tool_choice": object{"type": "none"}},
			fakellm.Gemini:    calling("NONE"),
			fakellm.Cohere:    {"tool_choice": "NONE"},
		}, nil},
	}
	for name, test := range tests {
		for _, v := range vendors() {
			if v == fakellm.Cohere && name == "serial" {
				continue // it cannot be told
			}
			t.Run(name+"/"+string(v), func(t *testing.T) {
				inWorld(t, fakellm.Config{}, func(w *world) {
					a := withTools(v, chat(v, "m", test.text, false))
					if f := test.fields[v]; f != nil {
						a = with(a, f)
					}
					g := w.do(a)
					if diff := cmp.Diff(test.want, called(t, v, g.body)); diff != "" {
						t.Errorf("calls (-want +got):\n%s\n%s", diff, g.body)
					}
				})
			})
		}
	}
}

// called are the names of the tools that a whole body calls.
func called(t *testing.T, v fakellm.Vendor, body string) (names []string) {
	t.Helper()
	lists := map[fakellm.Vendor][]any{
		fakellm.OpenAI:    {"choices", 0, "message", "tool_calls"},
		fakellm.Anthropic: {"content"},
		fakellm.Gemini:    {"candidates", 0, "content", "parts"},
		fakellm.Cohere:    {"message", "tool_calls"},
	}
	name := map[fakellm.Vendor][]any{
		fakellm.OpenAI: {"function", "name"}, fakellm.Anthropic: {"name"}, fakellm.Gemini: {"functionCall", "name"},
		fakellm.Cohere: {"function", "name"},
	}
	list, _ := dig(t, body, lists[v]...).([]any)
	for _, item := range list {
		if n, ok := dig(t, toJSON(item), name[v]...).(string); ok {
			names = append(names, n)
		}
	}
	return names
}

func TestChoices(t *testing.T) {
	for _, stream := range []bool{false, true} {
		inWorld(t, fakellm.Config{}, func(w *world) {
			g := w.do(with(chat(fakellm.OpenAI, "m+reasoning=2", hello, stream), object{"n": 3}))
			if strings.Count(g.body, `"finish_reason":"stop"`)+strings.Count(g.body, `"finish_reason": "stop"`) != 3 {
				t.Errorf("want 3 choices:\n%s", g.body)
			}
			wantRecord(t, w, 200, fakellm.Complete, fakellm.Usage{Input: 3, Output: 21, Reasoning: 6})
		})
	}
}

// TestPromptTokens: all text of the request counts.
func TestPromptTokens(t *testing.T) {
	image := "data:image/png;base64,AAAA"
	tests := map[fakellm.Vendor]object{
		fakellm.OpenAI: {"messages": []object{
			{"role": "system", "content": "12345678"}, {"role": "developer", "content": "1234"},
			{"role": "user", "content": []object{
				{"type": "text", "text": "1234"}, {"type": "image_url", "image_url": object{"url": image}},
			}},
			{"role": "assistant", "content": "1234"}, {"role": "user", "content": "12345"},
		}},
		fakellm.Anthropic: {
			"system": []object{{"type": "text", "text": "123456789012"}},
			"messages": []object{
				{"role": "user", "content": []object{{"type": "text", "text": "1234"}, {"type": "image", "source": object{}}}},
				{"role": "assistant", "content": "1234"}, {"role": "user", "content": "12345"},
			},
		},
		fakellm.Gemini: {
			"systemInstruction": object{"parts": []object{{"text": "123456789012"}}},
			"contents": []object{
				{"role": "user", "parts": []object{{"text": "1234"}, {"inlineData": object{"mimeType": "image/png", "data": "AAAA"}}}},
				{"role": "model", "parts": []object{{"text": "1234"}}},
				{"role": "user", "parts": []object{{"text": "12345"}}},
			},
		},
	}
	tests[fakellm.Cohere] = object{"messages": []object{
		{"role": "system", "content": "123456789012"},
		{"role": "user", "content": []object{{"type": "text", "text": "1234"}, {"type": "image_url", "image_url": object{"url": image}}}},
		{"role": "assistant", "content": "1234"}, {"role": "user", "content": "12345"},
	}}
	for v, fields := range tests {
		inWorld(t, fakellm.Config{}, func(w *world) {
			w.do(with(chat(v, "m", "", false), fields))
			want := fakellm.Usage{Input: 7 + fakellm.ImageTokens, Output: fakellm.Tokens(fakellm.Echo("12345"))}
			wantRecord(t, w, 200, fakellm.Complete, want)
		})
	}
}
