package admin_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/client"
	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/admin"
	"github.com/llm-hub/llm-hub/gateway/admin/openapi"
	"github.com/llm-hub/llm-hub/gateway/auth"
	"github.com/llm-hub/llm-hub/gateway/control"
	"github.com/llm-hub/llm-hub/gateway/web"
)

type operator struct{}

// Identify knows "token", which may everything, the names of roles of the
// installation, and TENANT/ROLE.
func (operator) Identify(r *http.Request) (auth.Person, error) {
	switch role := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "); role {
	case "token":
		return auth.Person{Name: "operator", Role: "admin"}, nil
	case "admin", "operator", "viewer":
		return auth.Person{Name: "token/" + role, Role: role}, nil
	default:
		if tenant, role, ok := strings.Cut(role, "/"); ok {
			return personOf(events.TenantID(tenant), role), nil
		}
	}
	return auth.Person{}, &gateway.Error{Kind: gateway.Unauthenticated, Public: "No."}
}

// personOf is the user of a tenant who is called by their role.
func personOf(tenant events.TenantID, role string) auth.Person {
	return auth.Person{Name: string(tenant) + "-" + role, Role: role, Tenant: tenant, User: control.UserID(tenant, role+"@people.test")}
}

func newHandler(t *testing.T, cfg admin.Config) http.Handler {
	t.Helper()
	cfg.Operator = operator{}
	if cfg.Status == nil {
		cfg.Status = func(context.Context) (any, error) { return map[string]string{"state": "following"}, nil }
	}
	a, err := admin.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return serveAdmin(t, a)
}

// serveAdmin mounts the routes and holds what they answer to its description.
func serveAdmin(t *testing.T, a *admin.API) http.Handler {
	t.Helper()
	return openapi.Hold(t, mount(t, a), fakes()...)
}

func mount(t *testing.T, a *admin.API) http.Handler {
	t.Helper()
	s, err := web.New(web.Config{Logger: slog.New(slog.DiscardHandler), Guards: a.Guards()})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Mount(a.Routes()...); err != nil {
		t.Fatal(err)
	}
	return s
}

// fakes are the addresses whose answers are made by ports that these tests stand in for.
func fakes() []string {
	return []string{
		"/api/v1/status", "/api/v1/requests", "/api/v1/requests/facets", "/api/v1/requests/histogram", "/api/v1/latency", "/api/v1/errors",
		"/api/v1/targets/health", "/api/v1/usage/movers", "/api/v1/usage/repriced", "/api/v1/exports/e1/file",
	}
}

func ask(h http.Handler, method, target string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, nil)
	r.Header.Set("Authorization", "Bearer token")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func problem(t *testing.T, w *httptest.ResponseRecorder) web.Problem {
	t.Helper()
	var p web.Problem
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
		t.Fatalf("%v: %s", err, w.Body)
	}
	return p
}

func TestEveryRouteNeedsTheToken(t *testing.T) {
	h := newHandler(t, admin.Config{})
	a, err := admin.New(admin.Config{Operator: operator{}, Status: func(context.Context) (any, error) { return nil, nil }})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range a.Routes() {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(r.Method, r.Path, nil))
		if w.Code != 401 {
			t.Errorf("%s %s: status %d", r.Method, r.Path, w.Code)
		}
	}
}

