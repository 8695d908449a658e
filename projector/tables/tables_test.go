package tables_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/events/memlog"
	"github.com/llm-hub/llm-hub/projector"
	"github.com/llm-hub/llm-hub/projector/projectortest"
	"github.com/llm-hub/llm-hub/projector/tables"
	"github.com/llm-hub/llm-hub/projector/tables/tablestest"
)

func TestMemStore(t *testing.T) { tablestest.TestStore(t, tablestest.NewMemStore(), "hub") }

func config(log *memlog.Log, store tables.Store) tables.Config {
	return tables.Config{
		Log: log, Bucket: log, Store: store, Database: "hub", Logger: slog.New(slog.DiscardHandler),
		Linger: 20 * time.Millisecond, MaxRows: 200,
	}
}

// start runs a writer until the test ends or kill is called.
func start(t *testing.T, cfg tables.Config) (w *tables.Writer, kill func()) {
	t.Helper()
	w, err := tables.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); w.Run(ctx) }()
	kill = sync.OnceFunc(func() { cancel(); <-done })
	t.Cleanup(kill)
	return w, kill
}

func waitFor(t *testing.T, log events.Reader, w *tables.Writer) {
	t.Helper()
	info, err := log.Info(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	if err := w.Wait(ctx, func(s tables.Status) bool { return s.Seq >= info.Last }); err != nil {
		t.Fatal(err)
	}
}

func add(t *testing.T, log *memlog.Log, messages ...events.Message) {
	t.Helper()
	for _, m := range messages {
		if _, err := log.Append(context.Background(), m); err != nil {
			t.Fatal(err)
		}
	}
}

// compare checks that the store holds the direct fold of the log, each row once, in order.
func compare(t *testing.T, log *memlog.Log, store *tablestest.MemStore) projectortest.Books {
	t.Helper()
	want, err := projectortest.Fold(context.Background(), log)
	if err != nil {
		t.Fatal(err)
	}
	got := store.Rows("hub")
	wantSame(t, "usage", want.Entries, got.Usage, func(e accounting.Entry) accounting.Position { return e.At })
	wantSame(t, "requests", want.Ends, got.Requests, func(e accounting.End) accounting.Position { return e.At })
	if len(got.Attempts) == 0 {
		t.Error("no rows of attempts")
	}
	rolledUp, err := store.RolledUp(context.Background(), "hub", projector.Kept{})
	if err != nil || rolledUp.Usage != uint64(len(got.Usage)) || rolledUp.Requests != uint64(len(got.Requests)) {
		t.Errorf("the roll-ups have %+v of %d and %d rows, %v", rolledUp, len(got.Usage), len(got.Requests), err)
	}
	return want
}

func wantSame[R any](t *testing.T, table string, want, got []R, at func(R) accounting.Position) {
	t.Helper()
	if len(want) != len(got) {
		t.Errorf("%s has %d rows, want %d", table, len(got), len(want))
	}
	for i := range min(len(want), len(got)) {
		if at(want[i]) != at(got[i]) {
			t.Fatalf("%s: row %d comes from %v, want %v", table, i, at(got[i]), at(want[i]))
		}
	}
}

// TestExact lets writers crash anywhere, lose acknowledgements, race with a rival
// and meet a store that fails between any two tables, and wants every row once.
func TestExact(t *testing.T) {
	for seed := range uint64(12) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { exact(t, seed) })
		})
	}
}

