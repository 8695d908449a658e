package query

import (
	"context"
	"fmt"
	"time"

	"github.com/llm-hub/llm-hub/projector"
)

// maxErrors is how many groups of errors are told of each kind, the largest.
const maxErrors = 200

// Errors says what went wrong: with requests, and with the attempts behind them,
// many of which no client has noticed.
type Errors struct {
	Requests []RequestErrors `json:"requests"`
	Attempts []AttemptErrors `json:"attempts"`
	AsOf     AsOf            `json:"as_of"`
}

// RequestErrors is the requests that did not complete for the same reason.
type RequestErrors struct {
	Outcome  string      `json:"outcome"` // failed, cancelled, orphaned, rejected
	Status   uint16      `json:"status"`
	Error    string      `json:"error,omitempty"`
	Reason   string      `json:"reason,omitempty"`
	Limit    string      `json:"limit,omitempty"`
	Model    string      `json:"model"`
	Provider string      `json:"provider,omitempty"`
	Upstream string      `json:"upstream_model,omitempty"`
	Seen     Occurrences `json:"seen"`
}

// AttemptErrors is the failed attempts, or 429s, of one credential and model for
// the same reason.
type AttemptErrors struct {
	Kind       string      `json:"kind"`
	Reason     string      `json:"reason,omitempty"`
	Status     uint16      `json:"status"`
	Provider   string      `json:"provider"`
	Credential string      `json:"credential"`
	Upstream   string      `json:"upstream_model"`
	Seen       Occurrences `json:"seen"`
}

// Occurrences is how often, when, and an example.
type Occurrences struct {
	Count   int64     `json:"count"`
	First   time.Time `json:"first"`
	Last    time.Time `json:"last"`
	Request string    `json:"request"` // the last one
}

const occurrences = "min(window_at), max(window_at), argMax(request, window_at)"

// Errors groups what went wrong. It can be filtered on the dimensions of usage.
func (e *Engine) Errors(ctx context.Context, f Filter) (Errors, error) {
	if _, err := f.check(UsageDimensions()); err != nil {
		return Errors{}, err
	}
	var out Errors
	var err error
	out.AsOf, err = e.live(ctx, func(v *view) error {
		f := v.cut(f, projector.Later(v.kept.Requests, v.kept.Attempts))
		if out.Requests, err = e.requestErrors(ctx, v.database, f); err != nil {
			return err
		}
		out.Attempts, err = e.attemptErrors(ctx, v.database, f)
		return err
	})
	if err != nil {
		return Errors{}, fmt.Errorf("errors: %w", err)
	}
	return out, nil
}

func (e *Engine) requestErrors(ctx context.Context, database string, f Filter) ([]RequestErrors, error) {
	c := f.clause()
	c.and("outcome != 'completed'")
	s := statement{params: c.params, sql: "SELECT toString(outcome), status, toString(error), toString(reason), toString(limit_name), toString(model), " +
		"toString(provider), toString(upstream_model), toInt64(sum(count)) AS n, " + occurrences + " FROM {db:Identifier}.requests WHERE " + c.where() +
		fmt.Sprintf(" GROUP BY 1, 2, 3, 4, 5, 6, 7, 8 ORDER BY n DESC, 1, 2, 3, 4, 5, 6, 7, 8 LIMIT %d", maxErrors)}
	out := []RequestErrors{}
	err := e.run(ctx, database, s, func(scan func(...any) error) error {
		var g RequestErrors
		err := scan(&g.Outcome, &g.Status, &g.Error, &g.Reason, &g.Limit, &g.Model, &g.Provider, &g.Upstream,
			&g.Seen.Count, &g.Seen.First, &g.Seen.Last, &g.Seen.Request)
		out = append(out, g)
		return err
	})
	return out, err
}

func (e *Engine) attemptErrors(ctx context.Context, database string, f Filter) ([]AttemptErrors, error) {
	c := f.clause()
	c.and("kind != 'route.fallback'")
	s := statement{params: c.params, sql: "SELECT toString(kind), toString(reason), status, toString(provider), toString(credential), " +
		"toString(upstream_model), toInt64(count()) AS n, " + occurrences + " FROM {db:Identifier}.attempts WHERE " + c.where() +
		fmt.Sprintf(" GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY n DESC, 1, 2, 3, 4, 5, 6 LIMIT %d", maxErrors)}
	out := []AttemptErrors{}
	err := e.run(ctx, database, s, func(scan func(...any) error) error {
		var g AttemptErrors
		err := scan(&g.Kind, &g.Reason, &g.Status, &g.Provider, &g.Credential, &g.Upstream,
			&g.Seen.Count, &g.Seen.First, &g.Seen.Last, &g.Seen.Request)
		out = append(out, g)
		return err
	})
	return out, err
}
