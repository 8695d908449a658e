package cohere

import (
	"encoding/json"

	"github.com/llm-hub/llm-hub/gateway/provider/chat"
)

// gotCitation is a citation. Where it lies is counted in characters of its part of
// the content.
type gotCitation struct {
	Start   int         `json:"start"`
	End     int         `json:"end"`
	Text    string      `json:"text"`
	Sources []gotSource `json:"sources"`
	Content int         `json:"content_index"`
	Type    string      `json:"type"`
}

// gotSource is a document of the request, or what a tool gave.
type gotSource struct {
	ID       string                     `json:"id"`
	Document map[string]json.RawMessage `json:"document"`
	Output   map[string]json.RawMessage `json:"tool_output"`
}

// ofText tells whether the answer's text is cited, and not a plan or a thought.
func (c gotCitation) ofText() bool { return c.Type == "" || c.Type == "TEXT_CONTENT" }

// canonical gives the citation in a text in which its part begins at offset.
func (c gotCitation) canonical(offset int) chat.Citation {
	out := chat.Citation{Start: c.Start + offset, End: c.End + offset, Text: c.Text}
	for _, s := range c.Sources {
		from := s.Document
		if from == nil {
			from = s.Output
		}
		ref := chat.Reference{ID: s.ID, URL: textOf(from["url"]), Title: textOf(from["title"])}
		out.References = append(out.References, ref)
	}
	return out
}

// textOf is a text; anything else has none.
func textOf(value json.RawMessage) string {
	var s string
	if json.Unmarshal(value, &s) != nil {
		return ""
	}
	return s
}
