package openapi

import (
	"bytes"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/llm-hub/llm-hub/docs"
)

// Hold makes a test fail whose handler answers anything that the shipped description
// does not say. Answers that the test makes up itself are at the paths in fakes; what
// is not under /api is not looked at.
func Hold(t testing.TB, h http.Handler, fakes ...string) http.Handler {
	t.Helper()
	c, err := Load(docs.OpenAPI)
	if err != nil {
		t.Fatal(err)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen := &watched{ResponseWriter: w}
		h.ServeHTTP(seen, r)
		nothing := seen.status == 0 && r.Context().Err() != nil // the caller is gone
		if nothing || !strings.HasPrefix(r.URL.Path, Prefix) || (seen.status == http.StatusOK || seen.status == http.StatusPartialContent) && slices.Contains(fakes, r.URL.Path) {
			return
		}
		if err := c.Answer(r.Method, r.URL.EscapedPath(), seen.status, w.Header(), seen.body.Bytes()); err != nil {
			t.Errorf("%s %s: not as docs/openapi.json says (`make gen` writes it): %v", r.Method, r.URL, err)
		}
	})
}

type watched struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

func (w *watched) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

func (w *watched) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	w.body.Write(b)
	return w.ResponseWriter.Write(b)
}

// Unwrap lets an [http.ResponseController] find the connection.
func (w *watched) Unwrap() http.ResponseWriter { return w.ResponseWriter }
