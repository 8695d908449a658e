package clickhouse_test

import (
	"context"
	"log/slog"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/events/memlog"
	"github.com/llm-hub/llm-hub/projector"
	"github.com/llm-hub/llm-hub/projector/clickhouse"
	"github.com/llm-hub/llm-hub/projector/projectortest"
	"github.com/llm-hub/llm-hub/projector/tables"
)

// within bounds what a test waits for.
const within = 2 * time.Minute

// TestKillBetweenTableAndView kills the engine after the rows of an insert are in
// the table and before they are in the roll-up.
func TestKillBetweenTableAndView(t *testing.T) {
	c, engine := projectortest.Connect(t)
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	if err := c.Prepare(ctx, c.Database()); err != nil {
		t.Fatal(err)
	}
	slowView(ctx, t, c)

	log := memlog.New()
	traffic := projectortest.New(1, 1, time.Second)
	more := func() {
		for _, m := range traffic.Messages(8) {
			if _, err := log.Append(ctx, m); err != nil {
				t.Fatal(err)
			}
		}
	}
	more()
	writer := startWriter(t, log, c)
	for { // until the table has rows, and the roll-up, which takes its time, has none
		held, err := c.Count(ctx, c.Database(), tables.Range{To: 1 << 62})
		if err != nil {
			t.Fatal(err)
		}
		rolledUp, err := c.RolledUp(ctx, c.Database(), projector.Kept{})
		if err != nil {
			t.Fatal(err)
		}
		if held.Usage > 0 && rolledUp.Usage < held.Usage {
			break
		}
		if info, _ := log.Info(ctx); writer.Status().Seq == info.Last { // it was done before it could be seen half done
			more()
		}
	}
	if err := syscall.Kill(engine.State().PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	info, _ := log.Info(ctx)
	if err := writer.Wait(ctx, func(s tables.Status) bool { return s.Seq == info.Last }); err != nil {
		t.Fatal(err)
	}
	if s := writer.Status(); s.Redone == 0 || engine.State().Restarts == 0 {
		t.Errorf("%d intents done again, %d restarts of the engine", s.Redone, engine.State().Restarts)
	}
	wantBooks(ctx, t, log, c)
}

// slowView replaces the roll-up's view by one that takes part of a second for each row.
func slowView(ctx context.Context, t *testing.T, c *clickhouse.Client) {
	t.Helper()
	for _, sql := range []string{
		"DROP VIEW " + c.Database() + ".usage_15m_view SYNC",
		"CREATE MATERIALIZED VIEW " + c.Database() + ".usage_15m_view TO " + c.Database() + ".usage_15m AS " +
			"SELECT toStartOfFifteenMinutes(toDateTime(window_at, 'UTC')) AS bucket, tenant, toUInt64(1 + sleepEachRow(0.3)) AS lines, " +
			"requests, attempts, failures, " + strings.Join(events.ClassNames(), ", ") + ", " +
			"ifNull(cost_nano_usd, 0) AS cost_nano_usd, unpriced FROM " + c.Database() + ".usage",
	} {
		if err := c.Exec(ctx, sql); err != nil {
			t.Fatal(err)
		}
	}
}

func startWriter(t *testing.T, log *memlog.Log, c *clickhouse.Client) *tables.Writer {
	t.Helper()
	w, err := tables.New(tables.Config{
		Log: log, Bucket: log, Store: c, Database: c.Database(), Logger: slog.New(slog.DiscardHandler), Linger: 20 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); w.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	return w
}

// wantBooks checks that table and roll-up both add up to the direct fold of the log.
func wantBooks(ctx context.Context, t *testing.T, log events.Reader, c *clickhouse.Client) {
	t.Helper()
	books, err := projectortest.Fold(ctx, log)
	if err != nil {
		t.Fatal(err)
	}
	var want accounting.Totals
	for _, e := range books.Entries {
		want = want.Plus(e.Totals)
	}
	sums := "SELECT sum(requests), sum(attempts), sum(failures), ifNull(sum(cost_nano_usd), 0), sum(unpriced), sum(" +
		strings.Join(events.ClassNames(), "), sum(") + ") FROM {db:Identifier}.{table:Identifier}"
	for _, table := range []string{"usage", "usage_15m"} {
		var got accounting.Totals
		err := c.Query(ctx, sums, map[string]any{"db": c.Database(), "table": table}, func(scan func(...any) error) error {
			dest := []any{&got.Requests, &got.Attempts, &got.Failures, &got.Cost, &got.Unpriced}
			for _, amount := range got.Usage.Refs() {
				dest = append(dest, amount)
			}
			return scan(dest...)
		})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s differs from the fold (-want +got):\n%s", table, diff)
		}
	}
}

// TestKillUnderLoad kills the engine again and again while rows come in.
func TestKillUnderLoad(t *testing.T) {
	c, engine := projectortest.Connect(t)
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	log := memlog.New()
	traffic := projectortest.New(2, 9, time.Second)
	writer := startWriter(t, log, c)
	for range 4 {
		for _, m := range traffic.Messages(400) {
			if _, err := log.Append(ctx, m); err != nil {
				t.Fatal(err)
			}
		}
		before := writer.Status()
		if err := writer.Wait(ctx, func(s tables.Status) bool { return s.Batches > before.Batches }); err != nil {
			t.Fatal(err)
		}
		if pid := engine.State().PID; pid > 0 {
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
		}
	}
	info, _ := log.Info(ctx)
	if err := writer.Wait(ctx, func(s tables.Status) bool { return s.Seq == info.Last }); err != nil {
		t.Fatal(err)
	}
	for c.Ping(ctx) != nil { // all may have been stored before the last kill
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
			t.Fatal(ctx.Err())
		}
	}
	wantBooks(ctx, t, log, c)
}
