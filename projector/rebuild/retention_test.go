package rebuild_test

import (
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events/memlog"
	"github.com/llm-hub/llm-hub/projector"
	"github.com/llm-hub/llm-hub/projector/projectortest"
	"github.com/llm-hub/llm-hub/projector/rebuild"
	"github.com/llm-hub/llm-hub/projector/tables"
	"github.com/llm-hub/llm-hub/projector/tables/tablestest"
)

// TestRetention lets live tables go of months and rebuilds them: with the same horizons
// they are what they were, with longer ones everything is there again.
func TestRetention(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, store, traffic := memlog.New(), tablestest.NewMemStore(), projectortest.New(6, 9, 6*time.Hour)
		for _, m := range append(traffic.Messages(400), traffic.Finish()...) {
			log.Inject(m)
		}
		var wanted atomic.Pointer[projector.Kept]
		cut := projector.Kept{Usage: monthsOn(2), Requests: monthsOn(3), Attempts: monthsOn(1)}
		wanted.Store(&cut)
		cfg := rebuild.Config{
			Log: log, Bucket: log, Logger: slog.New(slog.DiscardHandler), Store: store, Database: "hub",
			Keep: func(time.Time) projector.Kept { return *wanted.Load() },
		}
		w := startTables(t, log, store, cfg.Keep)
		cfg.PauseTables = w.Pause
		swept := func(database string, k projector.Kept) (tables.Rows, tables.Counts) {
			t.Helper()
			info, _ := log.Info(t.Context())
			err := w.Wait(t.Context(), func(s tables.Status) bool {
				return s.Database == database && s.Kept == k && !s.Litter && s.Seq == info.Last
			})
			if err != nil {
				t.Fatal(err)
			}
			sums, err := store.RolledUp(t.Context(), database, projector.Kept{})
			if err != nil {
				t.Fatal(err)
			}
			return store.Rows(database), sums
		}
		live, liveSums := swept("hub", cut)

		report, err := rebuild.Tables(t.Context(), cfg, nil)
		if err != nil || report.Kept != cut || report.Rows != live.Counts() {
			t.Fatalf("%+v, %v, want %+v rows", report, err, live.Counts())
		}
		rows, sums := swept(report.Database, cut)
		if diff := cmp.Diff(places(live), places(rows)); diff != "" || sums != liveSums {
			t.Errorf("roll-ups have %+v rows, want %+v; rows (-live +rebuilt):\n%s", sums, liveSums, diff)
		}

		wanted.Store(&projector.Kept{})
		if report, err = rebuild.Tables(t.Context(), cfg, nil); err != nil || report.Kept != (projector.Kept{}) {
			t.Fatalf("kept %+v, %v", report.Kept, err)
		}
		all, _ := swept(report.Database, projector.Kept{})
		books, err := projectortest.Fold(t.Context(), log)
		if err != nil || len(all.Usage) != len(books.Entries) || len(all.Requests) != len(books.Ends) || len(live.Usage) >= len(all.Usage)-50 {
			t.Errorf("%+v rows, want %d and %d, %v", all.Counts(), len(books.Entries), len(books.Ends), err)
		}
	})
}

// monthsOn is the start of the month that is n after that in which traffic begins.
func monthsOn(n int) time.Time {
	start := projectortest.Start()
	return time.Date(start.Year(), start.Month()+time.Month(n), 1, 0, 0, 0, 0, time.UTC)
}

// places are where the rows come from.
func places(r tables.Rows) (out []accounting.Position) {
	for _, e := range r.Usage {
		out = append(out, e.At)
	}
	for _, e := range r.Requests {
		out = append(out, e.At)
	}
	for _, a := range r.Attempts {
		out = append(out, a.At)
	}
	return out
}
