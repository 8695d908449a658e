package call_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/events/memlog"
	"github.com/llm-hub/llm-hub/events/publish"
	"github.com/llm-hub/llm-hub/gateway/admit"
	"github.com/llm-hub/llm-hub/gateway/call"
	"github.com/llm-hub/llm-hub/gateway/control"
	"github.com/llm-hub/llm-hub/gateway/provider/openai"
	"github.com/llm-hub/llm-hub/gateway/record"
	"github.com/llm-hub/llm-hub/gateway/route"
)

// bubble is an engine under a test's clock, without a network: what the vendor
// says is a script, what the client gets is written down.
type bubble struct {
	t         testing.TB
	engine    *call.Engine
	log       *memlog.Log
	publisher *publish.Publisher
	admitter  *admit.Admitter
	catalog   *control.Catalog
	scripts   []script // one for each vendor call, the last for all further ones
	mu        sync.Mutex
	calls     int
	array     bool // streams are arrays
}

// script is a vendor's answer. Its steps are the body.
type script struct {
	refuse error // of the connection
	wait   time.Duration
	status int // 0: 200
	kind   string
	steps  []step
}

// step is a piece of a body.
type step struct {
	wait time.Duration
	data string
	err  error
}

const (
	roleChunk  = `data: {"id":"c","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}` + "\n\n"
	finalChunk = `data: {"id":"c","object":"chat.completion.chunk","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}` + "\n\n"
	usageChunk = `data: {"id":"c","object":"chat.completion.chunk","choices":[],"usage":{"prompt_tokens":11,"completion_tokens":22,"total_tokens":33}}` + "\n\n"
	doneChunk  = "data: [DONE]\n\n"
	wholeBody  = `{"id":"c","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":"Hello."},"finish_reason":"stop"}],` +
		`"usage":{"prompt_tokens":11,"completion_tokens":22,"total_tokens":33}}`
)

// says is a chunk with so many tokens of text.
func says(tokens int) string {
	return fmt.Sprintf(`data: {"id":"c","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":%q},"finish_reason":null}]}`+"\n\n",
		strings.Repeat("word", tokens))
}

// streaming is a whole stream, each piece after a wait.
func streaming(wait time.Duration, pieces ...string) script {
	s := script{kind: "text/event-stream"}
	for _, p := range append(append([]string{roleChunk}, pieces...), finalChunk, usageChunk, doneChunk) {
		s.steps = append(s.steps, step{wait: wait, data: p})
	}
	return s
}

func whole(wait time.Duration) script {
	return script{wait: wait, kind: "application/json", steps: []step{{data: wholeBody}}}
}

