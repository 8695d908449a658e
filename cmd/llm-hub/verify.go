package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/projector/tables"
	"github.com/llm-hub/llm-hub/projector/verify"
)

// verify compares log, counters and tables.
func (h *localHub) verify(ctx context.Context, report func(any) error) (any, error) {
	cfg := verify.Config{Log: h.stores.log, Bucket: h.stores.log}
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
		fmt.Fprintf(w, "  tables    %d usage, %d requests, %d attempts, %d rolled up, up to sequence %d\n",
			t.Rows.Usage, t.Rows.Requests, t.Rows.Attempts, t.RolledUp, t.Seq)
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
