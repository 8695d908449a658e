package call_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/cmd/fake-llm/fakellm"
	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/events/memlog"
	"github.com/llm-hub/llm-hub/events/publish"
	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/admit"
	"github.com/llm-hub/llm-hub/gateway/call"
	"github.com/llm-hub/llm-hub/gateway/control"
	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/openai"
	"github.com/llm-hub/llm-hub/gateway/record"
	"github.com/llm-hub/llm-hub/gateway/route"
)

// patient is how long a test waits for what must come.
const patient = 30 * time.Second

// hub is a gateway around one engine, with a fake vendor before and a log behind it.
type hub struct {
	t         *testing.T
	fake      *fakellm.Server
	vendor    *httptest.Server
	log       *memlog.Log
	publisher *publish.Publisher
	cooldowns *route.Cooldowns
	engine    *call.Engine
	admitter  *admit.Admitter
	stop      context.CancelFunc
	gateway   *httptest.Server
	client    *http.Client
	settings
}

// settings are what a test may change.
type settings struct {
	ack          call.Ack
	limits       []accounting.Limit // of the key
	targets      []control.Target   // default: one, the fake's well-behaved model
	timeouts     control.Timeouts   // of the first target
	onDisconnect string
	vendors      func(kind string) provider.Vendor
	transport    http.RoundTripper
	asks         func(*call.Request) // changes what is asked
}

// noLimit is far above what tests do; with it an admitter counts what runs.
const noLimit = 1000

func keyLimits() []accounting.Limit {
	return []accounting.Limit{
		{Of: accounting.OfConcurrency, Max: noLimit, Mode: accounting.Hard},
	}
}

// checkReleased fails unless every reservation of the key was released.
func checkReleased(t *testing.T, a *admit.Admitter) {
	t.Helper()
	one := accounting.Limit{Of: accounting.OfConcurrency, Max: 1, Mode: accounting.Hard}
	ctx := context.WithoutCancel(t.Context()) // which has ended when a test cleans up
	r, refusal := a.Admit(ctx, admit.Request{Tenant: "acme", At: time.Now(), Scopes: []admit.Scoped{
		{Scope: accounting.Scope{Kind: accounting.KeyScope, ID: "acme/ci"}, Limits: []accounting.Limit{one}},
	}})
	if refusal != nil {
		t.Errorf("a reservation was not released: %v", refusal.Event())
		return
	}
	r.Release()
}

func newHub(t *testing.T, s settings) *hub {
	t.Helper()
	h := &hub{t: t, settings: s, fake: fakellm.New(fakellm.Config{}), log: memlog.New()}
	h.vendor = httptest.NewServer(h.fake)
	h.vendor.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	logger := slog.New(slog.DiscardHandler)
	var err error
	if h.publisher, err = publish.New(publish.Config{Log: h.log, Node: "node-1", Epoch: "epoch-1", Logger: logger}); err != nil {
		t.Fatal(err)
	}
	metrics, err := record.NewMetrics(prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	recorder, err := record.New(record.Config{Publisher: h.publisher, Node: "node-1", Metrics: metrics, Logger: logger})
	if err != nil {
		t.Fatal(err)
	}
	if h.admitter, err = admit.New(admit.Config{
		Counters: h.log, Leases: h.log.Leases(), Node: "node-1", Epoch: "epoch-1", Logger: logger, Now: time.Now,
	}); err != nil {
		t.Fatal(err)
	}
	h.follow()
	if h.vendors == nil {
		h.vendors = realVendor
	}
	if h.transport == nil {
		h.transport = &http.Transport{}
	}
	if h.ack == "" {
		h.ack = call.Strict
	}
	h.cooldowns = route.NewCooldowns(time.Now)
	engine, err := call.New(call.Config{
		Ack: h.ack, Recorder: recorder, Admitter: h.admitter, Vendors: h.vendors, Transport: h.transport,
		Cooldowns: h.cooldowns, Logger: logger, Seed: func() uint64 { return 1 },
	})
	if err != nil {
		t.Fatal(err)
	}
	h.engine = engine
	catalog := h.catalog()
	var ids atomic.Int64
	h.gateway = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		serve(engine, catalog, events.RequestID(fmt.Sprintf("request-%d", ids.Add(1))), h.asks, w, r)
	}))
	h.client = &http.Client{Transport: &http.Transport{}}
	t.Cleanup(h.close)
	return h
}

