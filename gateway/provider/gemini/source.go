package gemini

import (
	"encoding/json"
	"io"

	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/chat"
	"github.com/llm-hub/llm-hub/gateway/provider/sse"
)

// source reads a stream of partial answers. It has no terminator: it is whole when
// every candidate had its finish reason.
type source struct {
	in         *sse.Reader
	newID      func() string
	step       chat.Step
	candidates map[int]*candidate
}

// candidate is how far a choice has come.
type candidate struct {
	calls    int
	content  bool
	finished bool
	said     sourced
}

func newSource(r io.Reader, newID func() string) *source {
	return &source{in: sse.NewReader(r), newID: newID, candidates: make(map[int]*candidate)}
}

// Next implements [chat.Source].
func (s *source) Next() (*chat.Step, error) {
	ev, err := s.in.Next()
	switch {
	case err == io.EOF && s.finished():
		return nil, io.EOF
	case err == io.EOF:
		return nil, provider.CutError()
	case err != nil:
		return nil, provider.ReadError(err)
	}
	w, err := parse(ev.Data)
	switch {
	case err != nil && ev.Partial && !json.Valid(ev.Data):
		return nil, provider.CutError()
	case w == nil:
		return nil, err
	}
	s.step = chat.Step{ID: w.ID, Model: w.Model, Usage: w.Usage.classes()}
	if err != nil {
		return &s.step, err
	}
	for _, c := range w.Candidates {
		if err := s.take(c); err != nil {
			return &s.step, err
		}
	}
	s.step.Final = s.finished()
	return &s.step, nil
}

func (s *source) finished() bool {
	for _, c := range s.candidates {
		if !c.finished {
			return false
		}
	}
	return len(s.candidates) > 0
}

func (s *source) take(w wireCandidate) error {
	c := s.candidates[w.Index]
	if c == nil {
		c = &candidate{}
		s.candidates[w.Index] = c
	}
	for _, p := range w.Content.Parts {
		s.part(w.Index, c, p)
	}
	for _, citation := range c.said.citations(w.Grounding, w.Recited) {
		s.add(chat.Delta{Choice: w.Index, Citation: &citation})
	}
	if probs := w.Probs.canonical(); probs != nil {
		s.add(chat.Delta{Choice: w.Index, Logprobs: probs})
	}
	if w.Finish == "" || c.finished {
		return nil
	}
	finish, err := finishOf(w.Finish, c.calls > 0, c.content)
	if err != nil {
		return err
	}
	c.finished = true
	s.add(chat.Delta{Choice: w.Index, Finish: finish})
	return nil
}

func (s *source) part(index int, c *candidate, p wirePart) {
	c.content = c.content || p.Text != "" || p.Call != nil
	switch {
	case p.Call != nil:
		call := callOf(p, s.newID)
		s.add(chat.Delta{Choice: index, Call: &chat.CallDelta{
			Index: c.calls, ID: call.ID, Name: call.Name, Arguments: call.Arguments, Signature: call.Signature,
		}})
		c.calls++
	case p.Text == "":
	case p.Thought:
		s.add(chat.Delta{Choice: index, Reasoning: p.Text})
	default:
		c.said.add(p.Text)
		s.add(chat.Delta{Choice: index, Text: p.Text})
	}
}

func (s *source) add(d chat.Delta) { s.step.Deltas = append(s.step.Deltas, d) }
