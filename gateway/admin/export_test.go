package admin_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/admin"
)

func TestExport(t *testing.T) {
	var got admin.ExportQuery
	early, late := error(nil), error(nil)
	var kept time.Time
	h := newHandler(t, admin.Config{Export: func(_ context.Context, q admin.ExportQuery, to admin.File) error {
		if got = q; early != nil {
			return early
		}
		to.KeptSince(kept)
		if _, err := io.WriteString(to, "a,b\n"); err != nil {
			return err
		}
		return late
	}})
	const span = "?from=2026-11-01&to=2026-11-03T12:00:00Z"
	w := ask(h, "GET", "/api/v1/export/usage"+span+"&group_by=day,model&top=3&model=smart")
	if w.Code != 200 || w.Body.String() != "a,b\n" || w.Header().Get("Content-Type") != "text/csv; charset=utf-8" ||
		w.Header().Get("Content-Disposition") != `attachment; filename="usage_20261101T000000Z_20261103T120000Z.csv"` {
		t.Errorf("status %d, %v: %s", w.Code, w.Header(), w.Body)
	}
	if w.Header().Get(admin.KeptSinceHeader) != "" {
		t.Errorf("a file that lacks nothing says %v", w.Header())
	}
	kept = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	if w = ask(h, "GET", "/api/v1/export/usage?from=2026-10-01&to=2026-11-03&group_by=day,model&top=3&model=smart"); w.Header().Get(admin.KeptSinceHeader) != "2026-11-01T00:00:00Z" {
		t.Errorf("a file that lacks October says %v", w.Header())
	}
	if got.What != "usage" || got.Format != "csv" || got.Top != 3 || len(got.GroupBy) != 2 || !got.Scope.Everyone || got.Where["model"][0] != "smart" {
		t.Errorf("asked for %+v", got)
	}
	if w = ask(h, "GET", "/api/v1/export/requests"+span+"&format=parquet&outcome=failed&min_total_ms=7"); w.Code != 200 ||
		got.What != "requests" || got.Format != "parquet" || got.Where["outcome"][0] != "failed" || got.MinTotal == 0 {
		t.Errorf("status %d, asked for %+v", w.Code, got)
	}
	for target, field := range map[string]string{
		"/api/v1/export/usage?format=xml":                                    "format",
		"/api/v1/export/usage?compare_from=2026-01-01&compare_to=2026-01-02": "compare_from",
		"/api/v1/export/focus?group_by=day":                                  "group_by",
		"/api/v1/export/focus?status=200":                                    "status",
	} {
		if w := ask(h, "GET", target); w.Code != 400 || problem(t, w).Field != field {
			t.Errorf("%s: status %d: %s", target, w.Code, w.Body)
		}
	}
	early = &gateway.Error{Kind: gateway.Unavailable, Public: "Away."}
	if w := ask(h, "GET", "/api/v1/export/focus"); w.Code != 503 {
		t.Errorf("what fails at once: status %d", w.Code)
	}
	early, late = nil, errors.New("the engine died")
	server := httptest.NewServer(h)
	defer server.Close()
	req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/api/v1/export/focus", nil)
	req.Header.Set("Authorization", "Bearer token")
	resp, err := http.DefaultClient.Do(req)
	if err == nil {
		_, err = io.ReadAll(resp.Body)
		resp.Body.Close()
	}
	if err == nil {
		t.Error("half a file looks whole")
	}
}