func exact(t *testing.T, seed uint64) {
	log, store := memlog.New(), tablestest.NewMemStore()
	traffic := projectortest.New(seed, 9, 50*time.Millisecond)
	rng := rand.New(rand.NewPCG(seed, 3))
	cfg := config(log, store)
	cfg.Bucket = projectortest.NewChaos(log, seed, 5, 20*time.Millisecond)
	_, kill := start(t, cfg)
	_, killRival := start(t, cfg)
	for range 15 {
		messages := traffic.Messages(1 + rng.IntN(60))
		if rng.IntN(6) == 0 {
			messages = append(messages, traffic.Restart()...)
		}
		if rng.IntN(6) == 0 {
			messages = append(messages, traffic.Garbage())
		}
		for _, m := range messages {
			add(t, log, m)
			if rng.IntN(10) == 0 {
				log.Inject(m)
			}
		}
		if rng.IntN(2) == 0 {
			store.FailAt(rng.IntN(tablestest.Steps))
		}
		<-time.After(time.Duration(rng.IntN(100)) * time.Millisecond)
		switch rng.IntN(6) {
		case 0:
			kill()
			_, kill = start(t, cfg)
		case 1:
			killRival()
			_, killRival = start(t, cfg)
		}
	}
	kill()
	killRival()
	w, _ := start(t, config(log, store))
	waitFor(t, log, w)
	if books := compare(t, log, store); len(books.Entries) < 100 {
		t.Fatalf("too little traffic to mean anything: %d entries", len(books.Entries))
	}
}

// TestEveryStep kills a writer after each step of an insert, and starts again
// soon, or long after the store has forgotten the batch.
func TestEveryStep(t *testing.T) {
	for step := range tablestest.Steps {
		for _, later := range []time.Duration{time.Second, time.Hour} {
			t.Run(fmt.Sprint(step, later), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					log, store := memlog.New(), tablestest.NewMemStore()
					add(t, log, projectortest.New(1, 9, time.Second).Messages(300)...)
					store.FailAt(step)
					w, kill := start(t, config(log, store))
					if err := w.Wait(t.Context(), func(s tables.Status) bool { return s.Failures == 1 }); err != nil {
						t.Fatal(err)
					}
					kill()
					<-time.After(later)
					w, _ = start(t, config(log, store))
					waitFor(t, log, w)
					compare(t, log, store)
					if w.Status().Redone != 1 {
						t.Errorf("%d intents done again, want 1", w.Status().Redone)
					}
				})
			})
		}
	}
}

// TestForgottenBatch: an old intent whose batch the store has whole is not inserted
// again; one it has in part cannot be completed, and must be noticed.
func TestForgottenBatch(t *testing.T) {
	for step := range tablestest.Steps {
		t.Run(fmt.Sprint(step), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				log, store := memlog.New(), tablestest.NewMemStore()
				add(t, log, projectortest.New(1, 9, time.Second).Messages(300)...)
				store.FailAt(step)
				w, kill := start(t, config(log, store))
				if err := w.Wait(t.Context(), func(s tables.Status) bool { return s.Failures == 1 }); err != nil {
					t.Fatal(err)
				}
				kill()
				<-time.After(time.Hour)
				store.ForgetTokens()
				w, _ = start(t, config(log, store))
				if step == tablestest.BeforeInsert || step == tablestest.AfterAttempts {
					waitFor(t, log, w)
					compare(t, log, store)
					return
				}
				wantHalted(t, w, "rows")
			})
		})
	}
}

func wantHalted(t *testing.T, w *tables.Writer, want string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := w.Wait(ctx, func(s tables.Status) bool { return s.State == projector.Halted }); err != nil {
		t.Fatal(err)
	}
	var guard *projector.GuardError
	if err := w.Status().Err; !errors.As(err, &guard) || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "llm-hub rebuild") {
		t.Errorf("error %q, want a guard error with %q", err, want)
	}
}

// TestStoreAway: while the store is away nothing is dropped, and the lag shows.
func TestStoreAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, store := memlog.New(), tablestest.NewMemStore()
		traffic := projectortest.New(2, 9, time.Second)
		add(t, log, traffic.Messages(300)...)
		w, _ := start(t, config(log, store))
		waitFor(t, log, w)
		store.SetGone(true)
		for range 20 {
			add(t, log, traffic.Messages(100)...)
			<-time.After(time.Minute)
		}
		if s := w.Status(); s.Behind() == 0 || s.Lag(time.Now()) < 19*time.Minute || s.State == projector.Halted {
			t.Errorf("status %s, %d behind, lag %s", s, s.Behind(), s.Lag(time.Now()))
		}
		store.SetGone(false)
		waitFor(t, log, w)
		compare(t, log, store)
		if s := w.Status(); s.Behind() != 0 || s.Lag(time.Now()) != 0 {
			t.Errorf("status %s, %d behind, lag %s", s, s.Behind(), s.Lag(time.Now()))
		}
	})
}

