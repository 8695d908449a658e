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

// statement puts fixed pieces of text together; which ones depends on the
// question, what they say does not.
func (g grouping) statement(f Filter) statement {
	c := clause{params: map[string]any{}}
	if slices.ContainsFunc(g.by, Dimension.Span) {
		c.params["zone"] = g.zone.String()
	}
	columns := amountColumns()
	selected, groups, places := []string{"toUInt8(0)"}, []string{}, []string{}
	for i, d := range g.by {
		places = append(places, fmt.Sprint(i+2))
		if d.Span() {
			selected, groups = append(selected, d.start(rolledColumn)), append(groups, d.start(rolledColumn))
			continue
		}
		value := d.name()
		switch {
		case d == Tag && d == g.ranked:
			value = "arrayStringConcat(arraySort(arrayIntersect(" + eachTag + ", kept)), ',')"
		case d == g.ranked:
			value = fmt.Sprintf("if(other = 1, toLowCardinality(''), %s)", d)
		}
		selected, groups = append(selected, "toString("+value+")"), append(groups, value) // by numbers of words, not by words
		columns = append(columns, d.name())
	}
	source := usageRollUp().source(f, columns, &c, "")
	if g.top > 0 {
		selected[0], groups, places = "other", append(groups, "other"), append(places, "other")
		other := fmt.Sprintf("toUInt8(%s NOT IN (%s))", g.ranked, g.ranking(&c))
		if g.ranked == Tag {
			other = "(SELECT groupArray(place) FROM (" + g.ranking(&c) + ")) AS kept, toUInt8(NOT hasAny(" + eachTag + ", kept))"
		}
		source = fmt.Sprintf("(SELECT *, %s AS other FROM %s)", other, source)
	}
	sql := fmt.Sprintf("SELECT %s FROM %s", strings.Join(append(selected, sums(nil)...), ", "), source)
	if len(g.by) > 0 {
		sql += " GROUP BY " + strings.Join(groups, ", ") + " ORDER BY " + strings.Join(places, ", ")
	}
	return statement{sql: sql + fmt.Sprintf(" LIMIT %d", maxRows+1), params: c.params}
}

// ranking selects the groups that are kept. Equal ones rank by their names.
func (g grouping) ranking(c *clause) string {
	amounts := g.metric.columns()
	place := g.ranked.name()
	if g.ranked == Tag {
		place = "arrayJoin(" + eachTag + ")"
	}
	return fmt.Sprintf("SELECT %s AS place FROM %s GROUP BY 1 ORDER BY sum(%s) DESC, 1 LIMIT %d",
		place, usageRollUp().source(g.kept, append(amounts, g.ranked.name()), c, "rank_"), strings.Join(amounts, " + "), g.top)
}

// columns are those whose sum is the amount of one row.
func (m Metric) columns() []string {
	switch m {
	case Cost:
		return []string{"cost_nano_usd"}
	case Tokens:
		return classes(events.Usage.Total)
	case InputTokens:
		return classes(events.Usage.InputTotal)
	case OutputTokens:
		return classes(events.Usage.OutputTotal)
	default:
		return []string{string(m)}
	}
}

// classes are the columns of the classes that a total counts.
func classes(total func(events.Usage) int64) []string {
	var counted []string
	for i, name := range events.ClassNames() {
		var one events.Usage
		if *one.Refs()[i] = 1; total(one) == 1 {
			counted = append(counted, name)
		}
	}
	return counted
}

// amountColumns are the columns that are added up.
func amountColumns() []string {
	return append([]string{"requests", "attempts", "failures", "cost_nano_usd", "unpriced"}, events.ClassNames()...)
}

// sums adds up [amountColumns], some of which are lifted to other expressions.
func sums(lifted map[string]string) []string {
	out := []string{}
	for _, c := range amountColumns() {
		if expression := lifted[c]; expression != "" {
			c = expression
		}
		out = append(out, "sum("+c+")")
	}
	return out
}

// places are where the sums of [amountColumns] are scanned to.
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
	row := Row{Labels: map[Dimension]string{}, Other: other == 1, Amounts: AmountsOf(t)}
	for i, d := range g.by {
		if d.Span() {
			row.Start = time.Unix(start, 0).In(g.zone)
		} else {
			row.Labels[d] = labels[i]
		}
	}
	return row, nil
}
