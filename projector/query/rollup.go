package query

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/llm-hub/llm-hub/projector"
)

// quarter is the grain of the roll-ups: every time zone in use starts its hours,
// days and months on one.
const quarter = 15 * time.Minute

// Names of the column of time.
const (
	momentColumn = "window_at" // of rows
	rolledColumn = "at"        // of what [rollUp.source] selects: the start of a quarter, or a moment within one
)

// rollUp is a table and the one that adds up its rows by quarters.
type rollUp struct {
	rows, sums string
	lifted     map[string]string // columns of sums, as expressions of rows
	// coarse are dimensions by which sums are added up once more, in its projection: what
	// asks for no others reads a small part.
	coarse []Dimension
	// horizon is from when on the rows are there.
	horizon func(projector.Kept) time.Time
}

func usageRollUp() rollUp {
	return rollUp{
		rows: "usage", sums: "usage_15m", lifted: map[string]string{"cost_nano_usd": "ifNull(cost_nano_usd, 0)"},
		coarse: []Dimension{Tenant, Model, Provider, UpstreamModel}, horizon: func(k projector.Kept) time.Time { return k.Usage },
	}
}

// isCoarse tells whether the projection can answer, and which of the columns are dimensions.
func (r rollUp) isCoarse(f Filter, columns []string) (dimensions []string, coarse bool) {
	for _, c := range columns {
		if i := slices.IndexFunc(AllDimensions(), func(d Dimension) bool { return d.name() == c }); i >= 0 {
			d := AllDimensions()[i]
			dimensions = append(dimensions, c)
			if !slices.Contains(r.coarse, d) {
				return nil, false
			}
		}
	}
	for d := range f.Where {
		if !slices.Contains(r.coarse, d) {
			return nil, false
		}
	}
	return dimensions, r.coarse != nil && f.Scope.user == ""
}

func requestsRollUp() rollUp {
	return rollUp{rows: "requests", sums: "requests_15m", horizon: func(k projector.Kept) time.Time { return k.Requests }}
}

// source selects columns, and [rolledColumn], of what a filter lets through: whole
// quarters from the roll-up, and from the rows what is left of one at both ends. So
// any span is answered exactly, at the price of its quarters. The values are bound
// as parameters of c, whose names for bounds of time begin with prefix.
func (r rollUp) source(f Filter, columns []string, c *clause, prefix string) string {
	inner := f.conditions()
	for name, value := range inner.params {
		c.params[name] = value
	}
	start, end := ceil(f.From), f.To.Truncate(quarter)
	var parts []string
	whole := start.Before(end)
	if whole {
		c.params[prefix+"start"], c.params[prefix+"end"] = start.Unix(), end.Unix()
		times := fmt.Sprintf("bucket >= toDateTime({%sstart:Int64}, 'UTC') AND bucket < toDateTime({%send:Int64}, 'UTC')", prefix, prefix)
		if dimensions, coarse := r.isCoarse(f, columns); coarse {
			parts = append(parts, r.part(r.sums, "bucket", added(columns, dimensions), inner, times)+
				" GROUP BY "+strings.Join(append([]string{"bucket"}, dimensions...), ", "))
		} else {
			parts = append(parts, r.part(r.sums, "bucket", columns, inner, times))
		}
	}
	rows := make([]string, len(columns))
	for i, column := range columns {
		if rows[i] = column; r.lifted[column] != "" {
			rows[i] = r.lifted[column] + " AS " + column
		}
	}
	ends := [][2]time.Time{{f.From, f.To}}
	if whole {
		ends = [][2]time.Time{{f.From, start}, {end, f.To}}
	}
	for i, span := range ends {
		if whole && !span[0].Before(span[1]) { // without any quarter there is one span, maybe of no time
			continue
		}
		from, to := fmt.Sprintf("%sfrom%d", prefix, i), fmt.Sprintf("%sto%d", prefix, i)
		c.params[from], c.params[to] = span[0].UnixNano(), span[1].UnixNano()
		parts = append(parts, r.part(r.rows, "toDateTime(window_at, 'UTC')", rows, inner, moments(from, to)))
	}
	return "(" + strings.Join(parts, " UNION ALL ") + ")"
}

// added selects columns with those added up that are no dimensions.
func added(columns, dimensions []string) []string {
	out := make([]string, len(columns))
	for i, c := range columns {
		if out[i] = c; !slices.Contains(dimensions, c) {
			out[i] = "sum(" + c + ") AS " + c
		}
	}
	return out
}

func (r rollUp) part(table, at string, columns []string, conditions clause, times string) string {
	conditions.and(times)
	return fmt.Sprintf("SELECT %s FROM {db:Identifier}.%s WHERE %s", strings.Join(append([]string{at + " AS at"}, columns...), ", "), table, conditions.where())
}

// ceil is the first quarter that starts at t or later.
func ceil(t time.Time) time.Time {
	if start := t.Truncate(quarter); start.Before(t) {
		return start.Add(quarter)
	}
	return t
}
