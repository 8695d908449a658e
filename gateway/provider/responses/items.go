package responses

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/llm-hub/llm-hub/gateway/provider/chat"
	"github.com/llm-hub/llm-hub/gateway/provider/openai"
	"github.com/llm-hub/llm-hub/gateway/provider/rawjson"
)

// The types of items.
const (
	messageItem      = "message"
	reasoningItem    = "reasoning"
	callItem         = "function_call"
	outputItem       = "function_call_output"
	customItem       = "custom_tool_call"
	customOutputItem = "custom_tool_call_output"
	referenceItem    = "item_reference"
)

// itemIn is an item of the input.
type itemIn struct {
	Type      string          `json:"type"`
	ID        string          `json:"id"`
	Role      chat.Role       `json:"role"`
	Content   json.RawMessage `json:"content"`
	CallID    string          `json:"call_id"`
	Name      string          `json:"name"`
	Arguments string          `json:"arguments"`
	Input     string          `json:"input"`
	Output    json.RawMessage `json:"output"`
	Summary   json.RawMessage `json:"summary"`
	Encrypted string          `json:"encrypted_content"`
}

func (d *decoder) input(value []byte) error {
	if rawjson.TypeOf(value) == rawjson.StringType {
		parts, err := d.parts(value, "input")
		d.req.Messages = []chat.Message{{Role: chat.User, Parts: parts}}
		return err
	}
	list := rawjson.NewArray(value)
	for list.Next() {
		path := fmt.Sprintf("input[%d]", list.Len()-1)
		var w itemIn
		if err := read(list.Value(), path, &w); err != nil {
			return err
		}
		if err := d.item(w, path); err != nil {
			return err
		}
	}
	return nil
}

func (d *decoder) item(w itemIn, path string) error {
	switch w.Type {
	case "", messageItem:
		if w.Type == "" && w.Role == "" && w.ID != "" {
			return unresolved(path)
		}
		return d.message(w, path)
	case reasoningItem:
		return d.thought(w, path)
	case callItem, customItem:
		return d.called(w, path)
	case outputItem, customOutputItem:
		return d.result(w, path)
	case referenceItem:
		return unresolved(path)
	}
	if hosted(w.Type) {
		d.req.Drop(path)
		return nil
	}
	return invalid(path+".type", codeValue, "Invalid '%s.type': this model does not take items of type %q.", path, w.Type)
}

// unresolved refuses a reference to what nobody has kept.
func unresolved(path string) error {
	return invalid(path, "item_not_found", "'%s' refers to an item that is not kept: send the item itself, with 'store' set to false.", path)
}

// hosted tells whether an item is of a tool that OpenAI runs, or of OpenAI's own
// housekeeping: another vendor's model can do without.
func hosted(kind string) bool {
	for _, prefix := range []string{
		"web_search", "file_search", "computer_call", "code_interpreter", "image_generation", "mcp_", "local_shell", "shell_call",
		"apply_patch", "tool_search", "compaction", "additional_tools", "program",
	} {
		if strings.HasPrefix(kind, prefix) {
			return true
		}
	}
	return false
}

func (d *decoder) message(w itemIn, path string) error {
	switch w.Role {
	case chat.System, chat.Developer, chat.User, chat.Assistant:
	case "":
		return missing(path + ".role")
	default:
		return invalid(path+".role", codeValue, "Invalid '%s.role': it must be user, assistant, system or developer.", path)
	}
	if null(w.Content) {
		return missing(path + ".content")
	}
	parts, err := d.parts(w.Content, path+".content")
	if err != nil {
		return err
	}
	if w.Role == chat.Assistant {
		m := d.turn()
		m.Parts = append(m.Parts, parts...)
		return nil
	}
	d.req.Messages = append(d.req.Messages, chat.Message{Role: w.Role, Parts: parts})
	return nil
}

// turn is the assistant's turn that goes on, or a new one: what is one message
// elsewhere are several items here.
func (d *decoder) turn() *chat.Message {
	if n := len(d.req.Messages); n == 0 || d.req.Messages[n-1].Role != chat.Assistant {
		d.req.Messages = append(d.req.Messages, chat.Message{Role: chat.Assistant})
	}
	return &d.req.Messages[len(d.req.Messages)-1]
}

// thought reads what was thought. What OpenAI has encrypted nobody else can read;
// then its summary is all there is.
func (d *decoder) thought(w itemIn, path string) error {
	var parts []chat.Part
	if c, ours := readCarrier(w.Encrypted); ours {
		parts = c.parts()
		d.call = c.Call
	} else {
		for _, texts := range []json.RawMessage{w.Content, w.Summary} {
			text, err := thoughtText(texts, path)
			if err != nil {
				return err
			}
			if text != "" {
				parts = []chat.Part{{Kind: chat.ThinkingPart, Text: text}}
				break
			}
		}
	}
	if len(parts) > 0 {
		m := d.turn()
		m.Parts = append(m.Parts, parts...)
	}
	return nil
}

