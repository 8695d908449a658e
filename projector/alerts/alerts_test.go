package alerts_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/events/memlog"
	"github.com/llm-hub/llm-hub/projector/alerts"
)

// stream keeps alerts in memory, and fails on demand.
type stream struct {
	*memlog.Log
	mu   sync.Mutex
	away error
}

func newStream() *stream { return &stream{Log: memlog.New()} }

func (s *stream) RaiseAlert(ctx context.Context, id string, e events.Event) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.away != nil {
		return false, s.away
	}
	return s.Log.RaiseAlert(ctx, id, e)
}

func (s *stream) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.away = err
}

// held gives what is in the stream.
func (s *stream) held(t *testing.T) (out []events.Event) {
	t.Helper()
	page, err := s.Alerts(t.Context(), 1, 1000)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range page {
		e, err := events.Decode(m.Data)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, e)
	}
	return out
}

// raised gives the ids of what is in the stream, without what all have in common.
func (s *stream) raised(t *testing.T) (out []string) {
	t.Helper()
	for _, e := range s.held(t) {
		_, id, _ := strings.Cut(string(e.ID), ":alert.raised:")
		out = append(out, id)
	}
	return out
}

// catalog limits scopes.
type catalog struct {
	limits map[accounting.Scope][]accounting.Limit
	zone   *time.Location
}

func (c catalog) Limits(s accounting.Scope) []accounting.Limit { return c.limits[s] }
func (c catalog) Location() *time.Location                     { return c.zone }

// hub is what a watcher watches.
type hub struct {
	log     *memlog.Log
	stream  *stream
	catalog catalog
	folds   []alerts.Fold
	seq     uint64
	held    map[string]accounting.Counter
}

func newHub() *hub {
	return &hub{
		log: memlog.New(), stream: newStream(), held: map[string]accounting.Counter{},
		catalog: catalog{limits: map[accounting.Scope][]accounting.Limit{}, zone: time.UTC},
	}
}

func (h *hub) config() alerts.Config {
	return alerts.Config{
		Stream: h.stream, Node: "n1", Logger: slog.New(slog.DiscardHandler), Counters: h.log, Catalog: h.catalog,
		Log: h.log, Dead: h.log, Folds: h.folds,
	}
}

// start runs a watcher until the test ends.
func (h *hub) start(t *testing.T) *alerts.Watcher {
	t.Helper()
	w, err := alerts.New(h.config())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { w.Run(ctx) })
	running.Go(func() { w.RunLags(ctx) })
	t.Cleanup(func() { cancel(); running.Wait() })
	return w
}

// spend books t on a scope in a partition, now.
func (h *hub) spend(t *testing.T, s accounting.Scope, p events.Partition, totals accounting.Totals) {
	t.Helper()
	h.seq++
	key := events.CounterKey(p, string(s.Kind), s.ID)
	c := h.held[key]
	c.Add(&accounting.Entry{At: accounting.Position{Seq: h.seq}, WindowAt: time.Now().In(h.catalog.zone), Totals: totals, Epoch: "e1"})
	h.held[key] = c
	value, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	old, err := h.log.Get(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.log.Commit(t.Context(), []events.Put{{Key: key, Value: value, Rev: old.Rev}}); err != nil {
		t.Fatal(err)
	}
}

// pass lets time go on.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func (h *hub) want(t *testing.T, ids ...string) {
	t.Helper()
	if diff := cmp.Diff(ids, h.stream.raised(t)); diff != "" {
		t.Errorf("raised (-want +got)\n%s", diff)
	}
}

func key(id string) accounting.Scope { return accounting.Scope{Kind: accounting.KeyScope, ID: id} }

func TestLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub()
		ci, free := key("acme/ci"), key("acme/free")
		h.catalog.limits[ci] = []accounting.Limit{
			{Per: accounting.Day, Of: accounting.OfCost, Max: 10_000_000_000, Mode: accounting.Hard},
			{Per: accounting.Life, Of: accounting.OfTokens, Max: 3, Mode: accounting.Shadow},
			{Of: accounting.OfConcurrency, Max: 1, Mode: accounting.Hard},
		}
		narrow := accounting.Scope{Kind: accounting.TenantModelScope, ID: "acme/smart"}
		h.catalog.limits[narrow] = []accounting.Limit{{Per: accounting.Day, Of: accounting.OfRequests, Max: 1, Mode: accounting.Hard, Model: "smart"}}
		h.start(t)
		dollars := func(n int64) accounting.Totals {
			return accounting.Totals{Requests: 1, Cost: n * accounting.NanoPerUSD}
		}
		h.spend(t, free, 1, dollars(1000))
		h.spend(t, ci, 1, accounting.Totals{Cost: 4_999_999_999})
		pass(3 * time.Second)
		h.want(t)
		h.spend(t, ci, 1, accounting.Totals{Cost: 1})
		pass(3 * time.Second)
		h.want(t, "limit.key.acme/ci.day.cost.2000-01-01.50")
		h.spend(t, ci, 1, dollars(3))
		h.spend(t, ci, 1, accounting.Totals{Usage: events.Usage{Input: 1}})
		pass(3 * time.Second)
		h.spend(t, ci, 1, accounting.Totals{Usage: events.Usage{Output: 1}}) // 2 of 3 is over 50 %, under 80 %
		h.spend(t, ci, 1, dollars(9))
		pass(3 * time.Second)
		h.spend(t, ci, 1, dollars(1))
		pass(3 * time.Second)
		h.want(t, "limit.key.acme/ci.day.cost.2000-01-01.50", "limit.key.acme/ci.day.cost.2000-01-01.80",
			"limit.key.acme/ci.day.cost.2000-01-01.100", "limit.key.acme/ci.life.tokens..50")

		h.spend(t, narrow, 1, accounting.Totals{Requests: 1})
		pass(3 * time.Second)
		if all := h.stream.raised(t); all[len(all)-1] != "limit.tenant_model.acme/smart.day.requests.2000-01-01.100" {
			t.Errorf("of the model in the tenant: %v", all)
		}

		got, err := events.As[events.AlertRaised](h.stream.held(t)[1])
		if err != nil {
			t.Fatal(err)
		}
		want := events.AlertRaised{
			Name: events.LimitAlert, Subject: "key acme/ci", Percent: 80, Window: "2000-01-01",
			Text: "key acme/ci has used 80 % of its hard limit: $8 of $10 (day 2000-01-01)",
			Limit: &events.Limit{
				Scope: "key", Per: "day", Of: "cost", Max: 10_000_000_000, Used: 8_000_000_000,
				ResetAt: time.Date(2000, 1, 2, 0, 0, 0, 0, time.UTC),
			},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
		if e := h.stream.held(t)[1]; e.Tenant != "acme" || e.ID != "n1:alert.raised:limit.key.acme/ci.day.cost.2000-01-01.80" {
			t.Errorf("event %s of tenant %s", e.ID, e.Tenant)
		}
	})
}

// TestWindowEnds: what was used in a window that is over does not count, and the
// next window is told of anew.
func TestWindowEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub()
		ci := key("acme/ci")
		zone := time.FixedZone("east", 3*3600)
		h.catalog.zone = zone
		h.catalog.limits[ci] = []accounting.Limit{{Per: accounting.Day, Of: accounting.OfRequests, Max: 10, Mode: accounting.Soft}}
		h.start(t)
		h.spend(t, ci, 2, accounting.Totals{Requests: 6})
		pass(2 * time.Second)
		pass(24 * time.Hour)
		h.spend(t, ci, 2, accounting.Totals{Requests: 4}) // 10 in two days
		pass(2 * time.Second)
		h.spend(t, ci, 2, accounting.Totals{Requests: 4})
		pass(2 * time.Second)
		h.want(t, "limit.key.acme/ci.day.requests.2000-01-01.50", "limit.key.acme/ci.day.requests.2000-01-02.80")
	})
}

