package fakellm_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/cmd/fake-llm/fakellm"
)

// everyVendor runs a check for all vendors, unary and streaming.
func everyVendor(t *testing.T, f func(t *testing.T, v fakellm.Vendor, stream bool)) {
	for _, v := range vendors() {
		for name, stream := range map[string]bool{"unary": false, "stream": true} {
			t.Run(string(v)+"/"+name, func(t *testing.T) { f(t, v, stream) })
		}
	}
}

const hello = "hello world" // its echo has 5 tokens

func TestWaits(t *testing.T) {
	tests := map[string]struct {
		directive     string
		header, total time.Duration // unary
		streamTotal   time.Duration
	}{
		"latency": {"latency=200ms", 200 * time.Millisecond, 200 * time.Millisecond, 200 * time.Millisecond},
		"first":   {"first=10s", 0, 10 * time.Second, 10 * time.Second},
		"delay":   {"delay=1s", time.Second, time.Second, 5 * time.Second},
		"all":     {"latency=1s+first=1s+delay=1s", time.Second, 3 * time.Second, 7 * time.Second},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			everyVendor(t, func(t *testing.T, v fakellm.Vendor, stream bool) {
				inWorld(t, fakellm.Config{}, func(w *world) {
					began := time.Now()
					resp, err := w.start(chat(v, "m+"+test.directive, hello, stream))
					if err != nil {
						t.Fatal(err)
					}
					header := time.Since(began)
					if _, err := io.Copy(io.Discard, resp.Body); err != nil {
						t.Fatal(err)
					}
					want, wantHeader := test.total, test.header
					if stream {
						want = test.streamTotal
						wantHeader = min(wantHeader, want)
						if name == "delay" {
							wantHeader = 0 // the frames before the first content are not delayed
						}
					}
					if name == "delay" && stream && v == fakellm.Gemini {
						wantHeader = time.Second // it has no such frames
					}
					if header != wantHeader || time.Since(began) != want {
						t.Errorf("header after %s, end after %s; want %s, %s", header, time.Since(began), wantHeader, want)
					}
				})
			})
		})
	}
}

func TestErrorAnswers(t *testing.T) {
	type shape struct{ kind, code any } // of the error, as each vendor says it
	tests := map[string]struct {
		status int
		shapes map[fakellm.Vendor]shape
	}{
		"400": {400, map[fakellm.Vendor]shape{
			fakellm.OpenAI:    {"invalid_request_error", nil},
			fakellm.Anthropic: {"invalid_request_error", nil},
			fakellm.Gemini:    {"INVALID_ARGUMENT", 400.0},
		}},
		"401": {401, map[fakellm.Vendor]shape{
			fakellm.OpenAI:    {"invalid_request_error", "invalid_api_key"},
			fakellm.Anthropic: {"authentication_error", nil},
			fakellm.Gemini:    {"UNAUTHENTICATED", 401.0},
		}},
		"403": {403, map[fakellm.Vendor]shape{
			fakellm.OpenAI:    {"invalid_request_error", nil},
			fakellm.Anthropic: {"permission_error", nil},
			fakellm.Gemini:    {"PERMISSION_DENIED", 403.0},
		}},
		"404": {404, map[fakellm.Vendor]shape{
			fakellm.OpenAI:    {"invalid_request_error", "model_not_found"},
			fakellm.Anthropic: {"not_found_error", nil},
			fakellm.Gemini:    {"NOT_FOUND", 404.0},
		}},
		"429": {429, map[fakellm.Vendor]shape{
			fakellm.OpenAI:    {"requests", "rate_limit_exceeded"},
			fakellm.Anthropic: {"rate_limit_error", nil},
			fakellm.Gemini:    {"RESOURCE_EXHAUSTED", 429.0},
		}},
		"500": {500, map[fakellm.Vendor]shape{
			fakellm.OpenAI:    {"server_error", nil},
			fakellm.Anthropic: {"api_error", nil},
			fakellm.Gemini:    {"INTERNAL", 500.0},
		}},
		"503": {503, map[fakellm.Vendor]shape{
			fakellm.OpenAI:    {"server_error", nil},
			fakellm.Anthropic: {"api_error", nil},
			fakellm.Gemini:    {"UNAVAILABLE", 503.0},
		}},
		"529": {529, map[fakellm.Vendor]shape{
			fakellm.OpenAI:    {"server_error", nil},
			fakellm.Anthropic: {"overloaded_error", nil},
			fakellm.Gemini:    {"UNKNOWN", 529.0},
		}},
		"context": {400, map[fakellm.Vendor]shape{
			fakellm.OpenAI:    {"invalid_request_error", "context_length_exceeded"},
			fakellm.Anthropic: {"invalid_request_error", nil},
			fakellm.Gemini:    {"INVALID_ARGUMENT", 400.0},
		}},
	}
	for directive, test := range tests {
		t.Run(directive, func(t *testing.T) {
			everyVendor(t, func(t *testing.T, v fakellm.Vendor, stream bool) {
				inWorld(t, fakellm.Config{}, func(w *world) {
					g := w.do(chat(v, "m+"+directive, hello, stream))
					kind := "type"
					if v == fakellm.Gemini {
						kind = "status"
					}
					got := shape{dig(t, g.body, "error", kind), dig(t, g.body, "error", "code")}
					where := []any{"error", "message"}
					if v == fakellm.Cohere { // it says nothing else
						where = []any{"message"}
					}
					if g.status != test.status || got != test.shapes[v] {
						t.Errorf("got %d %v, want %d %v\n%s", g.status, got, test.status, test.shapes[v], g.body)
					}
					if message, _ := dig(t, g.body, where...).(string); message == "" {
						t.Error("no message")
					}
					wantRecord(t, w, test.status, fakellm.Errored, fakellm.Usage{})
				})
			})
		})
	}
}

