package query

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
)

// grouping is how usage is added up.
type grouping struct {
	by     []Dimension
	zone   *time.Location
	top    int // groups of ranked that are kept; 0: all
	ranked Dimension
	metric Metric
	kept   Filter // what the ranking goes by
}

// rank keeps the top groups of the first dimension that is not a span.
func (g *grouping) rank(top int, by Metric) error {
	if by == "" {
		by = Cost
	}
	if !slices.Contains(Metrics(), by) {
		return &InvalidError{"rank_by", fmt.Sprintf("%q is not one of %v", by, Metrics())}
	}
	if top < 0 || top > maxTop {
		return &InvalidError{"top", fmt.Sprintf("is %d, not 1 to %d", top, maxTop)}
	}
	i := slices.IndexFunc(g.by, func(d Dimension) bool { return !d.Span() })
	if top > 0 && i < 0 {
		return &InvalidError{"top", "needs a dimension to rank in group_by"}
	}
	if g.top, g.metric = top, by; top > 0 {
		g.ranked = g.by[i]
	}
	return nil
}

// source is the roll-up where it can answer, else the rows.
func (f Filter) source() (table, at, cost string) {
	if f.onQuarters() {
		return "usage_15m", bucketColumn, "cost_nano_usd"
	}
	return "usage", momentColumn, "ifNull(cost_nano_usd, 0)"
}

// statement puts fixed pieces of text together; which ones depends on the
// question, what they say does not.
func (g grouping) statement(f Filter) statement {
	table, at, cost := f.source()
	c := f.clause(at)
	if slices.ContainsFunc(g.by, Dimension.Span) {
		c.params["zone"] = g.zone.String()
	}
	columns := []string{"0"}
	if g.top > 0 {
		columns[0] = fmt.Sprintf("toUInt8(%s NOT IN (%s))", g.ranked, g.ranking(&c))
	}
	for _, d := range g.by {
		switch {
		case d.Span():
			columns = append(columns, d.start(at))
		case d == g.ranked:
			columns = append(columns, fmt.Sprintf("if(toUInt8(%s NOT IN (%s)), '', toString(%s))", d, g.ranking(&c), d))
		default:
			columns = append(columns, "toString("+d.column()+")")
		}
	}
	places := make([]string, len(columns))
	for i := range columns {
		places[i] = fmt.Sprint(i + 1)
	}
	sql := "SELECT " + strings.Join(append(columns, sums(cost)...), ", ") +
		" FROM {db:Identifier}." + table + " WHERE " + c.where()
	if len(g.by) > 0 {
		sql += " GROUP BY " + strings.Join(places, ", ") + " ORDER BY " + strings.Join(append(places[1:], "1"), ", ")
	}
	return statement{sql: sql + fmt.Sprintf(" LIMIT %d", maxRows+1), params: c.params}
}

// ranking selects the groups that are kept. Equal ones rank by their names.
func (g grouping) ranking(c *clause) string {
	table, at, cost := g.kept.source()
	kept := g.kept.clause(at)
	text := kept.where()
	for name, value := range kept.params { // the period of the ranking is not always that of the answer
		if name == "from" || name == "to" {
			c.params["rank_"+name] = value
			text = strings.ReplaceAll(text, "{"+name+":", "{rank_"+name+":")
		}
	}
	return fmt.Sprintf("SELECT %s FROM {db:Identifier}.%s WHERE %s GROUP BY 1 ORDER BY sum(%s) DESC, 1 LIMIT %d",
		g.ranked, table, text, g.metric.expression(cost), g.top)
}

// expression is the amount of one row.
func (m Metric) expression(cost string) string {
	const input, output = "input + cache_read + cache_write + cache_write_1h", "output + reasoning"
	switch m {
	case Cost:
		return cost
	case Tokens:
		return input + " + " + output
	case InputTokens:
		return input
	case OutputTokens:
		return output
	default:
		return string(m)
	}
}

func sums(cost string) []string {
	out := []string{}
	for _, c := range append([]string{"requests", "attempts", "failures", cost, "unpriced"}, events.ClassNames()...) {
		out = append(out, "sum("+c+")")
	}
	return out
}

// places are where the sums of [sums] are scanned to.
func places(t *accounting.Totals) []any {
	out := []any{&t.Requests, &t.Attempts, &t.Failures, &t.Cost, &t.Unpriced}
	for _, amount := range t.Usage.Refs() {
		out = append(out, amount)
	}
	return out
}

// scan reads one row of the answer.
func (g grouping) scan(scan func(...any) error) (Row, error) {
	var (
		other  uint8
		start  int64
		labels = make([]string, len(g.by))
		t      accounting.Totals
		dest   = []any{&other}
	)
	for i, d := range g.by {
		if d.Span() {
			dest = append(dest, &start)
		} else {
			dest = append(dest, &labels[i])
		}
	}
	if err := scan(append(dest, places(&t)...)...); err != nil {
		return Row{}, err
	}
	row := Row{Labels: map[Dimension]string{}, Other: other == 1, Amounts: amounts(t)}
	for i, d := range g.by {
		if d.Span() {
			row.Start = time.Unix(start, 0).In(g.zone)
		} else {
			row.Labels[d] = labels[i]
		}
	}
	return row, nil
}
