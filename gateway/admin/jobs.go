package admin

import (
	"context"

	"github.com/labstack/echo/v4"
)

// RebuildQuery says what is folded anew; at least one is true.
type RebuildQuery struct {
	Counters bool
	Tables   bool
}

func (a *API) verify(c echo.Context) error {
	if err := newParams(c).done(); err != nil {
		return err
	}
	if a.cfg.Verify == nil {
		return absent("Verifying")
	}
	return run(c, a.cfg.Verify)
}

func (a *API) rebuild(c echo.Context) error {
	p := newParams(c)
	what := p.choice("what", "all", "counters", "tables")
	if err := p.done(); err != nil {
		return err
	}
	if a.cfg.Rebuild == nil {
		return absent("Rebuilding")
	}
	q := RebuildQuery{Counters: what != "tables", Tables: what != "counters"}
	return run(c, func(ctx context.Context, report func(any) error) (any, error) { return a.cfg.Rebuild(ctx, q, report) })
}

// run writes what a job reports, `{"progress": ...}`, and its result, `{"result": ...}`.
func run(c echo.Context, job func(context.Context, func(any) error) (any, error)) error {
	w := newLineWriter(c)
	result, err := job(c.Request().Context(), func(v any) error { return w.member("progress", v) })
	if err != nil {
		return w.end(err)
	}
	return w.end(w.member("result", result))
}