func thoughtText(value json.RawMessage, path string) (string, error) {
	if null(value) {
		return "", nil
	}
	var list []struct {
		Text string `json:"text"`
	}
	if err := read(value, path, &list); err != nil {
		return "", err
	}
	texts := make([]string, len(list))
	for i, t := range list {
		texts[i] = t.Text
	}
	return strings.Join(texts, "\n\n"), nil
}

func (d *decoder) called(w itemIn, path string) error {
	c := chat.Call{ID: w.CallID, Name: w.Name, Arguments: strings.TrimSpace(w.Arguments), Signature: d.call}
	d.call = ""
	switch {
	case c.ID == "":
		return missing(path + ".call_id")
	case c.Name == "":
		return missing(path + ".name")
	case w.Type == customItem:
		c.Arguments = wrapInput(w.Input)
	case c.Arguments == "":
		c.Arguments = "{}"
	}
	if raw := []byte(c.Arguments); rawjson.TypeOf(raw) != rawjson.ObjectType || !json.Valid(raw) {
		return invalid(path+".arguments", codeValue, "Invalid '%s.arguments': it must hold a JSON object.", path)
	}
	m := d.turn()
	m.Calls = append(m.Calls, c)
	return nil
}

func (d *decoder) result(w itemIn, path string) error {
	if w.CallID == "" {
		return missing(path + ".call_id")
	}
	parts, err := d.parts(w.Output, path+".output")
	if err != nil {
		return err
	}
	d.req.Messages = append(d.req.Messages, chat.Message{Role: chat.Tool, CallID: w.CallID, Parts: parts})
	return nil
}

type partIn struct {
	Type     string `json:"type"`
	Text     string `json:"text"`
	Refusal  string `json:"refusal"`
	ImageURL string `json:"image_url"`
	FileID   string `json:"file_id"`
	FileData string `json:"file_data"`
	FileURL  string `json:"file_url"`
	Filename string `json:"filename"`
	Detail   string `json:"detail"`
	Audio    struct {
		Data   string `json:"data"`
		Format string `json:"format"`
	} `json:"input_audio"`
}

// parts reads a content: a text, or a list of parts.
func (d *decoder) parts(value json.RawMessage, path string) ([]chat.Part, error) {
	if rawjson.TypeOf(value) == rawjson.StringType {
		text, err := rawjson.String(value)
		if err != nil {
			return nil, invalid(path, codeType, "'%s' is no valid text.", path)
		}
		return []chat.Part{{Kind: chat.TextPart, Text: text}}, nil
	}
	if null(value) {
		return nil, nil
	}
	var list []partIn
	if err := read(value, path, &list); err != nil {
		return nil, err
	}
	parts := make([]chat.Part, len(list))
	for i, w := range list {
		at := fmt.Sprintf("%s[%d]", path, i)
		var err error
		if parts[i], err = part(w, at); err != nil {
			return nil, err
		}
		if w.Detail != "" && w.Detail != "auto" {
			d.req.Drop(at + ".detail")
		}
	}
	return parts, nil
}

func part(w partIn, path string) (chat.Part, error) {
	if w.FileID != "" {
		return chat.Part{}, invalid(path+".file_id", codeUnsupported, "This model cannot read an uploaded file: send what is in it in place of '%s.file_id'.", path)
	}
	switch w.Type {
	case "input_text", "output_text", "text":
		return chat.Part{Kind: chat.TextPart, Text: w.Text}, nil
	case "refusal":
		return chat.Part{Kind: chat.TextPart, Text: w.Refusal}, nil
	case "input_image":
		return openai.Media(chat.Part{Kind: chat.ImagePart}, w.ImageURL, path+".image_url")
	case "input_audio":
		if w.Audio.Data == "" || w.Audio.Format == "" {
			return chat.Part{}, invalid(path+".input_audio", codeMissing, "'%s.input_audio' must have data and format.", path)
		}
		return chat.Part{Kind: chat.AudioPart, MediaType: "audio/" + w.Audio.Format, Data: w.Audio.Data}, nil
	case "input_file":
		p := chat.Part{Kind: chat.FilePart, Filename: w.Filename}
		if w.FileURL != "" {
			return openai.Media(p, w.FileURL, path+".file_url")
		}
		return openai.Media(p, w.FileData, path+".file_data")
	}
	return chat.Part{}, invalid(path+".type", codeValue, "Invalid '%s.type': this model does not take parts of type %q.", path, w.Type)
}
