package query

import (
	"context"
	"fmt"
	"time"

	"github.com/llm-hub/llm-hub/events"
)

// Unpriced is an attempt that has a record without a price, corrections included.
type Unpriced struct {
	Tenant  events.TenantID
	Request events.RequestID
	Attempt int
	Target  events.Target
	At      time.Time // of admission
}

// Unpriced lists the attempts without a price, the oldest requests first.
func (e *Engine) Unpriced(ctx context.Context, f Filter) ([]Unpriced, AsOf, error) {
	if _, err := f.check(UsageDimensions()); err != nil {
		return nil, AsOf{}, err
	}
	var out []Unpriced
	asOf, err := e.live(ctx, func(v *view) error {
		out = nil
		return e.run(ctx, v.database, unpricedIn(v.cut(f, v.kept.Usage)), func(scan func(...any) error) error {
			if len(out) == maxRecords {
				return ErrTooMany
			}
			var u Unpriced
			var attempt uint16
			err := scan((*string)(&u.Tenant), (*string)(&u.Request), &attempt, &u.Target.Provider, &u.Target.Credential, &u.Target.Model, &u.At)
			u.Attempt = int(attempt)
			out = append(out, u)
			return err
		})
	})
	if err != nil {
		return nil, asOf, fmt.Errorf("unpriced: %w", err)
	}
	return out, asOf, nil
}

func unpricedIn(f Filter) statement {
	c := f.clause()
	c.and("provider != ''")
	return statement{params: c.params, sql: "SELECT toString(tenant), request, attempt, toString(provider), toString(credential), toString(upstream_model), max(window_at) AS last " +
		"FROM " + rows("usage", c) + " GROUP BY tenant, request, attempt, provider, credential, upstream_model HAVING sum(unpriced) > 0" +
		fmt.Sprintf(" ORDER BY last, request, attempt LIMIT %d", maxRecords+1)}
}
