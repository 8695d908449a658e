package admin

import (
	"context"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway/control"
)

// LastUsed is the minute in which a virtual key was last admitted, by its counter,
// so it is as late as the fold of the log, usually less than a second; nil: never, or
// it cannot be told now.
func LastUsed(ctx context.Context, counters func(context.Context, accounting.Scope) ([]accounting.Counter, error), tenant events.TenantID, key string) *time.Time {
	if counters == nil {
		return nil
	}
	used, err := counters(ctx, accounting.Scope{Kind: accounting.KeyScope, ID: string(tenant) + "/" + key})
	if err != nil {
		return nil // it is beside the point of the answer that it is in
	}
	var last time.Time
	for i := range used {
		if t := used[i].LastMinute(); t.After(last) {
			last = t
		}
	}
	if last.IsZero() {
		return nil
	}
	return &last
}

// tellUse says of keys when they were last used; nothing of keys of the past.
func (a *API) tellUse(c echo.Context, views []control.View) {
	if c.QueryParam("at") != "" {
		return
	}
	for i, v := range views {
		if v.Sort == events.KeySort {
			views[i].LastUsed = LastUsed(c.Request().Context(), a.cfg.Counters, v.Tenant, v.ID)
		}
	}
}