// TestStoreAwayFromTheStart: the lag shows although nothing was ever stored.
func TestStoreAwayFromTheStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, store := memlog.New(), tablestest.NewMemStore()
		store.SetGone(true)
		add(t, log, projectortest.New(2, 9, time.Second).Messages(100)...)
		w, _ := start(t, config(log, store))
		<-time.After(time.Minute)
		if s := w.Status(); s.Behind() == 0 || s.Lag(time.Now()) < time.Minute || s.Migrated || s.State != projector.Retrying {
			t.Errorf("status %s, %d behind, lag %s", s, s.Behind(), s.Lag(time.Now()))
		}
		store.SetGone(false)
		waitFor(t, log, w)
		compare(t, log, store)
	})
}

// slow holds inserts until it is released.
type slow struct {
	tables.Store
	release chan struct{}
}

func (s slow) Insert(ctx context.Context, database string, b tables.Batch) error {
	select {
	case <-s.release:
		return s.Store.Insert(ctx, database, b)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// TestPauseFinishes: a pause lets the batch under way be finished, and then
// nothing more is written until it is over.
func TestPauseFinishes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, store := memlog.New(), slow{tablestest.NewMemStore(), make(chan struct{})}
		traffic := projectortest.New(4, 9, time.Second)
		add(t, log, traffic.Messages(50)...)
		w, _ := start(t, config(log, store))
		<-time.After(time.Second)
		time.AfterFunc(time.Second, func() { close(store.release) })
		resume, err := w.Pause(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		paused, _, err := tables.Load(t.Context(), log, events.TablesKey)
		if err != nil || paused.Intent != nil || paused.Done.Seq == 0 {
			t.Errorf("paused at %d with intent %v, %v", paused.Done.Seq, paused.Intent, err)
		}
		add(t, log, traffic.Messages(50)...)
		<-time.After(time.Minute)
		if later, _, _ := tables.Load(t.Context(), log, events.TablesKey); later.Done.Seq != paused.Done.Seq {
			t.Errorf("written while paused: from %d to %d", paused.Done.Seq, later.Done.Seq)
		}
		resume()
		waitFor(t, log, w)
	})
}

func TestGuard(t *testing.T) {
	type world struct {
		log   *memlog.Log
		store *tablestest.MemStore
	}
	tests := []struct {
		name    string
		destroy func(world)
		want    string
	}{
		{"lost tail of the log", func(w world) { w.log.Truncate(10) }, "the log ends at sequence 10"},
		{"recreated stream", func(w world) { w.log.Recreate() }, "the stream was created at"},
		{"lost checkpoint", func(w world) { w.log.RecreateBucket() }, "and there is no checkpoint"},
		{"lost tables", func(w world) { *w.store = *tablestest.NewMemStore() }, "holds {Usage:0 Requests:0 Attempts:0} rows"},
		{"lost row", func(w world) {
			w.store.Change("hub", func(r *tables.Rows) { r.Requests = r.Requests[1:] })
		}, "rows, the checkpoint knows"},
		{"doubled row", func(w world) {
			w.store.Change("hub", func(r *tables.Rows) { r.Usage = append(r.Usage, r.Usage[0]) })
		}, "rows, the checkpoint knows"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				log, store := memlog.New(), tablestest.NewMemStore()
				add(t, log, projectortest.New(3, 9, time.Second).Messages(500)...)
				w, kill := start(t, config(log, store))
				waitFor(t, log, w)
				kill()
				tt.destroy(world{log, store})
				w, _ = start(t, config(log, store))
				wantHalted(t, w, tt.want)
			})
		})
	}
}