func newBubble(t testing.TB, ack call.Ack, scripts ...script) *bubble {
	t.Helper()
	b := &bubble{t: t, log: memlog.New(), scripts: scripts}
	logger := slog.New(slog.DiscardHandler)
	var err error
	if b.publisher, err = publish.New(publish.Config{Log: b.log, Node: "node-1", Epoch: "epoch-1", Logger: logger}); err != nil {
		t.Fatal(err)
	}
	metrics, err := record.NewMetrics(prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	recorder, err := record.New(record.Config{Publisher: b.publisher, Node: "node-1", Metrics: metrics, Logger: logger})
	if err != nil {
		t.Fatal(err)
	}
	if b.admitter, err = admit.New(admit.Config{
		Counters: b.log, Leases: b.log.Leases(), Node: "node-1", Epoch: "epoch-1", Logger: logger, Now: time.Now,
	}); err != nil {
		t.Fatal(err)
	}
	b.engine, err = call.New(call.Config{
		Ack: ack, Recorder: recorder, Admitter: b.admitter, Vendors: realVendor,
		Transport: b, Cooldowns: route.NewCooldowns(time.Now), Logger: logger, Seed: func() uint64 { return 1 },
	})
	if err != nil {
		t.Fatal(err)
	}
	b.catalog = bubbleCatalog(t)
	return b
}

func bubbleCatalog(t testing.TB) *control.Catalog {
	t.Helper()
	p := &control.Provider{Name: "one", Kind: "openai", BaseURL: "http://vendor/v1"}
	for _, name := range []string{"a", "b", "c"} {
		p.Credentials = append(p.Credentials, &control.Credential{Provider: "one", Name: name, Weight: 1})
	}
	acme := &control.Tenant{ID: "acme", OnDisconnect: "drain"}
	acme.Keys = []*control.Key{{Tenant: acme, Name: "ci", Limits: keyLimits()}}
	return &control.Catalog{
		Version: "v1", Location: time.UTC, Prices: priceBook(t),
		Providers: map[string]*control.Provider{"one": p},
		Models: map[string]*control.Model{"smart": {Name: "smart", Strategy: route.Priority, Targets: []control.Target{{
			Provider: p, Model: "gpt-x", Priority: 1, Weight: 1,
			Timeouts: control.Timeouts{Connect: 5 * time.Second, FirstByte: time.Minute, Idle: time.Minute, Total: 10 * time.Minute},
		}}}},
		Tenants: map[events.TenantID]*control.Tenant{"acme": acme},
	}
}

// serve serves one request and returns what the client got.
func (b *bubble) serve(ctx context.Context, id string, stream bool) *screen {
	w := &screen{header: http.Header{}}
	b.serveOn(ctx, w, id, stream)
	return w
}

func (b *bubble) serveOn(ctx context.Context, w *screen, id string, stream bool) {
	body := fmt.Sprintf(`{"model":"smart","stream":%t,"messages":[{"role":"user","content":"Say something."}]}`, stream)
	in, err := openai.ParseChat([]byte(body))
	if err != nil {
		b.t.Error(err)
		return
	}
	in.Array = b.array
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://hub/", nil)
	if err != nil {
		b.t.Error(err)
		return
	}
	w.err = b.engine.Serve(w, r, &call.Request{
		ID: events.RequestID(id), Endpoint: "chat.completions", Catalog: b.catalog, Key: b.catalog.Tenants["acme"].Keys[0], Inbound: in,
	})
}

// facts closes the publisher and gives all events.
func (b *bubble) facts() facts {
	b.t.Helper()
	if err := b.publisher.Close(b.t.Context()); err != nil {
		b.t.Error(err)
	}
	return b.stored()
}

// stored gives the events that the log has by now.
func (b *bubble) stored() facts {
	b.t.Helper()
	info, err := b.log.Info(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	var all facts
	for seq := info.First; seq <= info.Last; seq++ {
		m, err := b.log.At(b.t.Context(), seq)
		if err != nil {
			b.t.Fatal(err)
		}
		all = append(all, decode(b.t, m)...)
	}
	return all
}

// RoundTrip is the vendor.
func (b *bubble) RoundTrip(r *http.Request) (*http.Response, error) {
	b.mu.Lock()
	s := b.scripts[min(b.calls, len(b.scripts)-1)]
	b.calls++
	b.mu.Unlock()
	if s.refuse != nil {
		return nil, s.refuse
	}
	if trace := httptrace.ContextClientTrace(r.Context()); trace != nil && trace.GotConn != nil {
		trace.GotConn(httptrace.GotConnInfo{})
	}
	if err := wait(r.Context(), s.wait); err != nil {
		return nil, err
	}
	if s.status == 0 {
		s.status = http.StatusOK
	}
	return &http.Response{
		StatusCode: s.status, Header: http.Header{"Content-Type": {s.kind}}, ContentLength: -1,
		Body: io.NopCloser(&scriptReader{ctx: r.Context(), steps: s.steps}),
	}, nil
}

func wait(ctx context.Context, d time.Duration) error {
	if d == 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

type scriptReader struct {
	ctx   context.Context
	steps []step
	rest  string
}

func (r *scriptReader) Read(p []byte) (int, error) {
	for r.rest == "" {
		if len(r.steps) == 0 {
			return 0, io.EOF
		}
		s := r.steps[0]
		r.steps = r.steps[1:]
		if err := wait(r.ctx, s.wait); err != nil {
			return 0, err
		}
		if s.err != nil {
			return 0, s.err
		}
		r.rest = s.data
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// screen is a client: it writes down what it gets, and when.
type screen struct {
	mu     sync.Mutex
	header http.Header
	status int
	text   strings.Builder
	writes []time.Time
	breaks int // writes that go well, 0: all
	err    error
}

var errBroken = errors.New("broken pipe")

func (s *screen) Header() http.Header { return s.header }

func (s *screen) WriteHeader(status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status = status
}

func (s *screen) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.breaks > 0 && len(s.writes) >= s.breaks {
		return 0, errBroken
	}
	s.writes = append(s.writes, time.Now())
	return s.text.Write(b)
}

func (s *screen) FlushError() error { return nil }

// got tells what the client has by now.
func (s *screen) got() (status int, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.status, s.text.String()
}

func TestAck(t *testing.T) {
	tests := map[call.Ack]struct{ beforeAny, beforeUsage bool }{ // what a client may have while the log holds back
		call.Strict:    {false, false},
		call.FirstByte: {false, true},
		call.Async:     {true, true},
	}
	for ack, may := range tests {
		for _, stream := range []bool{false, true} {
			t.Run(string(ack)+mode(stream), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					answer := whole(time.Second)
					if stream {
						answer = streaming(time.Second, says(1), says(1))
					}
					b := newBubble(t, ack, answer)
					w := &screen{header: http.Header{}}
					release := b.log.Hold()
					done := make(chan struct{})
					go func() {
						defer close(done)
						b.serveOn(t.Context(), w, "r1", stream)
					}()
					<-time.After(90 * time.Second)
					synctest.Wait()
					if status, text := w.got(); (status != 0) != may.beforeAny {
						t.Errorf("without any acknowledgement the client has status %d and %q", status, text)
					}
					release()
					synctest.Wait()
					if stream && ack != call.Async {
						release = b.log.Hold() // the admission is acknowledged, the usage is not
						<-time.After(30 * time.Second)
						synctest.Wait()
						_, text := w.got()
						if strings.Contains(text, "[DONE]") != may.beforeUsage {
							t.Errorf("without acknowledgement of the usage the client has %q", text)
						}
						release()
					}
					<-done
					if status, text := w.got(); status != 200 || w.err != nil || stream != strings.Contains(text, "[DONE]") {
						t.Errorf("status %d, %v: %s", status, w.err, text)
					}
					if end := only[events.RequestFinished](t, b.facts()); end.Outcome != events.Completed {
						t.Errorf("end: %+v", end)
					}
				})
			})
		}
	}
}