func wantRecord(t *testing.T, w *world, status int, outcome fakellm.Outcome, usage fakellm.Usage) {
	t.Helper()
	r := w.record()
	if r.Status != status || r.Outcome != outcome {
		t.Errorf("ledger says %d %s, want %d %s", r.Status, r.Outcome, status, outcome)
	}
	if diff := cmp.Diff(usage, r.Usage); diff != "" {
		t.Errorf("billed (-want +got):\n%s", diff)
	}
}

func TestRetryAfter(t *testing.T) {
	inWorld(t, fakellm.Config{}, func(w *world) {
		for _, v := range []fakellm.Vendor{fakellm.OpenAI, fakellm.Anthropic} {
			if got := w.do(chat(v, "m+429:after=7", hello, true)).header.Get("Retry-After"); got != "7" {
				t.Errorf("%s: Retry-After %q, want 7", v, got)
			}
			want := time.Now().Add(30 * time.Second).UTC().Format(http.TimeFormat)
			if got := w.do(chat(v, "m+503:date=30", hello, true)).header.Get("Retry-After"); got != want {
				t.Errorf("%s: Retry-After %q, want %q", v, got, want)
			}
		}
		g := w.do(chat(fakellm.Gemini, "m+429:after=7", hello, false))
		if got := dig(t, g.body, "error", "details", 1, "retryDelay"); got != "7s" {
			t.Errorf("gemini: retryDelay %v, want 7s", got)
		}
		if got := g.header.Get("Retry-After"); got != "" {
			t.Errorf("gemini: Retry-After %q, want none", got)
		}
	})
}

func TestStrangeBodies(t *testing.T) {
	tests := map[string]struct {
		status int
		check  func(body string) bool
	}{
		"html":      {502, func(b string) bool { return strings.HasPrefix(b, "<!DOCTYPE html>") }},
		"503+html":  {503, func(b string) bool { return strings.HasPrefix(b, "<!DOCTYPE html>") }},
		"empty":     {200, func(b string) bool { return b == "" }},
		"500+empty": {500, func(b string) bool { return b == "" }},
	}
	for directive, test := range tests {
		everyVendor(t, func(t *testing.T, v fakellm.Vendor, stream bool) {
			inWorld(t, fakellm.Config{}, func(w *world) {
				g := w.do(chat(v, "m+"+directive, hello, stream))
				if g.err != nil || g.status != test.status || !test.check(g.body) {
					t.Errorf("%s: got %d %q %v", directive, g.status, g.body, g.err)
				}
				wantRecord(t, w, test.status, fakellm.Errored, fakellm.Usage{})
			})
		})
	}
}

