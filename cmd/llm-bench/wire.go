package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"
)

const (
	readBuffer   = 32 << 10 // bytes
	maxErrorText = 300      // bytes of an error answer that are kept
)

// errTorn says that an answer with status 200 began and did not end as it must.
var errTorn = errors.New("torn")

// A connection speaks as much HTTP/1.1 as a load generator needs, without allocating: one request
// of fixed bytes, one answer with a length or in chunks. Not safe for concurrent use.
type connection struct {
	net.Conn
	r *bufio.Reader
}

func newConnection(c net.Conn) *connection {
	return &connection{Conn: c, r: bufio.NewReaderSize(c, readBuffer)}
}

// An answer is what came back for one request.
type answer struct {
	status int
	first  time.Time // when the first byte of a body, or the first event of a stream, was there
	events int       // server-sent events, without the terminator
	closes bool      // the server ends the connection after this answer
}

// head is what the header of an answer says about its body.
type head struct {
	status  int
	length  int64 // -1: not given
	chunked bool
	closes  bool
}

// do sends request and reads the answer to its end. A status other than 200 is an error with the
// beginning of the body; an answer that breaks off, or a stream without enough events or without
// its terminator, is errTorn. After an error the connection is of no use.
func (c *connection) do(request []byte, wantEvents int) (answer, error) {
	if _, err := c.Write(request); err != nil {
		return answer{}, fmt.Errorf("send: %w", err)
	}
	h, err := c.readHead()
	if err != nil {
		return answer{}, fmt.Errorf("answer header: %w", err)
	}
	a := answer{status: h.status, closes: h.closes}
	if h.status != 200 {
		return a, c.refusal(h)
	}
	body := eventCounter{}
	err = c.readBody(h, func(p []byte) {
		body.feed(p)
		if a.first.IsZero() && (wantEvents == 0 || body.events > 0) {
			a.first = time.Now()
		}
	})
	a.events = body.events
	switch {
	case err != nil:
		return a, fmt.Errorf("%w after %d events: %w", errTorn, a.events, err)
	case wantEvents > 0 && (!body.done || a.events < wantEvents):
		return a, fmt.Errorf("%w: %d events, terminator %t", errTorn, a.events, body.done)
	case a.first.IsZero():
		return a, fmt.Errorf("%w: empty body", errTorn)
	}
	return a, nil
}

// refusal is the error for an answer that is not 200.
func (c *connection) refusal(h head) error {
	var text []byte
	err := c.readBody(h, func(p []byte) {
		text = append(text, p[:min(len(p), maxErrorText-len(text))]...)
	})
	return errors.Join(fmt.Errorf("status %d: %s", h.status, text), err)
}

func (c *connection) readHead() (head, error) {
	line, err := c.line()
	if err != nil {
		return head{}, err
	}
	h := head{length: -1}
	proto, rest, _ := bytes.Cut(line, []byte(" "))
	status, _, _ := bytes.Cut(rest, []byte(" "))
	if h.status, err = strconv.Atoi(string(status)); err != nil || !bytes.HasPrefix(proto, []byte("HTTP/1.1")) {
		return head{}, fmt.Errorf("status line %q", line)
	}
	for {
		if line, err = c.line(); err != nil {
			return head{}, err
		}
		if len(line) == 0 {
			return h, nil
		}
		if err := h.field(line); err != nil {
			return head{}, err
		}
	}
}

// field reads one header line.
func (h *head) field(line []byte) error {
	name, value, ok := bytes.Cut(line, []byte(":"))
	if !ok {
		return fmt.Errorf("header line %q", line)
	}
	value = bytes.TrimSpace(value)
	switch {
	case bytes.EqualFold(name, []byte("Content-Length")):
		n, err := strconv.ParseInt(string(value), 10, 64)
		if err != nil || n < 0 {
			return fmt.Errorf("content length %q", value)
		}
		h.length = n
	case bytes.EqualFold(name, []byte("Transfer-Encoding")):
		h.chunked = bytes.EqualFold(value, []byte("chunked"))
	case bytes.EqualFold(name, []byte("Connection")):
		h.closes = bytes.EqualFold(value, []byte("close"))
	}
	return nil
}

// line is the next line without its end; it lives until the next read.
func (c *connection) line() ([]byte, error) {
	line, err := c.r.ReadSlice('\n')
	if err != nil {
		return nil, err
	}
	return bytes.TrimRight(line, "\r\n"), nil
}

// readBody hands the body piece by piece, as it comes in, to take.
func (c *connection) readBody(h head, take func([]byte)) error {
	switch {
	case h.chunked:
		return c.readChunks(take)
	case h.length >= 0:
		return c.readPieces(h.length, take)
	case h.closes:
		return errors.New("a body that ends with the connection cannot be told from a torn one")
	}
	return errors.New("a body without length")
}

func (c *connection) readChunks(take func([]byte)) error {
	for {
		line, err := c.line()
		if err != nil {
			return err
		}
		size, _, _ := bytes.Cut(line, []byte(";"))
		n, err := strconv.ParseUint(string(bytes.TrimSpace(size)), 16, 31)
		if err != nil {
			return fmt.Errorf("chunk size %q", line)
		}
		if n == 0 {
			return c.skipTrailer()
		}
		if err := c.readPieces(int64(n), take); err != nil {
			return err
		}
		if line, err = c.line(); err != nil {
			return err
		}
		if len(line) > 0 {
			return fmt.Errorf("%q behind a chunk", line)
		}
	}
}

func (c *connection) skipTrailer() error {
	for {
		line, err := c.line()
		if err != nil || len(line) == 0 {
			return err
		}
	}
}

// readPieces hands the next n bytes to take, without waiting for all of them.
func (c *connection) readPieces(n int64, take func([]byte)) error {
	for n > 0 {
		if _, err := c.r.Peek(1); err != nil {
			if errors.Is(err, io.EOF) {
				return io.ErrUnexpectedEOF
			}
			return err
		}
		piece, err := c.r.Peek(int(min(n, int64(c.r.Buffered()))))
		if err != nil {
			return err
		}
		take(piece)
		if _, err := c.r.Discard(len(piece)); err != nil {
			return err
		}
		n -= int64(len(piece))
	}
	return nil
}

// terminator is the last event of a stream.
const terminator = "data: [DONE]"

// An eventCounter counts server-sent events, wherever the stream is cut into pieces.
type eventCounter struct {
	line   [len(terminator)]byte // beginning of the line
	n      int                   // bytes of the line so far
	events int
	done   bool // the terminator came
}

func (e *eventCounter) feed(p []byte) {
	for len(p) > 0 {
		part, rest, ended := bytes.Cut(p, []byte("\n"))
		if e.n < len(e.line) {
			copy(e.line[e.n:], part)
		}
		e.n += len(part)
		if ended {
			e.endLine()
		}
		p = rest
	}
}

func (e *eventCounter) endLine() {
	begin := e.line[:min(e.n, len(e.line))]
	switch {
	case string(begin) == terminator:
		e.done = true
	case bytes.HasPrefix(begin, []byte("data:")):
		e.events++
	}
	e.n = 0
}
