package rebuild_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/events/memlog"
	"github.com/llm-hub/llm-hub/projector"
	"github.com/llm-hub/llm-hub/projector/clickhouse/embedded/embeddedtest"
	"github.com/llm-hub/llm-hub/projector/counters"
	"github.com/llm-hub/llm-hub/projector/projectortest"
	"github.com/llm-hub/llm-hub/projector/rebuild"
	"github.com/llm-hub/llm-hub/projector/tables"
	"github.com/llm-hub/llm-hub/projector/tables/tablestest"
	"github.com/llm-hub/llm-hub/projector/verify"
)

func TestMain(m *testing.M) { embeddedtest.Main(m) }

// bucketOf has everything but what names a moment or a revision.
func bucketOf(t *testing.T, log *memlog.Log) map[string]string {
	t.Helper()
	list, err := log.List(t.Context(), events.CounterPrefix)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, e := range list {
		out[e.Key] = string(e.Value)
	}
	return out
}

func filled(t *testing.T, seed uint64, n int) *memlog.Log {
	t.Helper()
	log := memlog.New()
	for _, m := range projectortest.New(seed, 9, time.Second).Messages(n) {
		log.Inject(m)
	}
	return log
}

// startCounters runs a projector until the test ends.
func startCounters(t *testing.T, log *memlog.Log) *counters.Projector {
	t.Helper()
	p, err := counters.New(counters.Config{
		Log: log, Bucket: log, Dead: log, Partitions: projector.AllPartitions(), Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); p.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	return p
}

func wait(t *testing.T, log *memlog.Log, p *counters.Projector) {
	t.Helper()
	info, _ := log.Info(t.Context())
	if err := p.Wait(t.Context(), func(s counters.Status) bool { return s.Seq >= info.Last && s.Err == nil }); err != nil {
		t.Fatal(err)
	}
}

// spoil breaks the counters in every way.
func spoil(t *testing.T, log *memlog.Log) {
	t.Helper()
	list, _ := log.List(t.Context(), events.CounterPrefix)
	wrong, _ := json.Marshal(accounting.Counter{At: accounting.Position{Seq: 1 << 40}})
	puts := []events.Put{{Key: "c.00.tenant.nobody", Value: wrong}, {Key: list[0].Key, Rev: list[0].Rev}, {Key: list[1].Key, Value: wrong, Rev: list[1].Rev}}
	if _, err := log.Commit(t.Context(), puts); err != nil {
		t.Fatal(err)
	}
}

// TestCounters spoils the counters, rebuilds them under a running projector, and
// interrupts the rebuild at every write.
func TestCounters(t *testing.T) {
	for interrupted := range 3 {
		t.Run(fmt.Sprint(interrupted), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				log := filled(t, 1, 300)
				p := startCounters(t, log)
				wait(t, log, p)
				want := bucketOf(t, log)
				spoil(t, log)
				bucket := &failing{Bucket: log, left: interrupted}
				cfg := rebuild.Config{Log: log, Bucket: bucket, Logger: slog.New(slog.DiscardHandler), PauseCounters: p.Pause}
				for tries := 0; ; tries++ {
					report, err := rebuild.Counters(t.Context(), cfg, nil)
					if err == nil && (report.Counters != len(want) || tries == 0 && report.Written+report.Deleted != 3) {
						t.Errorf("report %+v, %d counters", report, len(want))
					}
					if err == nil {
						break
					}
					if !errors.Is(err, errFault) {
						t.Fatal(err)
					}
				}
				for _, m := range restOf(t, log) {
					log.Inject(m)
				}
				wait(t, log, p)
				wantFold(t, log)
			})
		})
	}
}

