package anthropic_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/anthropic"
	"github.com/llm-hub/llm-hub/gateway/provider/chat"
)

// FuzzCitedText holds that no citation, wherever a vendor says it lies, changes the
// text, and that each that lies within it is told.
func FuzzCitedText(f *testing.F) {
	f.Add("Grüße aus Köln.", 10, 14, 0, 5)
	f.Add("abc", -1, 9, 1, 1)
	f.Add("abc", 2, 1, 0, 0)
	f.Fuzz(func(t *testing.T, text string, start, end, start2, end2 int) {
		text = strings.ToValidUTF8(text, "?")
		citations := []chat.Citation{
			{Start: start, End: end, References: []chat.Reference{{URL: "https://x.test/1"}}},
			{Start: start2, End: end2, References: []chat.Reference{{URL: "https://x.test/2"}}},
		}
		reply := &chat.Reply{Choices: []chat.Answer{{Text: text, Citations: slices.Clone(citations), Finish: chat.Stop}}}
		body := anthropic.Client{}.Encoder(&provider.Inbound{}).Reply(reply)
		var w struct {
			Content []struct {
				Text      string
				Citations []struct{ URL string }
			}
		}
		if err := json.Unmarshal(body, &w); err != nil {
			t.Fatal(err)
		}
		var said strings.Builder
		told := make(map[string]bool)
		for _, b := range w.Content {
			said.WriteString(b.Text)
			for _, c := range b.Citations {
				told[c.URL] = true
			}
		}
		if said.String() != text {
			t.Errorf("%q became %q", text, said.String())
		}
		for _, c := range citations {
			if within := c.Start >= 0 && c.Start < c.End && c.End <= len([]rune(text)); within && !told[c.References[0].URL] {
				t.Errorf("%+v of %q is not told: %s", c, text, body)
			}
		}
	})
}
