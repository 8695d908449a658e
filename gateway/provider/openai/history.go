package openai

import (
	"fmt"
	"slices"
	"strings"

	"github.com/llm-hub/llm-hub/gateway/provider/chat"
)

// betweenTexts stands between the texts of a message. Several become one, because
// some compatible vendors take a list of parts only where there is more than text.
const betweenTexts = "\n\n"

// The texts of results that OpenAI's dialect has no word for.
const (
	failedPrefix  = "Error: "
	resultFollows = "The result is in the next message of the user."
)

// history writes the messages of a chat.
type history struct {
	*builder
	behind int        // where the next result goes: behind the latest calls and their results; 0: nothing was called
	media  []sentPart // of results: a result itself is text only
}

func (b *builder) setMessages() error {
	h := history{builder: b}
	for i, m := range b.req.Messages {
		if err := h.add(m, i); err != nil {
			return err
		}
	}
	h.flush()
	if len(b.out.Messages) == 0 {
		return invalid("messages", "", "'messages' must say something.")
	}
	return nil
}

func (h *history) add(m chat.Message, i int) error {
	parts, err := h.parts(m, fmt.Sprintf("messages[%d]", i))
	if err != nil {
		return err
	}
	switch m.Role {
	case chat.Tool:
		h.addResult(m, parts)
		return nil
	case chat.Assistant:
		h.flush()
		h.addAnswer(m, parts)
		return nil
	}
	h.flush()
	out := sentMessage{Role: m.Role, Content: h.content(parts)}
	if m.Role == chat.Developer && h.lacks(string(chat.Developer)) {
		out.Role = chat.System
	}
	h.out.Messages = append(h.out.Messages, out)
	return nil
}

func (h *history) addAnswer(m chat.Message, parts []sentPart) {
	out := sentMessage{Role: chat.Assistant}
	if len(parts) > 0 {
		out.Content = h.content(parts)
	}
	for _, c := range m.Calls {
		out.ToolCalls = append(out.ToolCalls, wireCall{
			ID: h.callID(c.ID), Type: functionType, Extra: extra(c.Signature),
			Function: wireFunction{Name: c.Name, Arguments: c.Arguments},
		})
	}
	if len(parts)+len(m.Calls) == 0 {
		return
	}
	h.addThoughts(&out, m.Parts)
	h.out.Messages = append(h.out.Messages, out)
	if len(m.Calls) > 0 {
		h.behind = len(h.out.Messages)
	}
}

func (h *history) addThoughts(out *sentMessage, parts []chat.Part) {
	list := writeThoughts(parts)
	switch {
	case len(list) == 0:
	case h.Thoughts == ReasoningDetails:
		out.Details = list
	case h.Thoughts == ReasoningContent:
		out.Reasoning = plainThoughts(parts)
	case h.Thoughts == Reasoning:
		out.Thinking = plainThoughts(parts)
	default:
		h.req.Drop("messages.reasoning_content")
	}
}

// addResult puts the result of a call directly behind the call and its siblings.
func (h *history) addResult(m chat.Message, parts []sentPart) {
	var texts []sentPart
	for _, p := range parts {
		if p.Type == textType {
			texts = append(texts, p)
			continue
		}
		h.media = append(h.media, p)
	}
	text := join(texts)
	if text == "" && len(parts) > 0 {
		text = resultFollows
	}
	if m.Failed {
		text = failedPrefix + text
	}
	out := sentMessage{Role: chat.Tool, ToolCallID: h.callID(m.CallID), Content: text}
	if h.behind == 0 {
		h.behind = len(h.out.Messages)
	}
	h.out.Messages = slices.Insert(h.out.Messages, h.behind, out)
	h.behind++
}

// flush says what belongs to results and is no text in a message of its own.
func (h *history) flush() {
	if len(h.media) == 0 {
		return
	}
	h.out.Messages = append(h.out.Messages, sentMessage{Role: chat.User, Content: h.media})
	h.media = nil
}

// content is a text if parts are nothing else, or their list.
func (h *history) content(parts []sentPart) any {
	if slices.ContainsFunc(parts, func(p sentPart) bool { return p.Type != textType || p.Cache != nil }) {
		return parts
	}
	return join(parts)
}

func join(texts []sentPart) string {
	list := make([]string, len(texts))
	for i, p := range texts {
		list[i] = p.Text
	}
	return strings.Join(list, betweenTexts)
}

const textType = "text"

// parts writes a message's parts but what was thought.
func (h *history) parts(m chat.Message, path string) ([]sentPart, error) {
	var out []sentPart
	for j, p := range m.Parts {
		if p.Kind == chat.ThinkingPart || p.Kind == chat.TextPart && p.Text == "" {
			continue
		}
		path := fmt.Sprintf("%s.content[%d]", path, j)
		if p.Kind != chat.TextPart && m.Role != chat.User && m.Role != chat.Tool {
			return nil, invalid(path, "unsupported_value", "This model takes text only in '%s', not %s.", path, p.Kind)
		}
		w, err := sentPartOf(p, path)
		if err != nil {
			return nil, err
		}
		switch {
		case p.CacheTTL == "":
		case h.CacheHints:
			w.Cache = &wireCacheHint{Type: "ephemeral", TTL: p.CacheTTL}
		default:
			h.req.Drop("cache_control")
		}
		out = append(out, w)
	}
	return out, nil
}

func sentPartOf(p chat.Part, path string) (sentPart, error) {
	switch p.Kind {
	case chat.TextPart:
		return sentPart{Type: textType, Text: p.Text}, nil
	case chat.ImagePart:
		return sentPart{Type: "image_url", Image: &sentURL{URL: address(p)}}, nil
	case chat.AudioPart:
		format := audioFormat(p.MediaType)
		if p.Data == "" || format == "" {
			return sentPart{}, invalid(path, "unsupported_value", "This model takes WAV or MP3 data in '%s', not %s.", path, p.MediaType)
		}
		return sentPart{Type: "input_audio", Audio: &sentAudio{Data: p.Data, Format: format}}, nil
	case chat.FilePart:
		if p.Data == "" {
			return sentPart{}, invalid(path, "unsupported_value", "This model takes no file by its address in '%s'.", path)
		}
		if strings.HasPrefix(p.MediaType, "video/") {
			return sentPart{}, invalid(path, "unsupported_value", "This model takes no %s in '%s'.", p.MediaType, path)
		}
		name := p.Filename
		if name == "" {
			name = "file"
		}
		return sentPart{Type: "file", File: &sentFile{Name: name, Data: address(p)}}, nil
	}
	return sentPart{}, invalid(path, "unsupported_value", "This model does not take %s in '%s'.", p.Kind, path)
}

// address is where a part is: on the net or in a data URI.
func address(p chat.Part) string {
	if p.URL != "" {
		return p.URL
	}
	return "data:" + p.MediaType + ";base64," + p.Data
}

// audioFormat is OpenAI's word for a type of audio, empty if it has none.
func audioFormat(mediaType string) string {
	switch kind, _, _ := strings.Cut(strings.ToLower(mediaType), ";"); kind {
	case "audio/wav", "audio/x-wav", "audio/wave", "audio/vnd.wave":
		return "wav"
	case "audio/mp3", "audio/mpeg", "audio/mpeg3", "audio/x-mp3":
		return "mp3"
	}
	return ""
}
