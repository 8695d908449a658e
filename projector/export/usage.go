package export

import (
	"slices"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/projector/query"
)

// Usage writes the rows of an answer: its groups, whether it is the others of a
// ranking, and the amounts.
func Usage(q query.Question, a query.Answer, begin func([]Column) (Writer, error)) error {
	var columns []Column
	for _, d := range q.GroupBy {
		kind := Text
		if d.Span() {
			kind = Moment
		}
		columns = append(columns, Column{Name: string(d), Kind: kind})
	}
	if q.Top > 0 {
		columns = append(columns, Column{Name: "other", Kind: Boolean})
	}
	w, err := begin(append(columns, amountColumns()...))
	if err != nil {
		return err
	}
	rows := a.Rows
	if len(q.GroupBy) == 0 {
		rows = []query.Row{{Amounts: a.Totals}}
	}
	for _, r := range rows {
		var line []any
		for _, d := range q.GroupBy {
			if d.Span() {
				line = append(line, r.Start)
			} else {
				line = append(line, r.Labels[d])
			}
		}
		if q.Top > 0 {
			line = append(line, r.Other)
		}
		if err := w.Row(append(line, amountValues(r.Amounts)...)); err != nil {
			return err
		}
	}
	return w.Close()
}

func amountColumns() []Column {
	names := slices.Concat([]string{"requests", "attempts", "failures", "input_tokens", "output_tokens"}, events.ClassNames(), []string{"unpriced"})
	var out []Column
	for _, name := range names {
		out = append(out, Column{Name: name, Kind: Integer})
	}
	return append(out, Column{"cost_nano_usd", Integer, true}, Column{"cost_usd", Text, true})
}

// amountValues are those of [amountColumns]; an unknown cost is none.
func amountValues(a query.Amounts) []any {
	out := []any{a.Requests, a.Attempts, a.Failures, a.Usage.InputTotal(), a.Usage.OutputTotal()}
	for _, n := range a.Usage.Amounts() {
		out = append(out, n)
	}
	out = append(out, a.Unpriced)
	if a.CostNanoUSD == nil {
		return append(out, nil, nil)
	}
	return append(out, *a.CostNanoUSD, accounting.FormatUSD(*a.CostNanoUSD))
}
