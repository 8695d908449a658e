package admin

import (
	"context"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway/control"
)

// SimulateQuery says which recorded requests are run through a draft.
type SimulateQuery struct {
	From, To time.Time       // of admission; To exclusive
	Tenant   events.TenantID // empty: all
	Each     bool            // report what became of each request, too
	Draft    *control.Catalog
}

// simulate runs recorded requests through the configuration that is sent. Nothing is
// put in force.
func (a *API) simulate(c echo.Context) error {
	p := newParams(c)
	now := time.Now()
	q := SimulateQuery{
		From: p.moment("from", time.UTC), To: p.moment("to", time.UTC), Tenant: events.TenantID(p.text("tenant")),
		Each: p.choice("each", "false", "true") == "true",
	}
	if q.To.IsZero() {
		q.To = now
	}
	if q.From.IsZero() {
		q.From = q.To.Add(-defaultRange)
	}
	if !q.From.Before(q.To) {
		p.wrong("from", "must be before to")
	}
	if q.Tenant != "" && !events.ValidID(string(q.Tenant)) {
		p.wrong("tenant", "%q is not the id of a tenant", string(q.Tenant))
	}
	if err := p.done(); err != nil {
		return err
	}
	if a.cfg.Simulate == nil || a.cfg.Control == nil {
		return absent("Simulation")
	}
	var err error
	if q.Draft, err = a.draft(c); err != nil {
		return err
	}
	return run(c, func(ctx context.Context, report func(any) error) (any, error) { return a.cfg.Simulate(ctx, q, report) })
}
