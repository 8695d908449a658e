package tables_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
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

// pace lets the traffic of a test go over several months, and its requests take weeks.
const pace = 8 * time.Hour

// monthsOn is the start of the month that is n after that in which traffic begins.
func monthsOn(n int) time.Time {
	start := projectortest.Start()
	return time.Date(start.Year(), start.Month()+time.Month(n), 1, 0, 0, 0, 0, time.UTC)
}

// horizons are what a test tells its writers to keep. It only moves on.
type horizons struct {
	at atomic.Pointer[projector.Kept]
}

func (h *horizons) set(k projector.Kept) { h.at.Store(&k) }

func (h *horizons) keep(time.Time) projector.Kept {
	if k := h.at.Load(); k != nil {
		return *k
	}
	return projector.Kept{}
}

// swept waits until the tables have let go of what is before k, and dropped it.
func swept(t *testing.T, w *tables.Writer, k projector.Kept) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	defer cancel()
	if err := w.Wait(ctx, func(s tables.Status) bool { return s.Kept == k && !s.Litter }); err != nil {
		t.Fatalf("%v: %+v", err, w.Status())
	}
}

// compareKept checks that the store tells the direct fold of the log, of the horizons
// on, and that nothing of before is there when it is swept.
func compareKept(t *testing.T, log *memlog.Log, store *tablestest.MemStore, k projector.Kept) {
	t.Helper()
	books, err := projectortest.Fold(t.Context(), log)
	if err != nil {
		t.Fatal(err)
	}
	c, _, err := tables.Load(t.Context(), log, events.TablesKey)
	if err != nil || c.Kept != k {
		t.Fatalf("the tables keep %+v, %v, want %+v", c.Kept, err, k)
	}
	all := tables.Rows{Usage: books.Entries, Requests: books.Ends, Attempts: attemptsOf(t, log)}
	want, held := all.Kept(k), store.Rows(c.Database)
	got := held.Kept(k)
	wantSame(t, "usage", want.Usage, got.Usage, func(e accounting.Entry) accounting.Position { return e.At })
	wantSame(t, "requests", want.Requests, got.Requests, func(e accounting.End) accounting.Position { return e.At })
	wantSame(t, "attempts", want.Attempts, got.Attempts, func(a tables.Attempt) accounting.Position { return a.At })
	if c.Rows != want.Counts() {
		t.Errorf("the checkpoint knows %+v rows, want %+v", c.Rows, want.Counts())
	}
	if !c.Litter && held.Counts() != want.Counts() {
		t.Errorf("%+v rows are there, want only %+v", held.Counts(), want.Counts())
	}
	rolled := projector.Kept{Usage: k.RollUps, Requests: k.RollUps}
	sums, err := store.RolledUp(t.Context(), c.Database, rolled)
	summed := all.Kept(rolled)
	if n := summed.Counts(); err != nil || sums.Usage != n.Usage || sums.Requests != n.Requests {
		t.Errorf("the roll-ups have %+v rows, %v, want %+v", sums, err, n)
	}
}

// olderThan counts what the roll-ups have of before a horizon.
func olderThan(t *testing.T, store *tablestest.MemStore, horizon time.Time) tables.Counts {
	t.Helper()
	all, err := store.RolledUp(t.Context(), "hub", projector.Kept{})
	if err != nil {
		t.Fatal(err)
	}
	since, err := store.RolledUp(t.Context(), "hub", projector.Kept{Usage: horizon, Requests: horizon})
	if err != nil {
		t.Fatal(err)
	}
	return tables.Counts{Usage: all.Usage - since.Usage, Requests: all.Requests - since.Requests}
}

func heldBy(store *tablestest.MemStore) tables.Counts {
	rows := store.Rows("hub")
	return rows.Counts()
}

// attemptsOf are the rows of attempts that a log makes.
func attemptsOf(t *testing.T, log *memlog.Log) []tables.Attempt {
	t.Helper()
	var rows tables.Rows
	info, _ := log.Info(t.Context())
	folds := projector.NewFolds(projector.AllPartitions(), nil)
	for seq := uint64(1); seq <= info.Last; seq++ {
		m, err := log.At(t.Context(), seq)
		if err != nil {
			t.Fatal(err)
		}
		if applied, err := folds.Apply(m); err == nil {
			rows.Add(m, applied)
		}
	}
	return rows.Attempts
}

