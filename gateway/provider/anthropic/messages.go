package anthropic

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/llm-hub/llm-hub/gateway/provider/chat"
)

// The types of blocks.
const (
	textBlock     = "text"
	toolUseBlock  = "tool_use"
	toolResult    = "tool_result"
	imageBlock    = "image"
	documentBlock = "document"
	searchBlock   = "search_result"
	thinkingBlock = "thinking"
	redactedBlock = "redacted_thinking"
)

func (w *wireRequest) setMessages(messages []chat.Message) error {
	for i, m := range messages {
		blocks, err := w.blocksOf(m, i)
		if err != nil {
			return err
		}
		if m.Role == chat.System || m.Role == chat.Developer {
			w.System = append(w.System, blocks...)
			continue
		}
		w.addTurn(m, blocks)
	}
	if len(w.Messages) == 0 {
		if len(w.System) == 0 {
			return invalid("messages", "'messages' must say something.")
		}
		w.Messages, w.System = []wireTurn{{Role: chat.User, Content: w.System}}, nil
	}
	w.trimEnd()
	return nil
}

// addTurn adds blocks to the last turn if it has the role already, else as a turn
// of their own. Results of calls go before all else.
func (w *wireRequest) addTurn(m chat.Message, blocks []wireBlock) {
	role := chat.User
	if m.Role == chat.Assistant {
		role = chat.Assistant
	}
	if m.Role == chat.Tool {
		blocks = []wireBlock{{Type: toolResult, ToolUseID: callID(m.CallID), Content: blocks, IsError: m.Failed}}
	}
	if len(blocks) == 0 {
		return
	}
	if len(w.Messages) == 0 || w.Messages[len(w.Messages)-1].Role != role {
		w.Messages = append(w.Messages, wireTurn{Role: role, Content: blocks})
		return
	}
	turn := &w.Messages[len(w.Messages)-1]
	if m.Role != chat.Tool {
		turn.Content = append(turn.Content, blocks...)
		return
	}
	results := 0
	for results < len(turn.Content) && turn.Content[results].Type == toolResult {
		results++
	}
	turn.Content = slices.Insert(turn.Content, results, blocks...)
}

// trimEnd takes white space off the end of an answer that the model is to go on
// with, which Anthropic refuses.
func (w *wireRequest) trimEnd() {
	last := w.Messages[len(w.Messages)-1]
	if last.Role != chat.Assistant {
		return
	}
	if b := &last.Content[len(last.Content)-1]; b.Type == textBlock {
		b.Text = strings.TrimRight(b.Text, " \t\r\n")
	}
}

// blocksOf turns message i into blocks. Texts of nothing but white space, which
// models write before their calls, are refused by Anthropic, so they go; so does
// thinking where none is wanted now, or that is not signed.
func (w *wireRequest) blocksOf(m chat.Message, i int) ([]wireBlock, error) {
	var blocks []wireBlock
	for j, p := range m.Parts {
		if p.Kind == chat.TextPart && strings.TrimSpace(p.Text) == "" {
			continue
		}
		if p.Kind == chat.ThinkingPart {
			if b, ok := thinkingOf(p); ok && w.thinks() {
				blocks = append(blocks, b)
			}
			continue
		}
		b, err := blockOf(p, fmt.Sprintf("messages[%d].content[%d]", i, j))
		if err != nil {
			return nil, err
		}
		blocks = append(blocks, b)
	}
	for _, c := range m.Calls {
		blocks = append(blocks, wireBlock{
			Type: toolUseBlock, ID: callID(c.ID), Name: c.Name, Input: json.RawMessage(c.Arguments),
		})
	}
	return blocks, nil
}

// thinkingOf is a thought that this vendor has signed; false if it has not.
func thinkingOf(p chat.Part) (wireBlock, bool) {
	if p.Data != "" {
		return wireBlock{Type: redactedBlock, Data: p.Data}, true
	}
	return wireBlock{Type: thinkingBlock, Thinking: &p.Text, Signature: p.Signature}, p.Signature != ""
}

func blockOf(p chat.Part, path string) (wireBlock, error) {
	b := wireBlock{Cache: cacheOf(p.CacheTTL)}
	switch p.Kind {
	case chat.TextPart:
		b.Type, b.Text = textBlock, p.Text
	case chat.ImagePart:
		b.Type, b.Source = imageBlock, sourceOf(p)
	case chat.FilePart:
		b.Type, b.Source, b.Title = documentBlock, sourceOf(p), p.Filename
		if b.Source.Type == base64Source && p.MediaType != pdf && !isText(p) {
			return b, invalid(path, "This model takes PDF and plain text in '%s', not %s.", path, p.MediaType)
		}
	default:
		return b, invalid(path, "This model does not take %s in '%s'.", p.Kind, path)
	}
	return b, nil
}

func cacheOf(ttl chat.CacheTTL) *wireCache {
	switch ttl {
	case "":
		return nil
	case chat.ShortCache: // which is what is meant where nothing is said
		return &wireCache{Type: "ephemeral"}
	}
	return &wireCache{Type: "ephemeral", TTL: ttl}
}

// What media are, and where.
const (
	plainText    = "text/plain"
	pdf          = "application/pdf"
	base64Source = "base64"
)

// sourceOf says where the media of a part are. Text of any type goes as it is.
func sourceOf(p chat.Part) *wireSource {
	if p.URL != "" {
		return &wireSource{Type: "url", URL: p.URL}
	}
	if isText(p) {
		if text, err := base64.StdEncoding.DecodeString(p.Data); err == nil && utf8.Valid(text) {
			return &wireSource{Type: textBlock, MediaType: plainText, Data: string(text)}
		}
	}
	return &wireSource{Type: base64Source, MediaType: p.MediaType, Data: p.Data}
}

func isText(p chat.Part) bool { return strings.HasPrefix(p.MediaType, "text/") }

// foreign matches what may not stand in a call's id.
var foreign = regexp.MustCompile(`[^a-zA-Z0-9_-]`)

// callID puts an id into Anthropic's alphabet. Ids that differ stay different, and
// the same id always becomes the same.
func callID(id string) string {
	if !foreign.MatchString(id) {
		return id
	}
	h := fnv.New32a()
	h.Write([]byte(id)) // never fails, says its interface
	return fmt.Sprintf("%s_%08x", foreign.ReplaceAllString(id, "_"), h.Sum32())
}
