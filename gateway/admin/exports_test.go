package admin_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/llm-hub/llm-hub/client"
	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/admin"
)

// content is a file in memory.
type content struct{ *strings.Reader }

func (content) Close() error { return nil }

func TestExportJobs(t *testing.T) {
	var got admin.ExportOrder
	deleted := ""
	e := &admin.Exports{
		Start: func(o admin.ExportOrder) (string, any, error) {
			got = o
			return "e1", client.Export{ID: "e1"}, nil
		},
		List: func(admin.Scope) any { return []client.Export{{ID: "e1"}} },
		Get: func(_ admin.Scope, id string) (any, error) {
			if id != "e1" {
				return nil, &gateway.Error{Kind: gateway.NotFound, Public: "There is no such export."}
			}
			return client.Export{ID: id}, nil
		},
		Open: func(_ admin.Scope, id string) (admin.ExportFile, error) {
			return admin.ExportFile{ReadSeekCloser: content{strings.NewReader("0123456789")}, ID: id, Name: "a.csv", Format: "csv", At: time.Unix(1, 0)}, nil
		},
		Delete: func(_ admin.Scope, by, id string) (any, error) {
			deleted = by + "/" + id
			return client.Export{ID: id}, nil
		},
	}
	h := newHandler(t, admin.Config{Exports: e})
	const span = "&from=2026-11-01&to=2026-11-03"
	w := ask(h, "POST", "/api/v1/exports/requests?format=jsonl&store=s3://b/p&outcome=failed&min_total_ms=5"+span)
	if w.Code != http.StatusAccepted || w.Header().Get("Location") != "/api/v1/exports/e1" || !strings.Contains(w.Body.String(), "e1") {
		t.Errorf("status %d, %v: %s", w.Code, w.Header(), w.Body)
	}
	if got.What != "requests" || got.Format != "jsonl" || got.Store != "s3://b/p" || got.Where["outcome"][0] != "failed" || got.MinTotal == 0 ||
		!got.Scope.Everyone || got.Actor == "" || got.Name != "requests_20261101T000000Z_20261103T000000Z.jsonl" {
		t.Errorf("ordered %+v", got)
	}
	for target, field := range map[string]string{
		"/usage?format=xml" + span: "format", "/focus?cost=1" + span: "cost", "/requests?to=no": "to", "/requests?group_by=day" + span: "group_by",
	} {
		if w := ask(h, "POST", "/api/v1/exports"+target); w.Code != 400 || problem(t, w).Field != field {
			t.Errorf("%s: status %d: %s", target, w.Code, w.Body)
		}
	}
	for target, want := range map[string]string{"": `{"rows":[{"id":"e1",`, "/e1": `{"id":"e1",`, "/e2": "no such export", "/e1/file": "0123456789", "/e1/file?x=1": "x"} {
		if w := ask(h, "GET", "/api/v1/exports"+target); !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s: status %d: %s", target, w.Code, w.Body)
		}
	}
	r := httptest.NewRequest("GET", "/api/v1/exports/e1/file", nil)
	r.Header.Set("Authorization", "Bearer token")
	r.Header.Set("Range", "bytes=4-6")
	r.Header.Set("If-Range", `"e1"`)
	w = httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != http.StatusPartialContent || w.Body.String() != "456" || w.Header().Get("Content-Range") != "bytes 4-6/10" || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/csv") {
		t.Errorf("a range: status %d, %v: %s", w.Code, w.Header(), w.Body)
	}
	if w := ask(h, "DELETE", "/api/v1/exports/e1"); w.Code != http.StatusOK || deleted != "/e1" {
		t.Errorf("status %d, deleted %q", w.Code, deleted)
	}
	if w := ask(newHandler(t, admin.Config{}), "GET", "/api/v1/exports"); w.Code != 503 {
		t.Errorf("without tables: status %d", w.Code)
	}
}

// TestExportsOfRoles: who may not administer says not where a file goes, and who may not
// operate deletes only what is his.
func TestExportsOfRoles(t *testing.T) {
	deleted := ""
	h := newHandler(t, admin.Config{Exports: &admin.Exports{
		Start:  func(admin.ExportOrder) (string, any, error) { return "e1", client.Export{ID: "e1"}, nil },
		Delete: func(_ admin.Scope, by, _ string) (any, error) { deleted = by; return client.Export{ID: "e1"}, nil },
	}})
	as := func(role, method, target string) int {
		r := httptest.NewRequest(method, target, nil)
		r.Header.Set("Authorization", "Bearer "+role)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w.Code
	}
	if code := as("operator", "POST", "/api/v1/exports/usage?from=2026-11-01&store=s3://b"); code != http.StatusForbidden {
		t.Errorf("an operator says where it goes: %d", code)
	}
	if code := as("viewer", "POST", "/api/v1/exports/usage?from=2026-11-01"); code != http.StatusAccepted {
		t.Errorf("a viewer exports: %d", code)
	}
	if code := as("viewer", "DELETE", "/api/v1/exports/e1"); code != http.StatusOK || deleted == "" {
		t.Errorf("a viewer deletes: %d, of %q", code, deleted)
	}
}
