package web_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/web"
)

func open(echo.Context) error { return nil }

func newServer(t *testing.T, routes ...web.Route) (*web.Server, *bytes.Buffer) {
	t.Helper()
	var log bytes.Buffer
	s, err := web.New(web.Config{
		Guards:  map[web.Permission]web.Guard{web.Inference: open, web.Operate: open},
		Logger:  slog.New(slog.NewTextHandler(&log, nil)),
		MaxBody: 100,
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Mount(routes...); err != nil {
		t.Fatal(err)
	}
	return s, &log
}

func fails(err error) echo.HandlerFunc { return func(echo.Context) error { return err } }

func explode(echo.Context) error {
	panic("the password is x") //nolint:forbidigo // what the test is about
}

func get(h http.Handler, method, path, body string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, path, strings.NewReader(body)))
	return w
}

// TestClientThatLeft: what a client breaks off by leaving is no failure of the hub's.
func TestClientThatLeft(t *testing.T) {
	canceled := fmt.Errorf("reading: %w", context.Canceled)
	s, log := newServer(t, web.Route{Method: "GET", Path: "/v1/long", Permission: web.Inference, Handler: fails(canceled)})
	gone, leave := context.WithCancel(t.Context())
	leave()
	s.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(gone, "GET", "/v1/long", nil))
	if log.Len() > 0 {
		t.Errorf("logged %s", log)
	}
	if get(s, "GET", "/v1/long", ""); !strings.Contains(log.String(), "request failed") {
		t.Error("nothing is logged though the client is there")
	}
}

func TestMountRefuses(t *testing.T) {
	routes := map[string]web.Route{
		"no permission":      {Method: "GET", Path: "/a", Handler: open},
		"unguarded":          {Method: "GET", Path: "/a", Handler: open, Permission: "nobody"},
		"registered already": {Method: "GET", Path: "/known", Handler: open, Permission: web.Operate},
	}
	for name, route := range routes {
		t.Run(name, func(t *testing.T) {
			s, _ := newServer(t, web.Route{Method: "GET", Path: "/known", Permission: web.Operate, Handler: open})
			if err := s.Mount(route); err == nil || !strings.Contains(err.Error(), route.Path) {
				t.Errorf("mounted: %v", err)
			}
		})
	}
}

func TestGuardComesFirst(t *testing.T) {
	called := false
	s, err := web.New(web.Config{Logger: slog.New(slog.DiscardHandler), Guards: map[web.Permission]web.Guard{
		web.Inference: web.Guard(fails(&gateway.Error{Kind: gateway.Unauthenticated, Public: "No key."})),
	}})
	if err != nil {
		t.Fatal(err)
	}
	handler := func(echo.Context) error { called = true; return nil }
	if err := s.Mount(web.Route{Method: "GET", Path: "/v1/models", Permission: web.Inference, Handler: handler}); err != nil {
		t.Fatal(err)
	}
	w := get(s, "GET", "/v1/models", "")
	if called || w.Code != 401 || w.Header().Get("WWW-Authenticate") != "Bearer" {
		t.Errorf("status %d, called %t", w.Code, called)
	}
}

