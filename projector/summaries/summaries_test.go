package summaries_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/events/memlog"
	"github.com/llm-hub/llm-hub/projector/summaries"
)

// author makes messages of one epoch, an event each.
type author struct {
	n        uint64
	requests int // begun
	t        *testing.T
}

func (a *author) message(body events.Body) events.Message {
	a.t.Helper()
	a.n++
	e, err := events.New(events.Head{At: time.Now(), Node: "n1", Tenant: "acme", Request: events.RequestID(fmt.Sprint("r", a.requests)), WindowAt: time.Now(), Attempt: 1}, body)
	if err != nil {
		a.t.Fatal(err)
	}
	line, _ := e.Encode() // made by events.New
	return events.Message{ID: events.MessageID{Node: "n1", Epoch: "e1", Partition: 3, Counter: a.n}, Count: 1, Data: append(line, '\n')}
}

func who() events.Principal { return events.Principal{Key: "ci", Model: "smart"} }
func target() events.Target {
	return events.Target{Provider: "openai", Credential: "main", Model: "gpt-x"}
}
func charge(c int64) events.Charge {
	return events.Charge{Usage: events.Usage{Input: 5, Output: 100}, CostNanoUSD: &c}
}

// TestPublished: what is published is what the last minutes, hour and day of the log
// say, also where the log holds messages twice, and after the log was read anew.
func TestPublished(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, a := memlog.New(), &author{t: t}
		add := func(bodies ...events.Body) {
			for _, b := range bodies {
				m := a.message(b)
				if _, err := log.Append(t.Context(), m); err != nil {
					t.Fatal(err)
				}
				log.Inject(m) // again
			}
		}
		answered := func(cost, first, total int64) []events.Body {
			a.requests++
			return []events.Body{
				events.UsageRecorded{Principal: who(), Attempt: 1, Target: target(), Source: events.FromVendor, Charge: charge(cost)},
				events.RequestFinished{Principal: who(), Outcome: events.Completed, Target: target(), Attempts: 1, FirstByteNS: first, TotalNS: total},
			}
		}
		add(answered(1000, 1e9, 2e9)...) // more than a day before the end
		<-time.After(20 * time.Hour)
		add(answered(10, 5e8, 15e8)...)
		add(events.UpstreamRateLimited{Principal: who(), Attempt: 1, Target: target()},
			events.AttemptFailed{Principal: who(), Attempt: 1, Target: target(), Class: "rate_limited"})
		<-time.After(5 * time.Hour)
		add(events.AttemptFailed{Principal: who(), Attempt: 1, Target: target(), Class: "timeout"})
		<-time.After(30 * time.Minute)
		add(answered(7, 1e9, 2e9)...)
		<-time.After(time.Second)

		spread := func(v int64) events.Spread { return events.Spread{P50: v, P95: v} }
		want := events.TargetSummary{
			Target:   target(),
			Minutes5: events.SpanSummary{Attempts: 1, Cost: 7, FirstByte: spread(1e9), Total: spread(2e9), Speed: spread(100)},
			Hour: events.SpanSummary{Attempts: 2, Failures: 1, Errors: map[string]int64{"timeout": 1}, Cost: 7,
				FirstByte: spread(1e9), Total: spread(2e9), Speed: spread(100)},
			Day: events.SpanSummary{Attempts: 4, Failures: 2, Errors: map[string]int64{"timeout": 1, "rate_limited": 1}, RateLimited: 1, Cost: 17,
				FirstByte: events.Spread{P50: 5e8, P95: 1e9}, Total: events.Spread{P50: 15e8, P95: 2e9}, Speed: spread(100)},
		}
		for range 2 { // the second reads the log anew
			p, err := summaries.New(summaries.Config{Log: log, Bucket: log.Nodes(), Now: time.Now, Logger: slog.New(slog.DiscardHandler)})
			if err != nil {
				t.Fatal(err)
			}
			ctx, stop := context.WithCancel(t.Context())
			var running sync.WaitGroup
			running.Go(func() { p.Run(ctx) })
			<-time.After(11 * time.Second) // of the test's own clock
			synctest.Wait()
			stop()
			running.Wait()
			entry, err := log.Nodes().Get(t.Context(), events.SummariesKey)
			var got events.Summaries
			if err != nil || json.Unmarshal(entry.Value, &got) != nil || len(got.Targets) != 1 {
				t.Fatalf("published %s, %v", entry.Value, err)
			}
			near := cmp.Comparer(func(a, b int64) bool { return math.Abs(float64(a-b)) <= 0.06*math.Max(float64(a), float64(b)) })
			if diff := cmp.Diff(want, got.Targets[0], near); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if info, _ := log.Info(t.Context()); got.Seq != info.Last || time.Since(got.At) > 10*time.Second {
				t.Errorf("as of %d, made %s", got.Seq, got.At)
			}
		}
	})
}

// TestPercentiles: they are within 6 % of what sorting gives.
func TestPercentiles(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 9))
	w, a, values := summaries.NewWindow(), &author{t: t}, []int64{}
	for i := range 500 {
		v := int64(math.Exp(rng.Float64() * 24))
		values = append(values, v)
		m := a.message(events.RequestFinished{Principal: who(), Outcome: events.Completed, Target: target(), TotalNS: v})
		w.Take(events.Stored{Message: m, Seq: uint64(i + 1), Time: time.Now()})
	}
	slices.Sort(values)
	got := w.Summaries(time.Now()).Targets[0].Hour.Total
	for name, pair := range map[string][2]int64{"p50": {got.P50, values[249]}, "p95": {got.P95, values[474]}} {
		if math.Abs(float64(pair[0]-pair[1])) > 0.06*float64(pair[1]) {
			t.Errorf("%s is %d, sorted %d", name, pair[0], pair[1])
		}
	}
}
