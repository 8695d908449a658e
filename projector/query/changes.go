package query

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// The dimensions of changes of the configuration, besides [Tenant] and the spans.
const (
	Sort   Dimension = "sort" // of the object
	Object Dimension = "object"
	Verb   Dimension = "verb" // made, set, removed
	Actor  Dimension = "actor"
	Cause  Dimension = "cause"
	Origin Dimension = "origin"
)

// ChangeDimensions lists what changes can be grouped by and filtered on.
func ChangeDimensions() []Dimension {
	return []Dimension{Tenant, Sort, Object, Verb, Actor, Cause, Origin}
}

// Changes says how often the configuration was changed.
type Changes struct {
	Rows  []ChangeRow `json:"rows"` // by their groups
	Total uint64      `json:"total"`
	Seq   uint64      `json:"as_of_seq"` // of the control stream: everything up to it is in it
}

// ChangeRow is one group.
type ChangeRow struct {
	Start   time.Time            `json:"start,omitzero"`
	Labels  map[Dimension]string `json:"group,omitempty"`
	Changes uint64               `json:"changes"`
}

// Changes counts the changes that the log took in a span of time. A scope of some
// tenants sees theirs, and none of the installation's.
func (e *Engine) Changes(ctx context.Context, f Filter, by []Dimension) (Changes, error) {
	zone, err := f.check(ChangeDimensions())
	if err != nil {
		return Changes{}, err
	}
	if err := checkGroups(by, ChangeDimensions()); err != nil {
		return Changes{}, err
	}
	var out Changes
	_, err = e.live(ctx, func(v *view) error {
		out = Changes{Rows: []ChangeRow{}}
		err := e.run(ctx, v.database, statement{sql: "SELECT max(seq) FROM {db:Identifier}.changes"}, func(scan func(...any) error) error {
			return scan(&out.Seq)
		})
		if err != nil {
			return err
		}
		return e.run(ctx, v.database, changesOf(f, by, zone), func(scan func(...any) error) error {
			row, err := scanChanges(scan, by, zone)
			if err != nil {
				return err
			}
			if len(out.Rows) == maxRows {
				return ErrTooLarge
			}
			out.Total += row.Changes
			out.Rows = append(out.Rows, row)
			return nil
		})
	})
	if err != nil {
		return Changes{}, fmt.Errorf("changes: %w", err)
	}
	return out, nil
}

func changesOf(f Filter, by []Dimension, zone *time.Location) statement {
	c := clause{params: map[string]any{"from": f.From.UnixNano(), "to": f.To.UnixNano()}}
	c.and("logged >= fromUnixTimestamp64Nano({from:Int64}, 'UTC') AND logged < fromUnixTimestamp64Nano({to:Int64}, 'UTC')")
	f.scoped(&c)
	if f.Scope.user != "" {
		c.and("0") // no change is one user's alone
	}
	for _, d := range ChangeDimensions() {
		if values := f.Where[d]; len(values) > 0 {
			c.and(d.is("in_" + string(d)))
			c.params["in_"+string(d)] = values
		}
	}
	selected, places := []string{}, []string{}
	for i, d := range by {
		places = append(places, fmt.Sprint(i+1))
		if d.Span() {
			c.params["zone"] = zone.String()
			selected = append(selected, d.start("logged"))
			continue
		}
		selected = append(selected, "toString("+string(d)+")")
	}
	sql := "SELECT " + strings.Join(append(selected, "count()"), ", ") + " FROM {db:Identifier}.changes FINAL WHERE " + c.where()
	if len(by) > 0 {
		sql += " GROUP BY " + strings.Join(places, ", ") + " ORDER BY " + strings.Join(places, ", ")
	}
	return statement{sql: sql + fmt.Sprintf(" LIMIT %d", maxRows+1), params: c.params}
}

func scanChanges(scan func(...any) error, by []Dimension, zone *time.Location) (ChangeRow, error) {
	var row ChangeRow
	var start int64
	labels := make([]string, len(by))
	var dest []any
	for i, d := range by {
		if d.Span() {
			dest = append(dest, &start)
		} else {
			dest = append(dest, &labels[i])
		}
	}
	if err := scan(append(dest, &row.Changes)...); err != nil {
		return row, err
	}
	for i, d := range by {
		if d.Span() {
			row.Start = time.Unix(start, 0).In(zone)
			continue
		}
		if row.Labels == nil {
			row.Labels = map[Dimension]string{}
		}
		row.Labels[d] = labels[i]
	}
	return row, nil
}
