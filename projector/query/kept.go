package query

import (
	"context"
	"fmt"
	"time"

	"github.com/llm-hub/llm-hub/projector"
)

// view is the live tables as one question sees them.
type view struct {
	database string
	kept     projector.Kept
	since    time.Time // the horizon that cut something off, zero for none
}

// cut leaves out of a filter what is before a horizon, and remembers it.
func (v *view) cut(f Filter, horizon time.Time) Filter {
	if f.From.Before(horizon) {
		f.From, v.since = horizon.In(f.From.Location()), projector.Later(v.since, horizon)
	}
	return f
}

// rolledUp is [view.cut] for what a roll-up and its rows answer together. Of before the
// rows' horizon only whole quarters can be told.
func (v *view) rolledUp(f Filter, r rollUp) (Filter, error) {
	f = v.cut(f, v.kept.RollUps)
	rows := r.horizon(v.kept)
	switch end := f.To.Truncate(quarter); {
	case !f.From.Before(f.To): // nothing is left
	case f.From.Before(rows) && ceil(f.From).After(f.From):
		return f, wholeQuarters("from", rows)
	case end.Before(rows) && end.Before(f.To):
		return f, wholeQuarters("to", rows)
	}
	return f, nil
}

func wholeQuarters(field string, rows time.Time) error {
	return &InvalidError{field, fmt.Sprintf("before %s only whole quarters of an hour are kept: it must be at one", rows.UTC().Format(time.RFC3339))}
}

// paged is [view.cut] for pages of requests, whose amounts are of usage.
func (v *view) paged(f Filter) Filter {
	return v.cut(f, projector.Later(v.kept.Requests, v.kept.Usage))
}

// KeptSince is what pages of requests will say of it in their [AsOf].
func (e *Engine) KeptSince(ctx context.Context, f Filter) (time.Time, error) {
	asOf, err := e.live(ctx, func(v *view) error {
		v.paged(f)
		return nil
	})
	return asOf.KeptSince, err
}

// rows is [view.cut] for a question about rows of requests.
func (v *view) rows(f RequestFilter) RequestFilter {
	horizon := v.kept.Requests
	if f.MinCost > 0 {
		horizon = projector.Later(horizon, v.kept.Usage)
	}
	f.Filter = v.cut(f.Filter, horizon)
	return f
}

// counted is [view.cut] for what [RequestFilter.counted] answers.
func (v *view) counted(f RequestFilter) (RequestFilter, error) {
	if !f.plain() {
		return v.rows(f), nil
	}
	var err error
	f.Filter, err = v.rolledUp(f.Filter, requestsRollUp())
	return f, err
}
