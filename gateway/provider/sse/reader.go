// Package sse reads and writes server-sent event streams. It pulls: bytes are
// read only when the next event is asked for, so that a slow client slows the
// vendor instead of filling memory.
package sse

import (
	"bytes"
	"errors"
	"io"
)

// Sizes in bytes.
const (
	// MaxLine is the longest line a stream may have; all lines of an event
	// together may have twice as much.
	MaxLine = 16 << 20

	firstBuffer = 1 << 10
	// keptBuffer is the largest buffer kept once an event is done; what a huge
	// event needed is given back.
	keptBuffer = 64 << 10
	// maxEmptyReads is how often a reader may return nothing and no error.
	maxEmptyReads = 100
)

// ErrTooLong is the error for a line, or an event, over the limit.
var ErrTooLong = errors.New("sse: line or event too long")

// Event is one event. Its slices are valid until the next call of [Reader.Next].
type Event struct {
	Type []byte // the event field, nil if there was none
	Data []byte // the data lines joined by LF
	// Raw is the lines as they came, comments among them included, without the
	// last one's line end and the blank line. Raw and two LF are the same event.
	Raw []byte
	// Partial tells that the stream ended before the event's blank line.
	Partial bool
}

// Reader splits a stream into events. Lines end in LF, CR or CRLF; a byte order
// mark at the start, comments, and events without data are passed over. It is
// for one goroutine.
type Reader struct {
	r          io.Reader
	maxLine    int
	buf        []byte
	start, end int // what is in buf and belongs to no earlier event
	err        error

	// The event under construction; positions are relative to start.
	line    int  // start of the current line
	scanned int  // up to where the current line was searched for its end
	rawEnd  int  // end of the last line that was not blank
	fields  bool // any line but comments was seen
	hasData bool
	typ     span
	data    span
	joined  []byte // several data lines joined, nil: there was one

	bomDone bool
	skipLF  bool // the last line end was a CR at the end of what was read
}

type span struct{ from, to int }

// NewReader reads events from r.
func NewReader(r io.Reader) *Reader { return &Reader{r: r, maxLine: MaxLine} }

// Next gives the next event. At the end of r it gives what is left of an event
// without its blank line, marked Partial, and then io.EOF.
func (r *Reader) Next() (Event, error) {
	for {
		if ev, ok := r.Buffered(); ok {
			return ev, nil
		}
		if r.err != nil {
			return r.rest()
		}
		if err := r.fill(); err != nil {
			r.err = err
		}
	}
}

// Buffered gives the next event if all of it was read already. What it returns
// and what the calls before it returned stays valid until Next reads again.
func (r *Reader) Buffered() (Event, bool) {
	if !r.passBOM() {
		return Event{}, false
	}
	for {
		text, ok := r.nextLine()
		if !ok {
			return Event{}, false
		}
		if text.to-text.from > r.maxLine {
			r.err = ErrTooLong
			return Event{}, false
		}
		if ev, ok := r.take(text); ok {
			return ev, true
		}
	}
}

// passBOM drops a leading byte order mark; false: too little was read to tell.
func (r *Reader) passBOM() bool {
	if r.bomDone {
		return true
	}
	const bom = "\xef\xbb\xbf"
	have := r.buf[r.start:r.end]
	if len(have) < len(bom) && r.err == nil && bytes.HasPrefix([]byte(bom), have) {
		return false
	}
	if bytes.HasPrefix(have, []byte(bom)) {
		r.start += len(bom)
	}
	r.bomDone = true
	return true
}

// nextLine gives the span, relative to start, of the next whole line without its
// end, and moves behind it.
func (r *Reader) nextLine() (span, bool) {
	r.finishCRLF()
	have := r.buf[r.start:r.end]
	rest := have[r.scanned:]
	lf := bytes.IndexByte(rest, '\n')
	if lf >= 0 {
		rest = rest[:lf]
	}
	if cr := bytes.IndexByte(rest, '\r'); cr >= 0 {
		text := span{r.line, r.scanned + cr}
		next := text.to + 1
		switch {
		case next == len(have):
			r.skipLF = true
		case have[next] == '\n':
			next++
		}
		r.line, r.scanned = next, next
		return text, true
	}
	if lf < 0 {
		r.scanned = len(have)
		return span{}, false
	}
	text := span{r.line, r.scanned + lf}
	r.line, r.scanned = text.to+1, text.to+1
	return text, true
}