func TestUsage(t *testing.T) {
	var got admin.UsageQuery
	cost := int64(1_500_000)
	h := newHandler(t, admin.Config{Usage: func(_ context.Context, q admin.UsageQuery) (admin.UsageTable, error) {
		got = q
		totals := admin.UsageRow{Requests: 3, Attempts: 3, Failures: 1, Usage: events.Usage{Input: 10, CacheRead: 5, Output: 7}, CostNanoUSD: &cost, Unpriced: 5}
		return admin.UsageTable{AsOf: client.AsOf{Seq: 9, Behind: 1, Lag: 0.5}, Totals: totals, Rows: []admin.UsageRow{{
			Group: []string{"2026-11-01T00:00:00+01:00", "=smart"}, Requests: 2, Attempts: 3, Failures: 1,
			Usage: events.Usage{Input: 10, CacheRead: 5, Output: 7}, CostNanoUSD: &cost, Unpriced: 1,
		}, {Group: []string{"2026-11-01T00:00:00+01:00", "own"}, Requests: 1, Unpriced: 4}}}, nil
	}})
	const query = "/api/v1/usage?from=2026-11-01&to=2026-11-02T00:00:00Z&time_zone=Europe/Berlin&group_by=day,model&tenant=acme"
	w := ask(h, "GET", query)
	if w.Code != 200 {
		t.Fatalf("status %d: %s", w.Code, w.Body)
	}
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	if !got.From.Equal(time.Date(2026, 11, 1, 0, 0, 0, 0, berlin)) || !got.To.Equal(time.Date(2026, 11, 2, 0, 0, 0, 0, time.UTC)) || got.Zone.String() != "Europe/Berlin" {
		t.Errorf("asked from %s to %s", got.From, got.To)
	}
	if diff := cmp.Diff([]admin.Dimension{admin.ByDay, admin.ByModel}, got.GroupBy); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[admin.Dimension][]string{admin.ByTenant: {"acme"}}, got.Where); diff != "" {
		t.Error(diff)
	}
	for _, part := range []string{
		`{"group":{"day":"2026-11-01T00:00:00+01:00","model":"=smart"},"requests":2,"attempts":3,"failures":1,"input_tokens":15,` +
			`"output_tokens":7,"usage":{"input":10,"cache_read":5,"output":7},"cost_nano_usd":1500000,"cost_usd":"0.0015","unpriced":1}`,
		`"model":"own"},"requests":1,"attempts":0,"failures":0,"input_tokens":0,"output_tokens":0,"usage":{},"cost_nano_usd":null,"cost_usd":null,"unpriced":4}`,
		`"totals":{"requests":3,"attempts":3,"failures":1,"input_tokens":15,"output_tokens":7,"usage":{"input":10,"cache_read":5,"output":7},` +
			`"cost_nano_usd":1500000,"cost_usd":"0.0015","unpriced":5}`,
		`"as_of":{"seq":9,"behind":1,"lag_seconds":0.5},`,
	} {
		if !strings.Contains(w.Body.String(), part) {
			t.Errorf("answered %s\nwithout %s", w.Body, part)
		}
	}
}

func TestMistakesAreNamed(t *testing.T) {
	h := newHandler(t, admin.Config{
		Usage: func(context.Context, admin.UsageQuery) (admin.UsageTable, error) {
			t.Error("the query was asked")
			return admin.UsageTable{}, nil
		},
		Events: func(context.Context, admin.EventsQuery, func([]byte) error) error {
			t.Error("the log was read")
			return nil
		},
	})
	tests := []struct{ method, target, field string }{
		{"GET", "/api/v1/usage?from=yesterday", "from"},
		{"GET", "/api/v1/usage?from=0001-01-01T00:00:00Z", "from"},
		{"GET", "/api/v1/events?from=0001-01-01", "from"},
		{"GET", "/api/v1/usage?to=2026-13-01", "to"},
		{"GET", "/api/v1/usage?from=2026-11-02&to=2026-11-01", "from"},
		{"GET", "/api/v1/usage?time_zone=Mars/Olympus", "time_zone"},
		{"GET", "/api/v1/usage?time_zone=Local", "time_zone"},
		{"GET", "/api/v1/usage?group_by=colour", "group_by"},
		{"GET", "/api/v1/usage?group_by=model,model", "group_by"},
		{"GET", "/api/v1/usage?group_by=hour,day", "group_by"},
		{"GET", "/api/v1/usage?group_by=model&group_by=key", "group_by"},
		{"GET", "/api/v1/usage?format=csv", "format"},
		{"GET", "/api/v1/usage?tenant=", "tenant"},
		{"GET", "/api/v1/usage?tenants=acme", "tenants"},
		{"GET", "/api/v1/events?from=0", "from"},
		{"GET", "/api/v1/events?from=9&to=8", "from"},
		{"GET", "/api/v1/events?to=-1", "to"},
		{"GET", "/api/v1/events?dead_letters=maybe", "dead_letters"},
		{"GET", "/api/v1/events?tenant=A/B", "tenant"},
		{"GET", "/api/v1/events?kind=request.finishd", "kind"},
		{"GET", "/api/v1/events?kind=key.set", "kind"}, // of the other stream
		{"GET", "/api/v1/usage?time_zone=right/UTC", "time_zone"},
		{"GET", "/api/v1/usage?time_zone=localtime", "time_zone"},
		{"GET", "/api/v1/requests?status=2xx", "status"},
		{"GET", "/api/v1/requests/stream?status=-1", "status"},
		{"GET", "/api/v1/requests?outcome=success", "outcome"},
		{"POST", "/api/v1/rebuild?what=everything", "what"},
		{"POST", "/api/v1/verify?fast=true", "fast"},
		{"GET", "/api/v1/status?verbose=1", "verbose"},
	}
	for _, test := range tests {
		t.Run(test.target, func(t *testing.T) {
			w := ask(h, test.method, test.target)
			if p := problem(t, w); w.Code != 400 || p.Field != test.field || !strings.Contains(p.Detail, test.field) {
				t.Errorf("status %d: %s", w.Code, w.Body)
			}
		})
	}
}

