// Package export writes answers about usage as files for other programs: CSV that
// no spreadsheet takes for formulas, and JSON.
package export

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/llm-hub/llm-hub/projector/query"
)

// CSV writes a line with the names of the columns, then one for each row: the
// groups in the order of by, then the amounts. A start of a span is RFC 3339; an
// unknown cost is an empty field.
func CSV(w io.Writer, by []query.Dimension, a query.Answer) error {
	out := csv.NewWriter(w)
	header := make([]string, 0, len(by)+len(amountNames()))
	for _, d := range by {
		header = append(header, string(d))
	}
	if err := out.Write(append(header, amountNames()...)); err != nil {
		return fmt.Errorf("write csv: %w", err)
	}
	for _, r := range rows(by, a) {
		line := make([]string, 0, cap(header))
		for _, d := range by {
			line = append(line, safe(label(r, d)))
		}
		if err := out.Write(append(line, amountTexts(r.Amounts)...)); err != nil {
			return fmt.Errorf("write csv: %w", err)
		}
	}
	out.Flush()
	if err := out.Error(); err != nil {
		return fmt.Errorf("write csv: %w", err)
	}
	return nil
}

// rows are the rows of an answer; one without groups has its totals as its row.
func rows(by []query.Dimension, a query.Answer) []query.Row {
	if len(by) == 0 {
		return []query.Row{{Amounts: a.Totals}}
	}
	return a.Rows
}

func label(r query.Row, d query.Dimension) string {
	if d.Span() {
		return r.Start.Format(time.RFC3339)
	}
	return r.Labels[d]
}

// safe keeps a spreadsheet from running a name as a formula.
func safe(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return "'" + s
	}
	return s
}

func amountNames() []string {
	return []string{
		"requests", "attempts", "failures", "input", "cache_read", "cache_write", "cache_write_1h", "output", "reasoning",
		"cost_nano_usd", "unpriced",
	}
}

func amountTexts(a query.Amounts) []string {
	u := a.Usage
	out := make([]string, 0, len(amountNames()))
	for _, n := range []int64{
		a.Requests, a.Attempts, a.Failures, u.Input, u.CacheRead, u.CacheWrite, u.CacheWrite1h, u.Output, u.Reasoning,
	} {
		out = append(out, strconv.FormatInt(n, 10))
	}
	cost := ""
	if a.CostNanoUSD != nil {
		cost = strconv.FormatInt(*a.CostNanoUSD, 10)
	}
	return append(out, cost, strconv.FormatInt(a.Unpriced, 10))
}

// document is an answer as JSON.
type document struct {
	Rows   []map[string]any `json:"rows"`
	Totals map[string]any   `json:"totals"`
	AsOf   asOf             `json:"as_of"`
}

type asOf struct {
	Seq        uint64  `json:"seq"`
	Behind     uint64  `json:"behind"`
	LagSeconds float64 `json:"lag_seconds"`
}

// JSON writes one object: rows, totals, and which state of the books they show.
func JSON(w io.Writer, by []query.Dimension, a query.Answer) error {
	doc := document{
		Rows: make([]map[string]any, 0, len(a.Rows)), Totals: amountFields(a.Totals),
		AsOf: asOf{a.AsOf.Seq, a.AsOf.Behind, a.AsOf.Lag.Seconds()},
	}
	for _, r := range a.Rows {
		fields := amountFields(r.Amounts)
		for _, d := range by {
			fields[string(d)] = label(r, d)
		}
		doc.Rows = append(doc.Rows, fields)
	}
	out := json.NewEncoder(w)
	out.SetIndent("", "  ")
	if err := out.Encode(doc); err != nil {
		return fmt.Errorf("write json: %w", err)
	}
	return nil
}

func amountFields(a query.Amounts) map[string]any {
	u := a.Usage
	return map[string]any{
		"requests": a.Requests, "attempts": a.Attempts, "failures": a.Failures,
		"input": u.Input, "cache_read": u.CacheRead, "cache_write": u.CacheWrite, "cache_write_1h": u.CacheWrite1h,
		"output": u.Output, "reasoning": u.Reasoning, "cost_nano_usd": a.CostNanoUSD, "unpriced": a.Unpriced,
	}
}
