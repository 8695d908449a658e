package query

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/projector"
)

// Health says how vendors did over time.
type Health struct {
	Span Dimension     `json:"span"`
	Rows []HealthState `json:"rows"` // by target, then time; only spans in which a target was called
	AsOf AsOf          `json:"as_of"`
}

// HealthState is one target in one span.
type HealthState struct {
	Start     time.Time     `json:"start"`
	Target    events.Target `json:"target"`
	State     string        `json:"state"`    // ok, degraded, down
	Attempts  int64         `json:"attempts"` // that ended
	Failures  int64         `json:"failures"` // of these, without an answer
	Limited   int64         `json:"rate_limited"`
	Fallbacks int64         `json:"fallbacks"`     // requests that went on to another target
	FirstByte Percentiles   `json:"first_byte_ns"` // of requests it answered
}

// The state of a target in a span: what share of its attempts failed. A handful of
// attempts is too little to call it down.
const (
	degradedFrom = 20 // one in so many failed
	downFrom     = 2  // one in so many failed
	downAttempts = 5
)

func (h *HealthState) judge() {
	switch {
	case h.Attempts >= downAttempts && h.Failures*downFrom >= h.Attempts:
		h.State = "down"
	case h.Failures*degradedFrom >= h.Attempts && h.Failures > 0, h.Limited > 0:
		h.State = "degraded"
	default:
		h.State = "ok"
	}
}

type healthKey struct {
	start  int64
	target events.Target
}

// Health tells how each target did. It can be filtered on the dimensions of usage.
func (e *Engine) Health(ctx context.Context, f Filter, span Dimension) (Health, error) {
	zone, err := f.check(UsageDimensions())
	if err != nil {
		return Health{}, err
	}
	if !span.Span() {
		return Health{}, &InvalidError{"span", fmt.Sprintf("%q is not one of %v", span, Spans())}
	}
	h := Health{Span: span}
	h.AsOf, err = e.live(ctx, func(v *view) error {
		f, err := v.rolledUp(v.cut(f, projector.Later(v.kept.Requests, v.kept.Attempts)), usageRollUp())
		if err != nil {
			return err
		}
		states := map[healthKey]*HealthState{}
		for _, read := range []func(context.Context, string, Filter, healthReader) error{e.healthUsage, e.healthAttempts, e.healthLatency} {
			if err := read(ctx, v.database, f, healthReader{span, zone, states}); err != nil {
				return err
			}
		}
		h.Rows = []HealthState{}
		for _, s := range states {
			s.judge()
			h.Rows = append(h.Rows, *s)
		}
		return nil
	})
	if err != nil {
		return Health{}, fmt.Errorf("health: %w", err)
	}
	slices.SortFunc(h.Rows, func(a, b HealthState) int {
		return cmp.Or(cmp.Compare(a.Target.Provider, b.Target.Provider), cmp.Compare(a.Target.Credential, b.Target.Credential),
			cmp.Compare(a.Target.Model, b.Target.Model), a.Start.Compare(b.Start))
	})
	return h, nil
}

// healthReader reads statements that begin with a span and a target.
type healthReader struct {
	span   Dimension
	zone   *time.Location
	states map[healthKey]*HealthState
}

// statement selects values by span and target.
func (r healthReader) statement(values, source, at string, c clause) statement {
	c.params["zone"] = r.zone.String()
	return statement{params: c.params, sql: fmt.Sprintf("SELECT %s, toString(provider), toString(credential), toString(upstream_model), %s "+
		"FROM %s GROUP BY 1, 2, 3, 4 LIMIT %d", r.span.start(at), values, source, maxRows+1)}
}

// rows are those of a table that a clause lets through.
func rows(table string, c clause) string { return "{db:Identifier}." + table + " WHERE " + c.where() }

// row reads a row, whose values go to what values gives for its state.
func (r healthReader) row(scan func(...any) error, dest []any, keep func(*HealthState)) error {
	var k healthKey
	if err := scan(append([]any{&k.start, &k.target.Provider, &k.target.Credential, &k.target.Model}, dest...)...); err != nil {
		return err
	}
	s := r.states[k]
	if s == nil {
		if len(r.states) == maxRows {
			return ErrTooLarge
		}
		s = &HealthState{Start: time.Unix(k.start, 0).In(r.zone), Target: k.target}
		r.states[k] = s
	}
	keep(s)
	return nil
}

func (e *Engine) healthUsage(ctx context.Context, database string, f Filter, r healthReader) error {
	c := clause{params: map[string]any{}}
	source := usageRollUp().source(f, []string{"provider", "credential", "upstream_model", "attempts", "failures"}, &c, "") + " WHERE provider != ''"
	return e.run(ctx, database, r.statement("sum(attempts), sum(failures)", source, rolledColumn, c), func(scan func(...any) error) error {
		var attempts, failures int64
		return r.row(scan, []any{&attempts, &failures}, func(s *HealthState) { s.Attempts, s.Failures = attempts, failures })
	})
}

func (e *Engine) healthAttempts(ctx context.Context, database string, f Filter, r healthReader) error {
	const values = "toInt64(countIf(kind = 'upstream.rate_limited')), toInt64(countIf(kind = 'route.fallback'))"
	c := f.clause()
	return e.run(ctx, database, r.statement(values, rows("attempts", c), momentColumn, c), func(scan func(...any) error) error {
		var limited, fallbacks int64
		return r.row(scan, []any{&limited, &fallbacks}, func(s *HealthState) { s.Limited, s.Fallbacks = limited, fallbacks })
	})
}

func (e *Engine) healthLatency(ctx context.Context, database string, f Filter, r healthReader) error {
	c := f.clause()
	c.and("first_byte_ns > 0 AND provider != ''")
	values := percentiles("first_byte_ns", "first_byte_ns > 0")
	return e.run(ctx, database, r.statement(values, rows("requests", c), momentColumn, c), func(scan func(...any) error) error {
		var p Percentiles
		var at []float64
		return r.row(scan, []any{&p.Count, &at}, func(s *HealthState) { p.set(at); s.FirstByte = p })
	})
}
