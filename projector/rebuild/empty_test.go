package rebuild_test

import (
	"log/slog"
	"testing"

	"github.com/llm-hub/llm-hub/events/memlog"
	"github.com/llm-hub/llm-hub/projector/rebuild"
	"github.com/llm-hub/llm-hub/projector/tables/tablestest"
)

// TestEmptyLog: there is nothing to wait for.
func TestEmptyLog(t *testing.T) {
	log := memlog.New()
	cfg := rebuild.Config{Log: log, Bucket: log, Logger: slog.New(slog.DiscardHandler), Store: tablestest.NewMemStore(), Database: "llmhub"}
	if r, err := rebuild.Counters(t.Context(), cfg, nil); err != nil || r.Counters != 0 {
		t.Errorf("counters: %+v, %v", r, err)
	}
	if r, err := rebuild.Tables(t.Context(), cfg, nil); err != nil || r.Rows.Len() != 0 {
		t.Errorf("tables: %+v, %v", r, err)
	}
}