// TestShards: the shards of a scope that crosses tenants are added up.
func TestShards(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub()
		main := accounting.Scope{Kind: accounting.CredentialScope, ID: "openai/main"}
		h.catalog.limits[main] = []accounting.Limit{{Per: accounting.Minute, Of: accounting.OfRequests, Max: 100, Mode: accounting.Hard}}
		h.spend(t, main, 0, accounting.Totals{Requests: 30}) // before the watcher starts
		h.start(t)
		pass(2 * time.Second)
		h.want(t)
		h.spend(t, main, 15, accounting.Totals{Requests: 20})
		pass(2 * time.Second)
		h.want(t, "limit.credential.openai/main.minute.requests.2000-01-01T00:00Z.50")
		if tenant := h.stream.held(t)[0].Tenant; tenant != events.NoTenant {
			t.Errorf("of tenant %s", tenant)
		}
	})
}

// TestRivals: several watchers raise each alert once.
func TestRivals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub()
		ci := key("acme/ci")
		h.catalog.limits[ci] = []accounting.Limit{{Per: accounting.Month, Of: accounting.OfRequests, Max: 2, Mode: accounting.Hard}}
		a, b := h.start(t), h.start(t)
		h.spend(t, ci, 1, accounting.Totals{Requests: 1})
		pass(2 * time.Second)
		c := h.start(t) // later
		pass(2 * time.Second)
		h.want(t, "limit.key.acme/ci.month.requests.2000-01.50")
		if n := a.Status().Raised[events.LimitAlert] + b.Status().Raised[events.LimitAlert] + c.Status().Raised[events.LimitAlert]; n != 1 {
			t.Errorf("raised %d times", n)
		}
	})
}

// TestStreamAway: alerts wait until they can be raised.
func TestStreamAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub()
		ci := key("acme/ci")
		h.catalog.limits[ci] = []accounting.Limit{{Per: accounting.Life, Of: accounting.OfRequests, Max: 100, Mode: accounting.Hard}}
		w := h.start(t)
		h.stream.fail(errors.New("away"))
		for range 3 {
			h.spend(t, ci, 1, accounting.Totals{Requests: 30})
			pass(2 * time.Second)
		}
		w.Drift(alerts.Drift{Differences: 1})
		if s := w.Status(); s.Waiting != 3 || s.Failures == 0 {
			t.Errorf("%+v, want 3 waiting", s)
		}
		h.stream.fail(nil)
		pass(2 * time.Second)
		h.want(t, "limit.key.acme/ci.life.requests..50", "limit.key.acme/ci.life.requests..80", "drift.2000-01-01T00:00Z")
		if s := w.Status(); s.Waiting != 0 {
			t.Errorf("%+v, want none waiting", s)
		}
	})
}

// TestUnpriced: a model without a price is named once a day, also if that was
// before the watcher started.
func TestUnpriced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub()
		main := accounting.Scope{Kind: accounting.CredentialScope, ID: "openai/main"}
		tenant := events.TenantID("acme")
		p := events.PartitionOf(tenant)
		free := int64(0)
		use := func(model string, cost *int64) {
			t.Helper()
			h.seq++
			appendUsage(t, h.log, tenant, h.seq, events.Target{Provider: "openai", Credential: "main", Model: model}, cost)
			h.seq--
			totals := accounting.Totals{Attempts: 1}
			if cost == nil {
				totals.Unpriced = 1
			}
			h.spend(t, main, p, totals)
		}
		use("gpt-known", &free)
		use("gpt-new", nil)
		h.start(t)
		pass(2 * time.Second)
		h.want(t, "unpriced_model.openai.gpt-new.2000-01-01")
		use("gpt-known", &free)
		use("gpt-new", nil)
		use("org/odd name", nil)
		use("gpt-known", &free)
		pass(2 * time.Minute)
		h.want(t, "unpriced_model.openai.gpt-new.2000-01-01", "unpriced_model.openai.org%2Fodd%20name.2000-01-01")
		pass(24 * time.Hour)
		use("gpt-new", nil)
		pass(2 * time.Minute)
		if got := h.stream.raised(t); len(got) != 3 || got[2] != "unpriced_model.openai.gpt-new.2000-01-02" {
			t.Errorf("raised %v", got)
		}
	})
}

