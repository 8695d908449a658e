package fakellm_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/cmd/fake-llm/fakellm"
)

func TestBenchModels(t *testing.T) {
	everyVendor(t, func(t *testing.T, v fakellm.Vendor, stream bool) {
		inWorld(t, fakellm.Config{}, func(w *world) {
			model := "bench"
			if stream {
				model = "bench-stream"
			}
			g := w.do(chat(v, model, "anything", stream))
			if again := w.do(chat(v, model, "something else", stream)); again.body != g.body {
				t.Error("two replies differ")
			}
			wantRecord(t, w, 200, fakellm.Complete, fakellm.BenchUsage())
			if !stream {
				if v == fakellm.OpenAI && (len(g.body) < 1200 || len(g.body) > 1400) {
					t.Errorf("the body has %d bytes, want about 1.3 kB", len(g.body))
				}
				return
			}
			var chunks int
			for _, e := range events(g.body) {
				if e != "[DONE]" && streamText(t, v, "data: "+e) != "" {
					chunks++
				}
			}
			if chunks != 64 {
				t.Errorf("%d content chunks, want 64", chunks)
			}
		})
	})
}

func TestBenchUsageChunk(t *testing.T) {
	inWorld(t, fakellm.Config{}, func(w *world) {
		a := chat(fakellm.OpenAI, "bench", hello, true)
		if body := w.do(a).body; !strings.Contains(body, `"usage":{`) || !strings.Contains(body, `"usage":null`) {
			t.Error("usage was asked for")
		}
		a.body = `{ "model" : "bench" , "stream" : true , "messages": [] }`
		if body := w.do(a).body; strings.Contains(body, `"usage"`) || !strings.HasSuffix(body, "data: [DONE]\n\n") {
			t.Error("usage was not asked for")
		}
		wantRecord(t, w, 200, fakellm.Complete, fakellm.BenchUsage())
		if g := w.do(chat(fakellm.OpenAI, "bench+cut=10", hello, true)); g.err == nil {
			t.Error("a bench model does not misbehave")
		}
		wantRecord(t, w, 200, fakellm.Cut, fakellm.Usage{Input: 100, Output: 20})
	})
}

// TestSniffingIsNotFooled: a model name inside a text is no model name.
func TestSniffingIsNotFooled(t *testing.T) {
	inWorld(t, fakellm.Config{}, func(w *world) {
		w.do(with(chat(fakellm.OpenAI, "m", `"model":"bench"`, false), object{"a": object{"model": "bench-not"}}))
		if r := w.record(); r.Model != "m" {
			t.Errorf("took model %q", r.Model)
		}
	})
}

// discard is a response that goes nowhere.
type discard struct{ header http.Header }

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(p []byte) (int, error) { return len(p), nil }
func (d *discard) WriteHeader(int)             {}
func (d *discard) Flush()                      {}

func BenchmarkServe(b *testing.B) {
	asks := map[string]ask{
		"bench/unary":  chat(fakellm.OpenAI, "bench", hello, false),
		"bench/stream": chat(fakellm.OpenAI, "bench-stream", hello, true),
		"echo/unary":   chat(fakellm.OpenAI, "m", hello, false),
	}
	for name, a := range asks {
		b.Run(name, func(b *testing.B) {
			fake := fakellm.New(fakellm.Config{TotalsOnly: true})
			r := httptest.NewRequestWithContext(b.Context(), http.MethodPost, a.path, nil)
			r.Header.Set("Authorization", "Bearer k")
			body := strings.NewReader(a.body)
			r.Body = io.NopCloser(body)
			b.ReportAllocs()
			for b.Loop() {
				body.Reset(a.body)
				fake.ServeHTTP(&discard{header: http.Header{}}, r)
			}
		})
	}
}

// TestBilledIsReported: for any reply, what the frames bill is what the vendor reports.
func TestBilledIsReported(t *testing.T) {
	directives := []string{
		"", "out=0", "out=1", "out=1000", "out=65", "chunk=7", "reasoning=5", "out=0+reasoning=5",
		"reasoning=200", "filter", "refusal", "refusal+reasoning=4", "in=0", "in=10+cached=99", "huge=1+chunk=3",
	}
	everyVendor(t, func(t *testing.T, v fakellm.Vendor, stream bool) {
		if !stream {
			return
		}
		inWorld(t, fakellm.Config{}, func(w *world) {
			for _, d := range directives {
				for _, text := range []string{"", "hello äöü🌍", "use tools"} {
					for _, cap := range []int{1, 3, 100} {
						a := withTools(v, limits(v, chat(v, "m+"+d, text, true), cap, "none"))
						w.do(a)
						streamed := w.record().Usage
						a = withTools(v, limits(v, chat(v, "m+"+d, text, false), cap, "none"))
						w.do(a)
						if diff := cmp.Diff(w.record().Usage, streamed); diff != "" {
							t.Errorf("%q %q cap %d (-unary +stream):\n%s", d, text, cap, diff)
						}
					}
				}
			}
		})
	})
}
