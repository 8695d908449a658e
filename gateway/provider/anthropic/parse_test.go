package anthropic_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/anthropic"
)

func TestParseMessages(t *testing.T) {
	blocks := func(blocks string) string {
		return `{"model":"m","max_tokens":9,"messages":[{"role":"user","content":[` + blocks + `]}]}`
	}
	long := strings.Repeat("A", 9000)
	tests := map[string]struct {
		body string
		want provider.Inbound
	}{
		"least":         {`{"model":"smart",` + hello + `}`, provider.Inbound{Model: "smart", InputTokens: 2}},
		"escaped model": {`{"model":"sm\u0061rt",` + hello + `}`, provider.Inbound{Model: "smart", InputTokens: 2}},
		"stream":        {`{"model":"m","stream":true,` + hello + `}`, provider.Inbound{Model: "m", Stream: true, InputTokens: 2}},
		"nulls":         {`{"model":"m","stream":null,"system":null,"tools":null,"thinking":null,"top_k":null,` + hello + `}`, provider.Inbound{Model: "m", InputTokens: 2}},
		"system":        {`{"model":"m","system":"1234",` + hello + `}`, provider.Inbound{Model: "m", InputTokens: 3}},
		"system blocks": {`{"model":"m","system":[{"type":"text","text":"1234","cache_control":{"type":"ephemeral"}}],` + hello + `}`, provider.Inbound{Model: "m", InputTokens: 3}},
		"tools":         {`{"model":"m","tools":[{"name":"f","x":1}],` + hello + `}`, provider.Inbound{Model: "m", InputTokens: 7}},
		"image":         {blocks(`{"type":"text","text":"1234"},{"type":"image","source":{"type":"base64","data":"` + long + `"}}`), provider.Inbound{Model: "m", InputTokens: 1001}},
		"document":      {blocks(`{"type":"document","title":"1234","source":{"data":"` + long + `","type":"base64"}}`), provider.Inbound{Model: "m", InputTokens: 1001}},
		"plain text":    {blocks(`{"type":"document","source":{"data":"12345678","type":"text"}}`), provider.Inbound{Model: "m", InputTokens: 2}},
		"text in parts": {blocks(`{"type":"document","source":{"type":"content","content":[{"type":"text","text":"1234"},{"type":"image","source":{"type":"url"}}]}}`), provider.Inbound{Model: "m", InputTokens: 1001}},
		"calls":         {blocks(`{"type":"tool_use","id":"` + long + `","name":"1234","input":{"a":12}}`), provider.Inbound{Model: "m", InputTokens: 3}},
		"results":       {blocks(`{"type":"tool_result","tool_use_id":"x","content":"1234"},{"type":"tool_result","content":[{"type":"text","text":"1234"}]},{"type":"tool_result","content":7}`), provider.Inbound{Model: "m", InputTokens: 2}},
		"thoughts":      {blocks(`{"type":"thinking","thinking":"1234","signature":"` + long + `"},{"type":"redacted_thinking","data":"` + long + `"}`), provider.Inbound{Model: "m", InputTokens: 1}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := anthropic.ParseMessages([]byte(tt.body))
			if err != nil {
				t.Fatal(err)
			}
			tt.want.Dialect, tt.want.Body, tt.want.MaxOutput = provider.Anthropic, []byte(tt.body), 9
			got.Prompt = nil // see TestPrompt
			if diff := cmp.Diff(&tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseMessagesRefuses(t *testing.T) {
	deep := strings.Repeat("[", 70) + strings.Repeat("]", 70)
	messages := func(list string) string { return `{"model":"m","max_tokens":9,"messages":` + list + `}` }
	tests := map[string]struct{ body, param string }{
		"nothing":           {``, ""},
		"no JSON":           {`{"model":"m"`, ""},
		"no object":         {`[]`, ""},
		"more behind":       {`{"model":"m",` + hello + `} x`, ""},
		"bad UTF-8":         {"{\"model\":\"\xff\"," + hello + `}`, ""},
		"too deep":          {`{"model":"m","x":` + deep + `,` + hello + `}`, ""},
		"no model":          {`{` + hello + `}`, "model"},
		"empty model":       {`{"model":"",` + hello + `}`, "model"},
		"model null":        {`{"model":null,` + hello + `}`, "model"},
		"model twice":       {`{"model":"a","mode\u006c":"b",` + hello + `}`, "model"},
		"unknown twice":     {`{"model":"a","x":1,"x":2,` + hello + `}`, "x"},
		"no messages":       {`{"model":"m","max_tokens":9}`, "messages"},
		"messages empty":    {messages(`[]`), "messages"},
		"messages object":   {messages(`{}`), "messages"},
		"too many messages": {messages(`[` + strings.Repeat(`{"role":"user","content":""},`, 100_000) + `{"role":"user","content":""}]`), "messages"},
		"message string":    {messages(`["hi"]`), "messages.0"},
		"no role":           {messages(`[{"role":"user","content":"x"},{"content":"x"}]`), "messages.1.role"},
		"role number":       {messages(`[{"role":1,"content":"x"}]`), "messages.0.role"},
		"role twice":        {messages(`[{"role":"user","role":"user","content":"x"}]`), "messages.0.role"},
		"no content":        {messages(`[{"role":"user"}]`), "messages.0.content"},
		"content null":      {messages(`[{"role":"user","content":null}]`), "messages.0.content"},
		"content number":    {messages(`[{"role":"user","content":1}]`), "messages.0.content"},
		"block string":      {messages(`[{"role":"user","content":["x"]}]`), "messages.0.content.0"},
		"no cap":            {`{"model":"m","messages":[{"role":"user","content":"x"}]}`, "max_tokens"},
		"cap null":          {`{"model":"m","max_tokens":null,"messages":[{"role":"user","content":"x"}]}`, "max_tokens"},
		"cap zero":          {`{"model":"m","max_tokens":0,"messages":[{"role":"user","content":"x"}]}`, "max_tokens"},
		"cap half":          {`{"model":"m","max_tokens":1.5,"messages":[{"role":"user","content":"x"}]}`, "max_tokens"},
		"cap endless":       {`{"model":"m","max_tokens":1e400,"messages":[{"role":"user","content":"x"}]}`, "max_tokens"},
		"stream string":     {`{"model":"m","stream":"true",` + hello + `}`, "stream"},
		"system number":     {`{"model":"m","system":1,` + hello + `}`, "system"},
		"tools object":      {`{"model":"m","tools":{},` + hello + `}`, "tools"},
		"temperature text":  {`{"model":"m","temperature":"hot",` + hello + `}`, "temperature"},
		"stop string":       {`{"model":"m","stop_sequences":"x",` + hello + `}`, "stop_sequences"},
		"choice string":     {`{"model":"m","tool_choice":"auto",` + hello + `}`, "tool_choice"},
		"tier number":       {`{"model":"m","service_tier":1,` + hello + `}`, "service_tier"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			in, err := anthropic.ParseMessages([]byte(tt.body))
			if err == nil {
				t.Fatalf("accepted as %+v", in)
			}
			e := gateway.AsError(err)
			if e.Kind != gateway.Invalid || e.Param != tt.param || !strings.HasPrefix(e.Public, tt.param) {
				t.Errorf("got kind %q, param %q: %s", e.Kind, e.Param, e.Public)
			}
		})
	}
}

// TestPrompt: a short prompt is there whole, unescaped, and nothing else is.
func TestPrompt(t *testing.T) {
	body := `{"model":"m","max_tokens":9,"system":"Be \u00e4\n","metadata":{"user_id":"nobody"},"messages":[` +
		`{"role":"user","content":[{"type":"text","text":"one"},{"type":"image","source":{"type":"base64","data":"abc"}}]},` +
		`{"role":"assistant","content":[{"type":"tool_use","id":"x","name":"f","input":{"a":1}}]}]}`
	in, err := anthropic.ParseMessages([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	p := in.Prompt(in, 8<<10)
	want := "Be ä\none" + `f{"a":1}`
	if string(p.Text) != want || p.Bytes != int64(len(want)) || p.Messages != 2 || p.Media != 1000 {
		t.Errorf("text %q of %d bytes, %d messages, %d tokens of media", p.Text, p.Bytes, p.Messages, p.Media)
	}
}

// TestLongPrompt: of a long prompt some of everywhere is there, and not more.
func TestLongPrompt(t *testing.T) {
	const most = 4 << 10
	var messages []string
	total := 0
	for i := range 200 {
		text := strings.Repeat(fmt.Sprintf("%03d ä\"\n", i), 100)
		total += len(text)
		quoted, err := json.Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		messages = append(messages, fmt.Sprintf(`{"role":"user","content":%s}`, quoted))
	}
	in, err := anthropic.ParseMessages([]byte(`{"model":"m","max_tokens":9,"messages":[` + strings.Join(messages, ",") + `]}`))
	if err != nil {
		t.Fatal(err)
	}
	p := in.Prompt(in, most)
	if p.Bytes != int64(total) || len(p.Text) > most || len(p.Text) < most/2 || in.InputTokens != provider.EstimateTokens(p.Bytes) {
		t.Errorf("%d bytes of %d, want at most %d of %d", len(p.Text), p.Bytes, most, total)
	}
	for _, from := range []string{"000 ä\"\n", "050 ä\"\n", "100 ä\"\n", "150 ä\"\n"} {
		if !bytes.Contains(p.Text, []byte(from)) {
			t.Errorf("nothing of %q", from)
		}
	}
}