func appendUsage(t *testing.T, log *memlog.Log, tenant events.TenantID, n uint64, target events.Target, cost *int64) {
	t.Helper()
	now := time.Now()
	e, err := events.New(events.Head{At: now, Node: "n1", Tenant: tenant, Request: events.RequestID(fmt.Sprint("r", n)), WindowAt: now, Attempt: 1},
		events.UsageRecorded{
			Principal: events.Principal{Key: "ci", Model: "smart"}, Attempt: 1, Target: target, Source: events.FromVendor,
			Charge: events.Charge{CostNanoUSD: cost},
		})
	if err != nil {
		t.Fatal(err)
	}
	line, err := e.Encode()
	if err != nil {
		t.Fatal(err)
	}
	_, err = log.Append(t.Context(), events.Message{
		ID: events.MessageID{Node: "n1", Epoch: "e1", Partition: events.PartitionOf(tenant), Counter: n}, Count: 1, Data: append(line, '\n'),
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestLag(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub()
		var mu sync.Mutex
		lag := time.Duration(0)
		set := func(d time.Duration) { mu.Lock(); lag = d; mu.Unlock() }
		h.folds = []alerts.Fold{
			{Name: "counters", Lag: func(time.Time) time.Duration { return 0 }},
			{Name: "tables", Lag: func(time.Time) time.Duration { mu.Lock(); defer mu.Unlock(); return lag }},
		}
		h.start(t)
		set(alerts.DefaultLagOver)
		pass(time.Hour)
		set(alerts.DefaultLagOver + time.Second)
		pass(5 * time.Second) // not for long enough
		set(0)
		pass(5 * time.Second)
		h.want(t)
		set(2 * time.Minute)
		pass(time.Minute)
		h.want(t, "lag.tables.2000-01-01T01:00Z")
		pass(time.Hour)
		h.want(t, "lag.tables.2000-01-01T01:00Z", "lag.tables.2000-01-01T02:00Z")
	})
}

func TestDeadLetters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub()
		die := func(p events.Partition) {
			t.Helper()
			h.seq++
			if err := h.log.Dead(t.Context(), p, fmt.Sprintf("%d.0", h.seq), "never say this", []byte("secret")); err != nil {
				t.Fatal(err)
			}
		}
		die(9) // told when it died
		pass(3 * time.Hour)
		die(3)
		die(3)
		h.start(t)
		pass(time.Minute)
		h.want(t, "dead_letter.03.2000-01-01T03:00Z")
		die(3)
		die(4)
		pass(time.Minute)
		die(3)
		pass(time.Hour)
		die(3)
		pass(time.Minute)
		h.want(t, "dead_letter.03.2000-01-01T03:00Z", "dead_letter.04.2000-01-01T03:00Z", "dead_letter.03.2000-01-01T04:00Z")
		body, err := events.As[events.AlertRaised](h.stream.held(t)[0])
		if err != nil || body.Text != "partition 03: 2 events could not be applied (2000-01-01T03:00Z), the latest is dead letter 3" {
			t.Errorf("text %q, %v", body.Text, err)
		}
	})
}

// TestDrift: a drift is told once an hour, also by who does not run the watcher.
func TestDrift(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub()
		w, err := alerts.New(h.config())
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			w.Drift(alerts.Drift{Differences: 2, CostNanoUSD: 1, Tokens: 7, Seq: 99})
			pass(2 * time.Second)
		}
		h.want(t, "drift.2000-01-01T00:00Z")
		body, err := events.As[events.AlertRaised](h.stream.held(t)[0])
		want := "the books are not what the log says: 2 differences, $0.000000001 and 7 tokens, up to sequence 99 (2000-01-01T00:00Z)"
		if err != nil || body.Text != want {
			t.Errorf("text %q, %v", body.Text, err)
		}
	})
}
