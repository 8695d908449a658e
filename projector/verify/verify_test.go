package verify_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/events/memlog"
	"github.com/llm-hub/llm-hub/projector"
	"github.com/llm-hub/llm-hub/projector/clickhouse/embedded/embeddedtest"
	"github.com/llm-hub/llm-hub/projector/projectortest"
	"github.com/llm-hub/llm-hub/projector/tables"
	"github.com/llm-hub/llm-hub/projector/verify"
)

func TestMain(m *testing.M) { embeddedtest.Main(m) }

func config(h *projectortest.Hub) verify.Config {
	return verify.Config{Log: h.Log, Bucket: h.Log, Tables: h.Store, Pause: h.Tables.Pause, MaxDifferences: 1000}
}

func run(t *testing.T, cfg verify.Config) verify.Report {
	t.Helper()
	report, err := verify.Run(t.Context(), cfg, nil)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func TestVerify(t *testing.T) {
	log := memlog.New()
	h := projectortest.NewHub(t, log)
	traffic := projectortest.New(1, 5, time.Second)
	h.Add(t, traffic.Messages(500)...)
	h.Add(t, traffic.Garbage())
	h.Add(t, traffic.Restart()...) // closes an epoch
	h.Add(t, traffic.Finish()...)
	h.Add(t, traffic.Messages(100)...)
	h.Settle(t)
	t.Run("ok", func(t *testing.T) { ok(t, h) })
	t.Run("exact under traffic", func(t *testing.T) { underTraffic(t, h, traffic) })
	h.Settle(t)
	t.Run("differences", func(t *testing.T) { differences(t, h, log) })
}

func ok(t *testing.T, h *projectortest.Hub) {
	report := run(t, config(h))
	books, err := projectortest.Fold(t.Context(), h.Log)
	if err != nil {
		t.Fatal(err)
	}
	if !report.OK || report.Different != 0 || len(report.Differences) != 0 {
		t.Errorf("differences: %v", report.Differences)
	}
	f := report.Facts
	if f.Lines != uint64(len(books.Entries)) || f.Dead != uint64(len(books.Dead)) || f.Open != uint64(books.Open) ||
		f.Admitted != f.Ended+f.Open || f.Admitted == 0 || f.Rejected == 0 || f.Dead == 0 || report.Counters != len(books.Counters) {
		t.Errorf("report %+v does not fit the fold", report)
	}
	if r := report.Tables; r.Rows.Usage != f.Lines || r.RolledUp != f.Lines || r.Seq != report.Seq || r.Rows.Requests != uint64(len(books.Ends)) {
		t.Errorf("tables %+v do not fit the facts %+v", *r, f)
	}
}

// underTraffic verifies again and again while messages come in.
func underTraffic(t *testing.T, h *projectortest.Hub, traffic *projectortest.Traffic) {
	last := uint64(0)
	for range 4 {
		h.Add(t, traffic.Messages(5)...)
		var adding sync.WaitGroup
		adding.Go(func() {
			for range 20 {
				h.Add(t, traffic.Messages(5)...)
				<-time.After(5 * time.Millisecond)
			}
		})
		report := run(t, config(h))
		adding.Wait()
		if !report.OK {
			t.Fatalf("differences under traffic: %v", report.Differences)
		}
		if report.Seq <= last {
			t.Errorf("no traffic: still at %d", last)
		}
		last = report.Seq
	}
}

// differences plants one difference after another and wants each found.
func differences(t *testing.T, h *projectortest.Hub, log *memlog.Log) {
	resume, err := h.Counters.Pause(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer resume()
	resumeTables, err := h.Tables.Pause(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer resumeTables()
	tenant := events.CounterKey(events.PartitionOf("tenant-1"), "tenant", "tenant-1")
	db := h.Store.Database()
	plants := []struct {
		name  string
		plant func()
		want  string // in what is found
	}{
		{"counter changed", func() { change(t, log, tenant, func(c *accounting.Counter) { c.Life.Cost++ }) }, "counter " + tenant},
		{"window changed", func() {
			change(t, log, tenant, func(c *accounting.Counter) { c.Life.Cost--; c.Windows[0].Requests++ })
		}, "counter " + tenant},
		{"counter behind", func() {
			change(t, log, tenant, func(c *accounting.Counter) { *c = accounting.Counter{At: accounting.Position{Seq: 1}} })
		}, "counter " + tenant},
		{"counter missing", func() { put(t, log, tenant, nil) }, "counter " + tenant},
		{"counter of nobody", func() { put(t, log, "c.00.tenant.nobody", []byte(`{}`)) }, "counter c.00.tenant.nobody"},
		{"not a counter", func() { put(t, log, "c.00.tenant.broken", []byte(`broken`)) }, "counter c.00.tenant.broken"},
		{"epochs over", func() { put(t, log, events.OverKey(3), []byte(`{"epochs":["nobody"]}`)) }, "epochs that are over in partition 03"},
		{"no epochs over", func() { put(t, log, events.OverKey(4), []byte(`"broken"`)) }, "epochs that are over in partition 04"},
		{"roll-up off", func() {
			exec(t, h, "INSERT INTO "+db+".usage_15m (bucket, tenant, lines) VALUES ('2026-10-24 20:00:00', 'tenant-0', 1)")
		}, "roll-up of 2026-10-24 20:00:00, tenant-0"},
		{"roll-up of requests off", func() {
			exec(t, h, "INSERT INTO "+db+".requests_15m (bucket, tenant, lines) VALUES ('2026-10-24 20:00:00', 'tenant-0', 1)")
		}, "roll-up of requests of 2026-10-24 20:00:00, tenant-0"},
		{"row missing", func() {
			exec(t, h, "DELETE FROM "+db+".requests WHERE (seq, idx) IN (SELECT seq, idx FROM "+db+".requests WHERE tenant = 'tenant-2' ORDER BY seq, idx LIMIT 1)")
		}, "table requests, rows of tenant-2"},
		{"row doubled", func() {
			exec(t, h, "INSERT INTO "+db+".attempts SELECT * FROM "+db+".attempts WHERE tenant = 'tenant-3' LIMIT 1")
		}, "table attempts, rows of tenant-3"},
		{"row of no message yet", func() {
			exec(t, h, "INSERT INTO "+db+".requests (seq, request) VALUES (1000000, 'r')")
		}, "table requests, rows beyond the checkpoint"},
		{"amount moved to another row", func() { // all sums stay the same
			exec(t, h, "ALTER TABLE "+db+".usage UPDATE input = input + if((seq, idx) = (SELECT min((seq, idx)) FROM "+group+"), 1, -1) "+
				"WHERE (seq, idx) IN ((SELECT min((seq, idx)) FROM "+group+"), (SELECT max((seq, idx)) FROM "+group+")) SETTINGS mutations_sync = 1")
		}, "table usage, rows of tenant-4"},
	}
	for _, p := range plants {
		p.plant()
		cfg := config(h)
		cfg.MaxDifferences = 100
		report := run(t, cfg)
		found := slices.ContainsFunc(report.Differences, func(d verify.Difference) bool { return strings.Contains(d.What, p.want) })
		if report.OK || !found {
			t.Errorf("%s: %q is not among %d differences: %v", p.name, p.want, report.Different, report.Differences)
		}
	}
	cfg := config(h)
	cfg.MaxDifferences = 2
	if report := run(t, cfg); len(report.Differences) != 2 || report.Different <= 2 {
		t.Errorf("%d of %d differences are described, want 2", len(report.Differences), report.Different)
	}
}

// group is some rows with equal labels.
const group = "(SELECT * FROM llmhub.usage WHERE tenant = 'tenant-4' AND user = 'user-1' AND key = 'key-1' AND model = 'smart' AND provider = 'openai' AND credential = 'main')"

func exec(t *testing.T, h *projectortest.Hub, sql string) {
	t.Helper()
	if err := h.Store.Exec(t.Context(), sql); err != nil {
		t.Fatal(err)
	}
}

func change(t *testing.T, log *memlog.Log, key string, by func(*accounting.Counter)) {
	t.Helper()
	e, err := log.Get(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	var c accounting.Counter
	if err := json.Unmarshal(e.Value, &c); err != nil {
		t.Fatal(err)
	}
	by(&c)
	raw, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	put(t, log, key, raw)
}

func put(t *testing.T, log *memlog.Log, key string, value []byte) {
	t.Helper()
	e, err := log.Get(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := log.Commit(t.Context(), []events.Put{{Key: key, Value: value, Rev: e.Rev}}); err != nil {
		t.Fatal(err)
	}
}

// TestLog: what is wrong with the log itself, without any tables.
func TestLog(t *testing.T) {
	traffic := projectortest.New(2, 5, time.Second)
	messages := traffic.Messages(300)
	lost := len(messages) / 2

	log := memlog.New()
	for i, m := range messages {
		if i != lost {
			log.Inject(m)
		}
	}
	cfg := verify.Config{Log: log, Bucket: log}
	if report := run(t, cfg); report.Different != 1 || report.Differences[0].What != "partition "+messages[lost].ID.Partition.String() {
		t.Errorf("a lost message: %v", report.Differences)
	}

	log = memlog.New()
	log.Inject(wrongPrice(t))
	if report := run(t, verify.Config{Log: log, Bucket: log}); report.Different != 1 || !strings.Contains(report.Differences[0].What, "cost of") {
		t.Errorf("a wrong price line: %v", report.Differences)
	}

	log.Inject(messages[0])
	if err := log.Trim(t.Context(), 2); err != nil {
		t.Fatal(err)
	}
	if _, err := verify.Run(context.Background(), verify.Config{Log: log, Bucket: log}, nil); err == nil {
		t.Error("a log without its beginning was verified")
	}
	if _, err := verify.Run(context.Background(), verify.Config{Log: log, Bucket: log, Tables: nothing{}}, nil); err == nil {
		t.Error("tables that were never made were verified")
	}
}

// TestRollUpIsNotComparedHalfWritten: while an intent is open nothing is known of
// the roll-up, and verify says so rather than guess.
func TestRollUpIsNotComparedHalfWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := memlog.New()
		info, _ := log.Info(t.Context())
		c := tables.Checkpoint{
			Generation: 1, Database: "hub", Done: projector.Anchor{Created: info.Created}, Intent: &tables.Intent{From: 1, To: 2},
		}
		if _, err := log.Commit(t.Context(), []events.Put{c.Put(events.TablesKey, 0)}); err != nil {
			t.Fatal(err)
		}
		cfg := verify.Config{Log: log, Bucket: log, Tables: empty{}}
		if _, err := verify.Run(t.Context(), cfg, nil); err == nil || !strings.Contains(err.Error(), "being written") {
			t.Errorf("error %v", err)
		}
		cfg.Pause = func(ctx context.Context) (func(), error) { // the writer finishes its batch
			_, rev, _ := tables.Load(ctx, log, events.TablesKey)
			c.Intent = nil
			_, err := log.Commit(ctx, []events.Put{c.Put(events.TablesKey, rev)})
			return func() {}, err
		}
		if report, err := verify.Run(t.Context(), cfg, nil); err != nil || !report.OK {
			t.Errorf("paused: %+v, %v", report.Differences, err)
		}
	})
}

// TestRollUpIsNotComparedWhileWritten: what was found while the tables changed means nothing.
func TestRollUpIsNotComparedWhileWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := memlog.New()
		info, _ := log.Info(t.Context())
		c := tables.Checkpoint{Generation: 1, Database: "hub", Done: projector.Anchor{Created: info.Created}}
		if _, err := log.Commit(t.Context(), []events.Put{c.Put(events.TablesKey, 0)}); err != nil {
			t.Fatal(err)
		}
		report, err := verify.Run(t.Context(), verify.Config{Log: log, Bucket: log, Tables: &moving{log: log, checkpoint: c}}, nil)
		if err != nil || !report.OK {
			t.Errorf("%+v, %v", report.Differences, err)
		}
	})
}

