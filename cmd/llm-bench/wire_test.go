package main

import (
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/iotest"
)

// scripted is a connection that swallows the request and plays an answer, then ends.
type scripted struct {
	net.Conn
	io.Reader
}

func (scripted) Write(p []byte) (int, error)  { return len(p), nil }
func (s scripted) Read(p []byte) (int, error) { return s.Reader.Read(p) }

func play(answer string) *connection {
	return newConnection(scripted{Reader: strings.NewReader(answer)})
}

const (
	plainAnswer   = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
	streamHead    = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
	streamAnswer  = streamHead + "b\r\ndata: {a}\n\n\r\n7\r\ndata: {\r\n4;x=y\r\nb}\n\n\r\n" + "f\r\n: ping\ndata: [D\r\n7\r\nONE]\r\n\n\r\n0\r\nX-T: 1\r\n\r\n"
	refusedAnswer = "HTTP/1.1 429 Too Many Requests\r\nContent-Length: 9\r\nConnection: close\r\n\r\nslow down"
)

func TestDo(t *testing.T) {
	for _, c := range []struct {
		name, script string
		wantEvents   int
		want         answer // without the time
		torn         bool
		err          string
	}{
		{name: "plain", script: plainAnswer, want: answer{status: 200}},
		{name: "stream", script: streamAnswer, wantEvents: 2, want: answer{status: 200, events: 2}},
		{name: "in chunks, no stream", script: streamHead + "2\r\n{}\r\n0\r\n\r\n", want: answer{status: 200}},
		{name: "closes", script: strings.Replace(plainAnswer, "Content-Type: application/json", "connection: Close", 1), want: answer{status: 200, closes: true}},
		{name: "refused", script: refusedAnswer, want: answer{status: 429, closes: true}, err: "status 429: slow down"},
		{name: "refused at length", script: streamRefusal(), want: answer{status: 500}, err: "status 500: " + strings.Repeat("x", maxErrorText)},

		{name: "empty body", script: "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", want: answer{status: 200}, torn: true},
		{name: "short body", script: plainAnswer[:len(plainAnswer)-1], want: answer{status: 200}, torn: true},
		{name: "cut in a chunk", script: streamAnswer[:len(streamHead)+20], wantEvents: 2, want: answer{status: 200, events: 1}, torn: true},
		{name: "cut before the last chunk", script: strings.TrimSuffix(streamAnswer, "0\r\nX-T: 1\r\n\r\n"), wantEvents: 2, want: answer{status: 200, events: 2}, torn: true},
		{name: "too few events", script: streamAnswer, wantEvents: 3, want: answer{status: 200, events: 2}, torn: true},
		{name: "no terminator", script: streamHead + "b\r\ndata: {a}\n\n\r\n0\r\n\r\n", wantEvents: 1, want: answer{status: 200, events: 1}, torn: true},
		{name: "chunk of nonsense", script: streamHead + "zz\r\n", wantEvents: 1, want: answer{status: 200}, torn: true},
		{name: "chunk too long", script: streamHead + "2\r\n{}}\r\n", want: answer{status: 200}, torn: true},
		{name: "body without length", script: "HTTP/1.1 200 OK\r\n\r\n{}", want: answer{status: 200}, torn: true},
		{name: "body to the end", script: "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{}", want: answer{status: 200, closes: true}, torn: true},

		{name: "nothing", err: "answer header: EOF"},
		{name: "no HTTP", script: "SSH-2.0 200 hello\r\n", err: "status line"},
		{name: "no status", script: "HTTP/1.1 abc\r\n", err: "status line"},
		{name: "cut header", script: "HTTP/1.1 200 OK\r\nContent-", err: "answer header"},
		{name: "broken header", script: "HTTP/1.1 200 OK\r\nwhat\r\n\r\n", err: "header line"},
		{name: "negative length", script: "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", err: "content length"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := play(c.script).do([]byte("GET"), c.wantEvents)
			whole := !c.torn && c.err == ""
			if whole == got.first.IsZero() && whole {
				t.Error("no time of the first byte")
			}
			got.first = c.want.first
			if got != c.want {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
			if errors.Is(err, errTorn) != c.torn || (err == nil) != whole {
				t.Errorf("error %v", err)
			}
			if c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) {
				t.Errorf("error %v, want %q", err, c.err)
			}
		})
	}
}

// streamRefusal is an error answer with a body longer than is kept.
func streamRefusal() string {
	piece := "c8\r\n" + strings.Repeat("x", 200) + "\r\n"
	return "HTTP/1.1 500 Internal Server Error\r\nTransfer-Encoding: chunked\r\n\r\n" + piece + piece + "0\r\n\r\n"
}

func TestDoOneByteAtATime(t *testing.T) {
	c := newConnection(scripted{Reader: iotest.OneByteReader(strings.NewReader(streamAnswer))})
	got, err := c.do(nil, 2)
	if err != nil || got.events != 2 {
		t.Errorf("%d events, error %v", got.events, err)
	}
}

func TestDoAgainOnTheSameConnection(t *testing.T) {
	c := play(plainAnswer + streamAnswer + plainAnswer)
	for i, events := range []int{0, 2, 0} {
		if got, err := c.do(nil, events); err != nil || got.events != events {
			t.Errorf("answer %d: %d events, error %v", i, got.events, err)
		}
	}
	if _, err := c.do(nil, 0); !errors.Is(err, io.EOF) {
		t.Errorf("error %v, want EOF", err)
	}
}

// countEvents is the plain way to count.
func countEvents(stream string) (events int, done bool) {
	lines := strings.Split(stream, "\n")
	for _, line := range lines[:len(lines)-1] { // the last has not ended
		switch {
		case strings.HasPrefix(line, terminator):
			done = true
		case strings.HasPrefix(line, "data:"):
			events++
		}
	}
	return events, done
}

func FuzzEventCounter(f *testing.F) {
	f.Add("data: {}\n\ndata: [DONE]\n\n", uint8(3))
	f.Add(": ping\ndata:x\r\nevent: a\ndata: [DONE]\r\n", uint8(1))
	f.Add("data: [DONE", uint8(200))
	f.Fuzz(func(t *testing.T, stream string, step uint8) {
		var c eventCounter
		for rest := stream; rest != ""; {
			n := min(int(step)+1, len(rest))
			c.feed([]byte(rest[:n]))
			rest = rest[n:]
		}
		events, done := countEvents(stream)
		if c.events != events || c.done != done {
			t.Errorf("%d events, done %t; want %d, %t", c.events, c.done, events, done)
		}
	})
}

func FuzzDo(f *testing.F) {
	for _, s := range []string{plainAnswer, streamAnswer, refusedAnswer} {
		f.Add(s, 0)
		f.Add(s, 2)
	}
	f.Fuzz(func(t *testing.T, script string, events int) {
		a, err := play(script).do(nil, events)
		if err == nil && (a.status != 200 || a.first.IsZero() || a.events < events) {
			t.Errorf("%+v passes as whole", a)
		}
	})
}