// finishCRLF drops the LF whose CR already ended a line.
func (r *Reader) finishCRLF() {
	if !r.skipLF || r.start+r.line == r.end {
		return
	}
	r.skipLF = false
	switch {
	case r.buf[r.start+r.line] != '\n':
	case r.line == 0:
		r.start++
	default:
		r.line++
		r.scanned = r.line
	}
}

// take adds a line to the event under construction; the blank line completes it.
func (r *Reader) take(text span) (Event, bool) {
	line := r.buf[r.start+text.from : r.start+text.to]
	switch {
	case len(line) == 0:
		ev, ok := r.event()
		r.reset()
		return ev, ok
	case line[0] == ':' && !r.fields:
		r.reset() // a comment between events
		return Event{}, false
	}
	r.fields = r.fields || line[0] != ':'
	r.rawEnd = text.to
	name, at := splitField(line)
	value := span{text.from + at, text.to}
	switch string(name) {
	case "data":
		r.addData(value)
	case "event":
		r.typ = value
	}
	return Event{}, false
}

// splitField gives a line's field name and where its value begins.
func splitField(line []byte) (name []byte, at int) {
	colon := bytes.IndexByte(line, ':')
	if colon < 0 {
		return line, len(line)
	}
	at = colon + 1
	if at < len(line) && line[at] == ' ' {
		at++
	}
	return line[:colon], at
}

func (r *Reader) addData(value span) {
	if !r.hasData {
		r.hasData, r.data = true, value
		return
	}
	if r.joined == nil {
		r.joined = bytes.Clone(r.at(r.data))
	}
	r.joined = append(append(r.joined, '\n'), r.at(value)...)
}

func (r *Reader) at(s span) []byte { return r.buf[r.start+s.from : r.start+s.to] }

// event is the event as it stands; false if there is none to give.
func (r *Reader) event() (Event, bool) {
	if !r.hasData {
		return Event{}, false
	}
	ev := Event{Data: r.at(r.data), Raw: r.at(span{0, r.rawEnd})}
	if r.joined != nil {
		ev.Data = r.joined
	}
	if r.typ.to > r.typ.from {
		ev.Type = r.at(r.typ)
	}
	return ev, true
}

// reset begins a new event at the current line.
func (r *Reader) reset() {
	r.start += r.line
	r.line, r.scanned, r.rawEnd = 0, 0, 0
	r.fields, r.hasData = false, false
	r.typ, r.data = span{}, span{}
	r.joined = nil
}

// rest ends the stream: first with what is left of an event, then with the error.
func (r *Reader) rest() (Event, error) {
	if r.err != io.EOF {
		return Event{}, r.err
	}
	if r.start+r.line < r.end {
		text := span{r.line, r.end - r.start}
		r.line = text.to
		r.take(text)
	}
	ev, ok := r.event()
	r.reset()
	if !ok {
		return Event{}, io.EOF
	}
	ev.Partial = true
	return ev, nil
}

// fill reads once more, after making room.
func (r *Reader) fill() error {
	if err := r.makeRoom(); err != nil {
		return err
	}
	for range maxEmptyReads {
		n, err := r.r.Read(r.buf[r.end:])
		r.end += n
		if n > 0 || err != nil {
			return err
		}
	}
	return io.ErrNoProgress
}

// makeRoom moves what is left to the front of a buffer with free space, which
// grows as an event needs it and shrinks again after it.
func (r *Reader) makeRoom() error {
	have := r.end - r.start
	if have-r.line > r.maxLine || have > 2*r.maxLine {
		return ErrTooLong
	}
	left := r.buf[r.start:r.end]
	switch {
	case have == len(r.buf):
		r.buf = make([]byte, max(firstBuffer, 2*have))
	case len(r.buf) > keptBuffer && have < keptBuffer/2:
		r.buf = make([]byte, keptBuffer)
	}
	copy(r.buf, left)
	r.start, r.end = 0, have
	return nil
}