func TestLostMessageStopsItsPartition(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, store := memlog.New(), tablestest.NewMemStore()
		messages := projectortest.New(2, 20, time.Second).Messages(3000)
		lost := messages[len(messages)/2].ID
		for _, m := range messages {
			if m.ID != lost {
				add(t, log, m)
			}
		}
		w, _ := start(t, config(log, store))
		waitFor(t, log, w)
		compare(t, log, store)
		if gaps := w.Status().Gaps; len(gaps) != 1 || gaps[0].Want != lost.Counter {
			t.Errorf("gaps are %v, want one after %s", gaps, lost)
		}
	})
}

func TestDatabaseOf(t *testing.T) {
	for generation, want := range map[int]string{1: "hub", 2: "hub_g2", 13: "hub_g13"} {
		if got := tables.DatabaseOf("hub", generation); got != want || tables.GenerationOf("hub", got) != generation {
			t.Errorf("generation %d is %q, back %d", generation, got, tables.GenerationOf("hub", got))
		}
	}
	for _, other := range []string{"", "hu", "hub_", "hub_g", "hub_g1", "hub_g02", "hub_g2x", "hub2", "system"} {
		if got := tables.GenerationOf("hub", other); got != 0 {
			t.Errorf("%q is generation %d", other, got)
		}
	}
}

func TestAttemptRows(t *testing.T) {
	log := memlog.New()
	add(t, log, projectortest.New(9, 3, time.Second).Messages(500)...)
	kinds := map[events.Kind]int{}
	info, _ := log.Info(t.Context())
	folds := projector.NewFolds(projector.AllPartitions(), nil)
	for seq := uint64(1); seq <= info.Last; seq++ {
		m, _ := log.At(t.Context(), seq)
		applied, err := folds.Apply(m)
		if err != nil {
			t.Fatal(err)
		}
		var r tables.Rows
		r.Add(m, applied)
		want := map[events.Kind]int{}
		lines, _ := m.Lines()
		for _, line := range lines {
			e, _ := events.Decode(line)
			switch e.Kind {
			case events.AttemptFailedKind, events.UpstreamRateLimitedKind, events.RouteFallbackKind:
				want[e.Kind]++
			default:
			}
		}
		got := map[events.Kind]int{}
		for _, a := range r.Attempts {
			got[a.Kind]++
			kinds[a.Kind]++
			if a.Tenant == "" || a.Principal.Key == "" || a.Target.Provider == "" || a.WindowAt.IsZero() || a.At.Seq != seq {
				t.Errorf("incomplete row %+v", a)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("message %d (-want +got):\n%s", seq, diff)
		}
	}
	if len(kinds) != 3 {
		t.Errorf("only %v were seen", kinds)
	}
}

// TestDeaths: however often nodes restart, and whatever they leave behind, what
// the folds remember of it can be stored, and is not written again all the time.
func TestDeaths(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log, store := memlog.New(), tablestest.NewMemStore()
		traffic := projectortest.New(7, 5, 100*time.Millisecond)
		w, kill := start(t, config(log, store))
		add(t, log, traffic.Deaths(200, 4000)...)
		waitFor(t, log, w)
		for range 3 {
			<-time.After(time.Minute)
			add(t, log, traffic.Packed(2000)...)
			waitFor(t, log, w)
			kill()
			w, kill = start(t, config(log, store))
		}
		compare(t, log, store)
		if s := w.Status(); s.Failures > 0 {
			t.Errorf("%d sessions failed: %v", s.Failures, s.Err)
		}
		e, err := log.Get(t.Context(), events.TablesKey)
		if err != nil || len(e.Value) > 64<<10 {
			t.Errorf("the checkpoint has %d bytes, %v", len(e.Value), err)
		}
		past, err := log.Get(t.Context(), projector.PastKey(events.TablesKey+"."+events.PartitionOf("tenant-0").String()))
		if err != nil || len(past.Value) < 100<<10 {
			t.Errorf("the past has %d bytes, %v", len(past.Value), err)
		}
	})
}
