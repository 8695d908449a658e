package fakellm_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/llm-hub/llm-hub/cmd/fake-llm/fakellm"
)

// pipes is a network in memory, so that time in a synctest bubble stands still while it is idle.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
}

func newPipes() *pipes {
	return &pipes{conns: make(chan net.Conn), closed: make(chan struct{})}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { close(p.closed); return nil }
func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "pipe"} }

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case p.conns <- server:
		return client, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// world is a fake vendor and its client, inside a bubble of virtual time.
type world struct {
	t      *testing.T
	fake   *fakellm.Server
	client *http.Client
}

func inWorld(t *testing.T, cfg fakellm.Config, f func(*world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		network := newPipes()
		fake := fakellm.New(cfg)
		server := &http.Server{Handler: fake}
		done := make(chan error, 1)
		go func() { done <- server.Serve(network) }()
		transport := &http.Transport{DialContext: network.dial, DisableCompression: true}
		f(&world{t: t, fake: fake, client: &http.Client{Transport: transport}})
		transport.CloseIdleConnections()
		if err := server.Close(); err != nil {
			t.Errorf("closing the server: %v", err)
		}
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("serve ended with %v", err)
		}
	})
}

// ask is one request to the fake.
type ask struct {
	method string // POST when empty
	path   string
	body   string
	header map[string]string
	ctx    context.Context
}

// got is what came back; err is set when it did not come whole.
type got struct {
	status int
	header http.Header
	body   string
	err    error
}

func (w *world) do(a ask) got {
	w.t.Helper()
	resp, err := w.start(a)
	if err != nil {
		return got{err: err}
	}
	body, err := io.ReadAll(resp.Body)
	if closeErr := resp.Body.Close(); err == nil {
		err = closeErr
	}
	return got{status: resp.StatusCode, header: resp.Header, body: string(body), err: err}
}

func (w *world) start(a ask) (*http.Response, error) {
	w.t.Helper()
	if a.ctx == nil {
		a.ctx = w.t.Context()
	}
	if a.method == "" {
		a.method = http.MethodPost
	}
	req, err := http.NewRequestWithContext(a.ctx, a.method, "http://fake"+a.path, strings.NewReader(a.body))
	if err != nil {
		w.t.Fatal(err)
	}
	for name, value := range a.header {
		req.Header.Set(name, value)
	}
	return w.client.Do(req)
}

// record is the ledger's last record, when nothing is in flight.
func (w *world) record() *fakellm.Record {
	w.t.Helper()
	if err := w.fake.Settle(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	s := w.fake.Ledger(0, 1<<20)
	if len(s.Records) == 0 {
		w.t.Fatal("the ledger is empty")
	}
	return s.Records[len(s.Records)-1]
}

// chat is a plain request in a vendor's dialect. model may carry directives.
func chat(v fakellm.Vendor, model, text string, stream bool) ask {
	switch v {
	case fakellm.Anthropic:
		return ask{
			path: "/v1/messages",
			body: toJSON(object{
				"model": model, "max_tokens": 4096, "stream": stream,
				"messages": []object{{"role": "user", "content": text}},
			}),
			header: map[string]string{"X-Api-Key": "k-a", "Anthropic-Version": "2023-06-01"},
		}
	case fakellm.Cohere:
		return ask{
			path: "/v2/chat",
			body: toJSON(object{
				"model": model, "stream": stream, "messages": []object{{"role": "user", "content": text}},
				"thinking": object{"type": "disabled"}, // it is shown unless it is switched off
			}),
			header: map[string]string{"Authorization": "Bearer k-c"},
		}
	case fakellm.Gemini:
		return ask{
			path:   geminiPath(model, stream),
			body:   toJSON(object{"contents": []object{{"role": "user", "parts": []object{{"text": text}}}}}),
			header: map[string]string{"X-Goog-Api-Key": "k-g"},
		}
	default:
		body := object{"model": model, "stream": stream, "messages": []object{{"role": "user", "content": text}}}
		if stream {
			body["stream_options"] = object{"include_usage": true}
		}
		return ask{
			path: "/v1/chat/completions", body: toJSON(body),
			header: map[string]string{"Authorization": "Bearer k-o"},
		}
	}
}

func geminiPath(model string, stream bool) string {
	if stream {
		return "/v1beta/models/" + model + ":streamGenerateContent?alt=sse"
	}
	return "/v1beta/models/" + model + ":generateContent"
}

func vendors() []fakellm.Vendor {
	return []fakellm.Vendor{fakellm.OpenAI, fakellm.Anthropic, fakellm.Gemini, fakellm.Cohere}
}

type object map[string]any

func toJSON(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) //nolint:forbidigo // a mistake in the test
	}
	return string(b)
}

// dig follows keys and indexes into a JSON document; nil when there is nothing.
func dig(t *testing.T, doc string, path ...any) any {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(doc), &v); err != nil {
		t.Fatalf("not JSON: %v\n%s", err, doc)
	}
	for _, step := range path {
		switch step := step.(type) {
		case string:
			m, _ := v.(map[string]any)
			v = m[step]
		case int:
			l, _ := v.([]any)
			if step >= len(l) {
				return nil
			}
			v = l[step]
		}
	}
	return v
}

// events are the data lines of an event stream.
func events(body string) []string {
	var out []string
	for line := range strings.SplitSeq(body, "\n") {
		if data, ok := strings.CutPrefix(strings.TrimSuffix(line, "\r"), "data: "); ok {
			out = append(out, data)
		}
	}
	return out
}
