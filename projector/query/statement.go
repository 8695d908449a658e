package query

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
)

// quarter is the grain of the roll-up.
const quarter = 15 * time.Minute

// statement is a question in the words of the tables.
type statement struct {
	sql     string
	params  map[string]any
	groupBy []Dimension
	zone    *time.Location
}

// statement puts fixed pieces of text together; which ones depends on the
// question, what they say does not.
func (q Question) statement() (statement, error) {
	zone, err := q.check()
	if err != nil {
		return statement{}, err
	}
	s := statement{params: map[string]any{}, groupBy: q.GroupBy, zone: zone}
	table, at, cost := "usage", "window_at", "ifNull(cost_nano_usd, 0)"
	s.params["from"], s.params["to"] = q.From.UnixNano(), q.To.UnixNano()
	bound := "fromUnixTimestamp64Nano({%s:Int64}, 'UTC')"
	if aligned(q.From) && aligned(q.To) {
		table, at, cost = "usage_15m", "bucket", "cost_nano_usd"
		s.params["from"], s.params["to"] = q.From.Unix(), q.To.Unix()
		bound = "toDateTime({%s:Int64}, 'UTC')"
	}
	var columns []string
	for _, d := range q.GroupBy {
		columns = append(columns, s.column(d, at))
	}
	where := fmt.Sprintf("%s >= "+bound+" AND %s < "+bound, at, "from", at, "to")
	for _, d := range Dimensions() { // in this order, so that equal questions are equal statements
		if values := q.Where[d]; len(values) > 0 {
			where += fmt.Sprintf(" AND %s IN {in_%s:Array(String)}", d, d)
			s.params["in_"+string(d)] = values
		}
	}
	s.sql = "SELECT " + strings.Join(append(slices.Clone(columns), sums(cost)...), ", ") +
		" FROM {db:Identifier}." + table + " WHERE " + where
	if len(columns) > 0 {
		places := make([]string, len(columns))
		for i := range columns {
			places[i] = fmt.Sprint(i + 1)
		}
		s.sql += " GROUP BY " + strings.Join(places, ", ") + " ORDER BY " + strings.Join(places, ", ")
	}
	s.sql += fmt.Sprintf(" LIMIT %d", maxRows+1)
	return s, nil
}

func aligned(t time.Time) bool { return t.Unix()%int64(quarter.Seconds()) == 0 && t.Nanosecond() == 0 }

// column is the expression of a dimension; a span is the Unix second of its start.
func (s *statement) column(d Dimension, at string) string {
	if d.Span() {
		s.params["zone"] = s.zone.String()
	}
	switch d {
	case Hour:
		return "toInt64(toUnixTimestamp(toStartOfHour(toDateTime(" + at + ", {zone:String}))))"
	case Day:
		return "toInt64(toUnixTimestamp(toStartOfDay(toDateTime(" + at + ", {zone:String}))))"
	case Month:
		return "toInt64(toUnixTimestamp(toDateTime(toStartOfMonth(toDateTime(" + at + ", {zone:String})), {zone:String})))"
	default:
		return "toString(" + string(d) + ")"
	}
}

func sums(cost string) []string {
	out := []string{}
	for _, c := range append([]string{"requests", "attempts", "failures", cost, "unpriced"}, events.ClassNames()...) {
		out = append(out, "sum("+c+")")
	}
	return out
}

// scan reads one row of the answer.
func (s *statement) scan(scan func(...any) error) (Row, error) {
	var (
		start  int64
		labels = make([]string, len(s.groupBy))
		t      accounting.Totals
		dest   []any
	)
	for i, d := range s.groupBy {
		if d.Span() {
			dest = append(dest, &start)
		} else {
			dest = append(dest, &labels[i])
		}
	}
	dest = append(dest, &t.Requests, &t.Attempts, &t.Failures, &t.Cost, &t.Unpriced)
	for _, amount := range t.Usage.Refs() {
		dest = append(dest, amount)
	}
	if err := scan(dest...); err != nil {
		return Row{}, err
	}
	row := Row{Labels: map[Dimension]string{}, Amounts: amounts(t)}
	for i, d := range s.groupBy {
		if d.Span() {
			row.Start = time.Unix(start, 0).In(s.zone)
		} else {
			row.Labels[d] = labels[i]
		}
	}
	return row, nil
}
