package call_test

import (
	"net/http"
	"testing"

	"github.com/llm-hub/llm-hub/gateway/call"
)

// BenchmarkServe is a request's way through the engine, without HTTP around it:
// what the gateway itself adds to a call.
func BenchmarkServe(b *testing.B) {
	chunks := make([]string, 64)
	for i := range chunks {
		chunks[i] = says(4)
	}
	for name, script := range map[string]script{"unary": whole(0), "stream": streaming(0, chunks...)} {
		b.Run(name, func(b *testing.B) {
			e := newBubble(b, call.Async, script)
			e.catalog.Tenants["acme"].Keys[0].Limits = nil
			b.ReportAllocs()
			for b.Loop() {
				w := &screen{header: http.Header{}}
				if e.serveOn(b.Context(), w, "r1", name == "stream"); w.err != nil {
					b.Fatal(w.err)
				}
			}
			if err := e.publisher.Close(b.Context()); err != nil {
				b.Fatal(err)
			}
		})
	}
}
