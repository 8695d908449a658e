package anthropic

import (
	"io"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/failure"
	"github.com/llm-hub/llm-hub/gateway/provider/sse"
)

// The events that end a stream.
const (
	stopEvent  = "message_stop"
	errorEvent = "error"
)

// stream passes a vendor's events through. What it changes: message_stop is held
// back for [stream.Trailer], comments between events are dropped, and events end
// in LF.
type stream struct {
	in  *sse.Reader
	out []byte // what Next returned last
	err error  // the end, told once out was handed over

	last   []byte // message_stop
	usage  wireUsage
	final  bool // usage is the whole answer's
	text   provider.TextMeter
	finish string
}

func newStream(r io.Reader) provider.Stream {
	return &stream{in: sse.NewReader(r), text: provider.TextMeter{Keep: provider.ExcerptSize}}
}

// Next implements [provider.Stream]. It waits for one event and takes along those
// that are there with it.
func (s *stream) Next() ([]byte, error) {
	s.out = s.out[:0]
	if s.err == nil {
		s.err = s.in.Batch(&s.out, s.take)
	}
	if len(s.out) > 0 {
		return s.out, nil
	}
	if s.err == io.EOF && !s.final {
		s.usage = wireUsage{} // a count of the middle is not the answer's
	}
	return nil, s.err
}

// take adds an event to out. An error ends the stream.
func (s *stream) take(ev sse.Event, err error) error {
	switch {
	case err == io.EOF:
		return provider.CutError()
	case err != nil:
		return provider.ReadError(err)
	}
	g, err := look(ev.Data, &s.text)
	switch {
	case ev.Partial && err != nil:
		return provider.CutError()
	case err != nil:
		return provider.BadAnswerError(err)
	case g.is(errorEvent) || string(ev.Type) == errorEvent:
		return failure.Told(failure.Read(ev.Data)).Public()
	case g.is(stopEvent):
		s.last = append(append(s.last, ev.Raw...), "\n\n"...)
		return io.EOF
	}
	if g.usage != nil {
		u := g.counted()
		s.usage.update(u)
		s.final = s.final || g.is("message_delta") && u.Output != nil
	}
	if g.reason != "" {
		s.finish = string(finishOf(g.reason))
	}
	s.out = append(append(s.out, ev.Raw...), "\n\n"...)
	return nil
}

// Progress implements [provider.Stream].
func (s *stream) Progress() provider.Progress {
	return provider.Progress{Usage: s.usage.classes(), Output: s.text.Tokens(), Text: s.text.Excerpt(), Finish: s.finish}
}

// Trailer implements [provider.Stream].
func (s *stream) Trailer(b provider.Bill) []byte { return append(appendBill(nil, b), s.last...) }

// Abort implements [provider.Stream].
func (s *stream) Abort(err *gateway.Error) []byte { return appendAbort(nil, err) }

// billName begins the comment that tells a stream's client its bill.
const billName = "x_llmhub"

type wireBill struct {
	CostNanoUSD *int64           `json:"cost_nano_usd"` // null: the price is not known
	RequestID   events.RequestID `json:"request_id"`
}

func appendBill(dst []byte, b provider.Bill) []byte {
	return sse.AppendComment(dst, append([]byte(billName+" "), marshal(wireBill{b.CostNanoUSD, b.Request})...))
}
