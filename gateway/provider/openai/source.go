package openai

import (
	"encoding/json"
	"io"

	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/chat"
	"github.com/llm-hub/llm-hub/gateway/provider/failure"
	"github.com/llm-hub/llm-hub/gateway/provider/sse"
)

// source reads a vendor's chunks. It is whole when every choice had its finish
// reason; the terminator without them does not make it so.
type source struct {
	in      *sse.Reader
	newID   func() string
	step    chat.Step
	choices map[int]*gotten
}

// gotten is how far a choice has come.
type gotten struct {
	calls    []gottenCall
	finished bool
}

// gottenCall is where the vendor's pieces of a call belong.
type gottenCall struct {
	index int // the vendor's, 0 if it has none
	id    string
}

func newSource(r io.Reader, newID func() string) *source {
	return &source{in: sse.NewReader(r), newID: newID, choices: make(map[int]*gotten)}
}

// Next implements [chat.Source].
func (s *source) Next() (*chat.Step, error) {
	ev, err := s.in.Next()
	switch {
	case err == io.EOF, err == nil && string(ev.Data) == done:
		return nil, s.atEnd()
	case err != nil:
		return nil, provider.ReadError(err)
	case ev.Partial && !json.Valid(ev.Data):
		return nil, s.atEnd()
	}
	w, err := parseGot(ev.Data)
	if w == nil {
		return nil, err
	}
	s.step = chat.Step{ID: w.ID, Model: w.Model, Usage: readUsage(w.Usage)}
	if err == nil && string(ev.Type) == "error" {
		err = failure.Told(failure.Read(ev.Data)).Public()
	}
	if err != nil {
		return &s.step, err
	}
	for _, c := range w.Choices {
		if err := s.take(c); err != nil {
			return &s.step, err
		}
	}
	s.step.Final = len(w.Choices) == 0 || s.finished()
	return &s.step, nil
}

func (s *source) atEnd() error {
	if s.finished() {
		return io.EOF
	}
	return provider.CutError()
}

func (s *source) finished() bool {
	for _, c := range s.choices {
		if !c.finished {
			return false
		}
	}
	return len(s.choices) > 0
}

func (s *source) take(c gotChoice) error {
	g := s.choices[c.Index]
	if g == nil {
		g = &gotten{}
		s.choices[c.Index] = g
	}
	s.takeDelta(c, g)
	if c.Finish == "" || g.finished {
		return nil
	}
	finish, err := finishOf(c.Finish, len(g.calls) > 0)
	if err != nil {
		return err
	}
	g.finished = true
	s.add(chat.Delta{Choice: c.Index, Finish: finish, StopText: stopText(c.Stop)})
	return nil
}

// takeDelta adds what a chunk holds of a choice in the order in which models say it.
func (s *source) takeDelta(c gotChoice, g *gotten) {
	text, thought := c.Delta.text()
	parts := readThoughts(c.Delta.Details)
	if reasoning := c.Delta.reasoning(parts, thought); reasoning != "" {
		s.add(chat.Delta{Choice: c.Index, Reasoning: reasoning})
	}
	for _, p := range parts {
		if p.Signature+p.Data != "" {
			s.add(chat.Delta{Choice: c.Index, Signature: p.Signature, Redacted: p.Data})
		}
	}
	logprobs := readLogprobs(c.Logprobs)
	if text != "" || logprobs != nil {
		s.add(chat.Delta{Choice: c.Index, Text: text, Logprobs: logprobs})
	}
	for _, citation := range readAnnotations(c.Delta.Cited) {
		s.add(chat.Delta{Choice: c.Index, Citation: &citation})
	}
	if c.Delta.Refusal != "" {
		s.add(chat.Delta{Choice: c.Index, Refusal: c.Delta.Refusal})
	}
	for _, w := range c.Delta.ToolCalls {
		s.add(chat.Delta{Choice: c.Index, Call: g.call(w, s.newID)})
	}
}

func (s *source) add(d chat.Delta) { s.step.Deltas = append(s.step.Deltas, d) }

// call places a piece of a call.
func (g *gotten) call(w wireCall, newID func() string) *chat.CallDelta {
	if i := g.find(w); i >= 0 {
		return &chat.CallDelta{Index: i, Arguments: w.Function.Arguments}
	}
	first := gottenCall{id: w.ID}
	if w.Index != nil {
		first.index = *w.Index
	}
	if first.id == "" {
		first.id = newID()
	}
	g.calls = append(g.calls, first)
	return &chat.CallDelta{
		Index: len(g.calls) - 1, ID: first.id, Name: w.Function.Name,
		Arguments: w.Function.Arguments, Signature: w.signature(),
	}
}

// find gives the call that a piece goes on with, -1 if it begins one. Some vendors
// number no calls, or all alike, and some repeat id and name with every piece.
func (g *gotten) find(w wireCall) int {
	for i := len(g.calls) - 1; i >= 0; i-- {
		old := g.calls[i]
		switch {
		case w.ID != "" && w.ID != old.id, w.Index != nil && *w.Index != old.index:
			continue
		case w.ID == "" && w.Index == nil && w.Function.Name != "":
			return -1
		}
		return i
	}
	return -1
}
