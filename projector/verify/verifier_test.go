package verify_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/events/memlog"
	"github.com/llm-hub/llm-hub/projector"
	"github.com/llm-hub/llm-hub/projector/counters"
	"github.com/llm-hub/llm-hub/projector/projectortest"
	"github.com/llm-hub/llm-hub/projector/tables"
	"github.com/llm-hub/llm-hub/projector/verify"
)

func newVerifier(t *testing.T, cfg verify.Config) *verify.Verifier {
	t.Helper()
	v, err := verify.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func again(t *testing.T, v *verify.Verifier) verify.Report {
	t.Helper()
	report, err := v.Run(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// clean wants that a run finds nothing, and what a first run would find.
func clean(t *testing.T, v *verify.Verifier) verify.Report {
	t.Helper()
	report := again(t, v)
	if !report.OK || report.Different != 0 || report.Drift != (verify.Drift{}) {
		t.Fatalf("%d differences, drift %+v: %v", report.Different, report.Drift, report.Differences)
	}
	return report
}

// shares is in how many runs older rows are compared again.
const shares = 3

func TestVerifier(t *testing.T) {
	log := memlog.New()
	h := projectortest.NewHub(t, log)
	traffic := projectortest.New(11, 5, time.Second)
	h.Add(t, traffic.Messages(500)...)
	h.Settle(t)
	away := &away{Querier: h.Store}
	cfg := config(h)
	cfg.Tables, cfg.Shares = away, shares
	v := newVerifier(t, cfg)
	t.Run("under traffic", func(t *testing.T) { verifierUnderTraffic(t, h, v, traffic) })
	h.Settle(t)
	t.Run("owes", func(t *testing.T) { verifierOwes(t, h, v, traffic, away) })
	h.Settle(t)
	t.Run("finds", func(t *testing.T) { verifierFinds(t, h, v, log) })
}

// verifierUnderTraffic: each run says what a first run at the same place would.
func verifierUnderTraffic(t *testing.T, h *projectortest.Hub, v *verify.Verifier, traffic *projectortest.Traffic) {
	clean(t, v)
	for range 2 * shares {
		var adding sync.WaitGroup
		adding.Go(func() {
			for range 10 {
				h.Add(t, traffic.Messages(5)...)
				<-time.After(5 * time.Millisecond)
			}
		})
		clean(t, v)
		adding.Wait()
	}
	h.Settle(t)
	if diff := cmp.Diff(run(t, config(h)), clean(t, v)); diff != "" {
		t.Errorf("a first run and a later one (-first +later)\n%s", diff)
	}
}

// away is a store that can be out of reach.
type away struct {
	verify.Querier
	gone atomic.Bool
}

func (a *away) Query(ctx context.Context, sql string, params map[string]any, row func(func(...any) error) error) error {
	if a.gone.Load() {
		return errors.New("the store is away")
	}
	return a.Querier.Query(ctx, sql, params, row)
}

// verifierOwes: rows that were not in the tables, or could not be looked at, are
// compared later.
func verifierOwes(t *testing.T, h *projectortest.Hub, v *verify.Verifier, traffic *projectortest.Traffic, store *away) {
	db := h.Store.Database()
	resume, err := h.Tables.Pause(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer resume()
	stood := clean(t, v).Tables.Seq
	for range 3 {
		h.Add(t, traffic.Messages(20)...)
		if report := clean(t, v); report.Tables.Seq != stood || report.Seq <= stood {
			t.Fatalf("folded up to %d, the tables are at %d, were at %d", report.Seq, report.Tables.Seq, stood)
		}
	}
	resume()
	h.Settle(t)
	store.gone.Store(true)
	if report, err := v.Run(t.Context(), nil); err == nil || report.OK || report.Counters == 0 {
		t.Errorf("verified without the store: %+v, %v", report, err)
	}
	store.gone.Store(false)
	exec(t, h, "CREATE TABLE "+db+".kept AS "+db+".attempts")
	exec(t, h, "INSERT INTO "+db+".kept SELECT * FROM "+db+".attempts WHERE seq > "+text(stood)+" ORDER BY seq, idx LIMIT 1")
	exec(t, h, "DELETE FROM "+db+".attempts WHERE (seq, idx) IN (SELECT seq, idx FROM "+db+".kept)")
	if report := again(t, v); report.OK || !strings.Contains(report.Differences[0].What, "after sequence") {
		t.Errorf("a row that was owed is missing: %v", report.Differences)
	}
	for range shares + 1 { // it is looked at until it is right
		if report := again(t, v); report.Different != 1 {
			t.Errorf("differences: %v", report.Differences)
		}
	}
	exec(t, h, "INSERT INTO "+db+".attempts SELECT * FROM "+db+".kept")
	exec(t, h, "DROP TABLE "+db+".kept")
	clean(t, v)
}

func text(n uint64) string {
	raw, _ := json.Marshal(n) // a number
	return string(raw)
}

// verifierFinds: what is changed in what was compared before is found: in counters
// at once, in older rows when their turn comes.
func verifierFinds(t *testing.T, h *projectortest.Hub, v *verify.Verifier, log *memlog.Log) {
	for _, pause := range []func(context.Context) (func(), error){h.Counters.Pause, h.Tables.Pause} {
		resume, err := pause(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer resume()
	}
	clean(t, v)
	db := h.Store.Database()
	tenant := events.CounterKey(events.PartitionOf("tenant-1"), "tenant", "tenant-1")
	by := func(cost int64) func() {
		return func() { change(t, log, tenant, func(c *accounting.Counter) { c.Life.Cost += cost }) }
	}
	const oldRow = " WHERE (seq, idx) IN (SELECT seq, idx FROM llmhub.usage WHERE tenant = 'tenant-4' AND input > 0 ORDER BY seq, idx LIMIT 1)"
	update := func(set string) func() {
		return func() { exec(t, h, "ALTER TABLE "+db+".usage UPDATE "+set+oldRow+" SETTINGS mutations_sync = 1") }
	}
	plants := []struct {
		name          string
		plant, repair func()
		want          string
		within        int // runs
		cost, tokens  int64
	}{
		{"counter", by(-7), by(7), "counter " + tenant, 1, 7, 0},
		{"row", update("output = output + 5"), update("output = output - 5"), "table usage, rows of tenant-4", shares, 0, 10}, // once in the roll-up
		{"nothing but a label", update("key = concat(key, 'x')"), update("key = substring(key, 1, length(key) - 1)"), "table usage, rows of tenant-4", shares, -1, -1},
		{"roll-up", func() {
			exec(t, h, "INSERT INTO "+db+".usage_15m (bucket, tenant, lines, cost_nano_usd) VALUES ('2026-10-24 20:00:00', 'tenant-0', 1, 3)")
		}, func() {
			exec(t, h, "ALTER TABLE "+db+".usage_15m DELETE WHERE key = '' SETTINGS mutations_sync = 1")
		}, "roll-up of 2026-10-24 20:00:00, tenant-0", shares, 3, 0},
		{"row of nobody", func() {
			exec(t, h, "INSERT INTO "+db+".requests (seq, request, tenant) VALUES (1, 'r', 'zzz')")
		}, func() {
			exec(t, h, "ALTER TABLE "+db+".requests DELETE WHERE tenant = 'zzz' SETTINGS mutations_sync = 1")
			exec(t, h, "ALTER TABLE "+db+".requests_15m DELETE WHERE tenant = 'zzz' SETTINGS mutations_sync = 1")
		}, "table requests, rows of zzz", shares, 0, 0},
	}
	for _, p := range plants {
		p.plant()
		found, runs := false, 0
		var report verify.Report
		for ; runs < p.within && !found; runs++ {
			report = again(t, v)
			found = slices.ContainsFunc(report.Differences, func(d verify.Difference) bool { return strings.Contains(d.What, p.want) })
		}
		if !found {
			t.Errorf("%s: not found in %d runs: %v", p.name, runs, report.Differences)
		}
		if want := (verify.Drift{CostNanoUSD: p.cost, Tokens: p.tokens}); p.cost >= 0 && report.Drift != want {
			t.Errorf("%s: drift %+v, want %+v", p.name, report.Drift, want)
		}
		p.repair()
		clean(t, v)
		clean(t, v)
	}
}

// counted stores the counters of everything up to a sequence, as a projector that
// has come so far, and says that it has come to another.
func counted(t *testing.T, log *memlog.Log, upTo, committed uint64) {
	t.Helper()
	part := memlog.New()
	for seq := uint64(1); seq <= upTo; seq++ {
		m, err := log.At(t.Context(), seq)
		if err != nil {
			t.Fatal(err)
		}
		part.Inject(m.Message)
	}
	books, err := projectortest.Fold(t.Context(), part)
	if err != nil {
		t.Fatal(err)
	}
	for key, c := range books.Counters {
		raw, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		put(t, log, key, raw)
	}
	info, err := log.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	m, err := log.At(t.Context(), committed)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range projector.AllPartitions() {
		raw, err := json.Marshal(counters.Checkpoint{
			Anchor:   projector.Anchor{Created: info.Created, Seq: committed, Hash: projector.Hash(m.Message)},
			Position: accounting.Position{Seq: committed + 1},
		})
		if err != nil {
			t.Fatal(err)
		}
		put(t, log, events.CheckpointKey(p), raw)
	}
}

func filled(t *testing.T, seed uint64, n int) (*memlog.Log, *projectortest.Traffic, uint64) {
	t.Helper()
	log, traffic := memlog.New(), projectortest.New(seed, 3, time.Second)
	for _, m := range traffic.Messages(n) {
		log.Inject(m)
	}
	info, err := log.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return log, traffic, info.Last
}

// TestCountersBehind: counters that have not come as far as the fold are compared
// later; what they should have counted, or should not have changed, is found.
func TestCountersBehind(t *testing.T) {
	log, _, last := filled(t, 12, 300)
	v := newVerifier(t, verify.Config{Log: log, Bucket: log})
	step := last / 4
	counted(t, log, step, step)
	if report := clean(t, v); report.Behind != 0 || report.Counters == 0 || report.Seq != last {
		t.Errorf("at first: %+v", report)
	}
	if report := clean(t, v); report.Behind != 0 {
		t.Errorf("as they were: %d behind", report.Behind)
	}
	tenant := events.CounterKey(events.PartitionOf("tenant-1"), "tenant", "tenant-1")
	change(t, log, tenant, func(c *accounting.Counter) { c.Life.Cost++ })
	if report := again(t, v); report.Different != 1 || report.Differences[0].What != "counter "+tenant {
		t.Errorf("changed without counting: %v", report.Differences)
	}
	counted(t, log, 2*step, 2*step)
	if report := clean(t, v); report.Behind == 0 {
		t.Error("none is behind")
	}
	counted(t, log, 3*step, last)
	if report := again(t, v); report.OK || !strings.HasPrefix(report.Differences[0].Want, "counted at") {
		t.Errorf("skipped: %v", report.Differences)
	}
	counted(t, log, last, last)
	if report := clean(t, v); report.Behind != 0 {
		t.Errorf("at last: %d behind", report.Behind)
	}
	put(t, log, tenant, nil)
	if report := again(t, v); report.Different != 1 || report.Differences[0].Got != "none" {
		t.Errorf("gone: %v", report.Differences)
	}
}

// reads notes where reading began.
type reads struct {
	*memlog.Log
	from []uint64
}

func (r *reads) Read(ctx context.Context, x events.Range) (events.Cursor, error) {
	r.from = append(r.from, x.From)
	return r.Log.Read(ctx, x)
}

func TestVerifierReadsOnce(t *testing.T) {
	log, traffic, last := filled(t, 13, 300)
	counted(t, log, last, last)
	seen := &reads{Log: log}
	v := newVerifier(t, verify.Config{Log: seen, Bucket: log})
	clean(t, v)
	clean(t, v)
	for _, m := range traffic.Messages(50) {
		log.Inject(m)
	}
	lost := traffic.Messages(50)
	for _, m := range lost[1:] {
		log.Inject(m)
	}
	want := again(t, v) // and what is wrong with the log is told again
	if got := again(t, v); want.Different == 0 || got.Different != want.Different || !cmp.Equal(got, want) {
		t.Errorf("%s", cmp.Diff(want, got))
	}
	if diff := cmp.Diff([]uint64{1, last + 1}, seen.from); diff != "" {
		t.Errorf("read from (-want +got)\n%s", diff)
	}
}

// TestVerifierStartsAnew: of another log nothing that was folded counts.
func TestVerifierStartsAnew(t *testing.T) {
	log, _, last := filled(t, 14, 300)
	counted(t, log, last, last)
	seen := &reads{Log: log}
	v := newVerifier(t, verify.Config{Log: seen, Bucket: log})
	clean(t, v)
	log.Recreate()
	log.RecreateBucket()
	if report := clean(t, v); report.Seq != 0 || report.Facts != (verify.Facts{}) || report.Counters != 0 {
		t.Errorf("of an empty log: %+v", report)
	}
	for _, m := range projectortest.New(15, 3, time.Second).Messages(100) {
		log.Inject(m)
	}
	info, _ := log.Info(t.Context())
	counted(t, log, info.Last, info.Last)
	if diff := cmp.Diff(run(t, verify.Config{Log: log, Bucket: log}), clean(t, v)); diff != "" {
		t.Errorf("(-first +later)\n%s", diff)
	}

	// Tables that stand before what was compared are others.
	seen.from = nil
	v = newVerifier(t, verify.Config{Log: seen, Bucket: log, Tables: empty{}})
	tablesAt(t, log, info.Last)
	again(t, v) // the tables of empty hold nothing, so all rows are missing
	tablesAt(t, log, info.Last-1)
	again(t, v)
	if diff := cmp.Diff([]uint64{1, 1}, seen.from); diff != "" {
		t.Errorf("read from (-want +got)\n%s", diff)
	}
}

// tablesAt says that the tables have come to a sequence.
func tablesAt(t *testing.T, log *memlog.Log, seq uint64) {
	t.Helper()
	info, err := log.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	m, err := log.At(t.Context(), seq)
	if err != nil {
		t.Fatal(err)
	}
	c := tables.Checkpoint{
		Generation: 1, Database: "hub", Done: projector.Anchor{Created: info.Created, Seq: seq, Hash: projector.Hash(m.Message)},
	}
	_, rev, err := tables.Load(t.Context(), log, events.TablesKey)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := log.Commit(t.Context(), []events.Put{c.Put(events.TablesKey, rev)}); err != nil {
		t.Fatal(err)
	}
}

// asked notes which sequences of the tables were looked at.
type asked struct {
	ranges [][2]uint64
}

func (a *asked) Query(_ context.Context, sql string, params map[string]any, _ func(func(...any) error) error) error {
	if after, of := params["after"].(uint64); of && strings.Contains(sql, ".usage WHERE seq >") {
		a.ranges = append(a.ranges, [2]uint64{after, params["to"].(uint64)})
	}
	return nil
}

// TestVerifierOwes: while the tables lag, what is owed stays within bounds, and is
// compared as soon as they have it: without a gap, and never beyond where they are.
func TestVerifierOwes(t *testing.T) {
	log, traffic, begin := filled(t, 17, 50)
	counted(t, log, begin, begin)
	store := &asked{}
	v := newVerifier(t, verify.Config{Log: log, Bucket: log, Tables: store, Shares: 1000})
	tablesAt(t, log, begin/2)
	again(t, v)
	if diff := cmp.Diff([][2]uint64{{0, begin / 2}}, store.ranges); diff != "" {
		t.Errorf("at first (-want +got)\n%s", diff)
	}
	for range 40 {
		for _, m := range traffic.Messages(5) {
			log.Inject(m)
		}
		store.ranges = nil
		again(t, v)
		if want := [2]uint64{0, begin / 2}; slices.ContainsFunc(store.ranges, func(r [2]uint64) bool { return r != want }) {
			t.Fatalf("compared %v beyond the tables", store.ranges)
		}
	}
	info, _ := log.Info(t.Context())
	tablesAt(t, log, info.Last)
	store.ranges = nil
	again(t, v)
	store.ranges = slices.DeleteFunc(store.ranges, func(r [2]uint64) bool { return r[0] == 0 })
	at := begin / 2
	for _, r := range store.ranges {
		if r[0] != at {
			t.Errorf("compared %v after %d", r, at)
		}
		at = r[1]
	}
	if at != info.Last || len(store.ranges) < 2 || len(store.ranges) > 30 {
		t.Errorf("compared up to %d of %d in %d parts", at, info.Last, len(store.ranges))
	}
}

func TestJob(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, _, last := filled(t, 16, 300)
		counted(t, log, last, last)
		var mu sync.Mutex
		var drifted []verify.Report
		job, err := verify.NewJob(verify.JobConfig{
			Config: verify.Config{Log: log, Bucket: log}, Logger: slog.New(slog.DiscardHandler),
			Drifted: func(r verify.Report) { mu.Lock(); defer mu.Unlock(); drifted = append(drifted, r) },
		})
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); job.Run(ctx) }()
		defer func() { cancel(); <-done }()
		ran := func(n uint64) verify.JobStatus {
			t.Helper()
			if err := job.Wait(t.Context(), func(s verify.JobStatus) bool { return s.Runs >= n }); err != nil {
				t.Fatal(err)
			}
			mu.Lock()
			defer mu.Unlock()
			return job.Status()
		}
		if s := ran(1); !s.OK || s.Err != nil || !s.Last.Equal(began.Add(verify.DefaultDelay)) || s.Seq != last || len(drifted) != 0 {
			t.Errorf("%+v", s)
		}
		tenant := events.CounterKey(events.PartitionOf("tenant-1"), "tenant", "tenant-1")
		change(t, log, tenant, func(c *accounting.Counter) { c.Life.Cost += 9; c.Life.Usage.Output -= 4 })
		want := verify.Drift{CostNanoUSD: 9, Tokens: 4}
		if s := ran(2); s.OK || s.Different != 1 || s.Drift != want || len(drifted) != 1 || drifted[0].Drift != want ||
			!s.Last.Equal(began.Add(verify.DefaultDelay+verify.DefaultEvery)) {
			t.Errorf("%+v, told %v", s, drifted)
		}
		if err := log.Trim(t.Context(), last); err != nil { // what was folded may go
			t.Fatal(err)
		}
		change(t, log, tenant, func(c *accounting.Counter) { c.Life.Cost -= 9; c.Life.Usage.Output += 4 })
		if s := ran(3); !s.OK || s.Failures != 0 || len(drifted) != 1 {
			t.Errorf("%+v", s)
		}
		log.Close()
		if s := ran(4); s.OK || !errors.Is(s.Err, events.ErrClosed) || s.Failures != 1 {
			t.Errorf("%+v of a closed log", s)
		}
	})
	for _, cfg := range []verify.JobConfig{
		{}, {Logger: slog.New(slog.DiscardHandler)},
		{Logger: slog.New(slog.DiscardHandler), Config: verify.Config{Log: memlog.New(), Bucket: memlog.New()}, Every: -1},
	} {
		if _, err := verify.NewJob(cfg); err == nil {
			t.Errorf("a job of %+v", cfg)
		}
	}
}
