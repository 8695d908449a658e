package query

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Latency asks how long answered requests took.
type Latency struct {
	RequestFilter
	GroupBy []Dimension // as in [Question], of all dimensions of requests but Tag
}

// LatencyTable is the answer.
type LatencyTable struct {
	Rows []LatencyRow `json:"rows"`
	All  LatencyRow   `json:"all"` // of all rows together: percentiles cannot be added up
	AsOf AsOf         `json:"as_of"`
}

// LatencyRow is one group: how many requests, and the percentiles of those that
// have one. They are exact within 1 % of their value, whatever the order of merges.
type LatencyRow struct {
	Start     time.Time            `json:"start,omitzero"`
	Labels    map[Dimension]string `json:"group,omitempty"`
	Requests  uint64               `json:"requests"`
	FirstByte Percentiles          `json:"first_byte_ns"`
	Total     Percentiles          `json:"total_ns"`
	Speed     Percentiles          `json:"tokens_per_second"` // answer tokens from first to last byte
}

// Percentiles are of the requests that have the value: Count of them.
type Percentiles struct {
	Count uint64  `json:"count"`
	P50   float64 `json:"p50"`
	P90   float64 `json:"p90"`
	P95   float64 `json:"p95"`
	P99   float64 `json:"p99"`
}

func (p *Percentiles) set(values []float64) {
	if p.Count > 0 && len(values) == 4 {
		p.P50, p.P90, p.P95, p.P99 = values[0], values[1], values[2], values[3]
	}
}

// percentiles selects the percentiles of value and the number of those they are of,
// where holds.
func percentiles(value, where string) string {
	return fmt.Sprintf("countIf(%s), quantilesDDIf(%s)(%s, %s)", where, quantileLevels, value, where)
}

// quantileLevels are the bound of the error, and the percentiles of [Percentiles].
const quantileLevels = "0.01, 0.5, 0.9, 0.95, 0.99"

// measures are what [LatencyRow] tells the percentiles of: of which rows, of which value.
func measures() [][2]string {
	return [][2]string{
		{"first_byte_ns > 0", "first_byte_ns"}, {"total_ns > 0", "total_ns"},
		{"output_tokens > 0 AND first_byte_ns > 0 AND total_ns > first_byte_ns", "output_tokens * 1e9 / (total_ns - first_byte_ns)"},
	}
}

// Latency answers the question: of admitted requests, not of refusals.
func (e *Engine) Latency(ctx context.Context, q Latency) (LatencyTable, error) {
	zone, err := q.check()
	if err != nil {
		return LatencyTable{}, err
	}
	if err := checkGroups(q.GroupBy, singleDimensions()); err != nil {
		return LatencyTable{}, err
	}
	var t LatencyTable
	t.AsOf, err = e.live(ctx, func(v *view) error {
		q := q
		q.RequestFilter = v.rows(q.RequestFilter)
		t.Rows, t.All = []LatencyRow{}, LatencyRow{}
		return e.run(ctx, v.database, q.statement(zone), func(scan func(...any) error) error {
			row, all, err := scanLatency(scan, q.GroupBy, zone)
			switch {
			case all:
				t.All = row
			case len(t.Rows) == maxRows:
				return ErrTooLarge
			default:
				t.Rows = append(t.Rows, row)
			}
			return err
		})
	})
	if err != nil {
		return LatencyTable{}, fmt.Errorf("latency: %w", err)
	}
	return t, nil
}

// statement selects the groups, and all of them together: rows are read and added up by
// group once, and the groups then added up to all.
func (q Latency) statement(zone *time.Location) statement {
	c := q.clause()
	c.and("outcome != 'rejected'")
	if slices.ContainsFunc(q.GroupBy, Dimension.Span) {
		c.params["zone"] = zone.String()
	}
	var inner, outer, places []string
	all := "toUInt8(1)"
	for i, d := range q.GroupBy {
		place := fmt.Sprintf("d%d", i)
		places = append(places, place)
		all = fmt.Sprintf("toUInt8(grouping(%s))", place)
		if d.Span() {
			inner, outer = append(inner, d.start(momentColumn)+" AS "+place), append(outer, place)
		} else {
			inner, outer = append(inner, d.column()+" AS "+place), append(outer, "toString("+place+")")
		}
	}
	inner, outer = append(inner, "count() AS n"), append(outer, all+" AS whole", "sum(n)")
	for i, m := range measures() {
		inner = append(inner, fmt.Sprintf("countIf(%s) AS n%d, quantilesDDStateIf(%s)(%s, %s) AS q%d", m[0], i, quantileLevels, m[1], m[0], i))
		outer = append(outer, fmt.Sprintf("sum(n%d), quantilesDDMerge(%s)(q%d)", i, quantileLevels, i))
	}
	groups := "SELECT " + strings.Join(inner, ", ") + " FROM " + rows("requests", c)
	end := ""
	if len(places) > 0 {
		by := strings.Join(places, ", ")
		groups += " GROUP BY " + by
		end = " GROUP BY GROUPING SETS ((" + by + "), ()) ORDER BY whole DESC, " + by
	}
	sql := "SELECT " + strings.Join(outer, ", ") + " FROM (" + groups + ")" + end
	return statement{sql: sql + fmt.Sprintf(" LIMIT %d", maxRows+2), params: c.params}
}

// scanLatency reads a group; all tells that it is all of them together.
func scanLatency(scan func(...any) error, by []Dimension, zone *time.Location) (r LatencyRow, all bool, err error) {
	var start int64
	var whole uint8
	labels := make([]string, len(by))
	var dest []any
	for i, d := range by {
		if d.Span() {
			dest = append(dest, &start)
		} else {
			dest = append(dest, &labels[i])
		}
	}
	var first, total, speed []float64
	dest = append(dest, &whole, &r.Requests, &r.FirstByte.Count, &first, &r.Total.Count, &total, &r.Speed.Count, &speed)
	if err := scan(dest...); err != nil {
		return r, false, err
	}
	r.FirstByte.set(first)
	r.Total.set(total)
	r.Speed.set(speed)
	if whole == 1 {
		return r, true, nil
	}
	for i, d := range by {
		if d.Span() {
			r.Start = time.Unix(start, 0).In(zone)
			continue
		}
		if r.Labels == nil {
			r.Labels = map[Dimension]string{}
		}
		r.Labels[d] = labels[i]
	}
	return r, false, nil
}
