// Package query answers questions about usage from the analytics tables.
//
// A question is typed: its dimensions come from a closed set, its values travel as
// bound parameters, and no text of the asker ever becomes part of a statement. An
// answer is one statement, so its rows and its totals are one state of the tables,
// and it says which.
package query

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
)

// Dimension is what usage can be grouped by.
type Dimension string

// The dimensions. Of the first three, spans of the calendar in the question's
// time zone, a question has at most one.
const (
	Hour          Dimension = "hour"
	Day           Dimension = "day"
	Month         Dimension = "month"
	Tenant        Dimension = "tenant"
	User          Dimension = "user"
	Key           Dimension = "key"
	Model         Dimension = "model" // logical
	Provider      Dimension = "provider"
	Credential    Dimension = "credential"
	UpstreamModel Dimension = "upstream_model"
)

// Dimensions lists all of them.
func Dimensions() []Dimension {
	return []Dimension{Hour, Day, Month, Tenant, User, Key, Model, Provider, Credential, UpstreamModel}
}

// Span tells whether d is a span of the calendar.
func (d Dimension) Span() bool { return d == Hour || d == Day || d == Month }

// maxRows bounds an answer. A question with more rows is refused, never cut.
const maxRows = 100_000

// maxValues bounds the values of one dimension in a filter.
const maxValues = 1000

// Question asks what was used.
type Question struct {
	From, To time.Time              // admission time, To exclusive
	Zone     string                 // IANA name of the time zone that spans are counted in; empty is UTC
	GroupBy  []Dimension            // in the order of the columns; empty asks for the totals only
	Where    map[Dimension][]string // only lines whose value is one of these; not by a span
}

// Answer is what was used. Its rows add up to its totals.
type Answer struct {
	Rows   []Row
	Totals Amounts
	AsOf   AsOf
}

// Row is one group.
type Row struct {
	Start  time.Time            // of the span, in the question's time zone; zero without one
	Labels map[Dimension]string // the other dimensions; of a vendor's, empty for what is not about one, as admissions
	Amounts
}

// Amounts is what was used by a group.
type Amounts struct {
	Requests    int64 // admitted
	Attempts    int64 // vendor calls that ended
	Failures    int64 // of these, without an answer
	Usage       events.Usage
	CostNanoUSD *int64 // of what had a price; nil if nothing had
	Unpriced    int64  // usage records without a price
}

// Plus adds two amounts.
func (a Amounts) Plus(b Amounts) Amounts { return amounts(a.totals().Plus(b.totals())) }

func (a Amounts) totals() accounting.Totals {
	t := accounting.Totals{Requests: a.Requests, Attempts: a.Attempts, Failures: a.Failures, Usage: a.Usage, Unpriced: a.Unpriced}
	if a.CostNanoUSD != nil {
		t.Cost = *a.CostNanoUSD
	}
	return t
}

// amounts is nil-aware: a cost of nothing but unpriced usage is unknown, not 0.
func amounts(t accounting.Totals) Amounts {
	a := Amounts{Requests: t.Requests, Attempts: t.Attempts, Failures: t.Failures, Usage: t.Usage, Unpriced: t.Unpriced}
	if t.Cost != 0 || t.Unpriced == 0 {
		a.CostNanoUSD = &t.Cost
	}
	return a
}

// AsOf says which state of the books an answer shows.
type AsOf struct {
	Seq    uint64        // everything up to this sequence of the log is in it; perhaps some more
	Behind uint64        // messages of the log that are not in it
	Lag    time.Duration // age of the oldest of those, 0 if there is none
}

// InvalidError says what is wrong with a question.
type InvalidError struct {
	Field  string // from, to, time_zone, group_by, or the name of a filter
	Reason string
}

// Error names the field.
func (e *InvalidError) Error() string { return e.Field + ": " + e.Reason }

// ErrTooLarge refuses a question whose answer would have too many rows.
var ErrTooLarge = fmt.Errorf("the answer would have more than %d rows: narrow the time, group by less or filter", maxRows)

// Querier runs one statement that only reads. Values are bound to the places
// written {name:Type}; row is called for each row and scans it.
type Querier interface {
	Query(ctx context.Context, sql string, params map[string]any, row func(scan func(...any) error) error) error
}

// Source tells where the live tables are and how far they are filled.
type Source interface {
	Live(ctx context.Context) (database string, asOf AsOf, err error)
}

// Engine answers questions.
type Engine struct {
	querier Querier
	source  Source
}

// New makes an engine.
func New(q Querier, s Source) *Engine { return &Engine{querier: q, source: s} }

// Usage answers a question. Errors of the asker are [*InvalidError] and [ErrTooLarge].
func (e *Engine) Usage(ctx context.Context, q Question) (Answer, error) {
	statement, err := q.statement()
	if err != nil {
		return Answer{}, err
	}
	database, asOf, err := e.source.Live(ctx)
	if err != nil {
		return Answer{}, err
	}
	answer, err := e.ask(ctx, statement, database)
	if err != nil && !errors.Is(err, ErrTooLarge) { // a rebuild may have swapped the tables meanwhile
		again, newer, liveErr := e.source.Live(ctx)
		if liveErr == nil && again != database {
			asOf = newer
			answer, err = e.ask(ctx, statement, again)
		}
	}
	if err != nil {
		return Answer{}, fmt.Errorf("usage: %w", err)
	}
	answer.AsOf = asOf
	return answer, nil
}

func (e *Engine) ask(ctx context.Context, s statement, database string) (Answer, error) {
	s.params["db"] = database
	var a Answer
	err := e.querier.Query(ctx, s.sql, s.params, func(scan func(...any) error) error {
		row, err := s.scan(scan)
		if err != nil {
			return err
		}
		if len(a.Rows) == maxRows {
			return ErrTooLarge
		}
		a.Rows = append(a.Rows, row)
		return nil
	})
	if err != nil {
		return Answer{}, err
	}
	a.Totals = amounts(accounting.Totals{})
	for _, r := range a.Rows {
		a.Totals = a.Totals.Plus(r.Amounts)
	}
	if len(s.groupBy) == 0 {
		a.Rows = nil
	}
	return a, nil
}

// check refuses what cannot be asked, and finds the time zone.
func (q Question) check() (*time.Location, error) {
	if q.From.IsZero() {
		return nil, &InvalidError{"from", "is missing"}
	}
	if !q.To.After(q.From) {
		return nil, &InvalidError{"to", "must be after from"}
	}
	zone, err := time.LoadLocation(q.Zone)
	if err != nil || q.Zone == "Local" {
		return nil, &InvalidError{"time_zone", fmt.Sprintf("%q is not the name of a time zone", q.Zone)}
	}
	spans := 0
	for i, d := range q.GroupBy {
		if !slices.Contains(Dimensions(), d) {
			return nil, &InvalidError{"group_by", fmt.Sprintf("%q is not one of %v", d, Dimensions())}
		}
		if slices.Contains(q.GroupBy[:i], d) {
			return nil, &InvalidError{"group_by", fmt.Sprintf("%s is named twice", d)}
		}
		if d.Span() {
			spans++
		}
	}
	if spans > 1 {
		return nil, &InvalidError{"group_by", "has more than one of hour, day and month"}
	}
	for d, values := range q.Where {
		if !slices.Contains(Dimensions(), d) || d.Span() {
			return nil, &InvalidError{string(d), "cannot be filtered by"}
		}
		if len(values) == 0 || len(values) > maxValues {
			return nil, &InvalidError{string(d), fmt.Sprintf("has %d values, not 1 to %d", len(values), maxValues)}
		}
	}
	return zone, nil
}
