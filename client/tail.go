package client

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// TailRow is a request that has just ended, or how many were left out.
type TailRow struct {
	Place  string `json:"-"` // in the log; what [TailQuery] goes on after
	Hidden int    `json:"-"` // that ended too fast to be told of one by one; if it is not 0 there is no more here
	RequestRow
	Amounts *Amounts `json:"amounts"` // nil: the request began before what the hub has read
}

// Tail gives requests as they end, for as long as ctx does not; an error is the last.
//
// When the connection breaks, or the hub restarts, it comes back after a while and goes
// on after the last row. It ends with an error if it never came to be connected, if the
// hub refuses it, or says what went wrong. Rows that end while it is not connected are
// missed only before the first row, unless the query has After.
func (c *Client) Tail(ctx context.Context, q TailQuery) iter.Seq2[TailRow, error] {
	return func(yield func(TailRow, error) bool) {
		t := tail{client: c, query: q, retry: tailRetry}
		for {
			again, err := t.connection(ctx, yield)
			if err == nil && again {
				err = wait(ctx, t.retry)
			}
			if err != nil {
				yield(TailRow{}, err)
				return
			}
			if !again {
				return
			}
		}
	}
}

// How long a tail waits before it comes back.
const (
	tailRetry    = 2 * time.Second // unless the hub says otherwise
	maxTailRetry = time.Minute     // whatever it says
)

// tail is one, over all its connections.
type tail struct {
	client *Client
	query  TailQuery
	retry  time.Duration
	last   string // place
	begun  bool   // it was connected
}

// connection gives the rows of one connection. It tells whether another is to follow.
func (t *tail) connection(ctx context.Context, yield func(TailRow, error) bool) (again bool, err error) {
	resp, err := t.client.Do(ctx, Request{Method: http.MethodGet, Path: base + "requests/stream", Query: values(t.query), LastEventID: t.last})
	if err != nil {
		if ctx.Err() == nil && t.begun && passes(err) {
			return true, nil
		}
		return false, err
	}
	defer resp.Body.Close()
	t.begun = true
	for e, err := range serverEvents(resp.Body) {
		if err != nil {
			return false, err
		}
		if e.retry > 0 {
			t.retry = min(e.retry, maxTailRetry)
		}
		if e.data == "" {
			continue
		}
		row, err := e.row()
		if err != nil {
			return false, err
		}
		if e.id != "" {
			t.last = e.id
		}
		if !yield(row, nil) {
			return false, nil
		}
	}
	return true, ctx.Err()
}

// passes tells whether what failed may work in a while.
func passes(err error) bool {
	switch StatusOf(err) {
	case 0, http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// serverEvent is one of those that servers send (HTML, 9.2).
type serverEvent struct {
	name, id, data string
	retry          time.Duration // 0: not said
}

// row is what an event of a tail says.
func (e serverEvent) row() (TailRow, error) {
	row := TailRow{Place: e.id}
	var err error
	switch e.name {
	case "":
		err = json.Unmarshal([]byte(e.data), &row)
	case "hidden":
		var hidden struct{ Count int }
		err = json.Unmarshal([]byte(e.data), &hidden)
		row.Hidden = hidden.Count
	case "error":
		said := &Error{}
		if err = json.Unmarshal([]byte(e.data), said); err == nil {
			return row, said
		}
	default:
		err = errors.New("it is not known here")
	}
	if err != nil {
		return row, fmt.Errorf("client: event %q of a tail: %w", e.name, err)
	}
	return row, nil
}

// serverEvents reads events up to the last that is whole. Only an event that is too long
// is an error; how else the reading ended does not matter to whoever comes back.
func serverEvents(r io.Reader) iter.Seq2[serverEvent, error] {
	return func(yield func(serverEvent, error) bool) {
		s := bufio.NewScanner(r)
		s.Buffer(nil, maxLine)
		s.Split(wholeLines)
		var e serverEvent
		for s.Scan() {
			if s.Text() != "" {
				e.field(s.Text())
				continue
			}
			if e != (serverEvent{}) && !yield(e, nil) {
				return
			}
			e = serverEvent{}
		}
		if errors.Is(s.Err(), bufio.ErrTooLong) {
			yield(e, fmt.Errorf("client: event of a tail: %w", s.Err()))
		}
	}
}

// wholeLines is [bufio.ScanLines] without what has no end.
func wholeLines(data []byte, atEOF bool) (advance int, token []byte, err error) {
	if atEOF && bytes.IndexByte(data, '\n') < 0 {
		return len(data), nil, nil
	}
	return bufio.ScanLines(data, atEOF)
}

// field reads one line. A comment's has no name; one that is not known says nothing.
func (e *serverEvent) field(line string) {
	name, value, _ := strings.Cut(line, ":")
	value = strings.TrimPrefix(value, " ")
	switch name {
	case "event":
		e.name = value
	case "id":
		e.id = value
	case "retry":
		if ms, err := strconv.ParseUint(value, 10, 31); err == nil {
			e.retry = time.Duration(ms) * time.Millisecond
		}
	case "data":
		if e.data != "" {
			e.data += "\n"
		}
		e.data += value
	}
}
