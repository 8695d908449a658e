package query

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// facetValues is how many values of a dimension are told, those with the most requests.
const facetValues = 50

// Facets says of what the requests of a filter are.
type Facets struct {
	Facets []Facet `json:"facets"`
	AsOf   AsOf    `json:"as_of"`
}

// Facet is one dimension: how many requests have which value. Its own filter does
// not apply to it, so that one sees what else could be chosen.
type Facet struct {
	Dimension Dimension    `json:"dimension"`
	Values    []FacetValue `json:"values"` // most first
	Other     int64        `json:"other"`  // requests of all other values
}

// FacetValue is a value and its requests.
type FacetValue struct {
	Value    string `json:"value"`
	Requests int64  `json:"requests"`
}

// counted selects dimensions, the time and the number n of the requests that the
// filter lets through: added up already, if only dimensions decide.
func (f RequestFilter) counted(by []Dimension, c *clause) (source, at string) {
	columns := []string{"count"}
	for _, d := range by {
		columns = append(columns, d.name())
	}
	if f.plain() {
		return requestsRollUp().source(f.Filter, columns, c, ""), rolledColumn
	}
	*c = f.clause()
	return fmt.Sprintf("(SELECT window_at, %s FROM %s)", strings.Join(columns, ", "), rows("requests", *c)), momentColumn
}

// Facets counts the requests of a filter by each dimension.
func (e *Engine) Facets(ctx context.Context, f RequestFilter) (Facets, error) {
	if _, err := f.check(); err != nil {
		return Facets{}, err
	}
	var out Facets
	var err error
	out.AsOf, err = e.live(ctx, func(v *view) error {
		counts := map[Dimension]*Facet{}
		f, err := v.counted(f)
		if err != nil {
			return err
		}
		free := slices.DeleteFunc(AllDimensions(), func(d Dimension) bool { return d == Tag || len(f.Where[d]) > 0 })
		if err := e.facets(ctx, v.database, f, free, counts); err != nil {
			return err
		}
		for _, d := range append(slices.Collect(maps.Keys(f.Where)), Tag) {
			if counts[d] != nil {
				continue
			}
			without := f
			without.Where = map[Dimension][]string{}
			for other, values := range f.Where {
				if other != d {
					without.Where[other] = values
				}
			}
			count := e.facets
			if d == Tag {
				count = e.tagFacet
			}
			if err := count(ctx, v.database, without, []Dimension{d}, counts); err != nil {
				return err
			}
		}
		out.Facets = nil
		for _, d := range AllDimensions() {
			out.Facets = append(out.Facets, *counts[d])
		}
		return nil
	})
	if err != nil {
		return Facets{}, fmt.Errorf("facets: %w", err)
	}
	return out, nil
}

// facets counts by some dimensions, in one reading of the table.
func (e *Engine) facets(ctx context.Context, database string, f RequestFilter, by []Dimension, out map[Dimension]*Facet) error {
	for _, d := range by {
		out[d] = &Facet{Dimension: d, Values: []FacetValue{}}
	}
	if len(by) == 0 {
		return nil
	}
	c := clause{params: map[string]any{}}
	source, _ := f.counted(by, &c)
	var columns, sets, value, name []string
	for i, d := range by {
		alias := fmt.Sprintf("d%d", i)
		columns = append(columns, d.column()+" AS "+alias)
		sets = append(sets, "("+alias+")")
		name = append(name, fmt.Sprintf("grouping(%s) = 0, '%s'", alias, d))
		value = append(value, fmt.Sprintf("grouping(%s) = 0, toString(%s)", alias, alias))
	}
	// Of each row exactly one dimension is grouped by; the others are empty.
	inner := fmt.Sprintf("SELECT multiIf(%s, '') AS facet, multiIf(%s, '') AS value, toInt64(sum(n)) AS requests "+
		"FROM (SELECT %s, count AS n FROM %s) GROUP BY GROUPING SETS (%s)",
		strings.Join(name, ", "), strings.Join(value, ", "), strings.Join(columns, ", "), source, strings.Join(sets, ", "))
	s := statement{params: c.params, sql: "SELECT facet, value, requests, sum(requests) OVER (PARTITION BY facet) AS whole FROM (" + inner +
		fmt.Sprintf(") ORDER BY facet, requests DESC, value LIMIT %d BY facet", facetValues)}
	return e.run(ctx, database, s, func(scan func(...any) error) error {
		var facet, v string
		var n, whole int64
		if err := scan(&facet, &v, &n, &whole); err != nil {
			return err
		}
		to := out[Dimension(facet)]
		if to == nil {
			return fmt.Errorf("facet %q was not asked for", facet)
		}
		if len(to.Values) == 0 {
			to.Other = whole
		}
		to.Other -= n
		to.Values = append(to.Values, FacetValue{v, n})
		return nil
	})
}

