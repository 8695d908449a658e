package gemini

import (
	"bytes"
	"io"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/failure"
	"github.com/llm-hub/llm-hub/gateway/provider/sse"
)

// stream passes a vendor's chunks through as they are. The last one is held back
// for [stream.Trailer], which puts the bill into it, so that a client sees a stream
// whole only when it is. A stream of one chunk goes without the bill.
type stream struct {
	in     *sse.Reader
	frames frames
	out    []byte // what Next returned last
	held   []byte // the last chunk so far, once all candidates are finished
	begun  bool   // a chunk went out
	err    error  // the end, told once out was handed over

	usage    *events.Usage
	final    bool // usage is the whole answer's
	text     provider.TextMeter
	seen     uint // candidates by index
	finished uint
	blocked  bool
	calls    bool
	finish   string
}

func newStream(r io.Reader, array bool) *stream {
	return &stream{in: sse.NewReader(r), frames: frames{array: array}, text: provider.TextMeter{Keep: provider.ExcerptSize}}
}

// Next implements [provider.Stream]. It waits for one chunk and takes along those
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
		s.usage = nil // a count of the middle is not the answer's
	}
	return nil, s.err
}

// take adds what the client is to see of a chunk to out. An error ends the stream.
func (s *stream) take(ev sse.Event, err error) error {
	switch {
	case err == io.EOF:
		return s.atEnd()
	case err != nil:
		return provider.ReadError(err)
	}
	data := oneLine(ev.Data)
	g, err := look(data, &s.text)
	switch {
	case ev.Partial && err != nil:
		return provider.CutError()
	case err != nil:
		return provider.BadAnswerError(err)
	case g.failure != nil:
		return failure.Told(failure.Read(data)).Public()
	}
	s.note(g)
	if s.held != nil {
		s.out = s.frames.chunk(s.out, s.held)
		s.held = nil
	}
	if s.whole() && s.begun {
		s.held = bytes.Clone(data)
		return nil
	}
	s.begun = true
	s.out = s.frames.chunk(s.out, data)
	return nil
}

// atEnd judges the end of the connection, which is the stream's only terminator.
func (s *stream) atEnd() error {
	if s.whole() {
		return io.EOF
	}
	return provider.CutError()
}

// whole tells whether all has been said that there is to say.
func (s *stream) whole() bool { return s.blocked || s.seen != 0 && s.finished == s.seen }

func (s *stream) note(g glance) {
	s.seen |= g.seen
	s.finished |= g.finished
	s.blocked = s.seen == 0 && (s.blocked || g.blocked)
	s.calls = s.calls || g.calls
	if reason := g.reason(s.calls); reason != "" {
		s.finish = reason
	}
	if u := readUsage(g.usage); u != nil {
		s.usage, s.final = u, s.whole()
	}
}

// Progress implements [provider.Stream].
func (s *stream) Progress() provider.Progress {
	return provider.Progress{Usage: s.usage, Output: s.text.Tokens(), Text: s.text.Excerpt(), Finish: s.finish}
}

// Trailer implements [provider.Stream].
func (s *stream) Trailer(b provider.Bill) []byte {
	if s.held == nil {
		return s.frames.end(nil)
	}
	return s.frames.last(nil, s.held, b)
}

// Abort implements [provider.Stream].
func (s *stream) Abort(err *gateway.Error) []byte { return s.frames.abort(nil, err) }