// some are horizons that differ: rows go sooner than what adds them up.
func some() projector.Kept {
	return projector.Kept{Usage: monthsOn(2), Requests: monthsOn(3), Attempts: monthsOn(1), RollUps: monthsOn(1)}
}

// TestRetention: what is before a horizon goes, from each table by its own; what comes
// late of before is added up where that is kept longer, and else left out; and the
// counters of the log's fold are not what changes.
func TestRetention(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, store, wanted := memlog.New(), tablestest.NewMemStore(), &horizons{}
		traffic := projectortest.New(1, 9, pace)
		add(t, log, traffic.Messages(400)...)
		cfg := config(log, store)
		cfg.Keep = wanted.keep
		w, _ := start(t, cfg)
		waitFor(t, log, w)
		compareKept(t, log, store, projector.Kept{})
		before := heldBy(store)

		wanted.set(some())
		swept(t, w, some())
		compareKept(t, log, store, some())
		if after := heldBy(store); after.Usage >= before.Usage || after.Requests >= before.Requests || after.Attempts >= before.Attempts {
			t.Fatalf("of %+v rows %+v are left", before, after)
		}

		late := projector.Kept{Usage: monthsOn(5), Requests: monthsOn(5), Attempts: monthsOn(5), RollUps: monthsOn(3)}
		wanted.set(late)
		swept(t, w, late)
		older := olderThan(t, store, monthsOn(5))
		add(t, log, traffic.Finish()...) // of requests that were admitted before
		waitFor(t, log, w)
		compareKept(t, log, store, late)
		swept(t, w, late)
		compareKept(t, log, store, late)
		if now := olderThan(t, store, monthsOn(5)); now.Usage <= older.Usage || now.Requests <= older.Requests {
			t.Errorf("the roll-ups have %+v rows of before, had %+v: nothing came late", now, older)
		}

		wanted.set(projector.Kept{RollUps: monthsOn(12), Usage: monthsOn(12), Requests: monthsOn(12), Attempts: monthsOn(12)})
		swept(t, w, wanted.keep(time.Time{}))
		add(t, log, traffic.Messages(50)...)
		waitFor(t, log, w)
		compareKept(t, log, store, wanted.keep(time.Time{}))
		if s := w.Status(); s.LeftOut == 0 || s.Failures > 0 {
			t.Errorf("%d rows were left out, %d failures: %v", s.LeftOut, s.Failures, s.Err)
		}
		wanted.set(projector.Kept{}) // longer again: what is gone does not come back by itself
		add(t, log, traffic.Messages(50)...)
		waitFor(t, log, w)
		compareKept(t, log, store, projector.Kept{RollUps: monthsOn(12), Usage: monthsOn(12), Requests: monthsOn(12), Attempts: monthsOn(12)})
	})
}

// TestRetentionEveryStep ends a writer at every step of a drop, before and after every
// write of the checkpoint, and starts another one.
func TestRetentionEveryStep(t *testing.T) {
	lost := errors.New("lost")
	tests := map[string]func(*memlog.Log, *tablestest.MemStore){
		"horizons not written":          func(l *memlog.Log, _ *tablestest.MemStore) { l.FailCommit(lost, false) },
		"horizons written, not told so": func(l *memlog.Log, _ *tablestest.MemStore) { l.FailCommit(lost, true) },
	}
	for step := range tablestest.DropSteps {
		tests[fmt.Sprint("drop ", step)] = func(_ *memlog.Log, s *tablestest.MemStore) { s.FailDrop(step) }
	}
	for name, fail := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				log, store, wanted := memlog.New(), tablestest.NewMemStore(), &horizons{}
				traffic := projectortest.New(2, 9, pace)
				add(t, log, traffic.Messages(300)...)
				cfg := config(log, store)
				cfg.Keep = wanted.keep
				w, kill := start(t, cfg)
				waitFor(t, log, w)
				fail(log, store)
				wanted.set(some())
				<-time.After(2 * time.Second) // it has tried
				kill()
				add(t, log, traffic.Messages(100)...)
				w, _ = start(t, cfg)
				waitFor(t, log, w)
				swept(t, w, some())
				compareKept(t, log, store, some())
			})
		})
	}
}

// TestRetentionExact lets rivals race with horizons that move, drops that fail, and
// everything that [TestExact] has.
func TestRetentionExact(t *testing.T) {
	for seed := range uint64(5) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { exactRetention(t, seed) })
		})
	}
}

