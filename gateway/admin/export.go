package admin

import (
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/llm-hub/llm-hub/gateway/web"
)

// ExportQuery asks for a file.
type ExportQuery struct {
	What   string // usage, requests, focus
	Format string // csv, jsonl, parquet
	UsageQuery
}

func (a *API) exportRoutes() []web.Route {
	out := a.exportJobRoutes()
	for _, what := range exports() {
		out = append(out, web.Route{
			Method: http.MethodGet, Path: "/api/v1/export/" + what, Permission: web.Look,
			Handler: func(c echo.Context) error { return a.exportFile(c, what) },
		})
	}
	return out
}

// contentTypes of the formats.
func contentType(format string) string {
	switch format {
	case "csv":
		return "text/csv; charset=utf-8"
	case "jsonl":
		return "application/x-ndjson"
	default:
		return "application/vnd.apache.parquet"
	}
}

// exportFile streams a file. When it breaks off the connection does, too, so that
// half a file does not look whole.
func (a *API) exportFile(c echo.Context, what string) error {
	p := newParams(c)
	q := readExport(p, what)
	if err := p.done(); err != nil {
		return err
	}
	q.Scope = scopeOf(c)
	if a.cfg.Export == nil {
		return absent("Analytics")
	}
	w := &fileWriter{c: c, watch: a.watch(c), kind: contentType(q.Format), name: q.fileName()}
	err := a.cfg.Export(c.Request().Context(), q, w)
	if err != nil && w.begun {
		_ = http.NewResponseController(c.Response()).SetWriteDeadline(time.Unix(1, 0)) // a writer without a connection has nothing to break
	}
	return err
}

// fileWriter sends its header with the first byte, so that what fails before is an
// error with a status of its own.
type fileWriter struct {
	c          echo.Context
	watch      *watch
	kind, name string
	begun      bool
}

// KeptSince implements [File].
func (w *fileWriter) KeptSince(t time.Time) { sayKept(w.c, t) }

// Write implements io.Writer.
func (w *fileWriter) Write(b []byte) (int, error) {
	if err := w.watch.check(); err != nil {
		return 0, err
	}
	if !w.begun {
		w.begun = true
		h := w.c.Response().Header()
		h.Set("Content-Type", w.kind)
		h.Set("Content-Disposition", `attachment; filename="`+w.name+`"`)
		w.c.Response().WriteHeader(http.StatusOK)
	}
	return w.c.Response().Write(b)
}
