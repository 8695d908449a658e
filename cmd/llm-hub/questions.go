package main

import (
	"context"
	"fmt"
	"time"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway"
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
	case admin.AboutHealth:
		return e.Health(ctx, f.Filter, query.Dimension(q.Span))
	case admin.AboutMovers:
		return e.Movers(ctx, query.Moves{
			Filter: f.Filter, Before: query.Period(q.Compare), By: query.Dimension(q.By), Metric: query.Metric(q.Metric), Limit: q.Limit,
		})
	}
	return nil, fmt.Errorf("nobody answers about %s", q.About)
}

// reprice prices usage by the book that is in force.
func (h *localHub) reprice(ctx context.Context, e *query.Engine, q admin.Question) (any, error) {
	if h.plane == nil {
		return nil, &gateway.Error{Kind: gateway.Unavailable, Public: "There is no configuration in this process, and so no prices."}
	}
	catalog := h.plane.Live().Current()
	price := func(t events.Target, at time.Time, u events.Usage) (int64, bool) {
		item := accounting.Item{Model: t.Model, At: at}
		if p := catalog.Providers[t.Provider]; p != nil {
			item.Kind = p.Kind
		}
		charge := catalog.Prices.Price(item, u)
		if charge.CostNanoUSD == nil {
			return 0, false
		}
		return *charge.CostNanoUSD, true
	}
	answer, err := e.Reprice(ctx, filterOf(q.TrafficFilter).Filter, price)
	if err != nil {
		return nil, queryError(err)
	}
	return struct {
		PriceVersion string `json:"price_version"`
		query.Repriced
	}{catalog.Prices.Version, answer}, nil
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