func TestAbsentPorts(t *testing.T) {
	h := newHandler(t, admin.Config{})
	for target, method := range map[string]string{
		"/api/v1/usage": "GET", "/api/v1/migrations": "POST", "/api/v1/events": "GET", "/api/v1/verify": "POST", "/api/v1/rebuild": "POST",
	} {
		if w := ask(h, method, target); w.Code != 503 || problem(t, w).Code != "unavailable" {
			t.Errorf("%s: status %d: %s", target, w.Code, w.Body)
		}
	}
}

func TestEvents(t *testing.T) {
	var got admin.EventsQuery
	fail := error(nil)
	h := newHandler(t, admin.Config{Events: func(_ context.Context, q admin.EventsQuery, emit func([]byte) error) error {
		got = q
		for _, line := range []string{`{"id":"a"}`, `{"id":"b"}`} {
			if err := emit([]byte(line)); err != nil {
				return err
			}
		}
		return fail
	}})
	w := ask(h, "GET", "/api/v1/events?from=17&to=2026-11-02T00:00:00Z&tenant=acme&request=r1&kind=usage.recorded&dead_letters=true")
	want := admin.EventsQuery{
		From: admin.Bound{Seq: 17}, To: admin.Bound{Time: time.Date(2026, 11, 2, 0, 0, 0, 0, time.UTC)},
		Tenant: "acme", Request: "r1", Kind: "usage.recorded", DeadLetters: true,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if w.Code != 200 || w.Header().Get("Content-Type") != "application/x-ndjson" || w.Body.String() != "{\"id\":\"a\"}\n{\"id\":\"b\"}\n" {
		t.Errorf("status %d: %s", w.Code, w.Body)
	}
	fail = errors.New("the disk is gone")
	w = ask(h, "GET", "/api/v1/events")
	if !strings.HasSuffix(w.Body.String(), `{"error":{"code":"internal","detail":"Internal error."}}`+"\n") {
		t.Errorf("a broken answer ends with %s", w.Body)
	}
}

func TestJobs(t *testing.T) {
	var what admin.RebuildQuery
	fail := error(nil)
	job := func(_ context.Context, report func(any) error) (any, error) {
		if fail != nil {
			return nil, fail
		}
		if err := report(map[string]int{"seq": 5}); err != nil {
			return nil, err
		}
		return map[string]bool{"ok": true}, nil
	}
	h := newHandler(t, admin.Config{Verify: job, Rebuild: func(ctx context.Context, q admin.RebuildQuery, report func(any) error) (any, error) {
		what = q
		return job(ctx, report)
	}})
	const lines = "{\"progress\":{\"seq\":5}}\n{\"result\":{\"ok\":true}}\n"
	for target, want := range map[string]admin.RebuildQuery{
		"/api/v1/verify": {}, "/api/v1/rebuild": {Counters: true, Tables: true},
		"/api/v1/rebuild?what=counters": {Counters: true}, "/api/v1/rebuild?what=tables": {Tables: true},
	} {
		what = admin.RebuildQuery{}
		if w := ask(h, "POST", target); w.Code != 200 || w.Body.String() != lines || what != want {
			t.Errorf("%s: status %d: %s, asked %+v", target, w.Code, w.Body, what)
		}
	}
	fail = &gateway.Error{Kind: gateway.Unavailable, Public: "Another one runs."}
	if w := ask(h, "POST", "/api/v1/verify"); w.Code != 503 || problem(t, w).Detail != "Another one runs." {
		t.Errorf("status %d: %s", w.Code, w.Body)
	}
}

func TestStatus(t *testing.T) {
	if w := ask(newHandler(t, admin.Config{}), "GET", "/api/v1/status"); w.Code != 200 || strings.TrimSpace(w.Body.String()) != `{"state":"following"}` {
		t.Errorf("status %d: %s", w.Code, w.Body)
	}
}
