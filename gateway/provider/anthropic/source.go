package anthropic

import (
	"encoding/json"
	"errors"
	"io"

	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/chat"
	"github.com/llm-hub/llm-hub/gateway/provider/failure"
	"github.com/llm-hub/llm-hub/gateway/provider/sse"
)

// source reads a stream of message events. It is whole with message_stop only.
type source struct {
	in    *sse.Reader
	step  chat.Step
	usage wireUsage
	calls int   // calls begun
	open  *call // the call that is open, nil: another block
	said  cited // the block of text that is open, or was the last
}

// call is a call under way.
type call struct {
	index int  // among the calls
	begun bool // some of its arguments came
}

type wireEvent struct {
	Type    string       `json:"type"`
	Message *wireMessage `json:"message"`
	Block   *wireReply   `json:"content_block"`
	Delta   struct {
		Type        string `json:"type"`
		Text        string `json:"text"`
		Thinking    string `json:"thinking"`
		Signature   string `json:"signature"`
		PartialJSON string `json:"partial_json"`

		Citation *citationIn `json:"citation"`
		wireStop
	} `json:"delta"`
	Usage *wireUsage `json:"usage"`
}

func newSource(r io.Reader) *source { return &source{in: sse.NewReader(r)} }

// Next implements [chat.Source].
func (s *source) Next() (*chat.Step, error) {
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
	s.step = chat.Step{}
	return s.take(w, ev.Data)
}

var errLacks = errors.New("an event lacks its content")

func (s *source) take(w wireEvent, data []byte) (*chat.Step, error) {
	switch w.Type {
	case "message_start":
		if w.Message == nil {
			return nil, provider.BadAnswerError(errLacks)
		}
		s.step.ID, s.step.Model = w.Message.ID, w.Message.Model
		s.count(w.Message.Usage, false)
	case "content_block_start":
		if w.Block == nil {
			return nil, provider.BadAnswerError(errLacks)
		}
		s.begin(*w.Block)
	case "content_block_delta":
		s.delta(w)
	case "content_block_stop":
		if s.open != nil && !s.open.begun {
			s.arguments("{}")
		}
		s.open = nil
		if c := s.said.citation(); c != nil {
			s.add(chat.Delta{Citation: c})
			s.said.refs = nil
		}
	case "message_delta":
		if w.Usage != nil {
			s.count(*w.Usage, true)
		}
		if stop := w.Delta.wireStop; stop.Reason != "" {
			s.add(chat.Delta{Finish: finishOf(stop.Reason), StopText: stop.Sequence, Refusal: stop.Details.Explanation})
		}
	case "message_stop":
		return nil, io.EOF
	case "error":
		return nil, failure.Told(failure.Read(data)).Public()
	}
	return &s.step, nil
}

func (s *source) count(u wireUsage, final bool) {
	s.usage.update(u)
	s.step.Usage, s.step.Final = s.usage.classes(), final
}

func (s *source) add(d chat.Delta) { s.step.Deltas = append(s.step.Deltas, d) }

// begin opens a block. Its own text or input is usually empty.
func (s *source) begin(b wireReply) {
	s.open = nil
	switch b.Type {
	case textBlock:
		s.said.begin(b)
		s.said.add(b.Text)
		s.say(chat.Delta{Text: b.Text})
	case thinkingBlock:
		s.say(chat.Delta{Reasoning: b.Thinking, Signature: b.Signature})
	case redactedBlock:
		s.say(chat.Delta{Redacted: b.Data})
	case toolUseBlock:
		s.open = &call{index: s.calls}
		s.calls++
		s.add(chat.Delta{Call: &chat.CallDelta{Index: s.open.index, ID: b.ID, Name: b.Name}})
		if input := arguments(b.Input); input != "{}" {
			s.arguments(input)
		}
	}
}

// say adds a text unless it is empty.
func (s *source) say(d chat.Delta) {
	if d != (chat.Delta{}) {
		s.add(d)
	}
}

func (s *source) delta(w wireEvent) {
	switch w.Delta.Type {
	case "text_delta":
		s.said.add(w.Delta.Text)
		s.say(chat.Delta{Text: w.Delta.Text})
	case "citations_delta":
		if w.Delta.Citation != nil {
			s.said.refs = append(s.said.refs, w.Delta.Citation.reference())
		}
	case "thinking_delta":
		s.say(chat.Delta{Reasoning: w.Delta.Thinking})
	case "signature_delta":
		s.say(chat.Delta{Signature: w.Delta.Signature})
	case "input_json_delta":
		if s.open != nil && w.Delta.PartialJSON != "" { // the input of a server's own tool is not shown
			s.arguments(w.Delta.PartialJSON)
		}
	}
}

func (s *source) arguments(piece string) {
	s.open.begun = true
	s.add(chat.Delta{Call: &chat.CallDelta{Index: s.open.index, Arguments: piece}})
}
