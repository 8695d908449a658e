package openai

import (
	"encoding/json"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/chat"
	"github.com/llm-hub/llm-hub/gateway/provider/rawjson"
	"github.com/llm-hub/llm-hub/gateway/provider/sse"
)

type wireCompletion struct {
	ID      string       `json:"id"`
	Object  string       `json:"object"`
	Created int64        `json:"created"`
	Model   string       `json:"model"`
	Choices []wireChoice `json:"choices"`
	Usage   *wireUsage   `json:"usage,omitempty"`
}

type wireChoice struct {
	Index    int         `json:"index"`
	Message  wireAnswer  `json:"message"`
	Logprobs *struct{}   `json:"logprobs"` // null: no vendor's are translated
	Finish   chat.Finish `json:"finish_reason"`
}

type wireAnswer struct {
	Role      chat.Role  `json:"role"`
	Content   *string    `json:"content"`
	Refusal   *string    `json:"refusal"`
	Reasoning string     `json:"reasoning_content,omitempty"`
	ToolCalls []wireCall `json:"tool_calls,omitempty"`
}

// Reply implements [chat.Encoder].
func (e *encoder) Reply(r *chat.Reply) []byte {
	e.setID(r.ID)
	w := wireCompletion{
		ID: e.id, Object: "chat.completion", Created: e.created, Model: r.Model,
		Choices: make([]wireChoice, len(r.Choices)),
	}
	if r.Usage != nil {
		w.Usage = writeUsage(*r.Usage)
	}
	for i, a := range r.Choices {
		w.Choices[i] = wireChoice{Index: i, Message: answer(a), Finish: a.Finish}
	}
	return marshal(w)
}

func answer(a chat.Answer) wireAnswer {
	w := wireAnswer{Role: chat.Assistant, Refusal: orNull(a.Refusal), Reasoning: a.Reasoning}
	if a.Text != "" || len(a.Calls) == 0 && a.Refusal == "" {
		w.Content = &a.Text
	}
	for _, c := range a.Calls {
		w.ToolCalls = append(w.ToolCalls, wireCall{
			ID: c.ID, Type: "function", Function: wireFunction{Name: c.Name, Arguments: c.Arguments},
		})
	}
	return w
}

type wireChunk struct {
	ID      string       `json:"id"`
	Object  string       `json:"object"`
	Created int64        `json:"created"`
	Model   string       `json:"model"`
	Choices []wirePiece  `json:"choices"`
	Usage   *chunksUsage `json:"usage,omitempty"`
}

// chunksUsage is usage that encodes as null while it is not known.
type chunksUsage struct{ *wireUsage }

func (u chunksUsage) MarshalJSON() ([]byte, error) { return json.Marshal(u.wireUsage) }

type wirePiece struct {
	Index    int          `json:"index"`
	Delta    wireDelta    `json:"delta"`
	Logprobs *struct{}    `json:"logprobs"`
	Finish   *chat.Finish `json:"finish_reason"`
}

type wireDelta struct {
	Role      chat.Role  `json:"role,omitempty"`
	Content   *string    `json:"content,omitempty"`
	Refusal   *string    `json:"refusal,omitempty"`
	Reasoning *string    `json:"reasoning_content,omitempty"`
	ToolCalls []wireCall `json:"tool_calls,omitempty"`
}

// Step implements [chat.Encoder]. A choice's first chunk tells the role, its last
// one has the finish reason and nothing else.
func (e *encoder) Step(dst []byte, s *chat.Step) []byte {
	e.model = s.Model
	if s.ID != "" {
		e.setID(s.ID)
	}
	for _, d := range s.Deltas {
		if !e.begun[d.Choice] {
			if e.begun == nil {
				e.begun = make(map[int]bool)
			}
			e.begun[d.Choice] = true
			empty := ""
			dst = e.chunk(dst, wirePiece{Index: d.Choice, Delta: wireDelta{Role: chat.Assistant, Content: &empty}})
		}
		if delta, any := pieces(d); any {
			dst = e.chunk(dst, wirePiece{Index: d.Choice, Delta: delta})
		}
		if d.Finish != "" {
			dst = e.chunk(dst, wirePiece{Index: d.Choice, Finish: &d.Finish})
		}
	}
	return dst
}

// pieces is a delta's content; false if it has none.
func pieces(d chat.Delta) (wireDelta, bool) {
	w := wireDelta{Content: orNull(d.Text), Refusal: orNull(d.Refusal), Reasoning: orNull(d.Reasoning)}
	if c := d.Call; c != nil {
		call := wireCall{Index: &c.Index, ID: c.ID, Function: wireFunction{Name: c.Name, Arguments: c.Arguments}}
		if c.ID != "" {
			call.Type = "function"
		}
		w.ToolCalls = []wireCall{call}
	}
	return w, w.Content != nil || w.Refusal != nil || w.Reasoning != nil || w.ToolCalls != nil
}

func (e *encoder) chunk(dst []byte, piece wirePiece) []byte {
	w := e.frame()
	w.Choices = []wirePiece{piece}
	if e.wanted {
		w.Usage = &chunksUsage{}
	}
	return sse.AppendData(dst, marshal(w))
}

func (e *encoder) frame() wireChunk {
	e.setID("")
	return wireChunk{ID: e.id, Object: "chat.completion.chunk", Created: e.created, Model: e.model, Choices: []wirePiece{}}
}

// Trailer implements [chat.Encoder].
func (e *encoder) Trailer(dst []byte, u *events.Usage, b provider.Bill) []byte {
	if !e.wanted || u == nil {
		return appendTrailer(dst, nil, b)
	}
	w := e.frame()
	w.Usage = &chunksUsage{writeUsage(*u)}
	return appendTrailer(dst, marshal(w), b)
}

// Abort implements [chat.Encoder].
func (e *encoder) Abort(dst []byte, err *gateway.Error) []byte { return appendAbort(dst, err) }

// marshal encodes what cannot fail: structs of texts and numbers.
func marshal(v any) []byte {
	b, err := rawjson.Marshal(v)
	if err != nil {
		return []byte("{}")
	}
	return b
}
