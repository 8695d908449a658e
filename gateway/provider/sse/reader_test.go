package sse_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/gateway/provider/sse"
)

type event struct {
	Type, Data, Raw string
	Partial         bool
}

func readAll(t testing.TB, r io.Reader) ([]event, error) {
	t.Helper()
	var got []event
	for in := sse.NewReader(r); ; {
		ev, err := in.Next()
		if err == io.EOF {
			return got, nil
		}
		if err != nil {
			return got, err
		}
		got = append(got, event{string(ev.Type), string(ev.Data), string(ev.Raw), ev.Partial})
	}
}

func TestReader(t *testing.T) {
	tests := map[string]struct {
		in   string
		want []event
	}{
		"empty":              {"", nil},
		"lf":                 {"data: a\n\ndata: b\n\n", []event{{Data: "a", Raw: "data: a"}, {Data: "b", Raw: "data: b"}}},
		"crlf":               {"data: a\r\n\r\ndata: b\r\n\r\n", []event{{Data: "a", Raw: "data: a"}, {Data: "b", Raw: "data: b"}}},
		"cr":                 {"data: a\r\rdata: b\r\r", []event{{Data: "a", Raw: "data: a"}, {Data: "b", Raw: "data: b"}}},
		"mixed ends":         {"event: x\rdata: a\n\r\ndata: b\r\n\n", []event{{Type: "x", Data: "a", Raw: "event: x\rdata: a"}, {Data: "b", Raw: "data: b"}}},
		"byte order mark":    {"\xef\xbb\xbfdata: a\n\n", []event{{Data: "a", Raw: "data: a"}}},
		"half a mark":        {"\xef\xbb", nil},
		"no space":           {"data:a\n\n", []event{{Data: "a", Raw: "data:a"}}},
		"one space only":     {"data:  a\n\n", []event{{Data: " a", Raw: "data:  a"}}},
		"no colon":           {"data\n\n", []event{{Data: "", Raw: "data"}}},
		"several data lines": {"data: a\ndata: b\ndata:\n\n", []event{{Data: "a\nb\n", Raw: "data: a\ndata: b\ndata:"}}},
		"typed":              {"event: ping\ndata: {}\nid: 7\nretry: 3\n\n", []event{{Type: "ping", Data: "{}", Raw: "event: ping\ndata: {}\nid: 7\nretry: 3"}}},
		"type without data":  {"event: ping\n\ndata: a\n\n", []event{{Data: "a", Raw: "data: a"}}},
		"comments between":   {": hello\n\n: again\ndata: a\n\n", []event{{Data: "a", Raw: "data: a"}}},
		"comment within":     {"data: a\n: hello\n\n", []event{{Data: "a", Raw: "data: a\n: hello"}}},
		"blank lines":        {"\n\n\r\n\rdata: a\n\n\n\n", []event{{Data: "a", Raw: "data: a"}}},
		"split rune":         {"data: grüße 🌍\n\n", []event{{Data: "grüße 🌍", Raw: "data: grüße 🌍"}}},
		"no blank line":      {"data: a\n\ndata: b\n", []event{{Data: "a", Raw: "data: a"}, {Data: "b", Raw: "data: b", Partial: true}}},
		"no line end":        {"data: a", []event{{Data: "a", Raw: "data: a", Partial: true}}},
		"unknown field":      {"foo: bar\ndata: a\n\n", []event{{Data: "a", Raw: "foo: bar\ndata: a"}}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			for chunking, r := range map[string]io.Reader{
				"whole": strings.NewReader(tt.in), "bytes": iotest.OneByteReader(strings.NewReader(tt.in)),
				"halves": iotest.HalfReader(strings.NewReader(tt.in)), "early end": iotest.DataErrReader(strings.NewReader(tt.in)),
			} {
				got, err := readAll(t, r)
				if err != nil {
					t.Fatalf("%s: %v", chunking, err)
				}
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Errorf("%s (-want +got):\n%s", chunking, diff)
				}
			}
		})
	}
}

func TestReaderGivesWhatCameBeforeAnError(t *testing.T) {
	reset := errors.New("connection reset")
	got, err := readAll(t, io.MultiReader(strings.NewReader("data: a\n\ndata: b\n"), iotest.ErrReader(reset)))
	if !errors.Is(err, reset) {
		t.Errorf("error %v, want %v", err, reset)
	}
	if diff := cmp.Diff([]event{{Data: "a", Raw: "data: a"}}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestReaderLimits(t *testing.T) {
	const limit = 64 << 10
	long := strings.Repeat("x", limit-len("data: "))
	tests := map[string]struct {
		in   string
		want error
	}{
		"longest line":     {"data: " + long + "\n\n", nil},
		"line too long":    {"data: " + long + "x\n\n", sse.ErrTooLong},
		"line without end": {"data: " + long + strings.Repeat("x", limit), sse.ErrTooLong},
		"event too long":   {strings.Repeat("data: "+long[:limit/8]+"\n", 40) + "\n", sse.ErrTooLong},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			ev, err := sse.NewLimitedReader(strings.NewReader(tt.in), limit).Next()
			if !errors.Is(err, tt.want) {
				t.Fatalf("error %v, want %v", err, tt.want)
			}
			if tt.want == nil && len(ev.Data) != len(long) {
				t.Errorf("got %d bytes", len(ev.Data))
			}
		})
	}
}

