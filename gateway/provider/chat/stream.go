package chat

import (
	"io"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/provider"
)

// stream is a vendor's stream in a client's dialect.
type stream struct {
	source  Source
	encoder Encoder
	signer  signer
	model   string // the target's, until the vendor names one

	out    []byte
	usage  *events.Usage
	final  bool
	text   provider.TextMeter
	finish Finish
}

// Next implements [provider.Stream].
func (s *stream) Next() ([]byte, error) {
	s.out = s.out[:0]
	for len(s.out) == 0 {
		step, err := s.source.Next()
		if err == io.EOF && !s.final {
			s.usage = nil // a count of the middle is not the answer's
		}
		if err != nil {
			if step != nil && step.Usage != nil {
				s.usage = step.Usage
			}
			return nil, err
		}
		s.note(step)
		s.out = s.encoder.Step(s.out, step)
	}
	return s.out, nil
}

func (s *stream) note(step *Step) {
	if step.Model == "" {
		step.Model = s.model
	}
	s.model = step.Model
	if step.Usage != nil {
		s.usage, s.final = step.Usage, step.Final
	}
	for i := range step.Deltas {
		d := &step.Deltas[i]
		s.signer.markDelta(d)
		d.meter(&s.text)
		if d.Finish != "" {
			s.finish = d.Finish
		}
	}
}

// Progress implements [provider.Stream].
func (s *stream) Progress() provider.Progress {
	return provider.Progress{Usage: s.usage, Output: s.text.Tokens(), Text: s.text.Excerpt(), Finish: string(s.finish)}
}

// Kept implements [provider.Keeper].
func (s *stream) Kept() *provider.Kept { return provider.KeptBy(s.encoder) }

// Trailer implements [provider.Stream].
func (s *stream) Trailer(b provider.Bill) []byte { return s.encoder.Trailer(nil, s.usage, b) }

// Abort implements [provider.Stream].
func (s *stream) Abort(err *gateway.Error) []byte { return s.encoder.Abort(nil, err) }