func exactRetention(t *testing.T, seed uint64) {
	log, store, wanted := memlog.New(), tablestest.NewMemStore(), &horizons{}
	traffic := projectortest.New(seed, 9, pace)
	rng := rand.New(rand.NewPCG(seed, 4))
	cfg := config(log, store)
	cfg.Keep, cfg.Bucket = wanted.keep, projectortest.NewChaos(log, seed, 5, 20*time.Millisecond)
	_, kill := start(t, cfg)
	_, killRival := start(t, cfg)
	var k projector.Kept
	for range 15 {
		add(t, log, traffic.Messages(1+rng.IntN(60))...)
		if rng.IntN(2) == 0 {
			store.FailAt(rng.IntN(tablestest.Steps))
		}
		if rng.IntN(2) == 0 {
			store.FailDrop(rng.IntN(tablestest.DropSteps))
		}
		if rng.IntN(3) == 0 {
			moved := [...]*time.Time{&k.Usage, &k.Requests, &k.Attempts, &k.RollUps}[rng.IntN(4)]
			*moved = projector.Later(*moved, monthsOn(1)).AddDate(0, rng.IntN(2), 0)
			wanted.set(k)
		}
		<-time.After(time.Duration(rng.IntN(3000)) * time.Millisecond)
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
	cfg.Bucket = log
	w, _ := start(t, cfg)
	waitFor(t, log, w)
	swept(t, w, k)
	compareKept(t, log, store, k)
}

// TestRetentionForgotten: an old intent with rows that only go into a roll-up, of which
// the store has forgotten that it has them, is not inserted again.
func TestRetentionForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, store, wanted := memlog.New(), tablestest.NewMemStore(), &horizons{}
		traffic := projectortest.New(3, 9, pace)
		add(t, log, traffic.Messages(300)...)
		cfg := config(log, store)
		cfg.Keep = wanted.keep
		wanted.set(projector.Kept{Usage: monthsOn(4), Requests: monthsOn(4)})
		w, kill := start(t, cfg)
		waitFor(t, log, w)
		swept(t, w, wanted.keep(time.Time{}))
		older := olderThan(t, store, monthsOn(4))
		add(t, log, traffic.Finish()...)
		store.FailAt(tablestest.AfterAttempts)
		if err := w.Wait(t.Context(), func(s tables.Status) bool { return s.Failures == 1 }); err != nil {
			t.Fatal(err)
		}
		kill()
		<-time.After(time.Hour)
		store.ForgetTokens()
		w, _ = start(t, cfg)
		waitFor(t, log, w)
		swept(t, w, wanted.keep(time.Time{}))
		compareKept(t, log, store, wanted.keep(time.Time{}))
		if now := olderThan(t, store, monthsOn(4)); now.Usage <= older.Usage {
			t.Errorf("the roll-up has %+v rows of before, had %+v: nothing came late", now, older)
		}
	})
}

// TestLostIsNotLetGo: rows that were lost are found when a horizon moves, and do not pass
// for rows that were let go.
func TestLostIsNotLetGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, store, wanted := memlog.New(), tablestest.NewMemStore(), &horizons{}
		add(t, log, projectortest.New(4, 9, pace).Messages(300)...)
		cfg := config(log, store)
		cfg.Keep = wanted.keep
		w, _ := start(t, cfg)
		waitFor(t, log, w)
		store.Change("hub", func(r *tables.Rows) { r.Usage = r.Usage[1:] })
		wanted.set(some())
		wantHalted(t, w, "rows, the checkpoint knows")
	})
}

// TestRefusedDrop: a store that may not drop keeps its space, and nothing else stops.
func TestRefusedDrop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, store, wanted := memlog.New(), tablestest.NewMemStore(), &horizons{}
		traffic := projectortest.New(5, 9, pace)
		add(t, log, traffic.Messages(200)...)
		for range 3 {
			store.FailDrop(0)
		}
		cfg := config(log, store)
		cfg.Keep = wanted.keep
		wanted.set(some())
		w, _ := start(t, cfg)
		waitFor(t, log, w)
		<-time.After(time.Minute)
		add(t, log, traffic.Messages(200)...)
		waitFor(t, log, w)
		if s := w.Status(); s.Failures > 0 || !s.Litter {
			t.Errorf("%d failures, litter %t: %v", s.Failures, s.Litter, s.Err)
		}
		compareKept(t, log, store, some())
		swept(t, w, some())
		compareKept(t, log, store, some())
	})
}

