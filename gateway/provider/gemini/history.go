package gemini

import (
	"encoding/json"
	"fmt"
	"mime"
	"strings"

	"github.com/llm-hub/llm-hub/gateway/provider/chat"
	"github.com/llm-hub/llm-hub/gateway/provider/rawjson"
)

// content is a turn as it stands in a request.
type content struct {
	role  string
	parts []part
}

// part is one part of a turn; one of its members is set beside the signature.
type part struct {
	text      string
	thought   bool
	signature string
	media     *chat.Part
	call      *wireCall
	result    *toolResult
	path      string
}

type toolResult struct {
	id, name string
	response json.RawMessage
	media    []chat.Part
}

func readContent(value []byte, path string, drop func(string)) (content, error) {
	var c content
	known := fields{
		"role": into(&c.role),
		"parts": func(value []byte, path string) error {
			return eachElement(value, path, func(value []byte, path string) error {
				p, err := readPart(value, path, drop)
				c.parts = append(c.parts, p)
				return err
			})
		},
	}
	err := members(value, path, known, drop)
	return c, err
}

func readPart(value []byte, path string, drop func(string)) (part, error) {
	p := part{path: path}
	known := fields{
		"text": into(&p.text), "thought": into(&p.thought), "thoughtSignature": into(&p.signature),
		"inlineData": p.inline(drop), "fileData": p.file(drop),
		"functionCall": func(value []byte, path string) error {
			p.call = &wireCall{}
			known := fields{"id": into(&p.call.ID), "name": into(&p.call.Name), "args": raw(&p.call.Args)}
			return named(value, path, known, drop)
		},
		"functionResponse": func(value []byte, path string) error {
			p.result = &toolResult{}
			known := fields{
				"id": into(&p.result.id), "name": into(&p.result.name), "response": raw(&p.result.response),
				"parts": func(value []byte, path string) error { return eachElement(value, path, p.result.part(drop)) },
			}
			return named(value, path, known, drop)
		},
	}
	err := members(value, path, known, drop)
	return p, err
}

// named reads a message that must have a name.
func named(value []byte, path string, known fields, drop func(string)) error {
	var name string
	read := known["name"]
	known["name"] = func(value []byte, path string) error {
		if err := into(&name)(value, path); err != nil {
			return err
		}
		return read(value, path)
	}
	if err := members(value, path, known, drop); err != nil {
		return err
	}
	if name == "" {
		return invalid(path+".name", "'%s.name' is missing.", path)
	}
	return nil
}

// part reads the media of a result.
func (r *toolResult) part(drop func(string)) field {
	return func(value []byte, path string) error {
		var p part
		err := members(value, path, fields{"inlineData": p.inline(drop), "fileData": p.file(drop)}, drop)
		if p.media != nil {
			r.media = append(r.media, *p.media)
		}
		return err
	}
}

func (p *part) inline(drop func(string)) field {
	return func(value []byte, path string) error {
		var m chat.Part
		known := fields{"mimeType": into(&m.MediaType), "data": bytesIn(&m.Data), "displayName": into(&m.Filename)}
		if err := members(value, path, known, drop); err != nil {
			return err
		}
		if m.MediaType == "" || m.Data == "" {
			return invalid(path, "'%s' must have mimeType and data.", path)
		}
		m.Kind = kindOf(m.MediaType)
		p.media = &m
		return nil
	}
}

// file reads an address on the web; what lies in Google's own stores nobody else
// can read.
func (p *part) file(drop func(string)) field {
	return func(value []byte, path string) error {
		var m chat.Part
		known := fields{"mimeType": into(&m.MediaType), "fileUri": into(&m.URL), "displayName": into(&m.Filename)}
		if err := members(value, path, known, drop); err != nil {
			return err
		}
		web := strings.HasPrefix(m.URL, "https://") || strings.HasPrefix(m.URL, "http://")
		if !web || strings.Contains(m.URL, "://generativelanguage.googleapis.com/") {
			path += ".fileUri"
			return invalid(path, "'%s' must be an address on the web; this model cannot read an uploaded file.", path)
		}
		if m.MediaType == "" {
			m.MediaType = typeByName(m.URL)
		}
		m.Kind = kindOf(m.MediaType)
		p.media = &m
		return nil
	}
}

// kindOf tells the kind of a medium by its type.
func kindOf(mediaType string) chat.PartKind {
	kind, _, _ := mime.ParseMediaType(mediaType)
	switch class, _, _ := strings.Cut(kind, "/"); class {
	case "image":
		return chat.ImagePart
	case "audio":
		return chat.AudioPart
	}
	return chat.FilePart
}