// follow lets the admitter read the counters.
func (h *hub) follow() {
	var ctx context.Context
	ctx, h.stop = context.WithCancel(context.Background())
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		if err := h.admitter.Run(ctx); err != nil {
			h.t.Error(err)
		}
	}()
	h.t.Cleanup(func() { <-stopped })
	for !h.admitter.Loaded() {
		runtime.Gosched()
	}
}

// serve does what api and web do.
func serve(
	e *call.Engine, c *control.Catalog, id events.RequestID, asks func(*call.Request), w http.ResponseWriter, r *http.Request,
) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	in, err := openai.ParseChat(body)
	if err == nil {
		req := &call.Request{ID: id, Endpoint: "chat.completions", Catalog: c, Key: c.Tenants["acme"].Keys[0], Inbound: in}
		if asks != nil {
			asks(req)
		}
		err = e.Serve(w, r, req)
	}
	if err != nil {
		public := gateway.AsError(err)
		status, body := openai.ErrorBody(public)
		if public.RetryAfter > 0 {
			w.Header().Set("Retry-After", fmt.Sprint(public.RetryAfter.Seconds()))
		}
		w.WriteHeader(status)
		_, _ = w.Write(body)
	}
}

func (h *hub) close() {
	h.client.CloseIdleConnections()
	h.gateway.Close()
	if t, ok := h.transport.(*http.Transport); ok {
		t.CloseIdleConnections()
	}
	h.vendor.CloseClientConnections()
	h.vendor.Close()
	ctx, cancel := context.WithTimeout(context.Background(), patient)
	defer cancel()
	if err := h.publisher.Close(ctx); err != nil {
		h.t.Error(err)
	}
	checkReleased(h.t, h.admitter)
	h.stop()
	h.log.Close()
}

func (h *hub) catalog() *control.Catalog {
	book := priceBook(h.t)
	p := h.provider("one", h.vendor.URL+"/v1", "a")
	if h.targets == nil {
		h.targets = []control.Target{{Provider: p, Model: "gpt-fake", Priority: 1, Weight: 1}}
	}
	c := &control.Catalog{
		Version: "v1", Location: time.UTC, Prices: book,
		Providers: map[string]*control.Provider{}, Models: map[string]*control.Model{},
		Tenants: map[events.TenantID]*control.Tenant{},
	}
	for i, t := range h.targets {
		if t.Provider == nil {
			t.Provider = p
		}
		t.Timeouts = control.Timeouts{Connect: patient, FirstByte: patient, Idle: patient, Total: 3 * patient}
		if i == 0 && h.timeouts != (control.Timeouts{}) {
			t.Timeouts = h.timeouts
		}
		h.targets[i] = t
		c.Providers[t.Provider.Name] = t.Provider
	}
	c.Models["smart"] = &control.Model{Name: "smart", Strategy: route.Priority, Targets: h.targets}
	c.Models["secret"] = c.Models["smart"]
	acme := &control.Tenant{ID: "acme", OnDisconnect: h.onDisconnect}
	acme.Keys = []*control.Key{{Tenant: acme, Name: "ci", Models: map[string]bool{"smart": true, "absent": true}}}
	acme.Keys[0].Limits = append(keyLimits(), h.limits...)
	c.Tenants["acme"] = acme
	return c
}

func (h *hub) provider(name, url string, credentials ...string) *control.Provider {
	p := &control.Provider{Name: name, Kind: "openai", BaseURL: url}
	for _, c := range credentials {
		p.Credentials = append(p.Credentials, &control.Credential{
			Provider: name, Name: c, APIKey: control.NewSecret("sk-" + c), Weight: 1,
		})
	}
	return p
}

// misbehaving is a target of the fake that follows a directive; priority by position.
func misbehaving(directives ...string) []control.Target {
	var out []control.Target
	for i, d := range directives {
		model := "gpt-fake"
		if d != "" {
			model += "+" + d
		}
		out = append(out, control.Target{Model: model, Priority: i + 1, Weight: 1})
	}
	return out
}

// deadAddress is where nobody listens: a port that the system gives to nobody.
const deadAddress = "http://127.0.0.1:1"

