package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/projector"
	"github.com/llm-hub/llm-hub/projector/alerts"
	"github.com/llm-hub/llm-hub/projector/ownership"
	"github.com/llm-hub/llm-hub/projector/tables"
	"github.com/llm-hub/llm-hub/projector/verify"
)

// verify compares log, counters and tables.
func (h *localHub) verify(ctx context.Context, report func(any) error) (any, error) {
	cfg := verify.Config{Log: h.stores.whole, Bucket: h.stores.log, Control: h.stores.log}
	made, err := h.tablesMade(ctx)
	if err != nil {
		return nil, toOperator(err)
	}
	if made {
		cfg.Tables = h.stores.tables
	}
	if h.tables != nil {
		cfg.Pause = h.tables.Pause
	}
	r, err := verify.Run(ctx, cfg, func(p verify.Progress) { _ = report(p) }) // a client that is gone ends ctx
	return r, toOperator(err)
}

// verifyAlways compares log, counters and tables now and then, on one node at a
// time, and raises an alert about what differs.
func (a *app) verifyAlways(ctx context.Context) error {
	if a.cfg.VerifyEvery == 0 {
		return nil
	}
	cfg := verify.JobConfig{
		Config: verify.Config{Log: a.stores.whole, Bucket: a.stores.log, Control: a.stores.log}, Logger: a.log, Every: a.cfg.VerifyEvery,
		Delay: min(verify.DefaultDelay, a.cfg.VerifyEvery),
		Drifted: func(r verify.Report) {
			a.alerts.Drift(alerts.Drift{Differences: r.Different, CostNanoUSD: r.Drift.CostNanoUSD, Tokens: r.Drift.Tokens, Seq: r.Seq})
		},
	}
	whose := shared{a.owner, ownership.Verify}
	if t := a.hub.tables; t != nil {
		cfg.Tables, cfg.Pause = a.stores.tables, t.Pause
		whose = shared{a.tablesOwner, ownership.Tables} // only who writes them can let them stand still
	}
	job, err := verify.NewJob(cfg)
	if err != nil {
		return err
	}
	a.work(ctx, "verify", whose, job.Run)
	describeVerify(a.registry, job.Status)
	return nil
}

// describeVerify shows what the last comparison found.
func describeVerify(reg *prometheus.Registry, status func() verify.JobStatus) {
	gauge(reg, "drift", "Differences between the log and what was folded from it, as of the last verification.",
		func() float64 { return float64(status().Different) })
	gauge(reg, "drift_nano_usd", "Sum of the absolute differences of cost, as of the last verification.",
		func() float64 { return float64(status().Drift.CostNanoUSD) })
	gauge(reg, "drift_tokens", "Sum of the absolute differences of tokens, as of the last verification.",
		func() float64 { return float64(status().Drift.Tokens) })
	gauge(reg, "verify_runs", "Verifications since the start.", func() float64 { return float64(status().Runs) })
	gauge(reg, "verify_failures", "Verifications that could not be done, since the start.", func() float64 { return float64(status().Failures) })
	gauge(reg, "verify_seconds", "Duration of the last verification.", func() float64 { return status().Took.Seconds() })
	gauge(reg, "verify_sequence", "Sequence up to which the last verification read the log.", func() float64 { return float64(status().Seq) })
	gauge(reg, "verify_last_timestamp_seconds", "When the last verification began; 0: none did.", func() float64 {
		if status().Last.IsZero() {
			return 0
		}
		return float64(status().Last.Unix())
	})
}

// tablesMade tells whether there are tables to compare: none before the first
// fold, and none without a ClickHouse.
func (h *localHub) tablesMade(ctx context.Context) (bool, error) {
	if h.stores.tables == nil {
		return false, nil
	}
	c, _, err := tables.Load(ctx, h.stores.log, events.TablesKey)
	return c.Generation > 0, err
}

// toOperator shows an error whole: whoever holds the operator's token may know
// why his command failed. Errors of the stores never hold a secret.
func toOperator(err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*gateway.Error](err); ok {
		return err
	}
	return &gateway.Error{Kind: gateway.Internal, Public: err.Error(), Cause: err}
}

// keptText says from when on the tables have their rows, those that do not from the start.
func keptText(k projector.Kept) string {
	var out []string
	for _, t := range []struct {
		name  string
		since time.Time
	}{{"usage", k.Usage}, {"requests", k.Requests}, {"attempts", k.Attempts}, {"roll-ups", k.RollUps}} {
		if !t.since.IsZero() {
			out = append(out, t.name+" from "+t.since.Format(time.RFC3339))
		}
	}
	return strings.Join(out, ", ")
}

// verifyReport is [verify.Report] as a person reads it.
type verifyReport verify.Report

func (r verifyReport) print(w io.Writer) error {
	f := r.Facts
	word := "ok"
	if !r.OK {
		word = fmt.Sprintf("%d differences", r.Different)
	}
	fmt.Fprintf(w, "%s: %d events in %d messages up to sequence %d\n", word, f.Events, f.Messages, r.Seq)
	fmt.Fprintf(w, "  requests  %d admitted, %d ended, %d open, %d refused\n", f.Admitted, f.Ended, f.Open, f.Rejected)
	fmt.Fprintf(w, "  counters  %d compared\n", r.Counters)
	if t := r.Tables; t != nil {
		fmt.Fprintf(w, "  tables    %d usage, %d requests, %d attempts, %d rolled up, up to sequence %d; %d changes\n",
			t.Rows.Usage, t.Rows.Requests, t.Rows.Attempts, t.RolledUp, t.Seq, t.Changes)
		if t.Kept != (projector.Kept{}) {
			fmt.Fprintf(w, "  kept      %s; what was let go is in the log\n", keptText(t.Kept))
		}
	} else {
		fmt.Fprintln(w, "  tables    none")
	}
	if f.Dead+f.Late+f.Duplicates > 0 {
		fmt.Fprintf(w, "  noted     %d dead letters, %d late ends, %d repeated messages\n", f.Dead, f.Late, f.Duplicates)
	}
	for _, d := range r.Differences {
		fmt.Fprintln(w, " ", d)
	}
	return nil
}
