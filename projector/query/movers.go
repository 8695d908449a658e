package query

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/llm-hub/llm-hub/accounting"
)

// maxMovers bounds how many movers are told.
const maxMovers = 100

// Moves asks what changed most from one period to another.
type Moves struct {
	Filter
	Before Period
	By     Dimension
	Metric Metric // empty is Cost
	Limit  int    // 1 to 100; 0 is 10
}

// Movers is the answer, the largest change first, and what all changes together are.
type Movers struct {
	By     Dimension `json:"by"`
	Metric Metric    `json:"metric"`
	Rows   []Mover   `json:"rows"`
	Totals Mover     `json:"totals"` // of everything, not of these rows
	AsOf   AsOf      `json:"as_of"`
}

// Mover is one value of the dimension. Costs are in nano-USD.
type Mover struct {
	Tenant string `json:"tenant,omitempty"` // whose value it is, of those that have a name in their tenant only
	Value  string `json:"value,omitempty"`
	Before int64  `json:"before"`
	Now    int64  `json:"now"`
	Change int64  `json:"change"`
}

// of is the amount of a metric.
func (m Metric) of(t accounting.Totals) int64 {
	switch m {
	case Requests:
		return t.Requests
	case Attempts:
		return t.Attempts
	case Failures:
		return t.Failures
	case Tokens:
		return t.Usage.Total()
	case InputTokens:
		return t.Usage.InputTotal()
	case OutputTokens:
		return t.Usage.OutputTotal()
	default:
		return t.Cost
	}
}

// Movers answers the question.
func (e *Engine) Movers(ctx context.Context, m Moves) (Movers, error) {
	if m.Metric == "" {
		m.Metric = Cost
	}
	if m.Limit == 0 {
		m.Limit = 10
	}
	switch {
	case m.Limit < 0 || m.Limit > maxMovers:
		return Movers{}, &InvalidError{"limit", fmt.Sprintf("is %d, not 1 to %d", m.Limit, maxMovers)}
	case m.Before == Period{}:
		return Movers{}, &InvalidError{"compare_from", "is missing"}
	case !slices.Contains(UsageDimensions(), m.By):
		return Movers{}, &InvalidError{"by", fmt.Sprintf("%q is not one of %v", m.By, UsageDimensions())}
	case !slices.Contains(Metrics(), m.Metric):
		return Movers{}, &InvalidError{"metric", fmt.Sprintf("%q is not one of %v", m.Metric, Metrics())}
	}
	by := []Dimension{m.By}
	if slices.Contains([]Dimension{Team, User, Key}, m.By) {
		by = append(by, Tenant)
	}
	a, err := e.Usage(ctx, Question{Filter: m.Filter, GroupBy: by, Compare: m.Before})
	if err != nil {
		return Movers{}, err
	}
	out := Movers{By: m.By, Metric: m.Metric, AsOf: a.AsOf, Rows: []Mover{}}
	byValue := map[Mover]*Mover{}
	mover := func(r Row) *Mover {
		of := Mover{Value: r.Labels[m.By]}
		if len(by) > 1 {
			of.Tenant = r.Labels[Tenant]
		}
		if byValue[of] == nil {
			byValue[of] = new(of)
		}
		return byValue[of]
	}
	for _, r := range a.Rows {
		mover(r).Now += m.Metric.of(r.totals())
	}
	out.Totals.Now = m.Metric.of(a.Totals.totals())
	if a.Compared != nil {
		for _, r := range a.Compared.Rows {
			mover(r).Before += m.Metric.of(r.totals())
		}
		out.Totals.Before = m.Metric.of(a.Compared.Totals.totals())
	}
	out.Totals.Change = out.Totals.Now - out.Totals.Before
	for _, v := range byValue {
		if v.Change = v.Now - v.Before; v.Change != 0 {
			out.Rows = append(out.Rows, *v)
		}
	}
	slices.SortFunc(out.Rows, func(a, b Mover) int {
		return cmp.Or(cmp.Compare(max(b.Change, -b.Change), max(a.Change, -a.Change)), cmp.Compare(a.Value, b.Value), cmp.Compare(a.Tenant, b.Tenant))
	})
	out.Rows = out.Rows[:min(len(out.Rows), m.Limit)]
	return out, nil
}
