package bedrock

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"
	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream/eventstreamapi"

	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/chat"
	"github.com/llm-hub/llm-hub/gateway/provider/failure"
)

// source reads a stream of frames. The canonical call and block indices differ, so
// it counts the calls itself.
type source struct {
	in      *bufio.Reader
	decoder *eventstream.Decoder
	payload []byte // of a frame, for the next one
	step    chat.Step

	calls   map[int]*call // that are open, by the index of their block
	made    int           // calls so far
	stopped bool          // messageStop was seen
}

type call struct {
	index int
	begun bool // arguments came
}

func newSource(r io.Reader) *source {
	return &source{in: bufio.NewReader(r), decoder: eventstream.NewDecoder(), calls: make(map[int]*call)}
}

// Next implements [chat.Source].
func (s *source) Next() (*chat.Step, error) {
	if _, err := s.in.Peek(1); err != nil {
		if err == io.EOF && s.stopped {
			return nil, io.EOF
		}
		return nil, lost(err)
	}
	m, err := s.decoder.Decode(s.in, s.payload)
	if err != nil {
		return nil, lost(err)
	}
	s.keep(m.Payload)
	s.step = chat.Step{}
	switch kind := text(m, eventstreamapi.MessageTypeHeader); kind {
	case eventstreamapi.EventMessageType:
		err = s.take(text(m, eventstreamapi.EventTypeHeader), m.Payload)
	case eventstreamapi.ExceptionMessageType:
		err = told(text(m, eventstreamapi.ExceptionTypeHeader), failure.Read(m.Payload)).Public()
	case eventstreamapi.ErrorMessageType:
		words := failure.Words{Message: failure.Clean(text(m, eventstreamapi.ErrorMessageHeader))}
		err = told(text(m, eventstreamapi.ErrorCodeHeader), words).Public()
	default:
		err = provider.BadAnswerError(fmt.Errorf("a frame is of type %q", kind))
	}
	if err != nil {
		return nil, err
	}
	return &s.step, nil
}

// keep holds on to the memory of a frame, unless it was a huge one.
func (s *source) keep(payload []byte) {
	const most = 64 << 10
	if cap(payload) <= most {
		s.payload = payload[:0]
	} else {
		s.payload = nil
	}
}

// lost is the error of a stream that cannot be read on.
func lost(err error) error {
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return provider.CutError()
	case isFraming(err):
		return provider.BadAnswerError(err)
	}
	return provider.ReadError(err)
}

// isFraming tells whether the frame itself is wrong, and not its way to us.
func isFraming(err error) bool {
	if _, ok := errors.AsType[eventstream.ChecksumError](err); ok {
		return true
	}
	_, ok := errors.AsType[eventstream.LengthError](err)
	return ok
}

// text is a frame's header, empty if it is not there or no text.
func text(m eventstream.Message, name string) string {
	if v, ok := m.Headers.Get(name).(eventstream.StringValue); ok {
		return string(v)
	}
	return ""
}

// The events; others are passed over.
type (
	wireStart struct {
		Index int `json:"contentBlockIndex"`
		Start struct {
			ToolUse *wireToolUse `json:"toolUse"`
		} `json:"start"`
	}
	wireDelta struct {
		Index int `json:"contentBlockIndex"`
		Delta struct {
			Text    string `json:"text"`
			ToolUse *struct {
				Input string `json:"input"`
			} `json:"toolUse"`
			Reasoning *struct {
				Text      string `json:"text"`
				Signature string `json:"signature"`
				Redacted  string `json:"redactedContent"`
			} `json:"reasoningContent"`
		} `json:"delta"`
	}
	wireMetadata struct {
		Usage *wireUsage `json:"usage"`
	}
)

func (s *source) take(event string, payload []byte) error {
	switch event {
	case "contentBlockStart":
		return s.start(payload)
	case "contentBlockDelta":
		return s.delta(payload)
	case "contentBlockStop":
		var w wireStart
		if err := read(payload, &w); err != nil {
			return err
		}
		if c := s.calls[w.Index]; c != nil {
			s.end(c)
			delete(s.calls, w.Index)
		}
	case "messageStop":
		var w wireStop
		if err := read(payload, &w); err != nil {
			return err
		}
		finish, err := finishOf(w.Reason)
		if err != nil {
			return provider.BadAnswerError(err)
		}
		s.stopped = true
		s.add(chat.Delta{Finish: finish, StopText: w.sequence()})
	case "metadata":
		var w wireMetadata
		if err := read(payload, &w); err != nil {
			return err
		}
		s.step.Usage, s.step.Final = w.Usage.classes(), true
	}
	return nil
}

func read(payload []byte, into any) error {
	if err := json.Unmarshal(payload, into); err != nil {
		return provider.BadAnswerError(err)
	}
	return nil
}

func (s *source) add(d chat.Delta) { s.step.Deltas = append(s.step.Deltas, d) }

func (s *source) start(payload []byte) error {
	var w wireStart
	if err := read(payload, &w); err != nil {
		return err
	}
	if u := w.Start.ToolUse; u != nil {
		c := &call{index: s.made}
		s.made++
		s.calls[w.Index] = c
		s.add(chat.Delta{Call: &chat.CallDelta{Index: c.index, ID: u.ID, Name: u.Name}})
	}
	return nil
}

func (s *source) delta(payload []byte) error {
	var w wireDelta
	if err := read(payload, &w); err != nil {
		return err
	}
	d := w.Delta
	if d.Text != "" {
		s.add(chat.Delta{Text: d.Text})
	}
	if r := d.Reasoning; r != nil && (r.Text != "" || r.Signature != "" || r.Redacted != "") {
		s.add(chat.Delta{Reasoning: r.Text, Signature: r.Signature, Redacted: r.Redacted})
	}
	if c := s.calls[w.Index]; c != nil && d.ToolUse != nil && d.ToolUse.Input != "" {
		c.begun = true
		s.add(chat.Delta{Call: &chat.CallDelta{Index: c.index, Arguments: d.ToolUse.Input}})
	}
	return nil
}

// end gives a call without arguments the empty ones.
func (s *source) end(c *call) {
	if !c.begun {
		s.add(chat.Delta{Call: &chat.CallDelta{Index: c.index, Arguments: "{}"}})
	}
}
