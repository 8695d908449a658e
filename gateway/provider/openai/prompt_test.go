package openai_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/openai"
)

func prompt(t *testing.T, body string, most int) provider.Prompt {
	t.Helper()
	in, err := openai.ParseChat([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	return in.Prompt(in, most)
}

// TestPrompt: a short prompt is there whole, unescaped, and nothing else is.
func TestPrompt(t *testing.T) {
	p := prompt(t, `{"model":"m","stream":true,"user":"nobody","messages":[{"role":"system","content":"Be \u00e4\n"},`+
		`{"role":"user","content":[{"type":"text","text":"one"},{"type":"image_url","image_url":{"url":"data:abc"}}]},`+
		`{"role":"assistant","tool_calls":[{"id":"x"}]}],"tools":[{"type":"function"}]}`, 8<<10)
	want := "Be ä\none" + `[{"id":"x"}]` + `[{"type":"function"}]`
	if string(p.Text) != want || p.Bytes != int64(len(want)) || p.Messages != 3 || p.Media != 1000 {
		t.Errorf("text %q of %d bytes, %d messages, %d tokens of media", p.Text, p.Bytes, p.Messages, p.Media)
	}
}

// TestLongPrompt: of a long prompt some of everywhere is there, and not more.
func TestLongPrompt(t *testing.T) {
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
	p := prompt(t, `{"model":"m","messages":[`+strings.Join(messages, ",")+`]}`, 8<<10)
	if p.Bytes != int64(total) || len(p.Text) > 8<<10 || len(p.Text) < 5<<10 {
		t.Errorf("%d bytes of %d, want of %d", len(p.Text), p.Bytes, total)
	}
	for _, i := range []int{0, 25, 50, 75, 100, 125, 150, 175} {
		if !strings.Contains(string(p.Text), fmt.Sprintf("%03d ä\"\n", i)) {
			t.Errorf("nothing of message %d", i)
		}
	}
	if strings.ContainsAny(string(p.Text), "\\\ufffd") {
		t.Errorf("a cut broke the text: %q", p.Text)
	}
}

func BenchmarkLongPrompt(b *testing.B) {
	in, err := openai.ParseChat([]byte(`{"model":"m","messages":[{"role":"user","content":"` + strings.Repeat("Some text.\\n", 100_000) + `"}]}`))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		in.Prompt(in, 8<<10)
	}
}
