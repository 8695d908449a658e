package cohere

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/llm-hub/llm-hub/gateway/provider/chat"
	"github.com/llm-hub/llm-hub/gateway/provider/rawjson"
)

// resultFollows is the text of a result that is no text.
const resultFollows = "The result is in the next message of the user."

// betweenTexts stands between the texts of a message that become one.
const betweenTexts = "\n\n"

// history writes the messages of a chat.
type history struct {
	*wireRequest
	req   *chat.Request
	media []wirePart // of results, which a result itself cannot show
}

func (w *wireRequest) setMessages(req *chat.Request) error {
	h := history{wireRequest: w, req: req}
	for i, m := range req.Messages {
		if m.Role != chat.Tool {
			h.flush()
		}
		if err := h.add(m, fmt.Sprintf("messages[%d]", i)); err != nil {
			return err
		}
	}
	h.flush()
	if len(w.Messages) == 0 {
		return invalid("messages", "'messages' must say something.")
	}
	if !slices.ContainsFunc(w.Messages, func(m wireMessage) bool { return m.Role != chat.System }) {
		w.Messages[len(w.Messages)-1].Role = chat.User // there is nobody else to answer
	}
	return nil
}

func (h *history) add(m chat.Message, path string) error {
	parts, err := h.parts(m, path)
	if err != nil {
		return err
	}
	switch m.Role {
	case chat.Tool:
		h.addResult(m, parts)
	case chat.Assistant:
		h.addAnswer(m, parts)
	case chat.System, chat.Developer:
		h.say(chat.System, parts)
	case chat.User:
		h.say(chat.User, parts)
	}
	return nil
}

func (h *history) say(role chat.Role, parts []wirePart) {
	if content := contentOf(parts); content != nil {
		h.Messages = append(h.Messages, wireMessage{Role: role, Content: content})
	}
}

// contentOf is one text if parts are nothing else; nil if there are none.
func contentOf(parts []wirePart) any {
	if len(parts) == 0 {
		return nil
	}
	texts := make([]string, len(parts))
	for i, p := range parts {
		if p.Type != textType {
			return parts
		}
		texts[i] = p.Text
	}
	return strings.Join(texts, betweenTexts)
}

// addAnswer writes a turn of the model. What it said before it called is its plan;
// what it thought is of use only for going on with calls.
func (h *history) addAnswer(m chat.Message, parts []wirePart) {
	out := wireMessage{Role: chat.Assistant}
	for _, c := range m.Calls {
		out.ToolCalls = append(out.ToolCalls, wireCall{
			ID: c.ID, Type: functionType, Function: wireCallFunction{Name: c.Name, Arguments: c.Arguments},
		})
	}
	if len(m.Calls) == 0 {
		if out.Content = contentOf(parts); out.Content != nil {
			h.Messages = append(h.Messages, out)
		}
		return
	}
	if plan, ok := contentOf(parts).(string); ok {
		out.ToolPlan = plan
	}
	var thoughts []wirePart
	for _, p := range m.Parts {
		if p.Kind == chat.ThinkingPart && p.Text != "" {
			thoughts = append(thoughts, wirePart{Type: thinkingType, Thinking: p.Text})
		}
	}
	out.Content = contentOf(thoughts)
	h.Messages = append(h.Messages, out)
}

// addResult writes the result of a call. A picture in it goes to the user's side.
func (h *history) addResult(m chat.Message, parts []wirePart) {
	var texts []wirePart
	for _, p := range parts {
		if p.Type == textType {
			texts = append(texts, p)
			continue
		}
		h.media = append(h.media, p)
	}
	text, _ := contentOf(texts).(string)
	if text == "" && len(h.media) > 0 {
		text = resultFollows
	}
	h.Messages = append(h.Messages, wireMessage{Role: chat.Tool, ToolCallID: m.CallID, Content: resultOf(text, m.Failed)})
}

// resultOf is a result as documents if it is JSON objects, else as text.
func resultOf(text string, failed bool) any {
	if failed {
		return []wirePart{documentOf(map[string]string{"error": text})}
	}
	raw := json.RawMessage(text)
	if !json.Valid(raw) {
		return text
	}
	switch raw = json.RawMessage(strings.TrimSpace(text)); rawjson.TypeOf(raw) {
	case rawjson.ObjectType:
		return []wirePart{documentOf(raw)}
	case rawjson.ArrayType:
	default:
		return text
	}
	var documents []wirePart
	list := rawjson.NewArray(raw)
	for list.Next() {
		if rawjson.TypeOf(list.Value()) != rawjson.ObjectType {
			return text
		}
		documents = append(documents, documentOf(json.RawMessage(list.Value())))
	}
	if len(documents) == 0 {
		return text
	}
	return documents
}

func documentOf(data any) wirePart {
	return wirePart{Type: documentType, Document: &wireDocument{Data: data}}
}

// flush says what belongs to results and is no text in a message of its own.
func (h *history) flush() {
	h.say(chat.User, h.media)
	h.media = nil
}

// parts writes a message's parts but what was thought, and files, which are
// documents of the whole request.
func (h *history) parts(m chat.Message, path string) ([]wirePart, error) {
	var out []wirePart
	for i, p := range m.Parts {
		at := fmt.Sprintf("%s.content[%d]", path, i)
		switch {
		case p.Kind == chat.ThinkingPart, p.Kind == chat.TextPart && p.Text == "":
		case p.Kind == chat.TextPart:
			out = append(out, wirePart{Type: textType, Text: p.Text})
		case p.Kind == chat.ImagePart && (m.Role == chat.User || m.Role == chat.Tool):
			out = append(out, wirePart{Type: imageType, Image: &wireImage{URL: address(p)}})
		case p.Kind == chat.FilePart && strings.HasPrefix(p.MediaType, "text/") && p.Data != "":
			if err := h.addFile(p, at); err != nil {
				return nil, err
			}
		default:
			return nil, invalid(at, "This model does not take %s in '%s'.", p.Kind, at)
		}
	}
	return out, nil
}

// addFile makes a document of a file of plain text.
func (h *history) addFile(p chat.Part, path string) error {
	text, err := base64.StdEncoding.DecodeString(p.Data)
	if err != nil {
		return invalid(path, "'%s' is not in base64.", path)
	}
	data := map[string]string{"text": string(text)}
	if p.Filename != "" {
		data["title"] = p.Filename
	}
	h.Documents = append(h.Documents, wireDocument{Data: data})
	return nil
}

// address is where a picture is: on the net or in a data URI.
func address(p chat.Part) string {
	if p.URL != "" {
		return p.URL
	}
	return "data:" + p.MediaType + ";base64," + p.Data
}
