package fakellm_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/cmd/fake-llm/fakellm"
)

func (w *world) postN(n int, a ask) {
	w.t.Helper()
	for range n {
		w.do(a)
	}
}

func TestRecord(t *testing.T) {
	inWorld(t, fakellm.Config{}, func(w *world) {
		began := time.Now()
		a := chat(fakellm.OpenAI, "m+latency=2s+cached=2+write=9", hello, true)
		a.header["X-Request-Id"], a.header["X-Llmhub-Request"] = "r-1", "h-1"
		w.do(a)
		want := &fakellm.Record{
			Seq: 1, Vendor: fakellm.OpenAI, Model: "m+latency=2s+cached=2+write=9", Key: "k-o",
			RequestID: "r-1", HubRequest: "h-1", Stream: true, Status: 200,
			Usage:   fakellm.Usage{Input: 3, Cached: 2, CacheWrite: 1, Output: 5},
			Outcome: fakellm.Complete, Started: began, Finished: began.Add(2 * time.Second),
		}
		if diff := cmp.Diff(want, w.record()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

// TestLedgerAddsUp: under concurrency the totals are the sum of what the clients know.
func TestLedgerAddsUp(t *testing.T) {
	const workers, rounds = 8, 25
	fake := fakellm.New(fakellm.Config{LedgerRecords: 10})
	server := httptest.NewServer(fake)
	defer server.Close()
	asks := []struct {
		ask
		usage fakellm.Usage
	}{
		{chat(fakellm.OpenAI, "m", hello, false), fakellm.Usage{Input: 3, Output: 5}},
		{chat(fakellm.OpenAI, "m+cut=2+reasoning=3", hello, true), fakellm.Usage{Input: 3, Output: 5, Reasoning: 3}},
		{chat(fakellm.OpenAI, "m+429", hello, true), fakellm.Usage{}},
		{chat(fakellm.Anthropic, "m+in=50+cached=20+write=10+write1h=5", hello, true), fakellm.Usage{Input: 50, Cached: 20, CacheWrite: 15, CacheWrite1h: 5, Output: 5}},
		{chat(fakellm.Gemini, "bench", hello, true), fakellm.BenchUsage()},
	}
	var group sync.WaitGroup
	for i := range workers {
		group.Go(func() {
			for range rounds {
				for _, a := range asks {
					post(t, server, a.ask, fmt.Sprintf("-%d", i%2))
				}
			}
		})
	}
	group.Wait()
	if err := fake.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	s := fake.Ledger(0, 100)
	want := sumOf(workers*rounds, asks[0].usage, asks[1].usage, asks[2].usage, asks[3].usage, asks[4].usage)
	if diff := cmp.Diff(want, s.Totals.Usage); diff != "" {
		t.Errorf("totals (-want +got):\n%s", diff)
	}
	const n = workers * rounds
	outcomes := map[fakellm.Outcome]int64{fakellm.Complete: 3 * n, fakellm.Cut: n, fakellm.Errored: n}
	if diff := cmp.Diff(outcomes, s.Totals.ByOutcome); diff != "" {
		t.Errorf("outcomes (-want +got):\n%s", diff)
	}
	half := sumOf(n/2, asks[0].usage, asks[1].usage)
	if diff := cmp.Diff(half, s.ByKey["k-o-0"].Usage); diff != "" {
		t.Errorf("key k-o-0 (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(sumOf(n, asks[3].usage), s.ByVendor[fakellm.Anthropic].Usage); diff != "" {
		t.Errorf("anthropic (-want +got):\n%s", diff)
	}
	if got := s.ByModel["m+429"]; got.Requests != n || got.Usage != (fakellm.Usage{}) {
		t.Errorf("model m+429: %+v", got)
	}
	if len(s.Records) != 10 || s.Records[9].Seq != s.Last || s.Last != 5*n || s.Dropped != s.Last-10 {
		t.Errorf("%d records up to %d, %d dropped", len(s.Records), s.Last, s.Dropped)
	}
}

func sumOf(times int64, usages ...fakellm.Usage) (sum fakellm.Usage) {
	for _, u := range usages {
		sum.Input += times * u.Input
		sum.Cached += times * u.Cached
		sum.CacheWrite += times * u.CacheWrite
		sum.CacheWrite1h += times * u.CacheWrite1h
		sum.Output += times * u.Output
		sum.Reasoning += times * u.Reasoning
	}
	return sum
}

func post(t *testing.T, server *httptest.Server, a ask, keySuffix string) {
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+a.path, strings.NewReader(a.body))
	if err != nil {
		t.Error(err)
		return
	}
	for name, value := range a.header {
		if strings.Contains(value, "k-") {
			value += keySuffix
		}
		req.Header.Set(name, value)
	}
	resp, err := server.Client().Do(req)
	if err != nil {
		t.Error(err)
		return
	}
	if _, err := io.Copy(io.Discard, resp.Body); err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Error(err)
	}
	_ = resp.Body.Close()
}

func TestLedgerPages(t *testing.T) {
	inWorld(t, fakellm.Config{LedgerRecords: 4}, func(w *world) {
		w.postN(6, chat(fakellm.OpenAI, "m", hello, false))
		page := func(query string) (seqs []float64, dropped float64) {
			body := w.do(ask{method: "GET", path: "/_fake/ledger?wait=1s" + query}).body
			records, _ := dig(t, body, "records").([]any)
			for i := range records {
				seqs = append(seqs, dig(t, body, "records", i, "seq").(float64))
			}
			return seqs, dig(t, body, "dropped").(float64)
		}
		tests := []struct {
			query   string
			seqs    []float64
			dropped float64
		}{
			{"", []float64{3, 4, 5, 6}, 2},
			{"&since=1", []float64{3, 4, 5, 6}, 1},
			{"&since=2&limit=2", []float64{3, 4}, 0},
			{"&since=4", []float64{5, 6}, 0},
			{"&since=6", nil, 0},
			{"&since=60", nil, 0},
		}
		for _, test := range tests {
			if seqs, dropped := page(test.query); !cmp.Equal(seqs, test.seqs) || dropped != test.dropped {
				t.Errorf("%q: got %v, %v dropped; want %v, %v", test.query, seqs, dropped, test.seqs, test.dropped)
			}
		}
		for _, query := range []string{"since=x", "limit=-1", "wait=soon"} {
			if g := w.do(ask{method: "GET", path: "/_fake/ledger?" + query}); g.status != 400 {
				t.Errorf("%s: got %d", query, g.status)
			}
		}
		if g := w.do(ask{method: "DELETE", path: "/_fake/ledger"}); g.status != 204 {
			t.Errorf("reset: got %d", g.status)
		}
		if s := w.fake.Ledger(0, 10); s.Totals.Requests != 0 || s.Last != 0 || len(s.Records) != 0 {
			t.Errorf("after the reset: %+v", s)
		}
	})
}

func TestTotalsOnly(t *testing.T) {
	inWorld(t, fakellm.Config{TotalsOnly: true}, func(w *world) {
		w.postN(3, chat(fakellm.Gemini, "m", hello, false))
		s := w.fake.Ledger(0, 10)
		if len(s.Records) != 0 || s.Totals.Requests != 3 || s.Totals.Output != 15 || s.Dropped != 3 {
			t.Errorf("got %+v", s)
		}
	})
}

func TestSettleWaits(t *testing.T) {
	inWorld(t, fakellm.Config{}, func(w *world) {
		done := make(chan got)
		go func() { done <- w.do(chat(fakellm.OpenAI, "m+latency=10s", hello, false)) }()
		synctest.Wait() // the request is on its way
		short, cancel := context.WithTimeout(w.t.Context(), time.Second)
		defer cancel()
		if err := w.fake.Settle(short); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("settled with %v while a request was in flight", err)
		}
		if s := w.fake.Ledger(0, 1); s.InFlight != 1 || s.Totals.Requests != 0 {
			t.Errorf("got %+v", s)
		}
		if err := w.fake.Settle(w.t.Context()); err != nil {
			t.Error(err)
		}
		if s := w.fake.Ledger(0, 1); s.InFlight != 0 || s.Totals.Requests != 1 {
			t.Errorf("got %+v", s)
		}
		<-done
	})
}

func TestBehaviorRules(t *testing.T) {
	inWorld(t, fakellm.Config{}, func(w *world) {
		put := func(rule object) {
			t.Helper()
			if g := w.do(ask{method: "PUT", path: "/_fake/behavior", body: toJSON(rule)}); g.status != 204 {
				t.Fatalf("%v: got %d %s", rule, g.status, g.body)
			}
		}
		status := func(v fakellm.Vendor, model string) int { return w.do(chat(v, model, hello, false)).status }
		want := func(name string, want ...int) {
			t.Helper()
			got := []int{status(fakellm.OpenAI, "m"), status(fakellm.OpenAI, "n+latency=1ms"), status(fakellm.Anthropic, "m"), status(fakellm.Gemini, "bench")}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
		}
		want("no rules", 200, 200, 200, 200)
		put(object{"match": object{"key": "k-o"}, "directive": "429"})
		want("by key", 429, 429, 200, 200)
		put(object{"match": object{"model": "m"}, "directive": "503"})
		want("and by model, added later", 503, 429, 503, 200)
		put(object{"match": object{"key": "k-o"}, "directive": "500"})
		want("the same match again moves behind", 500, 500, 503, 200)
		put(object{"match": object{"vendor": "gemini"}, "directive": "529", "times": 1})
		want("once", 500, 500, 503, 529)
		want("no more", 500, 500, 503, 200)
		put(object{"match": object{"model": "n"}, "directive": "404"})
		want("a model without its directives", 500, 404, 503, 200)
		if rules, _ := dig(t, w.do(ask{method: "GET", path: "/_fake/behavior"}).body).([]any); len(rules) != 4 {
			t.Errorf("listed %v", rules)
		}
		if g := w.do(ask{method: "DELETE", path: "/_fake/behavior"}); g.status != 204 {
			t.Errorf("clear: got %d", g.status)
		}
		want("cleared", 200, 200, 200, 200)
	})
}

func TestBadRules(t *testing.T) {
	tests := map[string]string{
		`{`:                     "unexpected EOF",
		`{"directive":""}`:      "directive: is empty",
		`{"directive":"bogus"}`: "unknown term",
		`{"directive":"429","match":{"vendor":"acme"}}`: "match.vendor",
		`{"directive":"429","match":{"keys":"x"}}`:      `unknown field \"keys\"`,
		`{"directive":"429","times":-1}`:                "times",
	}
	inWorld(t, fakellm.Config{}, func(w *world) {
		for body, want := range tests {
			if g := w.do(ask{method: "PUT", path: "/_fake/behavior", body: body}); g.status != 400 || !strings.Contains(g.body, want) {
				t.Errorf("%s: got %d %s", body, g.status, g.body)
			}
		}
		if g := w.do(ask{method: "GET", path: "/_fake/nothing"}); g.status != 404 {
			t.Errorf("unknown endpoint: got %d", g.status)
		}
		if g := w.do(ask{method: "GET", path: "/_fake/health"}); g.status != 200 {
			t.Errorf("health: got %d", g.status)
		}
	})
}
