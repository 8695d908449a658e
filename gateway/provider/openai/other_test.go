package openai_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/chat"
	"github.com/llm-hub/llm-hub/gateway/provider/openai"
)

// known is what a parser must have found out.
type known struct {
	Model               string
	Stream, Usage       bool
	MaxOutput           int64
	InputTokens         int64
	Messages, TextBytes int64 // of the prompt
	Media               int64 // likewise
	Text                string
}

func knownOf(in *provider.Inbound) known {
	p := in.Prompt(in, 1<<10)
	return known{
		in.Model, in.Stream, in.IncludeUsage, in.MaxOutput, in.InputTokens, p.Messages, p.Bytes, p.Media, string(p.Text),
	}
}

func TestParseEmbeddings(t *testing.T) {
	tests := map[string]struct {
		body string
		want known
	}{
		"text":        {`{"model":"m","input":"12345678"}`, known{Model: "m", InputTokens: 2, TextBytes: 8, Text: "12345678"}},
		"texts":       {`{"input":["1234","5\u0036"],"model":"m","x_new":[1]}`, known{Model: "m", InputTokens: 2, TextBytes: 6, Text: "123456"}},
		"tokens":      {`{"model":"m","input":[1,2,3],"encoding_format":"base64","dimensions":8,"user":"u"}`, known{Model: "m", InputTokens: 3, Media: 3}},
		"token lists": {`{"model":"m","input":[[1,2],[3]],"encoding_format":"float"}`, known{Model: "m", InputTokens: 3, Media: 3}},
		"nulls":       {`{"model":"m","input":["a"],"encoding_format":null,"dimensions":null,"user":null}`, known{Model: "m", InputTokens: 1, TextBytes: 1, Text: "a"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			in, err := openai.ParseEmbeddings([]byte(tt.body))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, knownOf(in)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseCompletion(t *testing.T) {
	tests := map[string]struct {
		body string
		want known
	}{
		"text":        {`{"model":"m","prompt":"12345678","suffix":"1234"}`, known{Model: "m", InputTokens: 3, TextBytes: 12, Text: "123456781234"}},
		"empty":       {`{"model":"m","prompt":""}`, known{Model: "m"}},
		"cap":         {`{"model":"m","prompt":"a","max_tokens":5,"n":3}`, known{Model: "m", MaxOutput: 15, InputTokens: 1, TextBytes: 1, Text: "a"}},
		"best of":     {`{"model":"m","prompt":["a","b"],"max_tokens":5,"n":3,"best_of":4}`, known{Model: "m", MaxOutput: 40, InputTokens: 1, TextBytes: 2, Text: "ab"}},
		"token lists": {`{"model":"m","prompt":[[1,2],[3]],"max_tokens":5}`, known{Model: "m", MaxOutput: 10, InputTokens: 3, Media: 3}},
		"stream":      {`{"model":"m","prompt":"a","stream":true,"stream_options":{"include_usage":true}}`, known{Model: "m", Stream: true, Usage: true, InputTokens: 1, TextBytes: 1, Text: "a"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			in, err := openai.ParseCompletion([]byte(tt.body))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, knownOf(in)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseOthersRefuse(t *testing.T) {
	type parser = func([]byte) (*provider.Inbound, error)
	embeddings, completion := openai.ParseEmbeddings, openai.ParseCompletion
	tests := map[string]struct {
		parse       parser
		body, param string
	}{
		"no model":            {embeddings, `{"input":"a"}`, "model"},
		"no input":            {embeddings, `{"model":"m"}`, "input"},
		"input null":          {embeddings, `{"model":"m","input":null}`, "input"},
		"input empty":         {embeddings, `{"model":"m","input":""}`, "input"},
		"input an empty list": {embeddings, `{"model":"m","input":[]}`, "input"},
		"input twice":         {embeddings, `{"model":"m","input":"a","input":"b"}`, "input"},
		"mixed":               {embeddings, `{"model":"m","input":["a",1]}`, "input[1]"},
		"element of a list":   {embeddings, `{"model":"m","input":[{}]}`, "input[0]"},
		"no tokens":           {embeddings, `{"model":"m","input":[[1],[]]}`, "input[1]"},
		"text for a token":    {embeddings, `{"model":"m","input":[[1,"a"]]}`, "input[0][1]"},
		"format":              {embeddings, `{"model":"m","input":"a","encoding_format":"int8"}`, "encoding_format"},
		"format's type":       {embeddings, `{"model":"m","input":"a","encoding_format":1}`, "encoding_format"},
		"dimensions":          {embeddings, `{"model":"m","input":"a","dimensions":0}`, "dimensions"},
		"user":                {embeddings, `{"model":"m","input":"a","user":1}`, "user"},
		"no JSON":             {embeddings, `{"model":"m","input":"a"`, ""},
		"bad UTF-8":           {embeddings, "{\"model\":\"m\",\"input\":\"\xff\"}", ""},
		"no prompt":           {completion, `{"model":"m"}`, "prompt"},
		"prompt":              {completion, `{"model":"m","prompt":{}}`, "prompt"},
		"too many prompts":    {completion, `{"model":"m","prompt":[` + strings.Repeat(`"a",`, 10_000) + `"a"]}`, "prompt"},
		"best_of":             {completion, `{"model":"m","prompt":"a","best_of":129}`, "best_of"},
		"n":                   {completion, `{"model":"m","prompt":"a","n":129}`, "n"},
		"stream":              {completion, `{"model":"m","prompt":"a","stream":1}`, "stream"},
		"options":             {completion, `{"model":"m","prompt":"a","stream_options":[]}`, "stream_options"},
		"suffix":              {completion, `{"model":"m","prompt":"a","suffix":[]}`, "suffix"},
		"echo":                {completion, `{"model":"m","prompt":"a","echo":"yes"}`, "echo"},
		"stop":                {completion, `{"model":"m","prompt":"a","stop":1}`, "stop"},
		"logprobs":            {completion, `{"model":"m","prompt":"a","logprobs":true}`, "logprobs"},
		"logit_bias":          {completion, `{"model":"m","prompt":"a","logit_bias":[]}`, "logit_bias"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := tt.parse([]byte(tt.body))
			if err == nil {
				t.Fatal("taken")
			}
			if e := gateway.AsError(err); e.Kind != gateway.Invalid || e.Param != tt.param {
				t.Errorf("%v names %q, want %q", err, e.Param, tt.param)
			}
		})
	}
}

// TestCapUnderItsOldName holds that a vendor which knows max_tokens only is told the
// cap that the limits have seen.
func TestCapUnderItsOldName(t *testing.T) {
	old := openai.New(nil, openai.Traits{Lacks: []string{"max_completion_tokens"}})
	tests := map[string]struct{ in, want string }{
		"renamed": {
			`{"model":"smart", "max_completion_tokens" : 7,` + hello + `}`,
			`{"model":"m\"2", "max_tokens" : 7,` + hello + `}`,
		},
		"both": {
			`{"max_completion_tokens":7,"model":"smart","max_tokens":9,` + hello + `}`,
			`{"max_completion_tokens":7,"model":"m\"2","max_tokens":7,` + hello + `}`,
		},
		"old":     {`{"model":"smart","max_tokens":9,` + hello + `}`, `{"model":"m\"2","max_tokens":9,` + hello + `}`},
		"escaped": {`{"model":"smart","max_completion_\u0074okens":7,` + hello + `}`, `{"model":"m\"2","max_completion_\u0074okens":7,` + hello + `}`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, string(prepare(t, old, parse(t, tt.in)).Body)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestForeignHistory holds that what was made for other vendors does not go to this
// one, and that all else does to the byte.
func TestForeignHistory(t *testing.T) {
	tests := map[string]struct{ in, want string }{
		"thoughts": {
			`{ "reasoning_content":"Hm.","reasoning_details":[{"type":"reasoning.text","text":"Hm.","signature":"anthropic:s"}], "role":"assistant","x_new": 1.50}`,
			`{"role":"assistant","x_new":1.50}`,
		},
		"redacted": {`{"role":"assistant","content" : "a","reasoning_details":[{"data":"anthropic:s"}]}`, `{"role":"assistant","content":"a"}`},
		"call": {
			`{"role":"assistant","reasoning_content":"Hm.","tool_calls":[{"id":"a","extra_content":{"google":{"thought_signature":"gemini:s"}},"type":"function"}, {"id" : "b"}]}`,
			`{"role":"assistant","tool_calls":[{"id":"a","type":"function"}, {"id" : "b"}]}`,
		},
		"the client's own": {
			`{"role":"assistant", "reasoning_content":"Hm.","reasoning_details":[{"signature":"s"},{"data":"d"}],"tool_calls":[{"extra_content":{"google":{"thought_signature":"s"}}}]}`, "",
		},
		"of no kind": {`{"role":"assistant", "reasoning_details":"anthropic:s","tool_calls":[{"extra_content":"gemini:s"}]}`, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			const other = `{ "role":"user","content":"\u00e9" }`
			if tt.want == "" {
				tt.want = tt.in
			}
			out := prepare(t, openai.Vendor{}, parse(t, `{"model":"smart","messages":[`+other+` , `+tt.in+`],"n":1}`))
			want := `{"model":"m\"2","messages":[` + other + ` , ` + tt.want + `],"n":1}`
			if diff := cmp.Diff(want, string(out.Body)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestDecodeRefuses(t *testing.T) {
	said := func(members string) string { return `{"model":"m",` + hello + `,` + members + `}` }
	tests := map[string]struct{ body, param string }{
		"effort":           {said(`"reasoning_effort":"extreme"`), "reasoning_effort"},
		"reasoning effort": {said(`"reasoning":{"effort":"extreme"}`), "reasoning.effort"},
		"reasoning":        {said(`"reasoning":true`), "reasoning"},
		"metadata":         {said(`"metadata":{"a":1}`), "metadata"},
		"top_k":            {said(`"top_k":1.5`), "top_k"},
		"top_logprobs":     {said(`"top_logprobs":0.5`), "top_logprobs"},
		"tool cache":       {said(`"tools":[{"type":"function","function":{"name":"f"},"cache_control":{"ttl":"1y"}}]`), "tools[0].cache_control.ttl"},
		"part cache":       {`{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"a","cache_control":{"ttl":"1y"}}]}]}`, "messages[0].content[0].cache_control.ttl"},
		"message cache":    {`{"model":"m","messages":[{"role":"user","content":"a","cache_control":{"ttl":"1y"}}]}`, "messages[0].cache_control.ttl"},
		"modalities":       {said(`"modalities":["audio"]`), "modalities"},
		"functions":        {said(`"functions":[]`), "functions"},
		"allowed mode":     {said(`"tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":"none","tools":[]}}`), "tool_choice.allowed_tools.mode"},
		"allowed nothing":  {said(`"tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":"auto","tools":[]}}`), "tool_choice.allowed_tools.tools"},
		"allowed nameless": {said(`"tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":"auto","tools":[{"type":"function"}]}}`), "tool_choice.allowed_tools.tools"},
		"allowed unknown":  {said(`"tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":"auto","tools":[{"type":"function","function":{"name":"f"}}]}}`), "tool_choice"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := openai.Client{}.Decode(parse(t, tt.body))
			if err == nil {
				t.Fatal("taken")
			}
			if e := gateway.AsError(err); e.Kind != gateway.Invalid || e.Param != tt.param {
				t.Errorf("%v names %q, want %q", err, e.Param, tt.param)
			}
		})
	}
}

func TestDecodeThoughts(t *testing.T) {
	thought := func(text, signature, data string) chat.Part {
		return chat.Part{Kind: chat.ThinkingPart, Text: text, Signature: signature, Data: data}
	}
	tests := map[string]struct {
		message string
		want    []chat.Part
	}{
		"plain":          {`"reasoning_content":"Hm."`, []chat.Part{thought("Hm.", "", "")}},
		"plain too":      {`"reasoning":"Hm."`, []chat.Part{thought("Hm.", "", "")}},
		"details first":  {`"reasoning":"x","reasoning_details":[{"type":"reasoning.text","text":"Hm.","signature":"s"}]`, []chat.Part{thought("Hm.", "s", "")}},
		"signature only": {`"reasoning_details":[{"type":"reasoning.text","signature":"s"},{"type":"reasoning.text","signature":"t"}]`, []chat.Part{thought("", "s", ""), thought("", "t", "")}},
		"summary":        {`"reasoning_details":[{"type":"reasoning.summary","summary":"Hm."}]`, []chat.Part{thought("Hm.", "", "")}},
		"pieces":         {`"reasoning_details":[{"text":"H","index":0},{"text":"m","index":0},{"text":"!","index":1},{"signature":"s","index":1},{"data":"d","index":2},{"text":"?","index":3}]`, []chat.Part{thought("Hm", "", ""), thought("!", "s", ""), thought("", "", "d"), thought("?", "", "")}},
		"nothing":        {`"reasoning_details":[{},{"type":"reasoning.text"}],"reasoning_content":""`, nil},
		"of no kind":     {`"reasoning_details":{"a":1},"reasoning_content":"Hm."`, []chat.Part{thought("Hm.", "", "")}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			req, err := openai.Client{}.Decode(parse(t, `{"model":"m","messages":[{"role":"assistant",`+tt.message+`}]}`))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, req.Messages[0].Parts); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// FuzzParseOthers holds that what the parsers take goes on with the model replaced,
// and that its prompt is what was counted.
func FuzzParseOthers(f *testing.F) {
	f.Add([]byte(`{"model":"m","input":["a","\u00e9"],"dimensions":3,"prompt":[[1,2],[3]],"stream":true,"stream_options":{}}`))
	f.Add([]byte(`{"prompt":"a","input":[1,2],"model":"m","max_tokens":3,"best_of":2,"max_completion_tokens":1}`))
	vendor := openai.New(nil, openai.Traits{Lacks: []string{"stream_options", "max_completion_tokens"}})
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, parse := range []func([]byte) (*provider.Inbound, error){openai.ParseEmbeddings, openai.ParseCompletion} {
			in, err := parse(body)
			if err != nil {
				continue
			}
			for _, v := range []openai.Vendor{{}, vendor} {
				out, err := v.PrepareCompletion(in, provider.Target{Model: "other"})
				if err != nil || !json.Valid(out.Body) || !bytes.Contains(out.Body, []byte(`"other"`)) {
					t.Fatalf("%v: %q became %q", err, body, out.Body)
				}
			}
			p := in.Prompt(in, 1<<20)
			if provider.EstimateTokens(p.Bytes)+p.Media != in.InputTokens || in.MaxOutput < 0 {
				t.Errorf("prompt %+v of %d tokens, at most %d of answer", p, in.InputTokens, in.MaxOutput)
			}
		}
	})
}

// FuzzTranslate holds that what the client decodes the wire can write, and that the
// same goes in again.
func FuzzTranslate(f *testing.F) {
	f.Add([]byte(`{"model":"m","messages":[{"role":"assistant","reasoning_details":[{"text":"a","index":0}],"tool_calls":[{"id":"c","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"c","content":[{"type":"text","text":"x"}]}]}`))
	f.Add([]byte(`{"model":"m",` + hello + `,"tools":[{"type":"function","function":{"name":"f"}}],"tool_choice":"auto","response_format":{"type":"json_schema","json_schema":{"name":"\u00e9","schema":{}}},"stop":["a"],"n":2}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		in, err := openai.ParseChat(body)
		if err != nil {
			return
		}
		for _, traits := range []openai.Traits{{}, strict, lenient} {
			out, err := translator(traits)().Prepare(in, provider.Target{Model: "other"})
			if err != nil {
				if e := gateway.AsError(err); e.Kind != gateway.Invalid {
					t.Fatalf("%v", err)
				}
				continue
			}
			again, err := openai.ParseChat(out.Body)
			if err != nil {
				t.Fatalf("%q became %q: %v", body, out.Body, err)
			}
			if again.Model != "other" || again.Stream != in.Stream {
				t.Errorf("%q became %q", body, out.Body)
			}
		}
	})
}