// TestPositions: what was sent before a stream went wrong is billed, and no more.
func TestPositions(t *testing.T) {
	tests := []struct {
		directive string
		outcome   fakellm.Outcome
		chunks    int64
		torn      bool
	}{
		{"cut=0", fakellm.Cut, 0, true},
		{"cut", fakellm.Cut, 1, true},
		{"cut=3", fakellm.Cut, 3, true},
		{"cut=99", fakellm.Cut, 5, true},
		{"error=0", fakellm.Errored, 0, false},
		{"error=2", fakellm.Errored, 2, false},
		{"noend", fakellm.Cut, 5, false},
		{"cut=2+chunk=2", fakellm.Cut, 4, true},
	}
	for _, test := range tests {
		for _, v := range vendors() {
			t.Run(test.directive+"/"+string(v), func(t *testing.T) {
				inWorld(t, fakellm.Config{}, func(w *world) {
					g := w.do(chat(v, "m+reasoning=9+"+test.directive, hello, true))
					if torn := errors.Is(g.err, io.ErrUnexpectedEOF); torn != test.torn {
						t.Errorf("read ended with %v, want torn %v", g.err, test.torn)
					}
					usage := fakellm.Usage{Input: 3, Output: test.chunks}
					if test.chunks > 0 {
						usage.Output, usage.Reasoning = usage.Output+9, 9
					}
					wantRecord(t, w, http.StatusOK, test.outcome, usage)
					if text := streamText(t, v, g.body); text != fakellm.Echo(hello)[:min(4*test.chunks, 17)] {
						t.Errorf("got text %q", text)
					}
					for _, end := range []string{"[DONE]", "message_stop", "finishReason", `"finish_reason":"`} {
						if strings.Contains(strings.ReplaceAll(g.body, `"finish_reason":"ERROR"`, ""), end) {
							t.Errorf("found an ending:\n%s", g.body)
						}
					}
				})
			})
		}
	}
}

// streamText joins the text deltas of an event stream.
func streamText(t *testing.T, v fakellm.Vendor, body string) string {
	t.Helper()
	paths := map[fakellm.Vendor][]any{
		fakellm.OpenAI:    {"choices", 0, "delta", "content"},
		fakellm.Anthropic: {"delta", "text"},
		fakellm.Gemini:    {"candidates", 0, "content", "parts", 0, "text"},
		fakellm.Cohere:    {"delta", "message", "content", "text"},
	}
	var text strings.Builder
	for _, e := range events(body) {
		if e != "[DONE]" {
			piece, _ := dig(t, e, paths[v]...).(string)
			text.WriteString(piece)
		}
	}
	return text.String()
}

func TestUnaryMisbehavior(t *testing.T) {
	whole := fakellm.Usage{Input: 3, Output: 5}
	for _, v := range vendors() {
		inWorld(t, fakellm.Config{}, func(w *world) {
			if g := w.do(chat(v, "m+cut", hello, false)); !errors.Is(g.err, io.ErrUnexpectedEOF) || g.body == "" {
				t.Errorf("%s cut: got %q, %v", v, g.body, g.err)
			}
			wantRecord(t, w, 200, fakellm.Cut, whole)

			if g := w.do(chat(v, "m+malformed", hello, false)); g.err != nil || json.Valid([]byte(g.body)) {
				t.Errorf("%s malformed: got %q, %v", v, g.body, g.err)
			}
			wantRecord(t, w, 200, fakellm.Complete, whole)

			if g := w.do(chat(v, "m+error", hello, false)); g.status != 500 {
				t.Errorf("%s error: got %d", v, g.status)
			}
			wantRecord(t, w, 500, fakellm.Errored, fakellm.Usage{})

			if g := w.do(chat(v, "m+reset", hello, false)); g.err == nil {
				t.Errorf("%s reset: got %d", v, g.status)
			}
			wantRecord(t, w, 0, fakellm.Cut, fakellm.Usage{})
		})
	}
}

func TestMalformedChunk(t *testing.T) {
	for _, v := range vendors() {
		inWorld(t, fakellm.Config{}, func(w *world) {
			g := w.do(chat(v, "m+malformed=2", hello, true))
			var bad int
			for _, e := range events(g.body) {
				if e != "[DONE]" && !json.Valid([]byte(e)) {
					bad++
				}
			}
			if g.err != nil || bad != 1 {
				t.Errorf("%s: %d malformed events, error %v\n%s", v, bad, g.err, g.body)
			}
			wantRecord(t, w, 200, fakellm.Complete, fakellm.Usage{Input: 3, Output: 5})
		})
	}
}