// TestOver: what is over is as the log says, whatever was there before.
func TestOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := memlog.New()
		traffic := projectortest.New(1, 9, time.Second)
		for range 3 {
			for _, m := range append(traffic.Messages(100), traffic.Restart()...) {
				log.Inject(m)
			}
		}
		p := startCounters(t, log)
		wait(t, log, p)
		live := bucketOf(t, log)
		list, err := log.List(t.Context(), events.OverPrefix)
		if err != nil || len(list) != events.Partitions {
			t.Fatalf("%d partitions where something is over, %v", len(list), err)
		}
		for i, e := range list {
			value := [][]byte{nil, []byte("{"), []byte(`{"at":{"seq":1,"index":0},"epochs":["nobody"]}`)}[i%3]
			if _, err := log.Commit(t.Context(), []events.Put{{Key: e.Key, Value: value, Rev: e.Rev}}); err != nil {
				t.Fatal(err)
			}
		}
		cfg := rebuild.Config{Log: log, Bucket: log, Logger: slog.New(slog.DiscardHandler), PauseCounters: p.Pause}
		if _, err := rebuild.Counters(t.Context(), cfg, nil); err != nil {
			t.Fatal(err)
		}
		books, err := projectortest.Fold(t.Context(), log)
		if err == nil {
			err = books.CheckOver(t.Context(), log)
		}
		if err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff(live, bucketOf(t, log)); diff != "" || !strings.Contains(fmt.Sprint(live), `"shares"`) {
			t.Errorf("counters (-live +rebuilt):\n%s", diff)
		}
	})
}

func restOf(t *testing.T, log *memlog.Log) []events.Message {
	t.Helper()
	info, _ := log.Info(t.Context())
	return projectortest.New(1, 9, time.Second).Messages(450)[info.Last:]
}

func wantFold(t *testing.T, log *memlog.Log) {
	t.Helper()
	books, err := projectortest.Fold(t.Context(), log)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	for key, c := range books.Counters {
		raw, _ := json.Marshal(c)
		want[key] = string(raw)
	}
	if diff := cmp.Diff(want, bucketOf(t, log)); diff != "" {
		t.Errorf("counters (-want +got):\n%s", diff)
	}
}

var errFault = errors.New("interrupted")

// failing fails one commit after some; small commits make many of them.
type failing struct {
	events.Bucket
	left int
}

func (f *failing) Commit(ctx context.Context, puts []events.Put) (uint64, error) {
	if f.left--; f.left == -1 {
		return 0, errFault
	}
	return f.Bucket.Commit(ctx, puts)
}

// TestCountersOfAnotherLog: after a guard error, the rebuild is the way out.
func TestCountersOfAnotherLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := filled(t, 2, 600)
		p := startCounters(t, log)
		wait(t, log, p)
		log.Recreate()
		for _, m := range projectortest.New(3, 9, time.Second).Messages(200) {
			log.Inject(m)
		}
		if err := p.Wait(t.Context(), func(s counters.Status) bool { return s.State == projector.Halted }); err != nil {
			t.Fatal(err)
		}
		cfg := rebuild.Config{Log: log, Bucket: log, Logger: slog.New(slog.DiscardHandler), PauseCounters: p.Pause}
		if _, err := rebuild.Counters(t.Context(), cfg, nil); err != nil {
			t.Fatal(err)
		}
		if err := p.Wait(t.Context(), func(s counters.Status) bool { return s.State == projector.Following }); err != nil {
			t.Fatal(err)
		}
		wantFold(t, log)
		if err := log.Trim(t.Context(), 3); err != nil {
			t.Fatal(err)
		}
		if _, err := rebuild.Counters(t.Context(), cfg, nil); err == nil || !strings.Contains(err.Error(), "begins at sequence 3") {
			t.Errorf("a log without its beginning: %v", err)
		}
	})
}

// TestTables rebuilds into a store that fails, is interrupted, and begins again,
// while the live writer goes on.
func TestTables(t *testing.T) {
	for commits := range 9 {
		t.Run(fmt.Sprint(commits), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { rebuildTables(t, commits) })
		})
	}
}

