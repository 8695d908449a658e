package query

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// byTag makes the groups of each tag from rows that are grouped by all tags of a
// fact together.
func (g grouping) byTag(rows []Row) []Row {
	sums := map[string]*Row{}
	for _, r := range rows {
		for tag := range strings.SplitSeq(r.Labels[Tag], ",") {
			key := fmt.Sprint(r.Start.Unix(), r.Other)
			labels := map[Dimension]string{}
			for _, d := range g.by {
				if d.Span() {
					continue
				}
				if labels[d] = r.Labels[d]; d == Tag {
					labels[d] = tag
				}
				key += "," + labels[d]
			}
			if sum := sums[key]; sum != nil {
				sum.Amounts = sum.Plus(r.Amounts)
				continue
			}
			sums[key] = &Row{Start: r.Start, Labels: labels, Other: r.Other, Amounts: r.Amounts}
		}
	}
	out := make([]Row, 0, len(sums))
	for _, r := range sums {
		out = append(out, *r)
	}
	slices.SortFunc(out, g.compare)
	return out
}

// compare orders rows as the tables give them: by their groups, what is other last.
func (g grouping) compare(a, b Row) int {
	for _, d := range g.by {
		order := cmp.Compare(a.Labels[d], b.Labels[d])
		if d.Span() {
			order = a.Start.Compare(b.Start)
		}
		if order != 0 {
			return order
		}
	}
	switch {
	case a.Other == b.Other:
		return 0
	case a.Other:
		return 1
	}
	return -1
}

// tagFacet counts requests by each tag, from counts by all tags of a request.
func tagFacet(counts map[string]int64) *Facet {
	byTag := map[string]int64{}
	for tags, n := range counts {
		for tag := range strings.SplitSeq(tags, ",") {
			byTag[tag] += n
		}
	}
	f := &Facet{Dimension: Tag, Values: []FacetValue{}}
	for tag, n := range byTag {
		f.Values = append(f.Values, FacetValue{tag, n})
	}
	slices.SortFunc(f.Values, func(a, b FacetValue) int {
		return cmp.Or(cmp.Compare(b.Requests, a.Requests), cmp.Compare(a.Value, b.Value))
	})
	f.Values = f.Values[:min(len(f.Values), facetValues)]
	for tags, n := range counts {
		told := func(v FacetValue) bool { return slices.Contains(strings.Split(tags, ","), v.Value) }
		if !slices.ContainsFunc(f.Values, told) {
			f.Other += n
		}
	}
	return f
}
