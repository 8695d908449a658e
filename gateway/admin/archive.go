package admin

import (
	"context"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/llm-hub/llm-hub/client"
	"github.com/llm-hub/llm-hub/gateway/web"
)

// Archives are the ports to the archive of the log. With a location they fail if the
// archive is another one. Reports and results are as in [Config.Verify].
type Archives struct {
	// Status tells how far the log is archived; anything that encodes as JSON.
	Status func(context.Context) (any, error)
	// Run archives all there is, and trims what may be trimmed.
	Run func(ctx context.Context, location string, report func(any) error) (result any, err error)
	// Verify reads the whole archive.
	Verify func(ctx context.Context, location string, report func(any) error) (result any, err error)
}

func (a *API) archiveRoutes() []web.Route {
	return []web.Route{
		{
			Method: http.MethodGet, Path: "/api/v1/archive", Permission: web.Inspect, Handler: a.archive,
			Doc: web.Doc{Summary: "How far the log is archived and trimmed.", Answer: client.Archive{}},
		},
		{
			Method: http.MethodPost, Path: "/api/v1/archive/run", Permission: web.Operate,
			Handler: func(c echo.Context) error { return a.archiveJob(c, a.cfg.Archive.Run) },
			Doc: web.Doc{
				Summary: "Archive all of the log, and trim what may be trimmed.", Query: client.ArchiveQuery{}, Answer: client.JobLine{}, Media: lineMedia,
			},
		},
		{
			Method: http.MethodPost, Path: "/api/v1/archive/verify", Permission: web.Operate,
			Handler: func(c echo.Context) error { return a.archiveJob(c, a.cfg.Archive.Verify) },
			Doc: web.Doc{
				Summary: "Read the whole archive and compare it with its hashes and with the log.", Query: client.ArchiveQuery{}, Answer: client.JobLine{}, Media: lineMedia,
			},
		},
	}
}

func (a *API) archive(c echo.Context) error {
	if err := newParams(c).done(); err != nil {
		return err
	}
	if a.cfg.Archive.Status == nil {
		return absent("An archive")
	}
	s, err := a.cfg.Archive.Status(c.Request().Context())
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, s)
}

func (a *API) archiveJob(c echo.Context, job func(context.Context, string, func(any) error) (any, error)) error {
	p := newParams(c)
	location := p.text("location")
	if err := p.done(); err != nil {
		return err
	}
	if job == nil {
		return absent("An archive")
	}
	return run(c, func(ctx context.Context, report func(any) error) (any, error) { return job(ctx, location, report) })
}