// TestClientGone: the vendor bills what it had generated when it noticed.
func TestClientGone(t *testing.T) {
	tests := []struct {
		directive string
		stream    bool
		after     time.Duration
		status    int
		usage     fakellm.Usage
	}{
		{"latency=1m", false, time.Second, 499, fakellm.Usage{}},
		{"stall", false, time.Second, 499, fakellm.Usage{Input: 3}},
		{"first=1m", false, time.Second, 200, fakellm.Usage{Input: 3, Output: 5}},
		{"first=1m", true, time.Second, 200, fakellm.Usage{Input: 3}},
		{"stall=0", true, time.Second, 200, fakellm.Usage{Input: 3}},
		{"stall=2", true, time.Second, 200, fakellm.Usage{Input: 3, Output: 2}},
		{"stall=99", true, time.Second, 200, fakellm.Usage{Input: 3, Output: 5}},
		{"delay=1s", true, 2500 * time.Millisecond, 200, fakellm.Usage{Input: 3, Output: 3}},
	}
	for _, test := range tests {
		for _, v := range vendors() {
			t.Run(test.directive+"/"+string(v), func(t *testing.T) {
				inWorld(t, fakellm.Config{}, func(w *world) {
					ctx, cancel := context.WithTimeout(w.t.Context(), test.after)
					defer cancel()
					a := chat(v, "m+"+test.directive, hello, test.stream)
					a.ctx = ctx
					if g := w.do(a); !errors.Is(g.err, context.DeadlineExceeded) {
						t.Errorf("got %d %v", g.status, g.err)
					}
					synctest.Wait()
					wantRecord(t, w, test.status, fakellm.Aborted, test.usage)
				})
			})
		}
	}
}

func TestUsageDirectives(t *testing.T) {
	mentions := map[fakellm.Vendor]string{
		fakellm.OpenAI: `"prompt_tokens":`, fakellm.Anthropic: `"output_tokens":`, fakellm.Gemini: `"usageMetadata":`,
		fakellm.Cohere: `"billed_units":`,
	}
	everyVendor(t, func(t *testing.T, v fakellm.Vendor, stream bool) {
		inWorld(t, fakellm.Config{}, func(w *world) {
			normal := strings.Count(w.do(chat(v, "m", hello, stream)).body, mentions[v])
			none := strings.Count(w.do(chat(v, "m+usage=none", hello, stream)).body, mentions[v])
			twice := strings.Count(w.do(chat(v, "m+usage=twice", hello, stream)).body, mentions[v])
			want := normal
			if stream {
				want++
			}
			if normal == 0 || none != 0 || twice != want {
				t.Errorf("usage appears %d, %d and %d times", normal, none, twice)
			}
			wantRecord(t, w, 200, fakellm.Complete, fakellm.Usage{Input: 3, Output: 5})
		})
	})
}

func TestHugeReply(t *testing.T) {
	everyVendor(t, func(t *testing.T, v fakellm.Vendor, stream bool) {
		inWorld(t, fakellm.Config{}, func(w *world) {
			a := chat(v, "m+huge=256", hello, stream)
			a.body = strings.Replace(a.body, `"max_tokens":4096`, `"max_tokens":100000`, 1)
			g := w.do(a)
			if g.err != nil || len(g.body) < 256<<10 {
				t.Errorf("got %d bytes, %v", len(g.body), g.err)
			}
			wantRecord(t, w, 200, fakellm.Complete, fakellm.Usage{Input: 3, Output: 65536})
		})
	})
}

// chunkRecorder remembers the writes between flushes.
type chunkRecorder struct {
	*httptest.ResponseRecorder
	pending bytes.Buffer
	chunks  []string
}

func (c *chunkRecorder) Write(p []byte) (int, error) { return c.pending.Write(p) }
func (c *chunkRecorder) Flush() {
	c.chunks = append(c.chunks, c.pending.String())
	c.pending.Reset()
}

func TestSplitCutsRunes(t *testing.T) {
	for _, v := range vendors() {
		a := chat(v, "m+split=3", "äöü€🌍äöü", true)
		path, query, _ := strings.Cut(a.path, "?")
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, strings.NewReader(a.body))
		r.URL.RawQuery = query
		for name, value := range a.header {
			r.Header.Set(name, value)
		}
		c := &chunkRecorder{ResponseRecorder: httptest.NewRecorder()}
		fakellm.New(fakellm.Config{}).ServeHTTP(c, r)
		broken := 0
		for _, chunk := range c.chunks {
			if len(chunk) > 3 {
				t.Fatalf("%s: chunk %q is longer than 3 bytes", v, chunk)
			}
			if !utf8.ValidString(chunk) {
				broken++
			}
		}
		if broken == 0 {
			t.Errorf("%s: no rune was split", v)
		}
		if text := streamText(t, v, strings.Join(c.chunks, "")); text != fakellm.Echo("äöü€🌍äöü") {
			t.Errorf("%s: got text %q", v, text)
		}
	}
}

