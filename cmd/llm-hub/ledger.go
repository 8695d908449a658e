package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"text/tabwriter"
	"time"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway/admin"
	"github.com/llm-hub/llm-hub/projector/ledger"
)

// budgetsCmd shows how limits stand, or stood.
type budgetsCmd struct {
	remote
	output
	Tenant string `help:"Only this tenant."`
	At     string `help:"As it was at this time (RFC 3339 or a date in UTC): the log is folded up to it." placeholder:"TIME"`
}

// Run prints a line for each limit.
func (c *budgetsCmd) Run(ctx context.Context, w world) error {
	q := url.Values{}
	set(q, "tenant", c.Tenant)
	set(q, "at", c.At)
	if c.At != "" {
		q.Set("progress", "true")
	}
	return c.exchange(ctx, w, message{method: http.MethodGet, path: apiBase + "budgets", query: q, logOnly: true}, func(body io.Reader) error {
		read := io.ReadAll
		if c.At != "" {
			read = func(r io.Reader) ([]byte, error) {
				return readResult(r, func(p json.RawMessage) { fmt.Fprintf(w.err, "%s\n", p) })
			}
		}
		raw, err := read(body)
		if err != nil {
			return err
		}
		if c.Output == "json" {
			return printJSON(w.out, raw)
		}
		var b admin.Budgets
		if err := json.Unmarshal(raw, &b); err != nil {
			return fmt.Errorf("budgets: %w", err)
		}
		return printBudgets(w.out, b)
	})
}

func printBudgets(w io.Writer, b admin.Budgets) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "SCOPE\tID\tLIMIT\tUSED\tLEFT\tRESET\tA DAY\tFORECAST\tUSED UP")
	for _, r := range b.Rows {
		unit := func(n int64) string { return amountText(r.Limit.Of, n) }
		reset, pace, forecast, empty := "never", "-", "-", "-" // of what never ends nothing is foretold
		if !r.ResetAt.IsZero() {
			reset, pace, forecast = r.ResetAt.Format(time.RFC3339), unit(r.PerDay), unit(r.Forecast)
		}
		if !r.EmptyAt.IsZero() {
			empty = r.EmptyAt.Format(time.RFC3339)
		}
		fmt.Fprintf(t, "%s\t%s\t%s %s per %s, %s\t%s\t%s\t%s\t%s\t%s\t%s\n", r.Scope, r.ID, unit(r.Limit.Max), r.Limit.Of, r.Limit.Per, r.Limit.Mode,
			unit(r.Used), unit(r.Left), reset, pace, forecast, empty)
	}
	if !b.At.IsZero() {
		fmt.Fprintf(t, "at %s: log sequence %d, control message %d\n", b.At.Format(time.RFC3339Nano), b.Seq, b.Control)
	}
	return t.Flush()
}

// amountText writes what is counted in the unit of its limit.
func amountText(of accounting.Of, n int64) string {
	if of == accounting.OfCost {
		return "$" + accounting.FormatUSD(n)
	}
	return fmt.Sprint(n)
}

// ledger folds the counters of an instant.
func (h *localHub) ledger(ctx context.Context, at time.Time, tenant events.TenantID, report func(any) error) (admin.Ledger, error) {
	q := ledger.Query{At: at}
	if tenant != "" {
		q.Partitions = []events.Partition{events.PartitionOf(tenant)}
	}
	l, err := ledger.At(ctx, h.stores.whole, q, func(p ledger.Progress) { _ = report(p) }) // a client that is gone ends ctx
	if err != nil {
		return admin.Ledger{}, toOperator(err)
	}
	return admin.Ledger{Seq: l.Seq, Counters: func(_ context.Context, s accounting.Scope) ([]accounting.Counter, error) { return l.Of(s), nil }}, nil
}
