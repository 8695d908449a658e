package openai

import (
	"bytes"
	"io"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/failure"
	"github.com/llm-hub/llm-hub/gateway/provider/rawjson"
	"github.com/llm-hub/llm-hub/gateway/provider/sse"
)

const done = "[DONE]"

// stream passes a vendor's chunks through. What it changes: the usage chunk is
// held back for [stream.Trailer], "usage": null goes when only we asked for usage,
// comments between events are dropped, and events end in LF.
type stream struct {
	in     *sse.Reader
	wanted bool   // the client asked for usage
	out    []byte // what Next returned last
	err    error  // the end, told once out was handed over

	chunk    []byte // the last chunk with usage, its choices emptied
	usage    *events.Usage
	final    bool // usage is the whole answer's
	text     provider.TextMeter
	seen     uint // choices by index
	finished uint
	finish   string
}

func newStream(in *provider.Inbound) func(io.Reader) provider.Stream {
	return func(r io.Reader) provider.Stream {
		return &stream{in: sse.NewReader(r), wanted: in.IncludeUsage, text: provider.TextMeter{Keep: provider.ExcerptSize}}
	}
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
		s.usage = nil // a count of the middle is not the answer's
	}
	return nil, s.err
}

// take adds what the client is to see of an event to out. An error ends the stream.
func (s *stream) take(ev sse.Event, err error) error {
	switch {
	case err == io.EOF:
		return s.atEnd()
	case err != nil:
		return provider.ReadError(err)
	case string(ev.Data) == done:
		return io.EOF
	}
	ev.Data = oneLine(ev.Data)
	g, err := look(ev.Data, &s.text)
	switch {
	case ev.Partial && err != nil:
		return s.atEnd()
	case err != nil:
		return provider.BadAnswerError(err)
	case g.failure != nil || string(ev.Type) == "error":
		return failure.Told(failure.Read(ev.Data)).Public()
	}
	s.note(g)
	if g.usage != nil {
		s.keepUsage(ev.Data, g)
		if g.empty {
			return nil
		}
	}
	s.pass(ev, g)
	return nil
}

// oneLine puts JSON that came in several data lines into one: outside of strings
// a line end is white space, and within them it cannot be.
func oneLine(data []byte) []byte {
	if bytes.IndexByte(data, '\n') < 0 {
		return data
	}
	return bytes.ReplaceAll(data, []byte("\n"), []byte(" "))
}

// atEnd judges a stream that ended without its terminator. A vendor that ended
// every choice has said all there is to say.
func (s *stream) atEnd() error {
	if s.allFinished() {
		return io.EOF
	}
	return provider.CutError()
}

func (s *stream) allFinished() bool { return s.seen != 0 && s.finished == s.seen }

func (s *stream) note(g glance) {
	s.seen |= g.seen
	s.finished |= g.finished
	if g.finish != nil {
		s.finish, _ = rawjson.String(g.finish)
	}
}

// keepUsage notes usage, and the chunk that brought it as one without choices.
func (s *stream) keepUsage(data []byte, g glance) {
	if u := readUsage(g.usage); u != nil {
		s.usage, s.final = u, g.empty || s.allFinished()
	}
	s.chunk = append(s.chunk[:0], data...)
	if !g.empty {
		s.chunk = rawjson.Apply(data, rawjson.Edit{From: g.choices[0], To: g.choices[1], With: []byte("[]")})
	}
}

func (s *stream) pass(ev sse.Event, g glance) {
	if s.wanted || !g.nullUsage {
		s.out = append(append(s.out, ev.Raw...), "\n\n"...)
		return
	}
	if len(ev.Type) > 0 {
		s.out = append(append(append(s.out, "event: "...), ev.Type...), '\n')
	}
	s.out = append(append(s.out, "data: "...), ev.Data[:g.cut[0]]...)
	s.out = append(append(s.out, ev.Data[g.cut[1]:]...), "\n\n"...)
}

// Progress implements [provider.Stream].
func (s *stream) Progress() provider.Progress {
	return provider.Progress{Usage: s.usage, Output: s.text.Tokens(), Text: s.text.Excerpt(), Finish: s.finish}
}

// Trailer implements [provider.Stream].
func (s *stream) Trailer(b provider.Bill) []byte { return appendTrailer(nil, s.usageChunk(), b) }

func (s *stream) usageChunk() []byte {
	if !s.wanted {
		return nil
	}
	return s.chunk
}

// Abort implements [provider.Stream].
func (s *stream) Abort(err *gateway.Error) []byte { return appendAbort(nil, err) }
