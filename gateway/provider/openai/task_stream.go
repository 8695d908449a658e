package openai

import (
	"encoding/json"
	"io"
	"strings"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/failure"
	"github.com/llm-hub/llm-hub/gateway/provider/rawjson"
	"github.com/llm-hub/llm-hub/gateway/provider/sse"
)

// taskStream passes the events of a task through. An event that ends something is held
// back until the next one comes, because it may be the last, which the client gets only
// when its usage is on the books.
type taskStream struct {
	in    *sse.Reader
	usage func([]byte) *events.Usage

	out   []byte       // what Next returned last
	held  []byte       // an event that ends something, or what came behind one
	count events.Usage // the largest of each class that was told
	told  bool         // a usage was
	begun bool         // Next has returned something
}

func newTaskStream(usage func([]byte) *events.Usage) func(io.Reader) provider.Stream {
	return func(r io.Reader) provider.Stream { return &taskStream{in: sse.NewReader(r), usage: usage} }
}

// Next implements [provider.Stream].
func (s *taskStream) Next() ([]byte, error) {
	for {
		ev, err := s.in.Next()
		switch {
		case err == io.EOF || err == nil && string(ev.Data) == done, ev.Partial && !json.Valid(ev.Data):
			return nil, s.atEnd(ev)
		case err != nil:
			return nil, provider.ReadError(err)
		}
		last, err := s.note(ev)
		if err != nil {
			return nil, err
		}
		s.out = append(s.out[:0], s.held...)
		s.held = s.held[:0]
		if last {
			s.held = appendRaw(s.held, ev)
		} else {
			s.out = appendRaw(s.out, ev)
		}
		if len(s.out) == 0 && !s.begun {
			s.out = sse.AppendComment(s.out, []byte("done")) // the client need not wait for a vendor to hang up
		}
		if s.begun = true; len(s.out) > 0 {
			return s.out, nil
		}
	}
}

// atEnd judges the end of a stream: it is whole if the last that was said ended
// something, or the vendor says that it is.
func (s *taskStream) atEnd(ev sse.Event) error {
	switch {
	case string(ev.Data) == done:
		s.held = appendRaw(s.held, ev)
	case len(s.held) == 0:
		return provider.CutError()
	}
	return io.EOF
}

func appendRaw(dst []byte, ev sse.Event) []byte { return append(append(dst, ev.Raw...), "\n\n"...) }

// note reads an event, and tells whether it ends something.
func (s *taskStream) note(ev sse.Event) (last bool, err error) {
	data := oneLine(ev.Data)
	var kind string
	var usage []byte
	obj := rawjson.NewObject(data)
	for obj.Next() {
		switch string(obj.Key()) {
		case "type":
			kind, _ = rawjson.String(obj.Value())
		case "usage":
			usage = obj.Value()
		case "error":
			if rawjson.TypeOf(obj.Value()) != rawjson.NullType {
				kind = "error"
			}
		}
	}
	switch {
	case obj.Err() != nil:
		return false, provider.BadAnswerError(obj.Err())
	case kind == "error" || string(ev.Type) == "error":
		return false, failure.Told(failure.Read(data)).Public()
	}
	if u := s.usage(usage); u != nil {
		s.take(u)
	}
	return strings.HasSuffix(kind, ".done") || strings.HasSuffix(kind, ".completed"), nil
}

// take takes what a usage says more than those before: each is of all there is so far.
func (s *taskStream) take(u *events.Usage) {
	s.told = true
	news := u.Amounts()
	for i, n := range s.count.Refs() {
		*n = max(*n, news[i])
	}
}

// Progress implements [provider.Stream].
func (s *taskStream) Progress() provider.Progress {
	if !s.told {
		return provider.Progress{}
	}
	u := s.count
	return provider.Progress{Usage: &u}
}

// Trailer implements [provider.Stream]: the bill, as a comment, and what was held back.
func (s *taskStream) Trailer(b provider.Bill) []byte {
	bill, err := json.Marshal(wireBill{CostNanoUSD: b.CostNanoUSD, RequestID: b.Request})
	if err != nil { // a number and an id always encode
		bill = []byte("{}")
	}
	return append(sse.AppendComment(s.out[:0], append([]byte(billName+" "), bill...)), s.held...)
}

// Abort implements [provider.Stream].
func (s *taskStream) Abort(e *gateway.Error) []byte { return appendAbort(s.out[:0], e) }
