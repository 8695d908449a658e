package main

import (
	"context"

	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/admin"
	"github.com/llm-hub/llm-hub/projector/rebuild"
)

// rebuilt says what was made anew.
type rebuilt struct {
	Counters *rebuild.CountersReport `json:"counters,omitempty"`
	Tables   *rebuild.TablesReport   `json:"tables,omitempty"`
}

// rebuild makes counters and tables anew from the log, while it goes on.
func (h *localHub) rebuild(ctx context.Context, q admin.RebuildQuery, report func(any) error) (any, error) {
	cfg := rebuild.Config{Log: h.stores.whole, Bucket: h.stores.log, Logger: h.log, Keep: h.keep}
	if h.counters != nil {
		cfg.PauseCounters = h.counters.Pause
	}
	if h.tables != nil {
		cfg.PauseTables = h.tables.Pause
	}
	progress := func(p rebuild.Progress) { _ = report(p) } // a client that is gone ends ctx
	var done rebuilt
	if q.Counters {
		r, err := rebuild.Counters(ctx, cfg, progress)
		if err != nil {
			return nil, toOperator(err)
		}
		done.Counters = &r
	}
	if !q.Tables {
		return done, nil
	}
	if h.stores.tables == nil {
		if q.Counters {
			return done, nil
		}
		return nil, &gateway.Error{Kind: gateway.Unavailable, Public: "There is no ClickHouse: no tables to rebuild."}
	}
	cfg.Store, cfg.Database = h.stores.tables, h.stores.tables.Database()
	r, err := rebuild.Tables(ctx, cfg, progress)
	if err != nil {
		return nil, toOperator(err)
	}
	done.Tables = &r
	return done, nil
}
