package record_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/events/publish"
	"github.com/llm-hub/llm-hub/gateway/record"
)

// paper is a publisher that keeps what it is given.
type paper struct {
	mu     sync.Mutex
	events []events.Event
	err    error
}

func (p *paper) Publish(e events.Event) (*publish.Receipt, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err != nil {
		return nil, p.err
	}
	p.events = append(p.events, e)
	return &publish.Receipt{}, nil
}

func (p *paper) Admit() error { return nil }

func (p *paper) kinds() []events.Kind {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []events.Kind
	for _, e := range p.events {
		out = append(out, e.Kind)
	}
	return out
}

func newRecorder(t *testing.T, p *paper) (*record.Recorder, *prometheus.Registry, *bytes.Buffer) {
	t.Helper()
	registry := prometheus.NewRegistry()
	metrics, err := record.NewMetrics(registry)
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	r, err := record.New(record.Config{Publisher: p, Node: "node-1", Metrics: metrics, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	return r, registry, &log
}

func info(id string) record.Info {
	return record.Info{
		ID: events.RequestID(id), Tenant: "acme", Principal: events.Principal{User: "u1", Key: "ci", Model: "smart"},
		Endpoint: "chat.completions", At: time.Now(),
	}
}

func target() events.Target { return events.Target{Provider: "one", Credential: "a", Model: "m"} }

func TestRequest(t *testing.T) {
	p := &paper{}
	r, registry, _ := newRecorder(t, p)
	q, err := r.Admit(info("r1"), events.Charge{}, events.Decision{})
	if err != nil {
		t.Fatal(err)
	}
	q.AttemptFailed(events.AttemptFailed{Attempt: 1, Target: target(), Class: "timeout"})
	q.RateLimited(events.UpstreamRateLimited{Attempt: 1, Target: target()})
	q.Fallback(events.RouteFallback{Attempt: 2, From: target(), To: target()})
	q.FirstByte()
	q.Checkpoint(2, target(), events.Charge{})
	q.Checkpoint(2, target(), events.Charge{})
	charge := events.Charge{Usage: events.Usage{Input: 3, Output: 5}}
	if q.Usage(events.UsageRecorded{Attempt: 2, Target: target(), Charge: charge}) == nil {
		t.Error("the usage was not recorded")
	}
	if q.Usage(events.UsageRecorded{Attempt: 2, Target: target(), Charge: charge}) != nil {
		t.Error("usage of one attempt was recorded twice")
	}
	if q.Finish(events.RequestFinished{Outcome: events.Completed, Target: target()}) == nil || q.Finish(events.RequestFinished{Outcome: events.Failed}) != nil {
		t.Error("not exactly one end")
	}
	if q.Usage(events.UsageRecorded{Attempt: 3}) != nil {
		t.Error("usage was recorded after the end")
	}
	var ids []events.ID
	for _, e := range p.events {
		ids = append(ids, e.ID)
		if e.WindowAt.IsZero() || e.Node != "node-1" || e.Tenant != "acme" || e.Request != "r1" || !bytes.Contains(e.Body, []byte(`"user":"u1","key":"ci","model":"smart"`)) {
			t.Errorf("event %s: %+v %s", e.ID, e, e.Body)
		}
	}
	want := []events.ID{
		"r1:request.admitted", "r1:attempt.failed:1", "r1:upstream.rate_limited:1", "r1:route.fallback:2",
		"r1:usage.checkpoint:2:1", "r1:usage.checkpoint:2:2", "r1:usage.recorded:2", "r1:request.finished",
	}
	if diff := cmp.Diff(want, ids); diff != "" {
		t.Error(diff)
	}
	checkMetrics(t, registry)
}

func checkMetrics(t *testing.T, registry *prometheus.Registry) {
	t.Helper()
	want := `
# HELP llmhub_attempts_total Vendor calls, by how they ended.
# TYPE llmhub_attempts_total counter
llmhub_attempts_total{class="ok",provider="one"} 1
llmhub_attempts_total{class="timeout",provider="one"} 1
# HELP llmhub_inflight_requests Requests admitted and not ended.
# TYPE llmhub_inflight_requests gauge
llmhub_inflight_requests 0
# HELP llmhub_requests_total Requests that ended, by outcome.
# TYPE llmhub_requests_total counter
llmhub_requests_total{model="smart",outcome="completed",provider="one"} 1
# HELP llmhub_tokens_total Tokens recorded, by class of usage.
# TYPE llmhub_tokens_total counter
llmhub_tokens_total{class="input",provider="one"} 3
llmhub_tokens_total{class="output",provider="one"} 5
`
	err := testutil.GatherAndCompare(registry, strings.NewReader(want),
		"llmhub_attempts_total", "llmhub_inflight_requests", "llmhub_requests_total", "llmhub_tokens_total")
	if err != nil {
		t.Error(err)
	}
}

func TestAdmitFailsWithThePublisher(t *testing.T) {
	p := &paper{err: events.ErrClosed}
	r, _, log := newRecorder(t, p)
	if _, err := r.Admit(info("r1"), events.Charge{}, events.Decision{}); !errors.Is(err, events.ErrClosed) {
		t.Errorf("admitted: %v", err)
	}
	if !strings.Contains(log.String(), "r1:request.admitted") {
		t.Errorf("logged %q", log)
	}
}

func TestRefusalsAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &paper{}
		r, registry, _ := newRecorder(t, p)
		limit := &events.Limit{Scope: "key", Per: "minute", Of: "requests", Max: 1}
		for i := range 100 {
			r.Reject(info(fmt.Sprint("r", i)), record.Refusal{Reason: "limit", Limit: limit})
		}
		r.Reject(info("other"), record.Refusal{Reason: "unknown_model"})
		if n := len(p.kinds()); n != record.MaxRefusals+1 {
			t.Fatalf("%d events at once", n)
		}
		<-time.After(time.Second)
		synctest.Wait()
		if got := counts(t, p); !slices.Equal(got, []int{1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 90}) {
			t.Errorf("counts %v", got)
		}
		if last := p.events[len(p.events)-1]; last.ID != "r99:request.rejected" {
			t.Errorf("the counted ones are %s", last.ID)
		}
		r.Reject(info("later"), record.Refusal{Reason: "limit", Limit: limit})
		if n := len(p.kinds()); n != record.MaxRefusals+3 {
			t.Errorf("a second later there are %d events", n)
		}
		if n := testutil.CollectAndCount(collector(registry), "llmhub_refusals_total"); n != 2 {
			t.Errorf("%d reasons", n)
		}
		<-time.After(time.Second)
	})
}

func TestCloseTellsWhatIsCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &paper{}
		r, _, _ := newRecorder(t, p)
		for i := range 15 {
			r.Reject(info(fmt.Sprint("r", i)), record.Refusal{Reason: "limit"})
		}
		r.Close()
		want := []int{1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 5}
		if got := counts(t, p); !slices.Equal(got, want) {
			t.Errorf("counts %v", got)
		}
		<-time.After(2 * time.Second)
		synctest.Wait()
		if got := counts(t, p); !slices.Equal(got, want) {
			t.Errorf("after the span: %v", got)
		}
	})
}

func counts(t *testing.T, p *paper) []int {
	t.Helper()
	var out []int
	for _, e := range p.events {
		b, err := events.As[events.RequestRejected](e)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, b.Count)
	}
	return out
}

// collector makes a registry one collector.
func collector(r *prometheus.Registry) prometheus.Collector { return r }
