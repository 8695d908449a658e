// Package query answers questions from the analytics tables.
//
// A question is typed: its dimensions come from a closed set, its values travel as
// bound parameters, and no text of the asker ever becomes part of a statement. Each
// carries the [Scope] of its asker, whose zero value sees nothing. Rows and totals
// of an answer come from one statement, so they are one state of the tables, and
// the answer says which.
package query

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/llm-hub/llm-hub/projector"
)

// AsOf says which state of the books an answer shows.
type AsOf struct {
	Seq    uint64        // everything up to this sequence of the log is in it; perhaps some more
	Behind uint64        // messages of the log that are not in it
	Lag    time.Duration // age of the oldest of those, 0 if there is none
	// KeptSince is zero, unless something was asked for of before it: then the answer has
	// only what was admitted at it or later. What begins before it, as a day in another
	// time zone, is told with what is kept of it.
	KeptSince time.Time
}

// MarshalJSON gives {"seq": n, "behind": n, "lag_seconds": n, "kept_since": time}.
func (a AsOf) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Seq       uint64    `json:"seq"`
		Behind    uint64    `json:"behind"`
		Lag       float64   `json:"lag_seconds"`
		KeptSince time.Time `json:"kept_since,omitzero"`
	}{a.Seq, a.Behind, a.Lag.Seconds(), a.KeptSince})
}

// InvalidError says what is wrong with a question.
type InvalidError struct {
	Field  string // from, to, time_zone, group_by, or the name of a filter
	Reason string
}

// Error names the field.
func (e *InvalidError) Error() string { return e.Field + ": " + e.Reason }

// maxRows bounds an answer. A question with more rows is refused, never cut.
const maxRows = 100_000

// ErrTooLarge refuses a question whose answer would have too many rows.
var ErrTooLarge = fmt.Errorf("the answer would have more than %d rows: narrow the time, group by less or filter", maxRows)

// Querier runs one statement that only reads. Values are bound to the places
// written {name:Type}; row is called for each row and scans it.
type Querier interface {
	Query(ctx context.Context, sql string, params map[string]any, row func(scan func(...any) error) error) error
}

// Source tells where the live tables are and how far they are filled.
type Source interface {
	Live(ctx context.Context) (Tables, error)
}

// Tables are the live tables.
type Tables struct {
	Database string
	AsOf     AsOf
	Kept     projector.Kept // from when on each has its rows
}

// Engine answers questions.
type Engine struct {
	querier Querier
	source  Source
}

// New makes an engine.
func New(q Querier, s Source) *Engine { return &Engine{querier: q, source: s} }

// live hands the live tables to ask and tells their state. A rebuild may swap them
// meanwhile, or they let go of rows that are asked for; then ask is called again, so it
// starts its answer anew each time.
func (e *Engine) live(ctx context.Context, ask func(*view) error) (AsOf, error) {
	t, err := e.source.Live(ctx)
	if err != nil {
		return AsOf{}, err
	}
	for last := false; ; last = true {
		v := view{database: t.Database, kept: t.Kept}
		err := ask(&v)
		asOf := t.AsOf
		asOf.KeptSince = v.since
		if last || errors.Is(err, ErrTooLarge) {
			return asOf, err
		}
		again, liveErr := e.source.Live(ctx)
		same := again.Database == t.Database
		if liveErr != nil || same && again.Kept == t.Kept || !same && err == nil {
			return asOf, err
		}
		t = again
	}
}

// run asks one statement of the tables of a database.
func (e *Engine) run(ctx context.Context, database string, s statement, row func(scan func(...any) error) error) error {
	params := map[string]any{"db": database}
	for name, value := range s.params {
		params[name] = value
	}
	return e.querier.Query(ctx, s.sql, params, row)
}

// statement is a question in the words of the tables. Their database is the
// parameter db.
type statement struct {
	sql    string
	params map[string]any
}