// moving is written at the first look at the roll-up, which shows a difference.
type moving struct {
	log        *memlog.Log
	checkpoint tables.Checkpoint
	moved      bool
}

func (m *moving) Query(ctx context.Context, sql string, _ map[string]any, row func(func(...any) error) error) error {
	if m.moved || !strings.Contains(sql, "HAVING") {
		return nil
	}
	m.moved = true
	_, rev, err := tables.Load(ctx, m.log, events.TablesKey)
	if err != nil {
		return err
	}
	m.checkpoint.Done.Seq = 0
	if _, err := m.log.Commit(ctx, []events.Put{m.checkpoint.Put(events.TablesKey, rev)}); err != nil {
		return err
	}
	return row(func(...any) error { return nil })
}

// empty has no rows.
type empty struct{}

func (empty) Query(context.Context, string, map[string]any, func(func(...any) error) error) error {
	return nil
}

type nothing struct{}

func (nothing) Query(context.Context, string, map[string]any, func(func(...any) error) error) error {
	return fmt.Errorf("unexpected query: %w", tables.ErrNoTables)
}

func wrongPrice(t *testing.T) events.Message {
	t.Helper()
	cost := int64(7)
	e, err := events.New(events.Head{At: projectortest.Start(), WindowAt: projectortest.Start(), Node: "n", Tenant: "acme", Request: "r", Attempt: 1},
		events.UsageRecorded{
			Principal: events.Principal{Key: "k", Model: "m"}, Attempt: 1, Source: events.FromVendor,
			Charge: events.Charge{Usage: events.Usage{Input: 1}, CostNanoUSD: &cost, Lines: []events.PriceLine{{Class: "input", Units: 1, CostNanoUSD: 6}}},
		})
	if err != nil {
		t.Fatal(err)
	}
	line, err := e.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return events.Message{
		ID: events.MessageID{Node: "n", Epoch: "e", Partition: events.PartitionOf("acme"), Counter: 1}, Count: 1, Data: append(line, '\n'),
	}
}
