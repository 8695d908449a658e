package openai

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/llm-hub/llm-hub/gateway/provider/chat"
	"github.com/llm-hub/llm-hub/gateway/provider/rawjson"
)

type wireMessage struct {
	Role       chat.Role       `json:"role"`
	Content    json.RawMessage `json:"content"`
	Refusal    string          `json:"refusal"`
	ToolCallID string          `json:"tool_call_id"`
	ToolCalls  []wireCall      `json:"tool_calls"`
	Name       string          `json:"name"`
	Reasoning  string          `json:"reasoning_content"`
	Thinking   string          `json:"reasoning"` // another word for the same
	Details    json.RawMessage `json:"reasoning_details"`
	Cache      *wireCacheHint  `json:"cache_control"`
}

type wireCall struct {
	Index    *int         `json:"index,omitempty"` // in streams only
	ID       string       `json:"id,omitempty"`
	Type     string       `json:"type,omitempty"`
	Function wireFunction `json:"function"`
	Extra    *wireExtra   `json:"extra_content,omitempty"`
}

type wireFunction struct {
	Name      string `json:"name,omitempty"`
	Arguments string `json:"arguments"`
}

type wirePart struct {
	Type     string `json:"type"`
	Text     string `json:"text"`
	Refusal  string `json:"refusal"`
	ImageURL struct {
		URL    string `json:"url"`
		Detail string `json:"detail"`
	} `json:"image_url"`
	InputAudio struct {
		Data   string `json:"data"`
		Format string `json:"format"`
	} `json:"input_audio"`
	File struct {
		Data     string `json:"file_data"`
		Filename string `json:"filename"`
	} `json:"file"`
	Cache *wireCacheHint `json:"cache_control"`
}

func (d decoder) messages(value []byte) error {
	list := rawjson.NewArray(value)
	for list.Next() {
		path := fmt.Sprintf("messages[%d]", list.Len()-1)
		var w wireMessage
		if err := read(list.Value(), path, &w); err != nil {
			return err
		}
		m, err := d.message(w, path)
		if err != nil {
			return err
		}
		d.req.Messages = append(d.req.Messages, m)
	}
	return nil
}

func (d decoder) message(w wireMessage, path string) (chat.Message, error) {
	m := chat.Message{Role: w.Role, CallID: w.ToolCallID}
	switch w.Role {
	case chat.System, chat.Developer, chat.User, chat.Assistant:
	case chat.Tool:
		if w.ToolCallID == "" {
			return m, invalid(path+".tool_call_id", "missing_required_parameter", "'%s.tool_call_id' is missing.", path)
		}
	default:
		return m, invalid(path+".role", "invalid_value", "'%s.role' is not a role that this model knows.", path)
	}
	if w.Name != "" {
		d.req.Drop(path + ".name")
	}
	if err := d.content(&m, w, path); err != nil {
		return m, err
	}
	for i, c := range w.ToolCalls {
		call, err := call(c, fmt.Sprintf("%s.tool_calls[%d]", path, i))
		if err != nil {
			return m, err
		}
		m.Calls = append(m.Calls, call)
	}
	return m, nil
}

// content reads what a message says: what was thought stands in front.
func (d decoder) content(m *chat.Message, w wireMessage, path string) error {
	if w.Role == chat.Assistant {
		m.Parts = thoughts(w.Details, w.Reasoning, w.Thinking)
	}
	said, err := d.parts(w.Content, path+".content")
	if err != nil {
		return err
	}
	m.Parts = append(m.Parts, said...)
	if w.Refusal != "" {
		m.Parts = append(m.Parts, chat.Part{Kind: chat.TextPart, Text: w.Refusal})
	}
	ttl, err := cacheTTL(w.Cache, path)
	if err == nil && ttl != "" && len(m.Parts) > 0 {
		m.Parts[len(m.Parts)-1].CacheTTL = ttl
	}
	return err
}

// cacheTTL reads the hint that a prompt is worth caching, which some clients send in
// Anthropic's words.
func cacheTTL(w *wireCacheHint, path string) (chat.CacheTTL, error) {
	switch {
	case w == nil:
		return "", nil
	case w.TTL == "":
		return chat.ShortCache, nil
	case w.TTL == chat.ShortCache, w.TTL == chat.LongCache:
		return w.TTL, nil
	}
	path += ".cache_control.ttl"
	return "", invalid(path, "invalid_value", "'%s' must be 5m or 1h.", path)
}

