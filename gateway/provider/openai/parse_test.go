package openai_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/openai"
)

const hello = `"messages":[{"role":"user","content":"12345678"}]`

func TestParseChat(t *testing.T) {
	tests := map[string]struct {
		body string
		want provider.Inbound
	}{
		"least":               {`{"model":"smart",` + hello + `}`, provider.Inbound{Model: "smart", InputTokens: 2}},
		"escaped model":       {`{"model":"sm\u0061rt",` + hello + `}`, provider.Inbound{Model: "smart", InputTokens: 2}},
		"nulls":               {`{"model":"m","stream":null,"stream_options":null,"max_tokens":null,"n":null,"stop":null,` + hello + `}`, provider.Inbound{Model: "m", InputTokens: 2}},
		"stream":              {`{"model":"m","stream":true,` + hello + `}`, provider.Inbound{Model: "m", Stream: true, InputTokens: 2}},
		"usage":               {`{"model":"m","stream":true,"stream_options":{"include_usage":true},` + hello + `}`, provider.Inbound{Model: "m", Stream: true, IncludeUsage: true, InputTokens: 2}},
		"old cap":             {`{"model":"m","max_tokens":9,` + hello + `}`, provider.Inbound{Model: "m", MaxOutput: 9, InputTokens: 2}},
		"new cap wins":        {`{"model":"m","max_tokens":9,"max_completion_tokens":7.0,` + hello + `}`, provider.Inbound{Model: "m", MaxOutput: 7, InputTokens: 2}},
		"cap of each choice":  {`{"model":"m","n":3,"max_completion_tokens":7,` + hello + `}`, provider.Inbound{Model: "m", MaxOutput: 21, InputTokens: 2}},
		"image by a constant": {`{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"1234"},{"type":"image_url","image_url":{"url":"data:image/png;base64,` + strings.Repeat("A", 9000) + `"}}]}]}`, provider.Inbound{Model: "m", InputTokens: 1001}},
		"members of any name": {`{"model":"m","messages":[{"role":"assistant","name":"nobody","content":"","reasoning_content":"12345678"},{"role":"user","content":[{"type":"text","text":"","TEXT":"1234"}],"CONTENT":"1234"}]}`, provider.Inbound{Model: "m", InputTokens: 4}},
		"tools count":         {`{"model":"m","tools":[{"type":"function"}],` + hello + `}`, provider.Inbound{Model: "m", InputTokens: 8}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := parse(t, tt.body)
			tt.want.Dialect, tt.want.Body = provider.OpenAI, []byte(tt.body)
			got.Prompt = nil // see TestPrompt
			if diff := cmp.Diff(&tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseChatRefuses(t *testing.T) {
	deep := strings.Repeat("[", 70) + strings.Repeat("]", 70)
	tests := map[string]struct{ body, param, code string }{
		"nothing":            {``, "", ""},
		"no JSON":            {`{"model":"m"`, "", ""},
		"no object":          {`[]`, "", ""},
		"more behind":        {`{"model":"m",` + hello + `} x`, "", ""},
		"bad escape":         {`{"model":"\x",` + hello + `}`, "", ""},
		"bad UTF-8":          {"{\"model\":\"\xff\"," + hello + `}`, "", ""},
		"too deep":           {`{"model":"m","x":` + deep + `,` + hello + `}`, "", ""},
		"no model":           {`{` + hello + `}`, "model", "missing_required_parameter"},
		"empty model":        {`{"model":"",` + hello + `}`, "model", ""},
		"model null":         {`{"model":null,` + hello + `}`, "model", "invalid_type"},
		"model number":       {`{"model":4,` + hello + `}`, "model", "invalid_type"},
		"model twice":        {`{"model":"a","model":"b",` + hello + `}`, "model", ""},
		"model twice hidden": {`{"model":"a","mode\u006c":"b",` + hello + `}`, "model", ""},
		"unknown twice":      {`{"model":"a","x":1,"x":2,` + hello + `}`, "x", ""},
		"no messages":        {`{"model":"m"}`, "messages", "missing_required_parameter"},
		"messages empty":     {`{"model":"m","messages":[]}`, "messages", "empty_array"},
		"messages object":    {`{"model":"m","messages":{}}`, "messages", "invalid_type"},
		"messages null":      {`{"model":"m","messages":null}`, "messages", "invalid_type"},
		"message string":     {`{"model":"m","messages":["hi"]}`, "messages[0]", "invalid_type"},
		"no role":            {`{"model":"m","messages":[{"role":"user"},{"content":"x"}]}`, "messages[1].role", "missing_required_parameter"},
		"role number":        {`{"model":"m","messages":[{"role":1}]}`, "messages[0].role", "invalid_type"},
		"role twice":         {`{"model":"m","messages":[{"role":"user","role":"system"}]}`, "messages[0].role", ""},
		"content number":     {`{"model":"m","messages":[{"role":"user","content":1}]}`, "messages[0].content", "invalid_type"},
		"part string":        {`{"model":"m","messages":[{"role":"user","content":["x"]}]}`, "messages[0].content[0]", "invalid_type"},
		"tool_calls object":  {`{"model":"m","messages":[{"role":"assistant","tool_calls":{}}]}`, "messages[0].tool_calls", "invalid_type"},
		"too many messages":  {`{"model":"m","messages":[` + strings.Repeat(`{"role":"user"},`, 10_000) + `{"role":"user"}]}`, "messages", "array_above_max_length"},
		"stream string":      {`{"model":"m","stream":"true",` + hello + `}`, "stream", "invalid_type"},
		"options list":       {`{"model":"m","stream_options":[],` + hello + `}`, "stream_options", "invalid_type"},
		"usage number":       {`{"model":"m","stream_options":{"include_usage":1},` + hello + `}`, "stream_options.include_usage", "invalid_type"},
		"usage twice":        {`{"model":"m","stream_options":{"include_usage":true,"include_usage":false},` + hello + `}`, "stream_options.include_usage", ""},
		"cap string":         {`{"model":"m","max_tokens":"9",` + hello + `}`, "max_tokens", "invalid_type"},
		"cap zero":           {`{"model":"m","max_tokens":0,` + hello + `}`, "max_tokens", "integer_below_min_value"},
		"cap half":           {`{"model":"m","max_completion_tokens":1.5,` + hello + `}`, "max_completion_tokens", "invalid_type"},
		"cap endless":        {`{"model":"m","max_tokens":1e400,` + hello + `}`, "max_tokens", "invalid_type"},
		"n high":             {`{"model":"m","n":129,` + hello + `}`, "n", "integer_above_max_value"},
		"temperature string": {`{"model":"m","temperature":"hot",` + hello + `}`, "temperature", "invalid_type"},
		"stop number":        {`{"model":"m","stop":1,` + hello + `}`, "stop", "invalid_type"},
		"tools object":       {`{"model":"m","tools":{},` + hello + `}`, "tools", "invalid_type"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			in, err := openai.ParseChat([]byte(tt.body))
			if err == nil {
				t.Fatalf("accepted as %+v", in)
			}
			e := gateway.AsError(err)
			if e.Kind != gateway.Invalid || e.Param != tt.param || e.Code != tt.code || e.Public == "" {
				t.Errorf("got kind %q, param %q, code %q: %s", e.Kind, e.Param, e.Code, e.Public)
			}
		})
	}
}

// FuzzParseChat holds that what is accepted is one JSON object whose model the
// vendor's decoder sees as we do, and that the splice changes that model, asks for
// usage, and leaves all else to the byte.
func FuzzParseChat(f *testing.F) {
	f.Add([]byte(`{"model":"smart","stream":true,"stream_options":{"x":1},` + hello + `}`))
	f.Add([]byte(` {"mod\u0065l" : "a", "stream":true , "x":[1,{"y":null}],` + hello + ` } `))
	f.Add([]byte(`{"stream_options":null,"model":"m","stream":true,"n":2,"max_tokens":5,` + hello + `}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		in, err := openai.ParseChat(body)
		if err != nil {
			return
		}
		was := decode(t, body)
		if fmt.Sprint(was["model"]) != in.Model {
			t.Fatalf("model %q, a decoder sees %v", in.Model, was["model"])
		}
		out, err := openai.Vendor{}.Prepare(in, provider.Target{Model: "vendor"})
		if err != nil {
			t.Fatal(err)
		}
		is := decode(t, out.Body)
		if in.Stream {
			options, _ := is["stream_options"].(map[string]any)
			if options["include_usage"] != true {
				t.Errorf("usage is not asked for: %s", out.Body)
			}
			delete(options, "include_usage")
			old, _ := was["stream_options"].(map[string]any)
			delete(old, "include_usage")
			if len(options) == 0 && len(old) == 0 {
				delete(is, "stream_options")
				delete(was, "stream_options")
			}
		}
		if is["model"] != "vendor" {
			t.Errorf("model is %v", is["model"])
		}
		delete(is, "model")
		delete(was, "model")
		if diff := cmp.Diff(was, is); diff != "" {
			t.Errorf("more was changed (-was +is):\n%s", diff)
		}
	})
}

func decode(t *testing.T, body []byte) map[string]any {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	var m map[string]any
	if err := dec.Decode(&m); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	return m
}
