package openapi_test

import (
	"context"
	"encoding/json"
	"flag"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/docs"
	"github.com/llm-hub/llm-hub/gateway/admin"
	"github.com/llm-hub/llm-hub/gateway/admin/openapi"
	"github.com/llm-hub/llm-hub/gateway/auth"
	"github.com/llm-hub/llm-hub/gateway/control"
	"github.com/llm-hub/llm-hub/gateway/signin"
	"github.com/llm-hub/llm-hub/gateway/web"
)

var update = flag.Bool("update", false, "write docs/openapi.json anew")

type anybody struct{}

// Identify lets everybody do everything.
func (anybody) Identify(*http.Request) (auth.Person, error) {
	return auth.Person{Name: "operator", Role: "admin"}, nil
}

func api(t *testing.T) *admin.API {
	t.Helper()
	a, err := admin.New(admin.Config{Operator: anybody{}, Status: func(context.Context) (any, error) { return nil, nil }})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// routes are all there are under /api. Whoever has routes in another package adds
// them here, and to handler.
func routes(t *testing.T) []web.Route { return append(api(t).Routes(), people().Routes()...) }

// people is the API that people sign in by, as far as it needs nobody.
func people() *signin.API { return signin.NewAPI(nil, signin.NewIdentifier(anyToken{}, nil)) }

type anyToken struct{}

// Identify takes every token.
func (anyToken) Identify(http.Header, string) (auth.Person, error) {
	return anybody{}.Identify(nil)
}

func handler(t *testing.T) http.Handler {
	t.Helper()
	a := api(t)
	guards := a.Guards()
	maps.Copy(guards, people().Guards())
	s, err := web.New(web.Config{Logger: slog.New(slog.DiscardHandler), Guards: guards})
	if err == nil {
		err = s.Mount(routes(t)...)
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestDocument: every route is described, the description is OpenAPI 3.1, and it is
// what is shipped. `make gen` writes it.
func TestDocument(t *testing.T) {
	hub, err := control.APISchema()
	if err != nil {
		t.Fatal(err)
	}
	got, err := openapi.Document(routes(t), map[string]json.RawMessage{"Hub": hub})
	if err != nil {
		t.Fatal(err)
	}
	doc, err := openapi3.NewLoader().LoadFromData(got)
	if err == nil {
		err = doc.Validate(t.Context())
	}
	if err != nil {
		t.Errorf("not OpenAPI: %v", err)
	}
	file := filepath.Join("..", "..", "..", "docs", "openapi.json")
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	shipped, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(shipped), string(got)); diff != "" {
		t.Errorf("docs/openapi.json is not what the code says: run `make gen` (-shipped +code):\n%s", diff)
	}
}

// TestParameters: what is described of a query is what its handler reads.
func TestParameters(t *testing.T) {
	c, err := openapi.Load(docs.OpenAPI)
	if err != nil {
		t.Fatal(err)
	}
	h := handler(t)
	for _, r := range routes(t) {
		path := r.Doc.Path
		if path == "" {
			path = r.Path
		}
		path = regexp.MustCompile(`\{\w+\}|:\w+`).ReplaceAllString(path, "x")
		described, err := c.Parameters(r.Method, path)
		if err != nil {
			t.Errorf("%s %s: %v", r.Method, path, err)
			continue
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(r.Method, path+"?zz-unknown=1", strings.NewReader("{}")))
		_, known, told := strings.Cut(w.Body.String(), "is not known here; ")
		known, _, _ = strings.Cut(strings.TrimPrefix(known, "known are "), ".")
		var reads []string
		if known != "there are none" {
			reads = strings.Split(known, ", ")
		}
		slices.Sort(described)
		if !told || !slices.Equal(reads, described) {
			t.Errorf("%s %s: described are the parameters %v, read are %v: %s", r.Method, r.Path, described, reads, w.Body)
		}
	}
}

// TestContract: what is not described is found.
func TestContract(t *testing.T) {
	c, err := openapi.Load(docs.OpenAPI)
	if err != nil {
		t.Fatal(err)
	}
	const report, problem = "application/json", "application/problem+json"
	for _, tt := range []struct {
		path, media, body string
		status            int
		ok                bool
	}{
		{"/api/v1/audit/verify", report, `{"ok": true, "messages": 3}`, 200, true},
		{"/api/v1/audit/verify", report, `{"ok": true, "messages": 3, "more": 1}`, 200, false},
		{"/api/v1/audit/verify", report, `{"ok": "yes", "messages": 3}`, 200, false},
		{"/api/v1/audit/verify", report, `{"ok": true}`, 200, false},
		{"/api/v1/audit/verify", "text/plain", `{"ok": true, "messages": 3}`, 200, false},
		{"/api/v1/audit/verify", report, `{"ok": true, "messages": 3}`, 201, false},
		{"/api/v1/audit/verify", problem, `{"type": "about:blank", "title": "x", "status": 403, "code": "y"}`, 403, true},
		{"/api/v1/audit/verify", problem, `{"title": "x"}`, 403, false},
		{"/api/v1/nothing", report, `{}`, 200, false},
		{"/api/v1/nothing", problem, `{}`, 404, false},
		{"/api/v1/audit/export", "application/x-ndjson", `{"seq": 1, "time": "2026-01-01T00:00:00Z", "prev": "", "data": ""}` + "\n", 200, true},
		{"/api/v1/audit/export", "application/x-ndjson", `{"seq": 1, "time": "yesterday", "prev": "", "data": ""}` + "\n", 200, false},
	} {
		err := c.Answer("GET", tt.path, tt.status, http.Header{"Content-Type": {tt.media}}, []byte(tt.body))
		if (err == nil) != tt.ok {
			t.Errorf("%s %d %s %s: %v", tt.path, tt.status, tt.media, tt.body, err)
		}
	}
}

// TestUndescribed: a route that says nothing of itself fails.
func TestUndescribed(t *testing.T) {
	for _, r := range []web.Route{
		{Method: "GET", Path: "/api/v1/x"},
		{Method: "GET", Path: "/api/v1/x/*", Doc: web.Doc{Summary: "X."}},
		{Method: "GET", Path: "/api/v1/x", Doc: web.Doc{Summary: "X.", Query: struct{ A string }{}}},
		{Method: "TRACE", Path: "/api/v1/x", Doc: web.Doc{Summary: "X."}},
	} {
		if _, err := openapi.Document([]web.Route{r}, nil); err == nil {
			t.Errorf("%+v passes", r)
		}
	}
}