// call checks a call of the history. Other vendors take arguments as an object.
func call(c wireCall, path string) (chat.Call, error) {
	switch {
	case c.ID == "":
		return chat.Call{}, invalid(path+".id", "missing_required_parameter", "'%s.id' is missing.", path)
	case c.Function.Name == "":
		return chat.Call{}, invalid(path+".function.name", "missing_required_parameter", "'%s.function.name' is missing.", path)
	}
	arguments := strings.TrimSpace(c.Function.Arguments)
	if arguments == "" {
		arguments = "{}"
	}
	if rawjson.TypeOf([]byte(arguments)) != rawjson.ObjectType || !json.Valid([]byte(arguments)) {
		path += ".function.arguments"
		return chat.Call{}, invalid(path, "invalid_value", "'%s' must hold a JSON object.", path)
	}
	return chat.Call{ID: c.ID, Name: c.Function.Name, Arguments: arguments, Signature: c.signature()}, nil
}

// parts reads a message's content: nothing, a text, or a list of parts.
func (d decoder) parts(content json.RawMessage, path string) ([]chat.Part, error) {
	switch rawjson.TypeOf(content) {
	case rawjson.NoType, rawjson.NullType:
		return nil, nil
	case rawjson.StringType:
		text, err := rawjson.String(content)
		if err != nil {
			return nil, invalid(path, "invalid_type", "'%s' is no valid text.", path)
		}
		return []chat.Part{{Kind: chat.TextPart, Text: text}}, nil
	}
	var list []wirePart
	if err := read(content, path, &list); err != nil {
		return nil, err
	}
	out := make([]chat.Part, len(list))
	for i, w := range list {
		var err error
		path := fmt.Sprintf("%s[%d]", path, i)
		if out[i], err = part(w, path); err != nil {
			return nil, err
		}
		if out[i].CacheTTL, err = cacheTTL(w.Cache, path); err != nil {
			return nil, err
		}
		if detail := w.ImageURL.Detail; detail != "" && detail != "auto" {
			d.req.Drop(path + ".image_url.detail")
		}
	}
	return out, nil
}

func part(w wirePart, path string) (chat.Part, error) {
	switch w.Type {
	case "text":
		return chat.Part{Kind: chat.TextPart, Text: w.Text}, nil
	case "refusal":
		return chat.Part{Kind: chat.TextPart, Text: w.Refusal}, nil
	case "image_url":
		return Media(chat.Part{Kind: chat.ImagePart}, w.ImageURL.URL, path+".image_url.url")
	case "input_audio":
		if w.InputAudio.Data == "" || w.InputAudio.Format == "" {
			return chat.Part{}, invalid(path+".input_audio", "", "'%s.input_audio' must have data and format.", path)
		}
		return chat.Part{Kind: chat.AudioPart, MediaType: "audio/" + w.InputAudio.Format, Data: w.InputAudio.Data}, nil
	case "file":
		if w.File.Data == "" {
			return chat.Part{}, invalid(path+".file.file_data", "unsupported_value",
				"'%s.file' must hold file_data; this model cannot read an uploaded file.", path)
		}
		return Media(chat.Part{Kind: chat.FilePart, Filename: w.File.Filename}, w.File.Data, path+".file.file_data")
	}
	return chat.Part{}, invalid(path+".type", "invalid_value", "'%s.type' is not a part that this model takes.", path)
}

// Media fills p from a data URI or a web address. The error names path, where it
// stands in the request.
func Media(p chat.Part, uri, path string) (chat.Part, error) {
	scheme, rest, ok := strings.Cut(uri, ":")
	switch strings.ToLower(scheme) {
	case "https", "http":
		p.URL = uri
		return p, nil
	case "data":
	default:
		ok = false
	}
	kind, data, found := strings.Cut(rest, ",")
	mediaType, based := strings.CutSuffix(kind, ";base64")
	mediaType, _, _ = strings.Cut(mediaType, ";")
	if !ok || !found || !based || mediaType == "" || data == "" {
		return p, invalid(path, "invalid_value", "'%s' must be a web address or a data URI in base64.", path)
	}
	p.MediaType, p.Data = mediaType, data
	return p, nil
}