// TestNewTables: what is made anew of an old log begins at the horizons that hold at its
// end, and is given only what they keep.
func TestNewTables(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, store, wanted := memlog.New(), tablestest.NewMemStore(), &horizons{}
		add(t, log, projectortest.New(8, 9, pace).Messages(300)...)
		k := projector.Kept{Usage: monthsOn(2), Requests: monthsOn(2), Attempts: monthsOn(2), RollUps: monthsOn(2)}
		wanted.set(k)
		cfg := config(log, store)
		cfg.Keep = wanted.keep
		w, _ := start(t, cfg)
		waitFor(t, log, w)
		compareKept(t, log, store, k)
		if s := w.Status(); s.Litter || s.LeftOut == 0 {
			t.Errorf("%d rows were left out, litter %t", s.LeftOut, s.Litter)
		}
	})
}

// TestRetentionWaits: a horizon does not move while a batch is under way.
func TestRetentionWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, mem, wanted := memlog.New(), tablestest.NewMemStore(), &horizons{}
		traffic := projectortest.New(7, 9, pace)
		add(t, log, traffic.Messages(200)...)
		store := slow{mem, make(chan struct{})}
		cfg := config(log, store)
		cfg.Keep = wanted.keep
		w, _ := start(t, cfg)
		<-time.After(time.Second) // it is inserting
		wanted.set(some())
		<-time.After(10 * time.Second)
		if s := w.Status(); s.Kept != (projector.Kept{}) || s.Failures > 0 {
			t.Errorf("keeps %+v, %d failures: %v", s.Kept, s.Failures, s.Err)
		}
		close(store.release)
		waitFor(t, log, w)
		swept(t, w, some())
		compareKept(t, log, mem, some())
		if s := w.Status(); s.Failures > 0 {
			t.Errorf("%d failures: %v", s.Failures, s.Err)
		}
	})
}

// TestKeepIsAskedByTheLogsClock: a writer that lags keeps what was young when it was logged.
func TestKeepIsAskedByTheLogsClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, store := memlog.New(), tablestest.NewMemStore()
		log.SetSkew(-24 * time.Hour)
		add(t, log, projectortest.New(6, 9, time.Second).Messages(50)...)
		info, _ := log.Info(t.Context())
		last, err := log.At(t.Context(), info.Last)
		if err != nil {
			t.Fatal(err)
		}
		var asked atomic.Pointer[time.Time]
		cfg := config(log, store)
		cfg.Keep = func(logged time.Time) projector.Kept {
			asked.Store(&logged)
			return projector.Kept{}
		}
		w, _ := start(t, cfg)
		waitFor(t, log, w)
		<-time.After(2 * time.Second)
		if at := asked.Load(); at == nil || !at.Equal(last.Time) {
			t.Errorf("asked at %v, want %s", at, last.Time)
		}
	})
}

func TestRetentionKept(t *testing.T) {
	day := func(year int, month time.Month, day int) time.Time {
		return time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
	}
	apia, err := time.LoadLocation("Pacific/Apia") // 13 h ahead
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		retention projector.Retention
		now       time.Time
		want      projector.Kept
	}{
		"for ever":                           {projector.Retention{}, day(2026, 11, 29), projector.Kept{}},
		"each for itself":                    {projector.Retention{Usage: 2, Requests: 1, Attempts: 12, RollUps: 24}, day(2026, 11, 29), projector.Kept{Usage: day(2026, 9, 1), Requests: day(2026, 10, 1), Attempts: day(2025, 11, 1), RollUps: day(2024, 11, 1)}},
		"at the turn":                        {projector.Retention{Usage: 1}, day(2026, 12, 1), projector.Kept{Usage: day(2026, 11, 1)}},
		"just before it":                     {projector.Retention{Usage: 1}, day(2026, 12, 1).Add(-1), projector.Kept{Usage: day(2026, 10, 1)}},
		"over a year":                        {projector.Retention{Usage: 3}, day(2027, 1, 31), projector.Kept{Usage: day(2026, 10, 1)}},
		"months of UTC, not of another zone": {projector.Retention{Usage: 1}, day(2026, 11, 30).Add(20 * time.Hour).In(apia), projector.Kept{Usage: day(2026, 10, 1)}},
	}
	for name, tt := range tests {
		if diff := cmp.Diff(tt.want, tt.retention.Kept(tt.now)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
