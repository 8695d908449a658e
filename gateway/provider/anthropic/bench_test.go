package anthropic_test

import (
	"io"
	"strings"
	"testing"

	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/anthropic"
)

const benchEvents = 64

// oneEvent gives one event a read, as a vendor that flushes each does.
type oneEvent struct{ rest string }

func (r *oneEvent) Read(p []byte) (int, error) {
	i := strings.Index(r.rest, "\n\n")
	if i < 0 {
		return 0, io.EOF
	}
	n := copy(p, r.rest[:i+2])
	r.rest = r.rest[n:]
	return n, nil
}

// BenchmarkNativeStream counts an event of the fast lane as one operation.
func BenchmarkNativeStream(b *testing.B) {
	in, err := anthropic.ParseMessages([]byte(`{"model":"m","stream":true,` + hello + `}`))
	if err != nil {
		b.Fatal(err)
	}
	out, err := newNative().Prepare(in, provider.Target{Model: "claude"})
	if err != nil {
		b.Fatal(err)
	}
	event := "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\" token\"}}\n\n"
	text := strings.Repeat(event, benchEvents) + "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"
	b.ReportAllocs()
	b.SetBytes(int64(len(event)))
	for i := 0; i < b.N; i += benchEvents {
		s := out.Stream(&oneEvent{text})
		for err = nil; err == nil; {
			_, err = s.Next()
		}
		if err != io.EOF {
			b.Fatal(err)
		}
	}
}

// BenchmarkNativePrepare is a request of 1 kB on its way through.
func BenchmarkNativePrepare(b *testing.B) {
	body := []byte(`{"model":"smart","stream":true,"max_tokens":900,"system":"` + strings.Repeat("You are helpful. ", 30) +
		`","messages":[{"role":"user","content":"` + strings.Repeat("Hello there. ", 30) + `"}]}`)
	v := newNative()
	b.ReportAllocs()
	b.SetBytes(int64(len(body)))
	for range b.N {
		in, err := anthropic.ParseMessages(body)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := v.Prepare(in, provider.Target{BaseURL: "https://vendor.test", Model: "m"}); err != nil {
			b.Fatal(err)
		}
	}
}
