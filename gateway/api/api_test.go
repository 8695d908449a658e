package api_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/llm-hub/llm-hub/events/memlog"
	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/api"
	"github.com/llm-hub/llm-hub/gateway/call"
	"github.com/llm-hub/llm-hub/gateway/control"
	"github.com/llm-hub/llm-hub/gateway/conversation"
	"github.com/llm-hub/llm-hub/gateway/provider/form"
	"github.com/llm-hub/llm-hub/gateway/record"
	"github.com/llm-hub/llm-hub/gateway/vault"
	"github.com/llm-hub/llm-hub/gateway/web"
)

// engine remembers what it was asked, and answers or fails.
type engine struct {
	got  *call.Request
	fail error
}

func (e *engine) Serve(w http.ResponseWriter, _ *http.Request, req *call.Request) error {
	e.got = req
	if e.fail != nil {
		return e.fail
	}
	_, err := w.Write([]byte("answer"))
	return err
}

type fixture struct {
	*engine
	handler  *web.Server
	routes   []web.Route
	registry *prometheus.Registry
	catalog  *control.Catalog
	answers  *conversation.Store
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	return newFixtureOver(t, memlog.New().Answers())
}

// newFixtureOver keeps answers in a bucket.
func newFixtureOver(t *testing.T, bucket conversation.Bucket) *fixture {
	t.Helper()
	f := &fixture{engine: &engine{}, registry: prometheus.NewRegistry()}
	metrics, err := record.NewMetrics(f.registry)
	if err != nil {
		t.Fatal(err)
	}
	catalog := &control.Catalog{Models: map[string]*control.Model{"smart": {}, "fast": {}, "team/odd name": {}, "hidden": {}}}
	f.catalog = catalog
	keys, err := vault.KeyText("master", "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=")
	if err != nil {
		t.Fatal(err)
	}
	if f.answers, err = conversation.New(conversation.Config{Bucket: bucket, Vault: vault.New(keys, memlog.New().Keyring()), Logger: slog.New(slog.DiscardHandler)}); err != nil {
		t.Fatal(err)
	}
	key := &control.Key{Tenant: &control.Tenant{ID: "acme"}, Name: "ci", State: "active", Tags: []string{"x"}, Models: map[string]bool{"smart": true, "fast": true, "team/odd name": true}}
	a, err := api.New(api.Config{
		Calls: f.engine, Catalog: func() *control.Catalog { return catalog }, Metrics: metrics, Answers: f.answers,
		Forms: form.NewStore(t.TempDir(), 1<<20),
		Authenticate: func(r *http.Request, _ *control.Catalog) (*control.Key, error) {
			if r.Header.Get("Authorization") != "Bearer good" {
				return nil, &gateway.Error{Kind: gateway.Unauthenticated, Public: "No."}
			}
			return key, nil
		},
		LastUsed: func(context.Context, *control.Key) *time.Time {
			return new(time.Date(2026, 11, 29, 10, 30, 0, 0, time.UTC))
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	f.handler, err = web.New(web.Config{Logger: slog.New(slog.DiscardHandler), Guards: map[web.Permission]web.Guard{web.Inference: a.Guard}})
	if err != nil {
		t.Fatal(err)
	}
	f.routes = a.Routes()
	if err := f.handler.Mount(f.routes...); err != nil {
		t.Fatal(err)
	}
	return f
}

func (f *fixture) ask(method, path, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer good")
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if strings.HasPrefix(body, "--"+formBoundary) {
		r.Header.Set("Content-Type", "multipart/form-data; boundary="+formBoundary)
	}
	w := httptest.NewRecorder()
	f.handler.ServeHTTP(w, r)
	return w
}

const question = `{"model":"smart","stream":true,"messages":[{"role":"user","content":"Hi."}],"unknown_field":[1]}`

func TestChat(t *testing.T) {
	for _, path := range []string{"/v1/chat/completions", "/v1/chat", "/chat/completions", "/chat"} {
		t.Run(path, func(t *testing.T) {
			f := newFixture(t)
			w := f.ask("POST", path, question)
			if w.Code != 200 || w.Body.String() != "answer" {
				t.Fatalf("status %d: %s", w.Code, w.Body)
			}
			got := f.got
			if got.Endpoint != "chat.completions" || got.Inbound.Model != "smart" || !got.Inbound.Stream || got.Key.Name != "ci" ||
				string(got.Inbound.Body) != question || string(got.ID) != w.Header().Get("X-Request-Id") {
				t.Errorf("asked %+v", got)
			}
		})
	}
}

// TestKeyAboutItself: a key may know what it is and what it may do.
func TestKeyAboutItself(t *testing.T) {
	w := newFixture(t).ask("GET", "/v1/key", "")
	want := `{"object":"key","tenant":"acme","name":"ci","state":"active","expires":null,"models":["fast","smart","team/odd name"],` +
		`"endpoints":null,"addresses":null,"tags":["x"],"limits":[],"last_used":"2026-11-29T10:30:00Z"}` + "\n"
	if diff := cmp.Diff(want, w.Body.String()); w.Code != 200 || diff != "" {
		t.Errorf("status %d: %s", w.Code, diff)
	}
}

func TestErrors(t *testing.T) {
	tests := map[string]struct {
		method, path, body string
		fail               error
		status             int
		typ, code          string
	}{
		"not JSON":         {"POST", "/v1/chat/completions", `{"model":`, nil, 400, "invalid_request_error", ""},
		"no messages":      {"POST", "/v1/chat/completions", `{"model":"smart"}`, nil, 400, "invalid_request_error", ""},
		"engine's error":   {"POST", "/v1/chat/completions", question, &gateway.Error{Kind: gateway.UpstreamTimeout, Public: "Late."}, 504, "upstream_error", "upstream_timeout"},
		"unknown model":    {"GET", "/v1/models/absent", "", nil, 404, "invalid_request_error", "model_not_found"},
		"not for this key": {"GET", "/v1/models/hidden", "", nil, 404, "invalid_request_error", "model_not_found"},
		"unknown route":    {"POST", "/v1/songs", question, nil, 404, "invalid_request_error", "unknown_url"},
		"wrong method":     {"GET", "/v1/chat/completions", "", nil, 405, "invalid_request_error", "method_not_allowed"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.fail = test.fail
			w := f.ask(test.method, test.path, test.body)
			var body struct{ Error map[string]any }
			if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
				t.Fatalf("%v: %s", err, w.Body)
			}
			for _, member := range []string{"message", "type", "param", "code"} {
				if _, there := body.Error[member]; !there {
					t.Errorf("%s is missing in %s", member, w.Body)
				}
			}
			if w.Code != test.status || body.Error["type"] != test.typ || test.code != "" && body.Error["code"] != test.code {
				t.Errorf("status %d: %s", w.Code, w.Body)
			}
		})
	}
}

func TestWithoutAKey(t *testing.T) {
	f := newFixture(t)
	for _, route := range []struct{ method, path string }{
		{"POST", "/v1/chat/completions"}, {"POST", "/chat"}, {"GET", "/v1/models"}, {"GET", "/models/smart"},
	} {
		w := httptest.NewRecorder()
		f.handler.ServeHTTP(w, httptest.NewRequest(route.method, route.path, strings.NewReader(question)))
		if w.Code != 401 || f.got != nil {
			t.Errorf("%s %s: status %d", route.method, route.path, w.Code)
		}
	}
	want := "# HELP llmhub_unauthenticated_total Requests without a valid key.\n# TYPE llmhub_unauthenticated_total counter\nllmhub_unauthenticated_total 4\n"
	if err := testutil.GatherAndCompare(f.registry, strings.NewReader(want), "llmhub_unauthenticated_total"); err != nil {
		t.Error(err)
	}
}

func TestModels(t *testing.T) {
	f := newFixture(t)
	for _, path := range []string{"/v1/models", "/models"} {
		var list struct {
			Object string
			Data   []struct {
				ID      string
				Object  string
				Created int64
				OwnedBy string `json:"owned_by"`
			}
		}
		w := f.ask("GET", path, "")
		if err := json.Unmarshal(w.Body.Bytes(), &list); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, m := range list.Data {
			got = append(got, m.ID)
			if m.Object != "model" || m.Created <= 0 || m.OwnedBy != "llm-hub" {
				t.Errorf("model %+v", m)
			}
		}
		if diff := cmp.Diff([]string{"fast", "smart", "team/odd name"}, got); diff != "" || list.Object != "list" {
			t.Error(diff)
		}
	}
}

func TestModel(t *testing.T) {
	f := newFixture(t)
	for path, want := range map[string]string{
		"/v1/models/smart": "smart", "/models/fast": "fast", "/v1/models/team/odd%20name": "team/odd name", "/v1/models/team%2Fodd%20name": "team/odd name",
	} {
		var m struct{ ID, Object string }
		w := f.ask("GET", path, "")
		if err := json.Unmarshal(w.Body.Bytes(), &m); err != nil || w.Code != 200 || m.ID != want || m.Object != "model" {
			t.Errorf("%s: status %d, %v: %s", path, w.Code, err, w.Body)
		}
	}
}