func TestErrors(t *testing.T) {
	rateLimited := &gateway.Error{Kind: gateway.RateLimited, Public: "Too many.", RetryAfter: 1500 * time.Millisecond}
	routes := []web.Route{
		{Method: "GET", Path: "/v1/limited", Permission: web.Inference, Handler: fails(rateLimited)},
		{Method: "GET", Path: "/v1/budget", Permission: web.Inference, Handler: fails(&gateway.Error{Kind: gateway.OverBudget, Public: "Spent."})},
		{Method: "GET", Path: "/v1/never", Permission: web.Inference, Handler: fails(&gateway.Error{Kind: gateway.RateLimited, Public: "Too big."})},
		{Method: "GET", Path: "/v1/gone", Permission: web.Inference, Handler: fails(&gateway.Error{Kind: gateway.Cancelled, Public: "Gone."})},
		{Method: "GET", Path: "/v1/odd", Permission: web.Inference, Handler: fails(errors.New("the password is x"))},
		{Method: "GET", Path: "/v1/panic", Permission: web.Inference, Handler: explode},
		{Method: "GET", Path: "/api/v1/limited", Permission: web.Operate, Handler: fails(rateLimited)},
		{Method: "GET", Path: "/api/v1/wrong", Permission: web.Operate, Handler: fails(
			&gateway.Error{Kind: gateway.Invalid, Public: "Parameter from: no.", Param: "from"})},
	}
	tests := map[string]struct {
		method, path string
		status       int
		header       map[string]string
		body         map[string]any
	}{
		"limited": {"GET", "/v1/limited", 429, map[string]string{"Retry-After": "2", "Content-Type": "application/json", "X-Should-Retry": ""},
			map[string]any{"message": "Too many.", "type": "rate_limit_error", "param": nil, "code": "rate_limit_exceeded"}},
		"over budget": {"GET", "/v1/budget", 429, map[string]string{"Retry-After": "1", "X-Should-Retry": "false"},
			map[string]any{"message": "Spent.", "type": "insufficient_quota", "param": nil, "code": "insufficient_quota"}},
		"never fits": {"GET", "/v1/never", 429, map[string]string{"Retry-After": "1", "X-Should-Retry": "false"},
			map[string]any{"message": "Too big.", "code": "rate_limit_exceeded"}},
		"any other":      {"GET", "/v1/odd", 500, nil, map[string]any{"message": "Internal error.", "code": "internal_error"}},
		"panic":          {"GET", "/v1/panic", 500, nil, map[string]any{"message": "Internal error.", "code": "internal_error"}},
		"hung up, half":  {"GET", "/v1/gone", 499, nil, map[string]any{"code": "request_cancelled"}}, // it may still be reading
		"unknown route":  {"GET", "/v1/nothing", 404, nil, map[string]any{"code": "unknown_url", "type": "invalid_request_error", "param": nil}},
		"unknown method": {"POST", "/v1/limited", 405, map[string]string{"Allow": "OPTIONS, GET"}, map[string]any{"code": "method_not_allowed"}},
		"operator limited": {"GET", "/api/v1/limited", 429,
			map[string]string{"Retry-After": "2", "Content-Type": "application/problem+json", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"},
			map[string]any{"type": "about:blank", "title": "Too Many Requests", "status": 429.0, "detail": "Too many.", "code": "rate_limited"}},
		"operator's field": {"GET", "/api/v1/wrong", 400, nil, map[string]any{"field": "from", "code": "invalid_request"}},
		"operator unknown": {"GET", "/api/nothing", 404, map[string]string{"Content-Type": "application/problem+json"}, map[string]any{"code": "unknown_url"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s, _ := newServer(t, routes...)
			w := get(s, test.method, test.path, "")
			if w.Code != test.status || strings.Contains(w.Body.String(), "password") {
				t.Errorf("status %d: %s", w.Code, w.Body)
			}
			for k, v := range test.header {
				if got := w.Header().Get(k); got != v {
					t.Errorf("%s is %q, want %q", k, got, v)
				}
			}
			checkMembers(t, w.Body.Bytes(), test.body)
		})
	}
}

// checkMembers looks in the error object, or in the problem itself.
func checkMembers(t *testing.T, body []byte, want map[string]any) {
	t.Helper()
	var got map[string]any
	if err := json.Unmarshal(body, &got); err != nil {
		t.Fatal(err)
	}
	if inner, ok := got["error"].(map[string]any); ok {
		got = inner
	}
	for k, v := range want {
		if g, there := got[k]; !there || g != v {
			t.Errorf("%s is %v, want %v", k, g, v)
		}
	}
}

func TestRequestID(t *testing.T) {
	var seen string
	s, _ := newServer(t, web.Route{Method: "GET", Path: "/v1/models", Permission: web.Inference, Handler: func(c echo.Context) error {
		seen = string(web.RequestID(c))
		return nil
	}})
	uuid := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	for theirs, echoed := range map[string]string{"abc-1": "abc-1", "two words": "", strings.Repeat("x", 200): ""} {
		r := httptest.NewRequest("GET", "/v1/models", nil)
		r.Header.Set("X-Request-Id", theirs)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		ours := w.Header().Get("X-Request-Id")
		if !uuid.MatchString(ours) || ours != seen || w.Header().Get("X-Client-Request-Id") != echoed {
			t.Errorf("%q: ours is %q, given back %q", theirs, ours, w.Header().Get("X-Client-Request-Id"))
		}
	}
}

func TestReadJSON(t *testing.T) {
	read := func(c echo.Context) error {
		body, err := web.ReadJSON(c)
		if err != nil {
			return err
		}
		return c.Blob(200, "application/json", body)
	}
	s, _ := newServer(t, web.Route{Method: "POST", Path: "/v1/chat", Permission: web.Inference, Handler: read})
	tests := map[string]struct {
		kind, body string
		chunked    bool
		status     int
		code       string
	}{
		"plain":            {"application/json", `{"a":1}`, false, 200, ""},
		"with a charset":   {"application/json; charset=utf-8", `{"a":1}`, false, 200, ""},
		"nothing said":     {"", `{"a":1}`, false, 200, ""},
		"unknown length":   {"application/json", `{"a":1}`, true, 200, ""},
		"another type":     {"text/plain", `{"a":1}`, false, 400, "unsupported_content_type"},
		"broken type":      {"application/", `{"a":1}`, false, 400, "unsupported_content_type"},
		"as long as may":   {"application/json", strings.Repeat("x", 100), false, 200, ""},
		"too long":         {"application/json", strings.Repeat("x", 101), false, 413, "request_too_large"},
		"too long, hidden": {"application/json", strings.Repeat("x", 101), true, 413, "request_too_large"},
		"empty":            {"application/json", "", false, 200, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest("POST", "/v1/chat", strings.NewReader(test.body))
			if test.chunked {
				r = httptest.NewRequest("POST", "/v1/chat", io.MultiReader(strings.NewReader(test.body)))
			}
			if test.kind != "" {
				r.Header.Set("Content-Type", test.kind)
			}
			w := httptest.NewRecorder()
			s.ServeHTTP(w, r)
			if w.Code != test.status {
				t.Fatalf("status %d: %s", w.Code, w.Body)
			}
			if test.status == 200 && w.Body.String() != test.body {
				t.Errorf("read %q", w.Body)
			}
			if test.code != "" {
				checkMembers(t, w.Body.Bytes(), map[string]any{"code": test.code})
			}
		})
	}
}

