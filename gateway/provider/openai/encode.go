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
	Index    int           `json:"index"`
	Message  wireAnswer    `json:"message"`
	Logprobs *wireLogprobs `json:"logprobs"`
	Finish   chat.Finish   `json:"finish_reason"`
	StopText string        `json:"stop_reason,omitempty"` // as vLLM has it
}

type wireAnswer struct {
	Role      chat.Role     `json:"role"`
	Content   *string       `json:"content"`
	Refusal   *string       `json:"refusal"`
	Reasoning string        `json:"reasoning_content,omitempty"`
	Details   []wireThought `json:"reasoning_details,omitempty"`
	ToolCalls []wireCall    `json:"tool_calls,omitempty"`

	Annotations []wireAnnotation `json:"annotations,omitempty"`
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
		w.Choices[i] = wireChoice{
			Index: i, Message: answer(a), Logprobs: writeLogprobs(a.Logprobs), Finish: a.Finish, StopText: a.StopText,
		}
	}
	return marshal(w)
}

func answer(a chat.Answer) wireAnswer {
	w := wireAnswer{
		Role: chat.Assistant, Refusal: orNull(a.Refusal), Reasoning: a.Reasoning, Details: writeThoughts(a.Thinking),
		Annotations: writeAnnotations(a.Citations...),
	}
	if a.Text != "" || len(a.Calls) == 0 && a.Refusal == "" {
		w.Content = &a.Text
	}
	for _, c := range a.Calls {
		w.ToolCalls = append(w.ToolCalls, wireCall{
			ID: c.ID, Type: functionType, Extra: extra(c.Signature),
			Function: wireFunction{Name: c.Name, Arguments: c.Arguments},
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
	Index    int           `json:"index"`
	Delta    wireDelta     `json:"delta"`
	Logprobs *wireLogprobs `json:"logprobs"`
	Finish   *chat.Finish  `json:"finish_reason"`
	StopText string        `json:"stop_reason,omitempty"`
}

type wireDelta struct {
	Role      chat.Role     `json:"role,omitempty"`
	Content   *string       `json:"content,omitempty"`
	Refusal   *string       `json:"refusal,omitempty"`
	Reasoning *string       `json:"reasoning_content,omitempty"`
	Details   []wireThought `json:"reasoning_details,omitempty"`
	ToolCalls []wireCall    `json:"tool_calls,omitempty"`

	Annotations []wireAnnotation `json:"annotations,omitempty"`
}

// begun is how far a choice has come.
type begun struct {
	thought int  // index of the thought that is told, or that comes next
	open    bool // a text is being told
}

// details is what a delta adds to the thoughts.
func (b *begun) details(d chat.Delta) []wireThought {
	var list []wireThought
	if d.Reasoning != "" || d.Signature != "" {
		index := b.thought
		list = append(list, wireThought{Type: textThought, Index: &index, Text: d.Reasoning, Signature: d.Signature})
		if b.open = d.Signature == ""; !b.open {
			b.thought++
		}
	}
	if d.Redacted != "" {
		if b.open {
			b.thought++
		}
		index := b.thought
		list = append(list, wireThought{Type: encryptedThought, Index: &index, Data: d.Redacted})
		b.thought, b.open = b.thought+1, false
	}
	return list
}

// Step implements [chat.Encoder]. A choice's first chunk tells the role, its last
// one has the finish reason and nothing else.
func (e *encoder) Step(dst []byte, s *chat.Step) []byte {
	e.model = s.Model
	if s.ID != "" {
		e.setID(s.ID)
	}
	for _, d := range s.Deltas {
		choice := e.begun[d.Choice]
		if choice == nil {
			if e.begun == nil {
				e.begun = make(map[int]*begun)
			}
			choice = &begun{}
			e.begun[d.Choice] = choice
			empty := ""
			dst = e.chunk(dst, wirePiece{Index: d.Choice, Delta: wireDelta{Role: chat.Assistant, Content: &empty}})
		}
		if delta, any := choice.pieces(d); any {
			dst = e.chunk(dst, wirePiece{Index: d.Choice, Delta: delta, Logprobs: writeLogprobs(d.Logprobs)})
		}
		if d.Finish != "" {
			dst = e.chunk(dst, wirePiece{Index: d.Choice, Finish: &d.Finish, StopText: d.StopText})
		}
	}
	return dst
}

// pieces is a delta's content; false if it has none.
func (b *begun) pieces(d chat.Delta) (wireDelta, bool) {
	w := wireDelta{
		Content: orNull(d.Text), Refusal: orNull(d.Refusal), Reasoning: orNull(d.Reasoning), Details: b.details(d),
	}
	if c := d.Call; c != nil {
		call := wireCall{
			Index: &c.Index, ID: c.ID, Extra: extra(c.Signature),
			Function: wireFunction{Name: c.Name, Arguments: c.Arguments},
		}
		if c.ID != "" {
			call.Type = functionType
		}
		w.ToolCalls = []wireCall{call}
	}
	if d.Citation != nil {
		w.Annotations = writeAnnotations(*d.Citation)
	}
	any := w.Content != nil || w.Refusal != nil || w.Annotations != nil || w.Details != nil || w.ToolCalls != nil || d.Logprobs != nil
	return w, any
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
