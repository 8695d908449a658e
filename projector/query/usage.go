package query

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
)

// maxTop bounds how many groups a ranking may keep.
const maxTop = 1000

// Metric is an amount that groups can be ranked by.
type Metric string

// The metrics.
const (
	Cost         Metric = "cost"
	Requests     Metric = "requests"
	Attempts     Metric = "attempts"
	Failures     Metric = "failures"
	Tokens       Metric = "tokens" // of all classes
	InputTokens  Metric = "input_tokens"
	OutputTokens Metric = "output_tokens"
)

// Metrics lists all of them.
func Metrics() []Metric {
	return []Metric{Cost, Requests, Attempts, Failures, Tokens, InputTokens, OutputTokens}
}

// Question asks what was used.
type Question struct {
	Filter
	GroupBy []Dimension // in the order of the columns; empty asks for the totals only
	// Top keeps the groups of the first dimension that is not a span with the most
	// of RankBy, and adds up the others; 0 keeps all.
	Top    int
	RankBy Metric // empty is Cost
	// Compare, if not zero, is a period to answer for as well, with the same groups kept.
	Compare Period
}

// Period is a span of time, To exclusive.
type Period struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

// Answer is what was used. Its rows add up to its totals, unless they overlap.
type Answer struct {
	Rows     []Row
	Totals   Amounts   // of all that the filter lets through, each fact once
	Overlap  bool      // grouped by tags: what has several is in a row of each
	Compared *Compared // nil unless it was asked for
	AsOf     AsOf
}

// Compared is what was used in the period that an answer is compared with.
type Compared struct {
	Rows   []Row
	Totals Amounts
}

// Row is one group.
type Row struct {
	Start  time.Time            // of the span, in the question's time zone; zero without one
	Labels map[Dimension]string // the other dimensions; of a vendor's, empty for what is not about one, as admissions
	Other  bool                 // the groups that the ranking did not keep; their label is empty
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

// MarshalJSON gives the members of a row of /api/v1/usage.
func (a Amounts) MarshalJSON() ([]byte, error) {
	out := struct {
		Requests    int64        `json:"requests"`
		Attempts    int64        `json:"attempts"`
		Failures    int64        `json:"failures"`
		Input       int64        `json:"input_tokens"`
		Output      int64        `json:"output_tokens"`
		Usage       events.Usage `json:"usage"`
		CostNanoUSD *int64       `json:"cost_nano_usd"`
		CostUSD     *string      `json:"cost_usd"`
		Unpriced    int64        `json:"unpriced"`
	}{a.Requests, a.Attempts, a.Failures, a.Usage.InputTotal(), a.Usage.OutputTotal(), a.Usage, a.CostNanoUSD, nil, a.Unpriced}
	if a.CostNanoUSD != nil {
		usd := accounting.FormatUSD(*a.CostNanoUSD)
		out.CostUSD = &usd
	}
	return json.Marshal(out)
}

// Plus adds two amounts.
func (a Amounts) Plus(b Amounts) Amounts { return AmountsOf(a.totals().Plus(b.totals())) }

func (a Amounts) totals() accounting.Totals {
	t := accounting.Totals{Requests: a.Requests, Attempts: a.Attempts, Failures: a.Failures, Usage: a.Usage, Unpriced: a.Unpriced}
	if a.CostNanoUSD != nil {
		t.Cost = *a.CostNanoUSD
	}
	return t
}

// AmountsOf gives totals as amounts: the cost of nothing but unpriced usage is unknown, not 0.
func AmountsOf(t accounting.Totals) Amounts {
	a := Amounts{Requests: t.Requests, Attempts: t.Attempts, Failures: t.Failures, Usage: t.Usage, Unpriced: t.Unpriced}
	if t.Cost != 0 || t.Unpriced == 0 {
		a.CostNanoUSD = &t.Cost
	}
	return a
}

// Usage answers a question. Errors of the asker are [*InvalidError] and [ErrTooLarge].
func (e *Engine) Usage(ctx context.Context, q Question) (Answer, error) {
	grouping, err := q.grouping()
	if err != nil {
		return Answer{}, err
	}
	var a Answer
	a.AsOf, err = e.live(ctx, func(v *view) error {
		a.Overlap = slices.Contains(q.GroupBy, Tag)
		if grouping.kept, err = v.rolledUp(q.Filter, usageRollUp()); err != nil {
			return err
		}
		if a.Rows, a.Totals, err = e.groups(ctx, v.database, grouping, grouping.kept); err != nil || q.Compare == (Period{}) {
			return err
		}
		a.Compared = &Compared{}
		before := q.Filter
		before.From, before.To = q.Compare.From, q.Compare.To
		if before, err = v.rolledUp(before, usageRollUp()); err != nil {
			return comparing(err)
		}
		a.Compared.Rows, a.Compared.Totals, err = e.groups(ctx, v.database, grouping, before)
		return err
	})
	if err != nil {
		return Answer{}, fmt.Errorf("usage: %w", err)
	}
	return a, nil
}

// comparing says that a mistake is one of the period to compare with.
func comparing(err error) error {
	if invalid, ok := errors.AsType[*InvalidError](err); ok {
		return &InvalidError{"compare_" + invalid.Field, invalid.Reason}
	}
	return err
}

// groups adds up what f lets through.
func (e *Engine) groups(ctx context.Context, database string, g grouping, f Filter) ([]Row, Amounts, error) {
	var rows []Row
	err := e.run(ctx, database, g.statement(f), func(scan func(...any) error) error {
		row, err := g.scan(scan)
		if err != nil {
			return err
		}
		if len(rows) == maxRows {
			return ErrTooLarge
		}
		rows = append(rows, row)
		return nil
	})
	if err != nil {
		return nil, Amounts{}, err
	}
	totals := AmountsOf(accounting.Totals{})
	for _, r := range rows {
		totals = totals.Plus(r.Amounts)
	}
	switch {
	case len(g.by) == 0:
		rows = nil
	case slices.Contains(g.by, Tag):
		rows = g.byTag(rows)
	}
	return rows, totals, nil
}

// grouping checks a question and gives how its answer is grouped.
func (q Question) grouping() (grouping, error) {
	zone, err := q.check(UsageDimensions())
	if err != nil {
		return grouping{}, err
	}
	g := grouping{by: q.GroupBy, zone: zone, kept: q.Filter}
	if err := checkGroups(q.GroupBy, UsageDimensions()); err != nil {
		return g, err
	}
	if q.Compare != (Period{}) {
		before := Filter{From: q.Compare.From, To: q.Compare.To}
		if _, err := before.check(nil); err != nil {
			return g, comparing(err)
		}
	}
	return g, g.rank(q.Top, q.RankBy)
}

// checkGroups refuses groups that are not known, named twice, or spans of the
// calendar beside another.
func checkGroups(by, known []Dimension) error {
	spans := 0
	for i, d := range by {
		switch {
		case d.Span():
			spans++
		case !slices.Contains(known, d):
			return &InvalidError{"group_by", fmt.Sprintf("%q is not one of %v", d, append(Spans(), known...))}
		}
		if slices.Contains(by[:i], d) {
			return &InvalidError{"group_by", fmt.Sprintf("%s is named twice", d)}
		}
	}
	if spans > 1 {
		return &InvalidError{"group_by", fmt.Sprintf("has more than one of %v", Spans())}
	}
	return nil
}
