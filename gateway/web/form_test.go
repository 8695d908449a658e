package web_test

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"

	"github.com/llm-hub/llm-hub/gateway/provider/form"
	"github.com/llm-hub/llm-hub/gateway/web"
)

func TestReadForm(t *testing.T) {
	const head = "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n"
	const tail = "\r\n--x--\r\n"
	kind := "multipart/form-data; boundary=x"
	full := form.NewStore(t.TempDir(), 0)
	roomy := form.NewStore(t.TempDir(), 1<<20)
	for name, tt := range map[string]struct {
		store      *form.Store
		kind, body string
		coding     string
		status     int
		says       string
	}{
		"whole":             {roomy, kind, head + "abc" + tail, "", 200, "3"},
		"longer than usual": {roomy, kind, head + strings.Repeat("a", 300_000) + tail, "", 200, "300000"},
		"too long":          {roomy, kind, head + strings.Repeat("a", 500_000) + tail, "", 413, "more than 400000 bytes"},
		"torn":              {roomy, kind, head + "abc", "", 400, "not whole"},
		"JSON":              {roomy, "application/json", "{}", "", 400, "multipart/form-data"},
		"compressed":        {roomy, kind, head + "abc" + tail, "gzip", 400, "must not be compressed"},
		"no space":          {full, kind, head + strings.Repeat("a", 300_000) + tail, "", 503, "too many files"},
	} {
		t.Run(name, func(t *testing.T) {
			s, _ := newServer(t, web.Route{
				Method: "POST", Path: "/v1/upload", Permission: web.Inference, MaxBody: 400_000, Handler: func(c echo.Context) error {
					f, err := web.ReadForm(c, tt.store)
					if err != nil {
						return err
					}
					defer f.Close()
					return c.JSON(200, f.Files[0].Size())
				},
			})
			r := httptest.NewRequest("POST", "/v1/upload", strings.NewReader(tt.body))
			r.Header.Set("Content-Type", tt.kind)
			if tt.coding != "" {
				r.Header.Set("Content-Encoding", tt.coding)
			}
			w := httptest.NewRecorder()
			s.ServeHTTP(w, r)
			if w.Code != tt.status || !strings.Contains(w.Body.String(), tt.says) {
				t.Errorf("status %d: %s", w.Code, w.Body)
			}
		})
	}
}
