package admin_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/gateway/admin"
)

// TestQuestionEndsWithItsCaller: whoever answers is told when nobody listens any more.
func TestQuestionEndsWithItsCaller(t *testing.T) {
	asked, ended := make(chan struct{}), make(chan struct{})
	h := newHandler(t, admin.Config{Ask: func(ctx context.Context, _ admin.Question) (any, error) {
		close(asked)
		<-ctx.Done()
		return nil, ctx.Err()
	}})
	server := httptest.NewServer(h)
	defer server.Close()
	ctx, leave := context.WithCancel(t.Context())
	go func() {
		defer close(ended)
		r, _ := http.NewRequestWithContext(ctx, http.MethodGet, server.URL+"/api/v1/requests?from=2026-11-01", http.NoBody)
		r.Header.Set("Authorization", "Bearer token")
		if res, err := server.Client().Do(r); err == nil {
			res.Body.Close()
			t.Error("an answer for whoever has gone")
		}
	}()
	<-asked
	leave()
	<-ended
}

func TestQuestions(t *testing.T) {
	var got admin.Question
	h := newHandler(t, admin.Config{Ask: func(_ context.Context, q admin.Question) (any, error) {
		got = q
		return map[string]string{"about": string(q.About)}, nil
	}})
	from, to := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 11, 3, 0, 0, 0, 0, time.UTC)
	const span = "?from=2026-11-01&to=2026-11-03"
	filter := admin.TrafficFilter{Scope: admin.Scope{Everyone: true}, From: from, To: to, Zone: time.UTC, Where: map[admin.Dimension][]string{}}
	in := func(change func(*admin.TrafficFilter)) admin.TrafficFilter {
		f := filter
		f.Where = map[admin.Dimension][]string{}
		change(&f)
		return f
	}
	tests := []struct {
		target string
		want   admin.Question
	}{
		{
			"/api/v1/requests" + span + "&model=smart,fast&status=502&min_total_ms=1500&min_first_byte_ms=20&min_cost_nano_usd=7&limit=20&cursor=abc",
			admin.Question{About: admin.AboutRequests, Limit: 20, Cursor: "abc", TrafficFilter: in(func(f *admin.TrafficFilter) {
				f.Where[admin.ByModel], f.Where["status"] = []string{"smart", "fast"}, []string{"502"}
				f.MinTotal, f.MinFirstByte, f.MinCost = 1500*time.Millisecond, 20*time.Millisecond, 7
			})},
		},
		{"/api/v1/requests/facets" + span, admin.Question{About: admin.AboutFacets, TrafficFilter: filter}},
		{"/api/v1/requests/histogram" + span, admin.Question{About: admin.AboutHistogram, TrafficFilter: filter, Span: admin.ByHour}},
		{"/api/v1/latency" + span + "&group_by=day,node", admin.Question{About: admin.AboutLatency, TrafficFilter: filter, GroupBy: []admin.Dimension{"day", "node"}}},
		{"/api/v1/usage/repriced" + span, admin.Question{About: admin.AboutRepriced, TrafficFilter: filter}},
		{"/api/v1/errors" + span, admin.Question{About: admin.AboutErrors, TrafficFilter: filter}},
		{"/api/v1/targets/health" + span + "&span=day", admin.Question{About: admin.AboutHealth, TrafficFilter: filter, Span: admin.ByDay}},
		{"/api/v1/usage/movers" + span + "&by=key&metric=tokens&limit=5", admin.Question{
			About: admin.AboutMovers, TrafficFilter: filter, By: admin.ByKey, Metric: "tokens", Limit: 5,
			Compare: admin.TrafficPeriod{From: from.AddDate(0, 0, -2), To: from},
		}},
		{"/api/v1/usage/movers" + span + "&compare_from=2026-10-01", admin.Question{
			About: admin.AboutMovers, TrafficFilter: filter, By: admin.ByModel, Metric: "cost",
			Compare: admin.TrafficPeriod{From: from.AddDate(0, -1, 0), To: from.AddDate(0, -1, 2)},
		}},
	}
	for _, tt := range tests {
		w := ask(h, "GET", tt.target)
		if w.Code != 200 || !strings.Contains(w.Body.String(), string(tt.want.About)) {
			t.Errorf("%s: status %d: %s", tt.target, w.Code, w.Body)
			continue
		}
		if diff := cmp.Diff(tt.want, got, cmp.Comparer(func(a, b *time.Location) bool { return a.String() == b.String() })); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.target, diff)
		}
	}
	for target, field := range map[string]string{
		"/api/v1/requests?limit=0":                                           "limit",
		"/api/v1/requests?limit=1001":                                        "limit",
		"/api/v1/requests?min_total_ms=fast":                                 "min_total_ms",
		"/api/v1/requests?group_by=model":                                    "group_by",
		"/api/v1/errors?status=500":                                          "status",
		"/api/v1/targets/health?span=year":                                   "span",
		"/api/v1/usage/movers?by=day":                                        "by",
		"/api/v1/usage/movers?compare_to=2026-01-01":                         "compare_to",
		"/api/v1/usage/movers?compare_from=2026-01-02&compare_to=2026-01-01": "compare_from",
		"/api/v1/usage?top=5&group_by=day":                                   "top",
		"/api/v1/usage?rank_by=colour":                                       "rank_by",
	} {
		w := ask(h, "GET", target)
		if p := problem(t, w); w.Code != 400 || p.Field != field {
			t.Errorf("%s: status %d: %s", target, w.Code, w.Body)
		}
	}
	if w := ask(newHandler(t, admin.Config{}), "GET", "/api/v1/latency"); w.Code != 503 {
		t.Errorf("without tables: status %d", w.Code)
	}
}
