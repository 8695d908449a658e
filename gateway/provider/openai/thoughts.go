package openai

import (
	"encoding/json"

	"github.com/llm-hub/llm-hub/gateway/provider/chat"
)

// OpenAI's dialect has no word for signed thoughts. These are the ones that others
// have made for it: reasoning_details beside reasoning_content in a message, and
// extra_content in a call.

// wireThought is an element of reasoning_details. In streams it is a piece of the
// element with its index.
type wireThought struct {
	Type      string `json:"type"`
	Index     *int   `json:"index,omitempty"` // in streams only
	Text      string `json:"text,omitempty"`
	Summary   string `json:"summary,omitempty"`
	Signature string `json:"signature,omitempty"`
	Data      string `json:"data,omitempty"`
}

// The types of thoughts.
const (
	textThought      = "reasoning.text"
	encryptedThought = "reasoning.encrypted"
	summaryThought   = "reasoning.summary"
)

// wireExtra is what a call has beside OpenAI's own members.
type wireExtra struct {
	Google struct {
		Signature string `json:"thought_signature,omitempty"`
	} `json:"google"`
}

func extra(signature string) *wireExtra {
	if signature == "" {
		return nil
	}
	var e wireExtra
	e.Google.Signature = signature
	return &e
}

func (c wireCall) signature() string {
	if c.Extra == nil {
		return ""
	}
	return c.Extra.Google.Signature
}

// writeThoughts is the details of what was thought.
func writeThoughts(parts []chat.Part) []wireThought {
	var list []wireThought
	for _, p := range parts {
		switch {
		case p.Kind != chat.ThinkingPart:
		case p.Data != "":
			list = append(list, wireThought{Type: encryptedThought, Data: p.Data})
		default:
			list = append(list, wireThought{Type: textThought, Text: p.Text, Signature: p.Signature})
		}
	}
	return list
}

// readThoughts is the inverse. Details that are no list of objects are nobody's
// and passed over. Applications that keep a stream's pieces as they came are
// understood, too: a text goes on until its signature or another index.
func readThoughts(details json.RawMessage) []chat.Part {
	var list []wireThought
	if len(details) == 0 || json.Unmarshal(details, &list) != nil {
		return nil
	}
	var (
		parts []chat.Part
		open  bool // the last part may go on
		last  int
	)
	for _, w := range list {
		if w.Data != "" {
			parts, open = append(parts, chat.Part{Kind: chat.ThinkingPart, Data: w.Data}), false
			continue
		}
		if w.Text+w.Summary+w.Signature == "" {
			continue
		}
		index := 0
		if w.Index != nil {
			index = *w.Index
		}
		if !open || index != last {
			parts = append(parts, chat.Part{Kind: chat.ThinkingPart})
		}
		p := &parts[len(parts)-1]
		p.Text += w.Text + w.Summary
		p.Signature = w.Signature
		open, last = w.Signature == "", index
	}
	return parts
}

// thoughts is what a message says was thought: the details, or else the plain text.
func thoughts(details json.RawMessage, plain ...string) []chat.Part {
	if parts := readThoughts(details); len(parts) > 0 {
		return parts
	}
	for _, text := range plain {
		if text != "" {
			return []chat.Part{{Kind: chat.ThinkingPart, Text: text}}
		}
	}
	return nil
}

// plainThoughts is the text of all that was thought.
func plainThoughts(parts []chat.Part) string {
	var s string
	for _, p := range parts {
		if p.Kind == chat.ThinkingPart {
			s += p.Text
		}
	}
	return s
}

// signed tells whether a vendor wants any of it back unchanged.
func signed(parts []chat.Part) bool {
	for _, p := range parts {
		if p.Kind == chat.ThinkingPart && p.Signature+p.Data != "" {
			return true
		}
	}
	return false
}
