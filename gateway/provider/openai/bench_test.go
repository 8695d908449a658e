package openai_test

import (
	"io"
	"strings"
	"testing"

	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/openai"
)

const benchChunks = 64

func benchStream() string {
	chunk := `data: {"id":"chatcmpl-BzYx0Xq9","object":"chat.completion.chunk","created":1760000000,"model":"gpt-x-2026-01-01",` +
		`"service_tier":"default","system_fingerprint":"fp_1","choices":[{"index":0,"delta":{"content":" token"},"logprobs":null,` +
		`"finish_reason":null}],"usage":null,"obfuscation":"a1b2c3d4"}` + "\n\n"
	finish := `data: {"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":null}` + "\n\n"
	return strings.Repeat(chunk, benchChunks) + finish + "data: [DONE]\n\n"
}

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

// BenchmarkStream counts a chunk of the fast lane as one operation.
func BenchmarkStream(b *testing.B) {
	for name, options := range map[string]string{
		"usage cut out": "", "usage asked": `,"stream_options":{"include_usage":true}`,
	} {
		b.Run(name, func(b *testing.B) {
			out := prepare(b, openai.Vendor{}, parse(b, `{"model":"m","stream":true`+options+`,`+hello+`}`))
			text := benchStream()
			b.ReportAllocs()
			b.SetBytes(int64(len(text) / benchChunks))
			for i := 0; i < b.N; i += benchChunks {
				drain(b, out.Stream(&oneEvent{text}))
			}
		})
	}
}

func drain(b *testing.B, s provider.Stream) {
	for {
		if _, err := s.Next(); err != nil {
			if err != io.EOF {
				b.Fatal(err)
			}
			return
		}
	}
}

// BenchmarkPrepare is a request of 1 kB on its way through.
func BenchmarkPrepare(b *testing.B) {
	body := []byte(`{"model":"smart","stream":true,"temperature":0.7,"messages":[{"role":"system","content":"` +
		strings.Repeat("You are helpful. ", 30) + `"},{"role":"user","content":"` + strings.Repeat("Hello there. ", 30) + `"}]}`)
	b.ReportAllocs()
	b.SetBytes(int64(len(body)))
	for range b.N {
		in, err := openai.ParseChat(body)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := (openai.Vendor{}).Prepare(in, provider.Target{BaseURL: "https://vendor.test/v1", Model: "m"}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkUnary(b *testing.B) {
	body := []byte(`{"id":"c1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"` +
		strings.Repeat("word ", 200) + `"},"finish_reason":"stop"}],"usage":{"prompt_tokens":100,"completion_tokens":50,"total_tokens":150}}`)
	out := prepare(b, openai.Vendor{}, parse(b, `{"model":"m",`+hello+`}`))
	b.ReportAllocs()
	b.SetBytes(int64(len(body)))
	for range b.N {
		if _, err := out.Unary(body); err != nil {
			b.Fatal(err)
		}
	}
}