// history builds the messages of a chat. Calls that have no id get one by their
// place, so that the same chat always becomes the same.
type history struct {
	drop     func(path string)
	messages []chat.Message
	calls    int        // so far
	open     []openCall // that wait for their results
}

type openCall struct{ id, name string }

func (h *history) content(value []byte, path string) error {
	c, err := readContent(value, path, h.drop)
	if err != nil {
		return err
	}
	switch c.role {
	case modelRole:
		h.model(c.parts)
		return nil
	case userRole, "", "function":
		return h.user(c.parts)
	}
	return invalid(path+".role", "'%s.role' must be user or model.", path)
}

// model adds a turn of the model: its thinking first. Thinking in tokens is whole,
// and goes before what was shown of it.
func (h *history) model(parts []part) {
	m := chat.Message{Role: chat.Assistant}
	var shown, kept []chat.Part
	stretch := ""
	for _, p := range parts {
		t := readToken(p.signature)
		kept = append(kept, t.parts()...)
		switch {
		case p.thought:
			if stretch += p.text; t.Call != "" {
				shown = append(shown, chat.Part{Kind: chat.ThinkingPart, Text: stretch, Signature: t.Call})
				stretch = ""
			}
		case p.call != nil:
			m.Calls = append(m.Calls, h.call(*p.call, t.Call))
		case p.media != nil:
			m.Parts = append(m.Parts, *p.media)
		case p.text != "":
			m.Parts = append(m.Parts, chat.Part{Kind: chat.TextPart, Text: p.text, Signature: t.Call})
		}
	}
	if stretch != "" {
		shown = append(shown, chat.Part{Kind: chat.ThinkingPart, Text: stretch})
	}
	if len(kept) > 0 {
		shown = kept
	}
	m.Parts = append(shown, m.Parts...)
	if len(m.Parts)+len(m.Calls) > 0 {
		h.messages = append(h.messages, m)
	}
}

func (h *history) call(c wireCall, signature string) chat.Call {
	if h.calls++; c.ID == "" {
		c.ID = fmt.Sprintf("call_%d", h.calls)
	}
	h.open = append(h.open, openCall{c.ID, c.Name})
	return chat.Call{ID: c.ID, Name: c.Name, Arguments: compact(c.Args), Signature: signature}
}

// user adds the results of calls, each as a message, and then what else the turn says.
func (h *history) user(parts []part) error {
	m := chat.Message{Role: chat.User}
	for _, p := range parts {
		switch {
		case p.result != nil:
			result, err := h.result(*p.result, p.path)
			if err != nil {
				return err
			}
			h.messages = append(h.messages, result)
		case p.media != nil:
			m.Parts = append(m.Parts, *p.media)
		case p.text != "":
			m.Parts = append(m.Parts, chat.Part{Kind: chat.TextPart, Text: p.text})
		}
	}
	if len(m.Parts) > 0 {
		h.messages = append(h.messages, m)
	}
	return nil
}

// result finds the call: by the id, else the first of the name that waits.
func (h *history) result(r toolResult, path string) (chat.Message, error) {
	for i, c := range h.open {
		if c.name != r.name || r.id != "" && c.id != r.id {
			continue
		}
		h.open = append(h.open[:i], h.open[i+1:]...)
		text, failed := textOf(r.response)
		m := chat.Message{Role: chat.Tool, CallID: c.id, Failed: failed}
		m.Parts = append([]chat.Part{{Kind: chat.TextPart, Text: text}}, r.media...)
		return m, nil
	}
	path += ".functionResponse"
	return chat.Message{}, invalid(path, "'%s' answers no call of an earlier turn.", path)
}

// textOf is a result without the wrapping that makes an object of it, and whether
// it tells that the call failed.
func textOf(response json.RawMessage) (text string, failed bool) {
	obj := rawjson.NewObject(response)
	var name string
	var value []byte
	for obj.Next() {
		name, value = string(obj.Key()), obj.Value()
	}
	switch {
	case len(response) == 0:
		return "", false
	case obj.Len() != 1 || name != "output" && name != "result" && name != "error":
		return compact(response), false
	case rawjson.TypeOf(value) != rawjson.StringType:
		return compact(value), name == "error"
	}
	text, _ = rawjson.String(value) // the request was found good as a whole
	return text, name == "error"
}
