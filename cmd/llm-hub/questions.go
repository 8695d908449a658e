package main

import (
	"context"
	"fmt"

	"github.com/llm-hub/llm-hub/gateway/admin"
	"github.com/llm-hub/llm-hub/projector/query"
)

// ask answers the questions about traffic from the tables; nil where there are none.
func (h *localHub) ask() func(context.Context, admin.Question) (any, error) {
	if h.stores.tables == nil {
		return nil
	}
	engine := h.questions()
	return func(ctx context.Context, q admin.Question) (any, error) {
		if q.About == admin.AboutRepriced {
			return h.reprice(ctx, engine, q)
		}
		answer, err := askOf(ctx, engine, q)
		if err != nil {
			return nil, queryError(err)
		}
		return answer, nil
	}
}

func askOf(ctx context.Context, e *query.Engine, q admin.Question) (any, error) {
	f := filterOf(q.TrafficFilter)
	switch q.About {
	case admin.AboutRequests:
		page := query.Page{RequestFilter: f, Limit: q.Limit}
		if q.Cursor != "" {
			var err error
			if page.After, err = query.ParseCursor(q.Cursor); err != nil {
				return nil, err
			}
		}
		return e.Requests(ctx, page)
	case admin.AboutFacets:
		return e.Facets(ctx, f)
	case admin.AboutHistogram:
		return e.Histogram(ctx, f, query.Dimension(q.Span))
	case admin.AboutLatency:
		return e.Latency(ctx, query.Latency{RequestFilter: f, GroupBy: dimensionsOf(q.GroupBy)})
	case admin.AboutErrors:
		return e.Errors(ctx, f.Filter)
	case admin.AboutChanges:
		return e.Changes(ctx, f.Filter, dimensionsOf(q.GroupBy))
	case admin.AboutHealth:
		return e.Health(ctx, f.Filter, query.Dimension(q.Span))
	case admin.AboutMovers:
		return e.Movers(ctx, query.Moves{
			Filter: f.Filter, Before: query.Period(q.Compare), By: query.Dimension(q.By), Metric: query.Metric(q.Metric), Limit: q.Limit,
		})
	}
	return nil, fmt.Errorf("nobody answers about %s", q.About)
}

func filterOf(f admin.TrafficFilter) query.RequestFilter {
	out := query.RequestFilter{
		Filter:   query.Filter{Scope: scopeOf(f.Scope), From: f.From, To: f.To, Zone: f.Zone.String(), Where: map[query.Dimension][]string{}},
		MinTotal: f.MinTotal, MinFirstByte: f.MinFirstByte, MinCost: f.MinCost,
	}
	for d, values := range f.Where {
		out.Where[query.Dimension(d)] = values
	}
	return out
}

func scopeOf(s admin.Scope) query.Scope {
	if s.Everyone {
		return query.Everyone()
	}
	return query.Of(s.Tenants...).Only(s.User)
}

func dimensionsOf(list []admin.Dimension) []query.Dimension {
	var out []query.Dimension
	for _, d := range list {
		out = append(out, query.Dimension(d))
	}
	return out
}
