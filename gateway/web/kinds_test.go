package web_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"

	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/web"
)

// members are what an error has in each dialect, by an address of it.
var members = map[string][]string{
	"/v1/chat/completions":        {"message", "type", "param", "code"},
	"/v1/messages":                {"message", "type"},
	"/v1beta/models/m:embedThing": {"message", "status", "code"},
}

// TestEveryKindInEveryDialect: each error is told in its dialect's shape and with its
// status, says when to come again if it is a 429, and nothing of its cause.
func TestEveryKindInEveryDialect(t *testing.T) {
	kinds := []gateway.Kind{
		gateway.Internal, gateway.Invalid, gateway.Unauthenticated, gateway.Forbidden, gateway.NotFound, gateway.TooLarge,
		gateway.HeadersTooLarge,
		gateway.RateLimited, gateway.OverBudget, gateway.ContextLength, gateway.ContentPolicy, gateway.UpstreamLimited,
		gateway.UpstreamFailed, gateway.UpstreamTimeout, gateway.Unavailable,
	}
	for _, kind := range kinds {
		for path, want := range members {
			t.Run(fmt.Sprint(kind, path), func(t *testing.T) {
				e := &gateway.Error{Kind: kind, Public: "Told.", Param: "p", Cause: errors.New("sk-secret of another")}
				s, _ := newServer(t, web.Route{Method: "POST", Path: path, Permission: web.Inference, Handler: fails(fmt.Errorf("at work: %w", e))})
				w := get(s, "POST", path, "")
				var got struct{ Error map[string]any }
				if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
					t.Fatal(err)
				}
				for _, m := range want {
					if _, ok := got.Error[m]; !ok {
						t.Errorf("no %s in %s", m, w.Body)
					}
				}
				said, _ := got.Error["message"].(string)
				if w.Code != kind.Status() || !strings.HasSuffix(said, "Told.") || strings.Contains(w.Body.String(), "secret") {
					t.Errorf("status %d: %s", w.Code, w.Body)
				}
				if again := w.Header().Get("Retry-After"); (again != "") != (w.Code == 429) {
					t.Errorf("status %d, Retry-After %q", w.Code, again)
				}
			})
		}
	}
}

// TestSlowBody: who sends a body too slowly is told so.
func TestSlowBody(t *testing.T) {
	read := func(c echo.Context) error {
		_, err := web.ReadJSON(c)
		return err
	}
	s, _ := newServer(t, web.Route{Method: "POST", Path: "/v1/chat/completions", Permission: web.Inference, Handler: read})
	late := io.MultiReader(strings.NewReader("{"), failing{os.ErrDeadlineExceeded})
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest("POST", "/v1/chat/completions", late))
	if w.Code != 400 || !strings.Contains(w.Body.String(), "took longer than 1m0s") || !strings.Contains(w.Body.String(), "request_timeout") {
		t.Errorf("status %d: %s", w.Code, w.Body)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// TestHeadersAreBounded: more is refused in the words of the dialect, and no handler sees it.
func TestHeadersAreBounded(t *testing.T) {
	for path, want := range members {
		t.Run(path, func(t *testing.T) {
			handled := false
			s, _ := newServer(t, web.Route{Method: "POST", Path: path, Permission: web.Inference, Handler: func(echo.Context) error {
				handled = true
				return nil
			}})
			for size, status := range map[int]int{31 << 10: 200, 33 << 10: 431} {
				r := httptest.NewRequest("POST", path, nil)
				r.Header.Set("X-Long", strings.Repeat("x", size))
				w := httptest.NewRecorder()
				handled = false
				s.ServeHTTP(w, r)
				if w.Code != status || handled != (status == 200) {
					t.Fatalf("%d bytes: status %d, handled: %t: %s", size, w.Code, handled, w.Body)
				}
				if status == 200 {
					continue
				}
				var got struct{ Error map[string]any }
				if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
					t.Fatal(err)
				}
				for _, m := range want {
					if _, ok := got.Error[m]; !ok {
						t.Errorf("no %s in %s", m, w.Body)
					}
				}
			}
		})
	}
}
