package main

import (
	"context"
	"errors"
	"strings"
	"time"

	api "github.com/llm-hub/llm-hub/client"
	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/admin"
	"github.com/llm-hub/llm-hub/projector/query"
	"github.com/llm-hub/llm-hub/projector/tables"
)

// usage answers /api/v1/usage from the tables; nil where there are none.
func (h *localHub) usage() func(context.Context, admin.UsageQuery) (admin.UsageTable, error) {
	if h.stores.tables == nil {
		return nil
	}
	engine := h.questions()
	return func(ctx context.Context, q admin.UsageQuery) (admin.UsageTable, error) {
		answer, err := engine.Usage(ctx, questionOf(q))
		if err != nil {
			return admin.UsageTable{}, queryError(err)
		}
		return tableOf(q, answer), nil
	}
}

// questions answers from the tables.
func (h *localHub) questions() *query.Engine {
	return query.New(h.stores.questions, h.liveTables())
}

// liveTables knows where the tables are, and how far.
func (h *localHub) liveTables() tables.LiveSource {
	return tables.LiveSource{Log: h.stores.whole, Bucket: h.stores.log}
}

func questionOf(q admin.UsageQuery) query.Question {
	return query.Question{
		Filter: filterOf(q.TrafficFilter).Filter, GroupBy: dimensionsOf(q.GroupBy), Top: q.Top, RankBy: query.Metric(q.RankBy),
		Compare: query.Period(q.Compare),
	}
}

func queryError(err error) error {
	if invalid, ok := errors.AsType[*query.InvalidError](err); ok {
		return &gateway.Error{Kind: gateway.Invalid, Param: invalid.Field, Public: "Parameter " + invalid.Error() + ".", Cause: err}
	}
	if errors.Is(err, query.ErrTooLarge) || errors.Is(err, query.ErrTooMany) {
		return &gateway.Error{Kind: gateway.Invalid, Public: sentence(err), Cause: err}
	}
	if errors.Is(err, query.ErrBusy) {
		return &gateway.Error{Kind: gateway.Unavailable, Public: sentence(err), RetryAfter: time.Second, Cause: err}
	}
	if errors.Is(err, tables.ErrNoTables) {
		return &gateway.Error{Kind: gateway.Unavailable, Public: "The tables are not made yet: a projector makes them when it starts.", RetryAfter: time.Second, Cause: err}
	}
	return &gateway.Error{Kind: gateway.Unavailable, Public: "The tables do not answer.", Cause: err}
}

// sentence is the text of an error for people.
func sentence(err error) string {
	text := err.Error()
	return strings.ToUpper(text[:1]) + text[1:] + "."
}

// tableOf turns an answer into the operator's table. A question without groups is
// answered by one row.
func tableOf(q admin.UsageQuery, a query.Answer) admin.UsageTable {
	out := admin.UsageTable{
		Rows: rowsOf(q, a.Rows, a.Totals), Totals: rowOf(a.Totals), Overlap: a.Overlap,
		AsOf: api.AsOf{Seq: a.AsOf.Seq, Behind: a.AsOf.Behind, Lag: a.AsOf.Lag.Seconds(), KeptSince: a.AsOf.KeptSince},
	}
	if a.Compared != nil {
		out.Compared, out.Before = rowsOf(q, a.Compared.Rows, a.Compared.Totals), rowOf(a.Compared.Totals)
	}
	return out
}

func rowsOf(q admin.UsageQuery, rows []query.Row, totals query.Amounts) []admin.UsageRow {
	if len(q.GroupBy) == 0 {
		return []admin.UsageRow{rowOf(totals)}
	}
	var out []admin.UsageRow
	for _, r := range rows {
		row := rowOf(r.Amounts)
		row.Other = r.Other
		for _, d := range q.GroupBy {
			if query.Dimension(d).Span() {
				row.Group = append(row.Group, r.Start.Format(time.RFC3339))
			} else {
				row.Group = append(row.Group, r.Labels[query.Dimension(d)])
			}
		}
		out = append(out, row)
	}
	return out
}

func rowOf(a query.Amounts) admin.UsageRow {
	return admin.UsageRow{
		Requests: a.Requests, Attempts: a.Attempts, Failures: a.Failures, Usage: a.Usage, CostNanoUSD: a.CostNanoUSD, Unpriced: a.Unpriced,
	}
}