// answer is what a client got.
type answer struct {
	status int
	header http.Header
	body   string
	err    error // of reading the body
}

func (h *hub) post(ctx context.Context, stream bool) (*http.Response, error) {
	return h.postModel(ctx, "smart", stream)
}

func (h *hub) postModel(ctx context.Context, model string, stream bool) (*http.Response, error) {
	body := fmt.Sprintf(`{"model":%q,"stream":%t,"messages":[{"role":"user","content":"Say something."}]}`, model, stream)
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, h.gateway.URL, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	return h.client.Do(r)
}

// ask makes one request and reads all of the answer.
func (h *hub) ask(stream bool) answer {
	h.t.Helper()
	res, err := h.post(h.t.Context(), stream)
	if err != nil {
		h.t.Fatal(err)
	}
	return read(res)
}

func read(res *http.Response) answer {
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return answer{status: res.StatusCode, header: res.Header, body: string(body), err: err}
}

// facts waits until n requests have ended and gives all events so far.
func (h *hub) facts(n int) facts { return h.until(events.RequestFinishedKind, n) }

// rejections waits until a request was refused and gives all events so far.
func (h *hub) rejections() facts { return h.until(events.RequestRejectedKind, 1) }

func (h *hub) until(kind events.Kind, n int) facts {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.t.Context(), patient)
	defer cancel()
	cursor, err := h.log.Read(ctx, events.Range{})
	if err != nil {
		h.t.Fatal(err)
	}
	defer cursor.Close()
	var all facts
	for stored := range cursor.C() {
		all = append(all, decode(h.t, stored)...)
		if len(all.of(kind)) >= n {
			return all
		}
	}
	h.t.Fatalf("the log has no %d %s: %v: %v", n, kind, cursor.Err(), all.kinds())
	return nil
}

type facts []events.Event

func decode(t testing.TB, s events.Stored) facts {
	t.Helper()
	lines, err := s.Lines()
	if err != nil {
		t.Fatal(err)
	}
	var out facts
	for _, line := range lines {
		e, err := events.Decode(line)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, e)
	}
	return out
}

func (f facts) of(kinds ...events.Kind) facts {
	var out facts
	for _, e := range f {
		for _, k := range kinds {
			if e.Kind == k {
				out = append(out, e)
			}
		}
	}
	return out
}

func (f facts) kinds() []events.Kind {
	var out []events.Kind
	for _, e := range f {
		out = append(out, e.Kind)
	}
	return out
}

// only gives the body of the one event of its kind.
func only[B events.Body](t *testing.T, f facts) B {
	t.Helper()
	var zero B
	got := f.of(zero.Kind())
	if len(got) != 1 {
		t.Fatalf("%d events %s, want 1, of %v", len(got), zero.Kind(), f.kinds())
	}
	b, err := events.As[B](got[0])
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// lines gives the data of a stream's events.
func lines(body string) []string {
	var out []string
	for s := bufio.NewScanner(strings.NewReader(body)); s.Scan(); {
		if data, ok := strings.CutPrefix(s.Text(), "data: "); ok {
			out = append(out, data)
		}
	}
	return out
}

func errorOf(t *testing.T, body string) map[string]any {
	t.Helper()
	var b struct {
		Error map[string]any `json:"error"`
	}
	if err := json.Unmarshal([]byte(body), &b); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	return b.Error
}

func realVendor(string) provider.Vendor { return openai.Vendor{} }

// priceBook knows a model for text, and one for each way to bill a task.
func priceBook(t testing.TB) *accounting.Book {
	t.Helper()
	book, err := new(accounting.Book).With([]accounting.Override{
		{Model: "gpt-fake", USD: map[string]string{"input": "1", "output": "2"}},
		{Model: "tts-1", USD: map[string]string{"characters": "15"}},
		{Model: "gpt-4o-mini-tts", USD: map[string]string{"input": "1", "audio_output": "12"}},
		{Model: "whisper-1", USD: map[string]string{"audio_ms": "0.006"}},
		{Model: "gpt-4o-transcribe", USD: map[string]string{"input": "1", "audio_input": "6", "output": "10"}},
		{Model: "dall-e-3", USD: map[string]string{"images": "0.04"}},
		{Model: "gpt-image-1", USD: map[string]string{"input": "5", "image_input": "10", "output": "40"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return book
}