// tagFacet counts by tags.
func (e *Engine) tagFacet(ctx context.Context, database string, f RequestFilter, by []Dimension, out map[Dimension]*Facet) error {
	c := clause{params: map[string]any{}}
	source, _ := f.counted(by, &c)
	counts := map[string]int64{}
	s := statement{params: c.params, sql: fmt.Sprintf("SELECT toString(tags), toInt64(sum(count)) FROM %s GROUP BY 1 LIMIT %d", source, maxRows+1)}
	err := e.run(ctx, database, s, func(scan func(...any) error) error {
		var tags string
		var n int64
		if err := scan(&tags, &n); err != nil {
			return err
		}
		if counts[tags] = n; len(counts) > maxRows {
			return ErrTooLarge
		}
		return nil
	})
	out[Tag] = tagFacet(counts)
	return err
}

// Histogram is requests over time.
type Histogram struct {
	Span   Dimension `json:"span"`
	Bars   []Bar     `json:"bars"` // those that hold requests, in order of time
	Totals Bar       `json:"totals"`
	AsOf   AsOf      `json:"as_of"`
}

// Bar is the requests of one span, by their outcome.
type Bar struct {
	Start    time.Time        `json:"start,omitzero"`
	Requests int64            `json:"requests"`
	Outcomes map[string]int64 `json:"outcomes"`
}

func (b *Bar) add(outcome string, n int64) {
	if b.Outcomes == nil {
		b.Outcomes = map[string]int64{}
	}
	b.Requests += n
	b.Outcomes[outcome] += n
}

// Histogram counts the requests of a filter by span and outcome.
func (e *Engine) Histogram(ctx context.Context, f RequestFilter, span Dimension) (Histogram, error) {
	zone, err := f.check()
	if err != nil {
		return Histogram{}, err
	}
	if !span.Span() {
		return Histogram{}, &InvalidError{"span", fmt.Sprintf("%q is not one of %v", span, Spans())}
	}
	h := Histogram{Span: span}
	h.AsOf, err = e.live(ctx, func(v *view) error {
		f, err := v.counted(f)
		if err != nil {
			return err
		}
		c := clause{params: map[string]any{}}
		source, at := f.counted([]Dimension{Outcome}, &c)
		c.params["zone"] = zone.String()
		s := statement{params: c.params, sql: fmt.Sprintf("SELECT %s, toString(outcome), toInt64(sum(count)) FROM %s "+
			"GROUP BY 1, 2 ORDER BY 1, 2 LIMIT %d", span.start(at), source, maxRows+1)}
		h.Bars, h.Totals = []Bar{}, Bar{Outcomes: map[string]int64{}}
		rows := 0
		return e.run(ctx, v.database, s, func(scan func(...any) error) error {
			var start, n int64
			var outcome string
			if err := scan(&start, &outcome, &n); err != nil {
				return err
			}
			if rows++; rows > maxRows {
				return ErrTooLarge
			}
			if begin := time.Unix(start, 0).In(zone); len(h.Bars) == 0 || !h.Bars[len(h.Bars)-1].Start.Equal(begin) {
				h.Bars = append(h.Bars, Bar{Start: begin})
			}
			h.Bars[len(h.Bars)-1].add(outcome, n)
			h.Totals.add(outcome, n)
			return nil
		})
	})
	if err != nil {
		return Histogram{}, fmt.Errorf("histogram: %w", err)
	}
	return h, nil
}
