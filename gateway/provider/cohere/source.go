package cohere

import (
	"encoding/json"
	"errors"
	"io"
	"unicode/utf8"

	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/chat"
	"github.com/llm-hub/llm-hub/gateway/provider/failure"
	"github.com/llm-hub/llm-hub/gateway/provider/rawjson"
	"github.com/llm-hub/llm-hub/gateway/provider/sse"
)

// source reads a stream of events. It is whole with message-end only.
type source struct {
	in    *sse.Reader
	newID func() string
	step  chat.Step
	ended bool

	calls   []bool      // calls begun, and whether some of their arguments came
	open    int         // place among them of the call that is open; -1: none
	written int         // characters of text so far
	begins  map[int]int // where each part of the content begins in the text
}

type wireEvent struct {
	Type     string      `json:"type"`
	ID       string      `json:"id"`
	Index    int         `json:"index"`
	Delta    *wireDelta  `json:"delta"`
	Logprobs *gotLogprob `json:"logprobs"`
	Message  string      `json:"message"` // of an error
}

type wireDelta struct {
	Message struct {
		Content   one[gotPart]     `json:"content"`
		ToolPlan  string           `json:"tool_plan"`
		ToolCalls one[wireCall]    `json:"tool_calls"` // one, in spite of its name
		Citations one[gotCitation] `json:"citations"`  // likewise
	} `json:"message"`
	Error  string     `json:"error"`
	Finish string     `json:"finish_reason"`
	Usage  *wireUsage `json:"usage"`
}

// one is an object where the first event of a stream has an empty list.
type one[T any] struct{ value *T }

// UnmarshalJSON implements [json.Unmarshaler].
func (o *one[T]) UnmarshalJSON(data []byte) error {
	if rawjson.TypeOf(data) != rawjson.ObjectType {
		return nil
	}
	o.value = new(T)
	return json.Unmarshal(data, o.value)
}

func newSource(r io.Reader, newID func() string) *source {
	return &source{in: sse.NewReader(r), newID: newID, open: -1, begins: make(map[int]int)}
}

// Next implements [chat.Source].
func (s *source) Next() (*chat.Step, error) {
	if s.ended {
		return nil, io.EOF
	}
	ev, err := s.in.Next()
	switch {
	case err == io.EOF:
		return nil, provider.CutError()
	case err != nil:
		return nil, provider.ReadError(err)
	}
	var w wireEvent
	if err := json.Unmarshal(ev.Data, &w); err != nil {
		if ev.Partial {
			return nil, provider.CutError()
		}
		return nil, provider.BadAnswerError(err)
	}
	if w.Type == "" || w.Type == "error" {
		if words := failure.Read(ev.Data); words.Message != "" {
			return nil, failure.Told(words).Public()
		}
	}
	if w.Delta == nil {
		w.Delta = &wireDelta{}
	}
	s.step = chat.Step{}
	return &s.step, s.take(w)
}

var errUnknownCall = errors.New("arguments of a call that did not begin")

func (s *source) take(w wireEvent) error {
	m := &w.Delta.Message
	switch w.Type {
	case "message-start":
		s.step.ID = w.ID
	case "content-start":
		s.begins[w.Index] = s.written
		s.part(m.Content.value, nil)
	case "content-delta":
		s.part(m.Content.value, w.Logprobs)
	case "tool-plan-delta":
		s.part(&gotPart{Text: m.ToolPlan}, nil)
	case "tool-call-start":
		if call := m.ToolCalls.value; call != nil {
			s.begin(*call)
		}
	case "tool-call-delta":
		if s.open < 0 {
			return provider.BadAnswerError(errUnknownCall)
		}
		if call := m.ToolCalls.value; call != nil {
			s.arguments(call.Function.Arguments)
		}
	case "tool-call-end":
		s.end()
	case "citation-start":
		if c := m.Citations.value; c != nil && c.ofText() {
			citation := c.canonical(s.begins[c.Content])
			s.add(chat.Delta{Citation: &citation})
		}
	case "message-end":
		return s.finish(w.Delta)
	}
	return nil
}

// part adds a piece of the content.
func (s *source) part(p *gotPart, probs *gotLogprob) {
	if p == nil {
		return
	}
	if p.Thinking != "" {
		s.add(chat.Delta{Reasoning: p.Thinking})
	}
	d := chat.Delta{Text: p.Text}
	if probs != nil {
		d.Logprobs = logprobs([]gotLogprob{*probs})
	}
	if d.Text != "" || d.Logprobs != nil {
		s.written += utf8.RuneCountInString(d.Text)
		s.add(d)
	}
}

// begin opens a call.
func (s *source) begin(w wireCall) {
	s.end()
	s.open = len(s.calls)
	s.calls = append(s.calls, false)
	call := callOf(w, s.newID)
	s.add(chat.Delta{Call: &chat.CallDelta{Index: s.open, ID: call.ID, Name: call.Name}})
	s.arguments(w.Function.Arguments)
}

func (s *source) arguments(piece string) {
	if piece == "" {
		return
	}
	s.calls[s.open] = true
	s.add(chat.Delta{Call: &chat.CallDelta{Index: s.open, Arguments: piece}})
}

// end closes the call that is open; one without arguments has none to give.
func (s *source) end() {
	if s.open >= 0 && !s.calls[s.open] {
		s.arguments("{}")
	}
	s.open = -1
}

func (s *source) finish(d *wireDelta) error {
	s.end()
	s.step.Usage, s.step.Final = d.Usage.classes(), true
	finish, err := finishOf(d.Finish, len(s.calls) > 0)
	if err != nil && d.Error != "" {
		err = failure.Told(failure.Words{Message: failure.Clean(d.Error)}).Public()
	}
	if err != nil {
		return err
	}
	s.ended = true
	s.add(chat.Delta{Finish: finish})
	return nil
}

func (s *source) add(d chat.Delta) { s.step.Deltas = append(s.step.Deltas, d) }
