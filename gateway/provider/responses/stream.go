package responses

import (
	"encoding/json"
	"errors"
	"io"
	"strconv"

	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/failure"
	"github.com/llm-hub/llm-hub/gateway/provider/sse"
)

// stream passes a vendor's events through. What it changes: the last event is held
// back for [stream.Trailer], comments between events are dropped, and events end
// in LF.
type stream struct {
	in  *sse.Reader
	out []byte // what Next returned last
	err error  // the end, told once out was handed over

	last     []byte  // the event that ends the stream well
	response summary // as last told whole
	sequence int     // of the next event
	text     provider.TextMeter
}

var _ provider.Keeper = (*stream)(nil)

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
	return nil, s.err
}

// take adds an event to out. An error ends the stream.
func (s *stream) take(ev sse.Event, err error) error {
	switch {
	case err == io.EOF:
		return provider.CutError()
	case err != nil:
		return provider.ReadError(err)
	case string(ev.Data) == "[DONE]": // of some compatible vendors, behind the last event
		return provider.CutError()
	}
	g, err := look(ev.Data, &s.text)
	switch {
	case ev.Partial && err != nil:
		return provider.CutError()
	case err != nil:
		return provider.BadAnswerError(err)
	case g.is(errorEvent) || string(ev.Type) == errorEvent || g.kind == nil:
		return failure.Told(failure.Read(ev.Data)).Public()
	}
	if g.response == nil {
		s.pass(ev, g)
		return nil
	}
	return s.told(ev, g)
}

func (s *stream) pass(ev sse.Event, g glance) {
	if n, err := strconv.Atoi(string(g.sequence)); err == nil {
		s.sequence = n + 1
	}
	s.out = append(append(s.out, ev.Raw...), "\n\n"...)
}

// errNoState: an event about the response has it in a form that is not known.
var errNoState = errors.New("the state of the response cannot be read")

// told takes an event that tells the response as it is.
func (s *stream) told(ev sse.Event, g glance) error {
	var now summary
	if err := json.Unmarshal(g.response, &now); err != nil {
		return provider.BadAnswerError(errNoState)
	}
	s.response = now
	switch {
	case g.is("response.failed"):
		return now.failure()
	case g.is("response.completed"), g.is("response.incomplete"):
		s.last = append(append(s.last, ev.Raw...), "\n\n"...)
		return io.EOF
	}
	s.response.Usage = nil // of what has only begun
	s.pass(ev, g)
	return nil
}

// Progress implements [provider.Stream].
func (s *stream) Progress() provider.Progress {
	p := provider.Progress{Usage: s.response.usage(), Output: s.text.Tokens(), Text: s.text.Excerpt()}
	if s.last != nil {
		p.Finish = s.response.finish()
	}
	return p
}

// Kept implements [provider.Keeper].
func (s *stream) Kept() *provider.Kept {
	if s.last == nil {
		return nil
	}
	return s.response.kept()
}

// Trailer implements [provider.Stream].
func (s *stream) Trailer(b provider.Bill) []byte { return append(appendBill(nil, b), s.last...) }

// Abort implements [provider.Stream].
func (s *stream) Abort(err *gateway.Error) []byte {
	var dst []byte
	if s.response.ID != "" {
		w := eventOut{Type: "response.failed", Sequence: s.sequence, Response: s.broken(err)}
		dst = sse.AppendEvent(dst, w.Type, marshal(w))
		s.sequence++
	}
	return appendError(dst, err, s.sequence)
}

// broken is the response that broke, with the least that it must say.
func (s *stream) broken(err *gateway.Error) *responseOut {
	r := echoOf(&provider.Inbound{})
	r.ID, r.Model = s.response.ID, s.response.Model
	if at, err := s.response.Created.Int64(); err == nil {
		r.CreatedAt = at
	}
	r.fail(err)
	return &r
}