func TestOneByteASecond(t *testing.T) {
	inWorld(t, fakellm.Config{}, func(w *world) {
		began := time.Now()
		g := w.do(chat(fakellm.Anthropic, "m+split=1+delay=1s", hello, false))
		if took := time.Since(began); took != time.Duration(len(g.body))*time.Second {
			t.Errorf("%d bytes took %s", len(g.body), took)
		}
	})
}

func TestFinishDirectives(t *testing.T) {
	tests := map[fakellm.Vendor]struct {
		path            []any
		filter, refusal any
	}{
		fakellm.OpenAI:    {[]any{"choices", 0, "finish_reason"}, "content_filter", "stop"},
		fakellm.Anthropic: {[]any{"stop_reason"}, "refusal", "refusal"},
		fakellm.Gemini:    {[]any{"candidates", 0, "finishReason"}, "SAFETY", nil},
		fakellm.Cohere:    {[]any{"finish_reason"}, "ERROR_TOXIC", "COMPLETE"},
	}
	for v, test := range tests {
		inWorld(t, fakellm.Config{}, func(w *world) {
			filter := w.do(chat(v, "m+filter", hello, false)).body
			refusal := w.do(chat(v, "m+refusal", hello, false)).body
			if a, b := dig(t, filter, test.path...), dig(t, refusal, test.path...); a != test.filter || b != test.refusal {
				t.Errorf("%s: finish %v and %v, want %v and %v", v, a, b, test.filter, test.refusal)
			}
			switch v {
			case fakellm.OpenAI:
				if r := dig(t, refusal, "choices", 0, "message", "refusal"); r == nil {
					t.Errorf("no refusal in %s", refusal)
				}
			case fakellm.Gemini:
				if r := dig(t, refusal, "promptFeedback", "blockReason"); r == nil {
					t.Errorf("no block reason in %s", refusal)
				}
				wantRecord(t, w, 200, fakellm.Complete, fakellm.Usage{Input: 3})
			}
		})
	}
}

func TestSourcesOfDirectives(t *testing.T) {
	plain := chat(fakellm.OpenAI, "m", hello, false)
	byQuery, byHeader, both := plain, plain, chat(fakellm.OpenAI, "m+500", hello, false)
	byQuery.path += "?fake=503:after=1%2Blatency=1ms"
	byHeader.header = map[string]string{"Authorization": "Bearer k", "X-Fake-Llm": "529"}
	both.path += "?fake=503"
	wrong := chat(fakellm.OpenAI, "m+bogus", hello, false)
	inWorld(t, fakellm.Config{}, func(w *world) {
		for want, a := range map[int]ask{200: plain, 503: byQuery, 529: byHeader, 400: wrong} {
			if g := w.do(a); g.status != want {
				t.Errorf("got %d, want %d: %s", g.status, want, g.body)
			}
		}
		if g := w.do(both); g.status != 503 {
			t.Errorf("the later source does not win: %d", g.status)
		}
	})
}

// TestProbability: the k-th draw depends on the seed alone.
func TestProbability(t *testing.T) {
	series := func(seed uint64) (statuses []int, failures int) {
		inWorld(t, fakellm.Config{Seed: seed}, func(w *world) {
			for range 200 {
				g := w.do(chat(fakellm.OpenAI, "m+500:p=0.3", hello, false))
				statuses = append(statuses, g.status)
				if g.status == 500 {
					failures++
				}
			}
		})
		return statuses, failures
	}
	first, failures := series(1)
	again, _ := series(1)
	other, _ := series(2)
	if failures < 40 || failures > 80 {
		t.Errorf("%d of 200 failed, want about 60", failures)
	}
	if !cmp.Equal(first, again) || cmp.Equal(first, other) {
		t.Error("the series does not follow the seed")
	}
}

// TestResetOnRealSockets: the peer's kernel is told.
func TestResetOnRealSockets(t *testing.T) {
	server := httptest.NewServer(fakellm.New(fakellm.Config{}))
	defer server.Close()
	a := chat(fakellm.OpenAI, "m+reset", hello, false)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+a.path, strings.NewReader(a.body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer k")
	resp, err := server.Client().Do(req)
	if err == nil {
		_ = resp.Body.Close()
	}
	if !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, io.EOF) {
		t.Errorf("got %v, want a reset", err)
	}
}
