package anthropic

import (
	"encoding/json"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway/provider/chat"
	"github.com/llm-hub/llm-hub/gateway/provider/rawjson"
)

// The answer as a client gets it.
type (
	messageOut struct {
		ID       string    `json:"id"`
		Type     string    `json:"type"` // message
		Role     chat.Role `json:"role"`
		Model    string    `json:"model"`
		Content  []any     `json:"content"`
		stopping           // null while it is streamed
		Usage    usageOut  `json:"usage"`
	}
	stopping struct {
		Reason   *string     `json:"stop_reason"`
		Sequence *string     `json:"stop_sequence"`
		Details  *refusalOut `json:"stop_details"`
	}
	refusalOut struct {
		Type        string  `json:"type"`     // refusal
		Category    *string `json:"category"` // null: other vendors have other categories
		Explanation *string `json:"explanation"`
	}
	textOut struct {
		Type      string        `json:"type"`
		Text      string        `json:"text"`
		Citations []citationOut `json:"citations,omitempty"`
	}
	thinkingOut struct {
		Type      string `json:"type"`
		Thinking  string `json:"thinking"`
		Signature string `json:"signature"`
	}
	redactedOut struct {
		Type string `json:"type"`
		Data string `json:"data"`
	}
	callOut struct {
		Type  string          `json:"type"`
		ID    string          `json:"id"`
		Name  string          `json:"name"`
		Input json.RawMessage `json:"input"`
	}
	usageOut struct {
		Input       int64       `json:"input_tokens"`
		CacheWrite  int64       `json:"cache_creation_input_tokens"`
		CacheRead   int64       `json:"cache_read_input_tokens"`
		Creation    creationOut `json:"cache_creation"`
		Output      int64       `json:"output_tokens"`
		Details     detailsOut  `json:"output_tokens_details"`
		ServerTools *toolsOut   `json:"server_tool_use"` // null: none were used
		Tier        *string     `json:"service_tier"`    // null: not known
	}
	creationOut struct {
		Short int64 `json:"ephemeral_5m_input_tokens"`
		Long  int64 `json:"ephemeral_1h_input_tokens"`
	}
	detailsOut struct {
		Thinking int64 `json:"thinking_tokens"`
	}
	toolsOut struct {
		WebSearches int64 `json:"web_search_requests"`
		WebFetches  int64 `json:"web_fetch_requests"` // nobody else counts them
	}
)

func usageOf(u events.Usage) usageOut {
	out := usageOut{
		Input: u.Input + u.AudioInput + u.ImageInput, CacheRead: u.CacheRead + u.AudioCacheRead, CacheWrite: u.CacheWrite + u.CacheWrite1h,
		Creation: creationOut{Short: u.CacheWrite, Long: u.CacheWrite1h},
		Output:   u.OutputTotal(), Details: detailsOut{Thinking: u.Reasoning},
	}
	if u.WebSearches > 0 {
		out.ServerTools = &toolsOut{WebSearches: u.WebSearches}
	}
	return out
}

// ending is why an answer ended, as far as the pieces of it have told.
type ending struct {
	finish   chat.Finish
	sequence string
	called   bool
	refused  bool // the model itself refused, in words
}

// words gives the ending in Anthropic's words. Some vendors call a stop what ends
// with calls, or with a refusal.
func (e ending) words() stopping {
	reason := "end_turn"
	var s stopping
	switch {
	case e.finish == chat.ContentFilter || e.refused:
		reason = "refusal"
		s.Details = &refusalOut{Type: reason}
	case e.finish == chat.Length:
		reason = "max_tokens"
	case e.finish == chat.ToolCalls || e.called:
		reason = "tool_use"
	case e.sequence != "":
		reason = "stop_sequence"
		s.Sequence = &e.sequence
	}
	s.Reason = &reason
	return s
}

// Reply implements [chat.Encoder]. This dialect has one choice, the first.
func (e *encoder) Reply(r *chat.Reply) []byte {
	e.setID(r.ID)
	e.model = r.Model
	var a chat.Answer
	if len(r.Choices) > 0 {
		a = r.Choices[0]
	}
	w := e.message()
	w.Content = e.content(a)
	w.stopping = ending{finish: a.Finish, sequence: a.StopText, called: len(a.Calls) > 0, refused: a.Refusal != ""}.words()
	w.Usage = usageOf(e.counted(r.Usage))
	return marshal(w)
}

// content is the blocks of a whole answer.
func (e *encoder) content(a chat.Answer) []any {
	blocks := []any{}
	thinking := a.Thinking
	if len(thinking) == 0 && a.Reasoning != "" {
		thinking = []chat.Part{{Text: a.Reasoning}}
	}
	for _, p := range thinking {
		e.text.Add(p.Text)
		if p.Data != "" {
			blocks = append(blocks, redactedOut{redactedBlock, p.Data})
			continue
		}
		blocks = append(blocks, thinkingOut{thinkingBlock, p.Text, p.Signature})
	}
	e.text.Add(a.Text)
	blocks = append(blocks, citedText(a.Text, a.Citations)...)
	if a.Refusal != "" {
		e.text.Add(a.Refusal)
		blocks = append(blocks, textOut{Type: textBlock, Text: a.Refusal})
	}
	for _, c := range a.Calls {
		e.text.Add(c.Arguments)
		if c.Signature != "" {
			blocks = append(blocks, redactedOut{redactedBlock, callMark + c.Signature})
		}
		blocks = append(blocks, e.callOf(c.ID, c.Name, inputOf(c.Arguments)))
	}
	return blocks
}

// callOf is a call whose id is in Anthropic's alphabet.
func (e *encoder) callOf(id, name string, input json.RawMessage) callOut {
	if id == "" {
		id = "toolu_" + e.newID()
	}
	return callOut{Type: toolUseBlock, ID: callID(id), Name: name, Input: input}
}

// inputOf is the arguments of a call, which must be an object here; those that
// were cut off are none.
func inputOf(arguments string) json.RawMessage {
	raw := json.RawMessage(arguments)
	if rawjson.TypeOf(raw) != rawjson.ObjectType || !json.Valid(raw) {
		return json.RawMessage("{}")
	}
	return raw
}
