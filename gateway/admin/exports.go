package admin

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/llm-hub/llm-hub/client"
	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/auth"
	"github.com/llm-hub/llm-hub/gateway/web"
)

// Exports makes exports in the background. A job is anything that encodes as JSON; of
// those outside the scope nothing is known.
type Exports struct {
	Start func(ExportOrder) (id string, job any, err error)
	List  func(Scope) any
	Get   func(s Scope, id string) (any, error)
	Open  func(s Scope, id string) (ExportFile, error)
	// Delete tells of the job as it was; by: only if it is this actor's, empty: anybody's.
	Delete func(s Scope, by, id string) (any, error)
}

// ExportOrder asks for an export in the background.
type ExportOrder struct {
	ExportQuery
	Name  string // of the file
	Store string // location of the storage that gets it; empty: it is kept here
	Actor string
}

// ExportFile is a whole file.
type ExportFile struct {
	io.ReadSeekCloser
	ID, Name, Format string
	At               time.Time // when it was finished
}

func (a *API) exportJobRoutes() []web.Route {
	const all, one = "/api/v1/exports", "/api/v1/exports/:id"
	routes := []web.Route{
		{Method: http.MethodGet, Path: all, Permission: web.Look, Handler: a.listExports, Doc: web.Doc{
			Summary: "Files that are made in the background, the newest first.", Answer: client.Exports{},
		}},
		{Method: http.MethodGet, Path: one, Permission: web.Look, Handler: a.getExport, Doc: web.Doc{
			Summary: "How far a file is that is made in the background.", Answer: client.Export{},
		}},
		{Method: http.MethodGet, Path: one + "/file", Permission: web.Look, Handler: a.exportedFile, Doc: web.Doc{
			Summary: "The file, when it is there, or ranges of it.", Answer: "", Media: "*/*",
		}},
		{Method: http.MethodDelete, Path: one, Permission: web.Look, Handler: a.deleteExport, Doc: web.Doc{
			Summary: "Stop making a file, or forget it.", Answer: client.Export{},
		}},
	}
	queries := map[string]any{"usage": client.UsageExportQuery{}, "requests": client.RequestExportQuery{}, "focus": client.CostExportQuery{}}
	for _, what := range exports() {
		routes = append(routes, web.Route{
			Method: http.MethodPost, Path: all + "/" + what, Permission: web.Look,
			Handler: func(c echo.Context) error { return a.startExport(c, what) },
			Doc:     web.Doc{Summary: "Make a file in the background.", Query: queries[what], Answer: client.Export{}, Status: http.StatusAccepted},
		})
	}
	return routes
}

// startExport takes the parameters of the export at once, and where the file goes.
func (a *API) startExport(c echo.Context, what string) error {
	p := newParams(c)
	q := readExport(p, what)
	o := ExportOrder{ExportQuery: q, Name: q.fileName(), Store: p.text("store")}
	if err := a.mayExport(p); err != nil {
		return err
	}
	who := auth.From(c.Request().Context())
	if o.Store != "" && !who.May(web.Administer) { // it is written with the credentials of this process
		return &gateway.Error{Kind: gateway.Forbidden, Code: "role_not_allowed", Param: "store", Public: "Only an administrator may say where an export goes."}
	}
	o.Scope, o.Actor = scopeOf(c), who.Name
	id, job, err := a.cfg.Exports.Start(o)
	if err != nil {
		return err
	}
	c.Response().Header().Set("Location", "/api/v1/exports/"+id)
	return c.JSON(http.StatusAccepted, job)
}

// mayExport checks that the parameters are read, and that exports are made here.
func (a *API) mayExport(p *params) error {
	if err := p.done(); err != nil {
		return err
	}
	if a.cfg.Exports == nil {
		return absent("Analytics")
	}
	return nil
}

func (a *API) listExports(c echo.Context) error {
	if err := a.mayExport(newParams(c)); err != nil {
		return err
	}
	return c.JSON(http.StatusOK, map[string]any{"rows": a.cfg.Exports.List(scopeOf(c))})
}

func (a *API) getExport(c echo.Context) error {
	if err := a.mayExport(newParams(c)); err != nil {
		return err
	}
	job, err := a.cfg.Exports.Get(scopeOf(c), c.Param("id"))
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, job)
}

// exportedFile serves the file, or ranges of it.
func (a *API) exportedFile(c echo.Context) error {
	if err := a.mayExport(newParams(c)); err != nil {
		return err
	}
	f, err := a.cfg.Exports.Open(scopeOf(c), c.Param("id"))
	if err != nil {
		return err
	}
	defer f.Close()
	h := c.Response().Header()
	h.Set("Content-Type", contentType(f.Format))
	h.Set("Content-Disposition", `attachment; filename="`+f.Name+`"`)
	h.Set("ETag", `"`+f.ID+`"`)
	http.ServeContent(c.Response(), c.Request(), f.Name, f.At, f)
	return nil
}

func (a *API) deleteExport(c echo.Context) error {
	if err := a.mayExport(newParams(c)); err != nil {
		return err
	}
	who := auth.From(c.Request().Context())
	by := who.Name
	if who.May(web.Operate) || who.May(web.ManageTenant) {
		by = ""
	}
	job, err := a.cfg.Exports.Delete(scopeOf(c), by, c.Param("id"))
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, job)
}

// exports lists what can be exported.
func exports() []string { return []string{"usage", "requests", "focus"} }

// readExport reads what an export is of.
func readExport(p *params, what string) ExportQuery {
	q := ExportQuery{What: what, Format: p.choice("format", "csv", "jsonl", "parquet")}
	switch what {
	case "usage":
		q.UsageQuery = readUsageQuery(p, time.Now())
	case "requests":
		q.TrafficFilter = readFilter(p, time.Now(), slices.Concat(names(), requestDimensions()))
		q.readBounds(p)
	default:
		q.TrafficFilter = readFilter(p, time.Now(), names())
	}
	return q
}

// fileName says what is in the file.
func (q *ExportQuery) fileName() string {
	return strings.NewReplacer(":", "", "-", "").Replace(fmt.Sprintf("%s_%s_%s.%s", q.What, q.From.UTC().Format(time.RFC3339), q.To.UTC().Format(time.RFC3339), q.Format))
}