func TestReaderLongestLine(t *testing.T) {
	line := "data: " + strings.Repeat("x", sse.MaxLine-len("data: "))
	in := sse.NewReader(strings.NewReader(line + "\n\ndata: next\n\n"))
	if ev, err := in.Next(); err != nil || len(ev.Raw) != sse.MaxLine {
		t.Fatalf("got %d bytes, %v", len(ev.Raw), err)
	}
	if ev, err := in.Next(); err != nil || string(ev.Data) != "next" {
		t.Errorf("got %q, %v", ev.Data, err)
	}
}

func TestReaderEndlessComments(t *testing.T) {
	comments := strings.Repeat(":"+strings.Repeat(".", 1<<10)+"\n", 1<<10)
	if _, err := sse.NewLimitedReader(strings.NewReader(comments), 16<<10).Next(); err != io.EOF {
		t.Errorf("comments between events count as an event: %v", err)
	}
}

func TestReaderNoProgress(t *testing.T) {
	_, err := readAll(t, emptyReader{})
	if !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("error %v, want %v", err, io.ErrNoProgress)
	}
}

type emptyReader struct{}

func (emptyReader) Read([]byte) (int, error) { return 0, nil }

func TestBuffered(t *testing.T) {
	r := sse.NewReader(io.MultiReader(strings.NewReader("data: a\n\ndata: b\n\ndata: c"), strings.NewReader("\n\n")))
	first, err := r.Next()
	if err != nil {
		t.Fatal(err)
	}
	second, ok := r.Buffered()
	if !ok || string(first.Data)+string(second.Data) != "ab" {
		t.Errorf("got %q, %q, %v", first.Data, second.Data, ok)
	}
	if ev, ok := r.Buffered(); ok {
		t.Errorf("half an event was given: %q", ev.Data)
	}
	if third, err := r.Next(); err != nil || string(third.Data) != "c" {
		t.Errorf("got %q, %v", third.Data, err)
	}
}

func TestWriterRoundTrip(t *testing.T) {
	out := sse.AppendComment(nil, []byte("note"))
	out = sse.AppendEvent(out, "error", []byte(`{"a":1}`))
	out = sse.AppendData(out, []byte("[DONE]"))
	got, err := readAll(t, bytes.NewReader(out))
	if err != nil {
		t.Fatal(err)
	}
	want := []event{
		{Type: "error", Data: `{"a":1}`, Raw: "event: error\ndata: {\"a\":1}"},
		{Data: "[DONE]", Raw: "data: [DONE]"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// FuzzReader holds that the events do not depend on how the bytes arrive, and
// that Raw is the same event again.
func FuzzReader(f *testing.F) {
	for _, seed := range []string{"data: a\r\n\r\ndata: b", "\xef\xbb\xbf:c\ndata:x\ndata\n\n", "event: e\rdata: d\r\r\n\n"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		whole, err := readAll(t, bytes.NewReader(in))
		if err != nil {
			t.Fatal(err)
		}
		single, err := readAll(t, iotest.OneByteReader(bytes.NewReader(in)))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(whole, single); diff != "" {
			t.Fatalf("(-whole +single):\n%s", diff)
		}
		for _, ev := range whole {
			again, err := readAll(t, strings.NewReader(ev.Raw+"\n\n"))
			if err != nil || len(again) != 1 || again[0].Data != ev.Data || again[0].Type != ev.Type {
				t.Fatalf("raw %q gave %v, %v; want %q", ev.Raw, again, err, ev.Data)
			}
		}
	})
}

func BenchmarkReader(b *testing.B) {
	chunk := "data: " + strings.Repeat("x", 280) + "\n\n"
	stream := strings.Repeat(chunk, 1000)
	b.ReportAllocs()
	b.SetBytes(int64(len(chunk)))
	var r *sse.Reader
	for i := range b.N {
		if i%1000 == 0 {
			r = sse.NewReader(strings.NewReader(stream))
		}
		if _, err := r.Next(); err != nil {
			b.Fatal(err)
		}
	}
}