func TestCompressedBody(t *testing.T) {
	read := func(c echo.Context) error {
		_, err := web.ReadJSON(c)
		return err
	}
	s, _ := newServer(t, web.Route{Method: "POST", Path: "/a", Permission: web.Inference, Handler: read})
	for coding, status := range map[string]int{"gzip": 400, "identity": 200, "": 200} {
		r := httptest.NewRequest("POST", "/a", strings.NewReader("{}"))
		r.Header.Set("Content-Encoding", coding)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code != status {
			t.Errorf("%q: status %d: %s", coding, w.Code, w.Body)
		}
		if status == 400 {
			checkMembers(t, w.Body.Bytes(), map[string]any{"code": "unsupported_content_encoding"})
		}
	}
}

// TestPanicAfterTheFirstByte: half an answer must not look whole.
func TestPanicAfterTheFirstByte(t *testing.T) {
	s, log := newServer(t, web.Route{Method: "GET", Path: "/v1/half", Permission: web.Inference, Handler: func(c echo.Context) error {
		_, _ = c.Response().Write([]byte("half"))
		c.Response().Flush()
		panic("boom") //nolint:forbidigo // what the test is about
	}})
	srv := httptest.NewServer(s)
	res, err := http.Get(srv.URL + "/v1/half")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if body, err := io.ReadAll(res.Body); err == nil {
		t.Errorf("the answer looks whole: %q", body)
	}
	srv.Close() // so that the log is written
	if !strings.Contains(log.String(), "boom") || !strings.Contains(log.String(), "request=") {
		t.Errorf("logged %q", log)
	}
}

// TestExpectedBodyIsNotWaitedFor: who asks before sending a body is refused at once.
func TestExpectedBodyIsNotWaitedFor(t *testing.T) {
	s, _ := newServer(t, web.Route{
		Method: "POST", Path: "/a", Permission: web.Inference,
		Handler: fails(&gateway.Error{Kind: gateway.Unauthenticated, Public: "No key."}),
	})
	srv := httptest.NewServer(s)
	defer srv.Close()
	conn, err := net.Dial("tcp", srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	const head = "POST /a HTTP/1.1\r\nHost: hub\r\nContent-Length: 50\r\nExpect: 100-continue\r\n\r\n"
	if _, err := io.WriteString(conn, head); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatalf("no answer: %v", err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusUnauthorized {
		t.Errorf("status %d", res.StatusCode)
	}
}

func TestServeDrains(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	entered, release := make(chan struct{}), make(chan struct{})
	h := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(entered)
		<-release
		fmt.Fprint(w, "done")
	})
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- web.Serve(ctx, l, h, slog.New(slog.DiscardHandler)) }()
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "GET / HTTP/1.1\r\nHost: hub\r\n\r\n")
	<-entered
	cancel()
	for { // it takes no more
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			break
		}
		c.Close()
	}
	close(release)
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	if body, err := io.ReadAll(res.Body); err != nil || string(body) != "done" {
		t.Errorf("the running request got %q, %v", body, err)
	}
	res.Body.Close()
	if err := <-served; err != nil {
		t.Error(err)
	}
}

// slowWriter keeps the deadlines it is given.
type slowWriter struct {
	*httptest.ResponseRecorder
	deadlines []time.Duration // from the moment they were set
}

func (w *slowWriter) SetWriteDeadline(t time.Time) error {
	w.deadlines = append(w.deadlines, time.Until(t))
	return nil
}

func TestEveryWriteHasADeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := newServer(t, web.Route{Method: "GET", Path: "/v1/slow", Permission: web.Inference, Handler: func(c echo.Context) error {
			for range 3 {
				_, _ = c.Response().Write([]byte("piece"))
				<-time.After(time.Hour)
			}
			return nil
		}})
		w := &slowWriter{ResponseRecorder: httptest.NewRecorder()}
		s.ServeHTTP(w, httptest.NewRequest("GET", "/v1/slow", nil))
		if want := []time.Duration{30 * time.Second, 30 * time.Second, 30 * time.Second}; !slices.Equal(w.deadlines, want) {
			t.Errorf("deadlines %v, want %v", w.deadlines, want)
		}
	})
}