func rebuildTables(t *testing.T, commits int) {
	log, store := filled(t, 4, 300), tablestest.NewMemStore()
	w := startTables(t, log, store, nil)
	info, _ := log.Info(t.Context())
	if err := w.Wait(t.Context(), func(s tables.Status) bool { return s.Seq >= info.Last }); err != nil {
		t.Fatal(err)
	}
	store.Change("hub", func(r *tables.Rows) { r.Usage = r.Usage[1:] })
	store.FailAt(tablestest.AfterUsage, tablestest.AfterAttempts)
	cfg := rebuild.Config{
		Log: log, Bucket: &failing{Bucket: log, left: commits}, Logger: slog.New(slog.DiscardHandler),
		PauseTables: w.Pause, Store: store, Database: "hub",
	}
	report, err := rebuild.Tables(t.Context(), cfg, nil)
	if err != nil {
		if report, err = rebuild.Tables(t.Context(), cfg, nil); err != nil {
			t.Fatal(err)
		}
	}
	for _, m := range projectortest.New(4, 9, time.Second).Messages(450)[info.Last:] {
		log.Inject(m)
	}
	info, _ = log.Info(t.Context())
	if err := w.Wait(t.Context(), func(s tables.Status) bool { return s.Seq >= info.Last && s.Database == report.Database }); err != nil {
		t.Fatal(err)
	}
	books, err := projectortest.Fold(t.Context(), log)
	if err != nil {
		t.Fatal(err)
	}
	got := store.Rows(report.Database)
	if len(got.Usage) != len(books.Entries) || len(got.Requests) != len(books.Ends) {
		t.Errorf("%+v rows, want %d and %d", got.Counts(), len(books.Entries), len(books.Ends))
	}
	names, _ := store.Databases(t.Context())
	if len(names) != 1 || names[0] != report.Database {
		t.Errorf("databases %v are left, want %s", names, report.Database)
	}
	if next, _, _ := tables.Load(t.Context(), log, tables.NextKey); next.Generation != 0 {
		t.Errorf("the checkpoint of generation %d is left", next.Generation)
	}
}

func startTables(t *testing.T, log *memlog.Log, store tables.Store, keep func(time.Time) projector.Kept) *tables.Writer {
	t.Helper()
	w, err := tables.New(tables.Config{
		Log: log, Bucket: log, Store: store, Database: "hub", Logger: slog.New(slog.DiscardHandler), Linger: 20 * time.Millisecond, MaxRows: 100, Keep: keep,
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

// TestRebuildEqualsLive rebuilds everything on real parts, and wants the same again.
func TestRebuildEqualsLive(t *testing.T) {
	log := filled(t, 5, 800)
	h := projectortest.NewHub(t, log)
	h.Settle(t)
	before, tablesBefore := bucketOf(t, log), digests(t, h, h.Store.Database())
	cfg := rebuild.Config{
		Log: log, Bucket: log, Logger: slog.New(slog.DiscardHandler), PauseCounters: h.Counters.Pause,
		PauseTables: h.Tables.Pause, Store: h.Store, Database: h.Store.Database(),
	}
	if report, err := rebuild.Counters(t.Context(), cfg, nil); err != nil || report.Written != 0 || report.Deleted != 0 {
		t.Errorf("counters that were right: %+v, %v", report, err)
	}
	for generation := 2; generation <= 3; generation++ {
		report, err := rebuild.Tables(t.Context(), cfg, nil)
		if err != nil {
			t.Fatal(err)
		}
		if want := tables.DatabaseOf(h.Store.Database(), generation); report.Database != want {
			t.Errorf("live is %s, want %s", report.Database, want)
		}
		if diff := cmp.Diff(tablesBefore, digests(t, h, report.Database)); diff != "" {
			t.Errorf("rebuilt tables differ (-want +got):\n%s", diff)
		}
	}
	if diff := cmp.Diff(before, bucketOf(t, log)); diff != "" {
		t.Errorf("rebuilt counters differ:\n%s", diff)
	}
	report, err := verify.Run(t.Context(), verify.Config{Log: log, Bucket: log, Tables: h.Store, Pause: h.Tables.Pause}, nil)
	if err != nil || !report.OK {
		t.Errorf("verify: %+v, %v", report.Differences, err)
	}
	names, err := h.Store.Databases(t.Context())
	if all := strings.Join(names, " "); err != nil || !strings.Contains(all, "llmhub_g3") || strings.Contains(all, "llmhub_g2") {
		t.Errorf("databases %v, %v", names, err)
	}
}

// digests sums up every table, row by row.
func digests(t *testing.T, h *projectortest.Hub, database string) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, table := range []string{"usage", "requests", "attempts"} {
		err := h.Store.Query(t.Context(), "SELECT toString(count()) || ' ' || toString(sum(cityHash64(*))) FROM {db:Identifier}.{table:Identifier}",
			map[string]any{"db": database, "table": table}, func(scan func(...any) error) error {
				var s string
				err := scan(&s)
				out[table] = s
				return err
			})
		if err != nil {
			t.Fatal(err)
		}
	}
	return out
}
