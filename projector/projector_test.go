package projector_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/events/natslog"
	"github.com/llm-hub/llm-hub/events/natslog/embedded"
	"github.com/llm-hub/llm-hub/projector"
	"github.com/llm-hub/llm-hub/projector/clickhouse/embedded/embeddedtest"
	"github.com/llm-hub/llm-hub/projector/projectortest"
	"github.com/llm-hub/llm-hub/projector/tables"
	"github.com/llm-hub/llm-hub/projector/verify"
)

func TestMain(m *testing.M) { embeddedtest.Main(m) }

// openLog starts a server over dir and opens its log; close ends both.
func openLog(t testing.TB, dir string, class natslog.Class) (log *natslog.Log, closeLog func()) {
	t.Helper()
	const bytes = 1 << 30
	logger := slog.New(slog.DiscardHandler)
	server, err := embedded.Start(embedded.Config{Dir: dir, Class: class, MaxBytes: bytes, Logger: logger})
	if err != nil {
		t.Fatal(err)
	}
	log, err = natslog.Open(t.Context(), natslog.Config{Server: server, Class: class, Node: "n1", Version: "test", Logger: logger})
	if err != nil {
		server.Close()
		t.Fatal(err)
	}
	return log, func() { log.Close(); server.Close() }
}

// TestRealParts runs the folds over a real log and a real engine, two of each at
// first, then once more over the restarted log.
func TestRealParts(t *testing.T) {
	dir := t.TempDir()
	traffic := projectortest.New(1, 9, time.Second)
	t.Run("rivals", func(t *testing.T) {
		log, closeLog := openLog(t, dir, natslog.Durable)
		t.Cleanup(closeLog)
		h := projectortest.NewHub(t, log)
		h.StartRivals(t)
		for range 5 {
			h.Add(t, traffic.Messages(150)...)
			h.Add(t, traffic.Garbage())
		}
		h.Settle(t)
		wantOK(t, h)
	})
	t.Run("restarted", func(t *testing.T) {
		log, closeLog := openLog(t, dir, natslog.Durable)
		t.Cleanup(closeLog)
		// The engine of before is gone, and its tables: the folds must notice.
		h := projectortest.NewHub(t, log)
		h.Add(t, traffic.Restart()...)
		h.Add(t, traffic.Messages(200)...)
		if err := h.Tables.Wait(t.Context(), func(s tables.Status) bool { return s.State == projector.Halted }); err != nil {
			t.Fatal(err)
		}
		h.Rebuild(t)
		h.Settle(t)
		wantOK(t, h)
	})
}

func wantOK(t *testing.T, h *projectortest.Hub) {
	t.Helper()
	report, err := verify.Run(t.Context(), verify.Config{Log: h.Log, Bucket: h.Log, Tables: h.Store, Pause: h.Tables.Pause}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !report.OK || report.Facts.Lines == 0 || report.Counters == 0 || report.Tables.Rows.Usage != report.Facts.Lines {
		t.Errorf("report %+v, tables %+v", report, report.Tables)
	}
}

// BenchmarkFolds measures how fast both folds together come from the beginning of
// a log to its end, log server and engine included.
func BenchmarkFolds(b *testing.B) {
	const n = 200_000
	for b.Loop() {
		b.StopTimer()
		log, closeLog := openLog(b, b.TempDir(), natslog.Dev)
		b.Cleanup(closeLog)
		traffic := projectortest.New(1, 50, 10*time.Millisecond)
		made := 0
		for made < n {
			for _, m := range traffic.Packed(8000) {
				if _, err := log.Append(b.Context(), m); err != nil {
					b.Fatal(err)
				}
				made += m.Count
			}
		}
		h := projectortest.Connected(b, log)
		b.StartTimer()
		started := time.Now()
		h.Start(b)
		h.Settle(b)
		b.ReportMetric(float64(made)/time.Since(started).Seconds(), "events/s")
		b.ReportMetric(float64(h.Counters.Status().Commits), "commits")
		b.ReportMetric(float64(h.Tables.Status().Rows), "rows")
	}
}

// TestNoOrphansBehindAGap: what a stopped partition left open is not ended, because
// nobody would fold the end.
func TestNoOrphansBehindAGap(t *testing.T) {
	traffic := projectortest.New(3, 1, time.Second)
	messages := traffic.Deaths(0, 3)
	p := events.PartitionOf("tenant-0")
	last := 0 // the message of p that closes the epoch
	for i, m := range messages {
		if m.ID.Partition == p && m.ID.Node == messages[0].ID.Node {
			last = i
		}
	}
	folds := projector.NewFolds(projector.AllPartitions(), nil)
	for i, m := range messages[:last+1] {
		if _, err := folds.Apply(events.Stored{Message: m, Seq: uint64(i + 1), Time: projectortest.Start()}); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(folds.Orphans("n", projectortest.Start())); n != 3 {
		t.Fatalf("%d orphans, want 3", n)
	}
	lost := messages[last]
	lost.ID.Counter += 2
	if _, err := folds.Apply(events.Stored{Message: lost, Seq: uint64(last + 2), Time: projectortest.Start()}); err == nil {
		t.Fatal("no gap")
	}
	if n := len(folds.Orphans("n", projectortest.Start())); n != 0 {
		t.Errorf("%d orphans of a stopped partition, want 0", n)
	}
}
