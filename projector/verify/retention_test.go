package verify_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/events/memlog"
	"github.com/llm-hub/llm-hub/projector"
	"github.com/llm-hub/llm-hub/projector/projectortest"
	"github.com/llm-hub/llm-hub/projector/tables"
	"github.com/llm-hub/llm-hub/projector/verify"
)

// letGo moves the horizons of a hub and waits until what is before them is dropped.
func letGo(t *testing.T, h *projectortest.Hub, wanted *atomic.Pointer[projector.Kept], k projector.Kept) {
	t.Helper()
	wanted.Store(&k)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := h.Tables.Wait(ctx, func(s tables.Status) bool { return s.Kept == k && !s.Litter }); err != nil {
		t.Fatal(err)
	}
}

// TestRetention: what was let go is no difference, for a first run, for one that has
// compared before, and for one in whose midst it goes; what is wrong in what is left is
// one, also in quarters whose rows are gone.
func TestRetention(t *testing.T) {
	log, wanted := memlog.New(), &atomic.Pointer[projector.Kept]{}
	wanted.Store(&projector.Kept{})
	h := projectortest.Connected(t, log)
	h.Keep = func(time.Time) projector.Kept { return *wanted.Load() }
	h.Start(t)
	traffic := projectortest.New(12, 5, 24*time.Hour)
	h.Add(t, traffic.Messages(250)...)
	h.Settle(t)
	meddling := &meddler{Querier: h.Store}
	cfg := config(h)
	cfg.Tables = meddling
	v := newVerifier(t, cfg)
	before := clean(t, v)

	start := projectortest.Start()
	month := func(n int) time.Time {
		return time.Date(start.Year(), start.Month()+time.Month(n), 1, 0, 0, 0, 0, time.UTC)
	}
	k := projector.Kept{Usage: month(8), Requests: month(6), Attempts: month(6)}
	letGo(t, h, wanted, k)
	older := func() uint64 {
		all, err := h.Store.RolledUp(t.Context(), h.Store.Database(), projector.Kept{})
		if err != nil {
			t.Fatal(err)
		}
		since, err := h.Store.RolledUp(t.Context(), h.Store.Database(), k)
		if err != nil {
			t.Fatal(err)
		}
		return all.Usage - since.Usage
	}
	was := older()
	h.Add(t, traffic.Finish()...) // of requests that were admitted before
	h.Settle(t)
	if now := older(); now <= was {
		t.Errorf("%d rows of before are rolled up, %d were: nothing came late", now, was)
	}
	report := clean(t, v)
	if report.Tables.Kept != k || report.Tables.Rows.Usage >= before.Tables.Rows.Usage {
		t.Errorf("compared %+v, before %+v", report.Tables, before.Tables)
	}
	if diff := cmp.Diff(run(t, config(h)), report); diff != "" {
		t.Errorf("a first run and a later one (-first +later)\n%s", diff)
	}
	if got := again(t, v); !got.OK {
		t.Errorf("once more: %v", got.Differences)
	}

	k.RollUps, k.Attempts = month(6), month(7)
	meddling.once = func() { letGo(t, h, wanted, k) }
	if report := clean(t, v); report.Tables.Kept != k || meddling.once != nil {
		t.Errorf("compared %+v", report.Tables)
	}

	exec(t, h, "ALTER TABLE "+h.Store.Database()+".usage_15m UPDATE cost_nano_usd = cost_nano_usd + 1000 WHERE bucket < '"+k.Usage.Format("2006-01-02")+"' AND attempts > 0 SETTINGS mutations_sync = 2")
	exec(t, h, "ALTER TABLE "+h.Store.Database()+".requests DELETE WHERE window_at >= '"+month(6).Format("2006-01-02")+"' SETTINGS mutations_sync = 2")
	wrong := run(t, config(h))
	found := map[string]bool{}
	for _, d := range wrong.Differences {
		found[tableIn(d)] = true
	}
	if !found["usage_15m"] || !found["requests"] || wrong.Drift.CostNanoUSD == 0 {
		t.Errorf("found %v in %v", found, wrong.Differences)
	}
}

// meddler lets something happen before its next question.
type meddler struct {
	verify.Querier
	once func()
}

func (m *meddler) Query(ctx context.Context, sql string, params map[string]any, row func(func(...any) error) error) error {
	err := m.Querier.Query(ctx, sql, params, row)
	if do := m.once; do != nil {
		m.once = nil
		do()
	}
	return err
}

// tableIn is the table that a difference is in.
func tableIn(d verify.Difference) string {
	for _, table := range []string{"usage_15m", "requests_15m", "usage", "requests", "attempts"} {
		if strings.HasPrefix(d.What, "table "+table+",") {
			return table
		}
	}
	return ""
}
