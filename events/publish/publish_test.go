package publish_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/events/memlog"
	"github.com/llm-hub/llm-hub/events/publish"
)

const (
	node  events.NodeID   = "n1"
	epoch events.Epoch    = "0192f0c1-2222-7000-8000-000000000001"
	acme  events.TenantID = "acme"
)

func newPublisher(t testing.TB, log events.Appender) *publish.Publisher {
	t.Helper()
	p, err := publish.New(publish.Config{Log: log, Node: node, Epoch: epoch, Logger: slog.New(slog.DiscardHandler), MaxPending: 64 << 10})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// fact makes the n-th event of a tenant.
func fact(t testing.TB, tenant events.TenantID, n int) events.Event {
	t.Helper()
	e, err := events.New(events.Head{
		At: time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC), Node: node, Tenant: tenant,
		Request: events.RequestID(fmt.Sprintf("r%d", n)),
	}, events.NodeHeartbeat{Epoch: epoch})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func mustPublish(t *testing.T, p *publish.Publisher, e events.Event) *publish.Receipt {
	t.Helper()
	r, err := p.Publish(e)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// recorder is a log that keeps every append it sees and answers as it is told.
type recorder struct {
	mu     sync.Mutex
	seen   []events.Message
	answer func(n int) error // of the n-th append, from 1; nil acknowledges all
	kept   uint64
}

func (r *recorder) Append(_ context.Context, m events.Message) (events.Ack, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	m.Data = []byte(string(m.Data))
	r.seen = append(r.seen, m)
	if r.answer != nil {
		if err := r.answer(len(r.seen)); err != nil {
			return events.Ack{}, err
		}
	}
	r.kept++
	return events.Ack{Seq: r.kept}, nil
}

func (r *recorder) messages() []events.Message {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.seen
}

// requests lists the requests of all events of ms, in their order.
func requests(t *testing.T, ms []events.Message) []string {
	t.Helper()
	var out []string
	for _, m := range ms {
		lines, err := m.Lines()
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range lines {
			e, err := events.Decode(line)
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, string(e.Request))
		}
	}
	return out
}

func wantRequests(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("r%d", i)
	}
	return out
}

func TestOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &recorder{}
		p := newPublisher(t, log)
		for n := range 1000 {
			mustPublish(t, p, fact(t, acme, n))
		}
		if err := p.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(wantRequests(1000), requests(t, log.messages())); diff != "" {
			t.Error(diff)
		}
	})
}

func TestSameBytesAfterUnknownAck(t *testing.T) {
	for _, stored := range []bool{true, false} {
		t.Run(fmt.Sprintf("stored=%t", stored), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				log := memlog.New()
				log.FailAppend(events.ErrUnavailable, stored)
				log.FailAppend(events.ErrUnavailable, stored)
				p := newPublisher(t, log)
				first := mustPublish(t, p, fact(t, acme, 0))
				synctest.Wait() // the first message has failed once
				second := mustPublish(t, p, fact(t, acme, 1))
				a, err := first.Wait(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				b, err := second.Wait(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				if want := (events.Ack{Seq: 1, Duplicate: stored}); a != want {
					t.Errorf("first acknowledgement %+v, want %+v", a, want)
				}
				if want := (events.Ack{Seq: 2}); b != want {
					t.Errorf("second acknowledgement %+v, want %+v", b, want)
				}
				if err := p.Close(t.Context()); err != nil {
					t.Fatal(err)
				}
			})
		})
	}
}

func TestRepeatsExactlyTheSameMessageWithBackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const failures = 9
		var at []time.Duration
		began := time.Now()
		log := &recorder{}
		log.answer = func(n int) error {
			at = append(at, time.Since(began))
			if n <= failures {
				return events.ErrUnavailable
			}
			return nil
		}
		p := newPublisher(t, log)
		mustPublish(t, p, fact(t, acme, 0))
		synctest.Wait()
		mustPublish(t, p, fact(t, acme, 1))
		if err := p.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		seen := log.messages()
		for _, m := range seen[1 : failures+1] {
			if diff := cmp.Diff(seen[0], m); diff != "" {
				t.Errorf("repeated message differs: %s", diff)
			}
		}
		want := []time.Duration{0, 50, 150, 350, 750, 1550, 3150, 5150, 7150, 9150, 9150}
		for i := range want {
			want[i] *= time.Millisecond
		}
		if diff := cmp.Diff(want, at); diff != "" {
			t.Errorf("times of the appends: %s", diff)
		}
	})
}

func TestCounterRisesByOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &recorder{answer: func(n int) error {
			if n%3 == 0 {
				return events.ErrUnavailable
			}
			return nil
		}}
		p := newPublisher(t, log)
		for n := range 200 {
			mustPublish(t, p, fact(t, events.TenantID(fmt.Sprintf("tenant%d", n%40)), n))
			if n%7 == 0 {
				synctest.Wait()
			}
		}
		if err := p.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		last := map[events.Partition]uint64{}
		for _, m := range log.messages() {
			if m.ID.Node != node || m.ID.Epoch != epoch {
				t.Fatalf("message %s is of another producer", m.ID)
			}
			switch before := last[m.ID.Partition]; m.ID.Counter {
			case before, before + 1: // a repetition, or the next
				last[m.ID.Partition] = m.ID.Counter
			default:
				t.Errorf("message %s after counter %d", m.ID, before)
			}
		}
		if len(last) < events.Partitions/2 {
			t.Errorf("only %d partitions used", len(last))
		}
	})
}

func TestPacksWhileInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := memlog.New()
		release := log.Hold()
		p := newPublisher(t, log)
		const n = 1 + events.MaxMessageEvents + 10
		for i := range n {
			mustPublish(t, p, fact(t, acme, i))
			if i == 0 {
				synctest.Wait() // it is in flight, alone
			}
		}
		if got := p.Pending(); got.Events != n {
			t.Errorf("%d events pending, want %d", got.Events, n)
		}
		release()
		if err := p.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]int{1, events.MaxMessageEvents, 10}, counts(t, log)); diff != "" {
			t.Error(diff)
		}
	})
}

func TestPacksUpToTheBytesOfAMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := memlog.New()
		release := log.Hold()
		p := newPublisher(t, log)
		mustPublish(t, p, fact(t, acme, 0))
		synctest.Wait()
		for range 20 {
			e, err := events.New(events.Head{At: time.Now(), Node: node, Tenant: acme, Request: "r"},
				events.RequestFinished{Error: strings.Repeat("x", 30<<10)})
			if err != nil {
				t.Fatal(err)
			}
			mustPublish(t, p, e)
		}
		release()
		if err := p.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]int{1, 8, 8, 4}, counts(t, log)); diff != "" {
			t.Error(diff)
		}
	})
}

// counts lists the number of events of each message of log.
func counts(t *testing.T, log *memlog.Log) []int {
	t.Helper()
	info, err := log.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var out []int
	for seq := info.First; seq <= info.Last; seq++ {
		m, err := log.At(t.Context(), seq)
		if err != nil {
			t.Fatal(err)
		}
		if err := m.Check(); err != nil {
			t.Error(err)
		}
		out = append(out, m.Count)
	}
	return out
}

func TestStartAndCloseFrameTheEpochInEveryPartition(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &recorder{}
		p := newPublisher(t, log)
		if err := p.Start(t.Context(), "v1.2.3"); err != nil {
			t.Fatal(err)
		}
		mustPublish(t, p, fact(t, acme, 0))
		if err := p.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		kinds := map[events.Partition][]events.Kind{}
		for _, m := range log.messages() {
			lines, err := m.Lines()
			if err != nil {
				t.Fatal(err)
			}
			for _, line := range lines {
				e, err := events.Decode(line)
				if err != nil {
					t.Fatal(err)
				}
				kinds[m.ID.Partition] = append(kinds[m.ID.Partition], e.Kind)
			}
		}
		for n := range events.Partition(events.Partitions) {
			want := []events.Kind{events.NodeStartedKind, events.NodeStoppedKind}
			if n == events.PartitionOf(acme) {
				want = []events.Kind{events.NodeStartedKind, events.NodeHeartbeatKind, events.NodeStoppedKind}
			}
			if diff := cmp.Diff(want, kinds[n]); diff != "" {
				t.Errorf("partition %s: %s", n, diff)
			}
		}
	})
}

func TestCloseFlushes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := memlog.New()
		for range 5 {
			log.FailAppend(events.ErrUnavailable, false)
		}
		p := newPublisher(t, log)
		var receipts []*publish.Receipt
		for n := range 500 {
			receipts = append(receipts, mustPublish(t, p, fact(t, acme, n)))
		}
		if err := p.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, r := range receipts {
			select {
			case <-r.Done():
			default:
				t.Fatal("a receipt is open after Close")
			}
			if _, err := r.Wait(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if got := p.Pending(); got != (publish.Pending{}) {
			t.Errorf("pending after Close: %+v", got)
		}
		if _, err := p.Publish(fact(t, acme, 0)); !errors.Is(err, events.ErrClosed) {
			t.Errorf("publish after Close: %v", err)
		}
	})
}

func TestCloseGivesUpAtItsDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &recorder{answer: func(int) error { return events.ErrUnavailable }}
		p := newPublisher(t, log)
		first := mustPublish(t, p, fact(t, acme, 0))
		synctest.Wait()
		second := mustPublish(t, p, fact(t, acme, 1))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := p.Close(ctx)
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "2 events") {
			t.Errorf("close: %v", err)
		}
		if _, err := first.Wait(t.Context()); !errors.Is(err, events.ErrUnavailable) {
			t.Errorf("first: %v", err)
		}
		if _, err := second.Wait(t.Context()); !errors.Is(err, events.ErrClosed) {
			t.Errorf("second: %v", err)
		}
		for _, m := range log.messages() {
			if m.ID.Counter != 1 {
				t.Errorf("message %s was sent though its predecessor was not acknowledged", m.ID)
			}
		}
	})
}

func TestReceiptWaitEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := memlog.New()
		release := log.Hold()
		p := newPublisher(t, log)
		r := mustPublish(t, p, fact(t, acme, 0))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := r.Wait(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("wait: %v", err)
		}
		release()
		if ack, err := r.Wait(t.Context()); err != nil || ack.Seq != 1 {
			t.Errorf("wait: %+v, %v", ack, err)
		}
		if err := p.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
}

func TestAdmitRefusesBehindABacklog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := memlog.New()
		release := log.Hold()
		p := newPublisher(t, log)
		if err := p.Admit(); err != nil {
			t.Fatal(err)
		}
		for n := 0; p.Admit() == nil; n++ {
			mustPublish(t, p, fact(t, acme, n))
		}
		if got := p.Pending().Bytes; got < 64<<10 || got > 65<<10 {
			t.Errorf("refused at %d bytes", got)
		}
		mustPublish(t, p, fact(t, acme, 0)) // a running request's facts are taken all the same
		<-time.After(3 * time.Second)       // of the test's own clock
		if got := p.Pending().Oldest; got != 3*time.Second {
			t.Errorf("oldest is %s old", got)
		}
		if err := p.Admit(); !errors.Is(err, publish.ErrBacklog) {
			t.Errorf("admit: %v", err)
		}
		release()
		synctest.Wait()
		if err := p.Admit(); err != nil {
			t.Errorf("after the backlog: %v", err)
		}
		if err := p.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
}

func TestAdmitRefusesWhileTheLogIsFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := memlog.New()
		log.FailAppend(events.ErrFull, false)
		p := newPublisher(t, log)
		r := mustPublish(t, p, fact(t, acme, 0))
		synctest.Wait()
		if err := p.Admit(); !errors.Is(err, publish.ErrBacklog) || !errors.Is(err, events.ErrFull) {
			t.Errorf("admit: %v", err)
		}
		if _, err := r.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := p.Admit(); err != nil {
			t.Errorf("once there is space: %v", err)
		}
		if err := p.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
}

func TestPublishRefuses(t *testing.T) {
	p := newPublisher(t, memlog.New())
	broken, err := events.Decode([]byte("{\"id\":\"a\",\n\"kind\":\"b\"}"))
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		e    events.Event
		to   events.Partition
		want string
	}{
		"too large":    {e: events.Event{ID: "a", Kind: "b", Body: []byte(`"` + strings.Repeat("x", events.MaxEventSize) + `"`)}, want: "bytes, more than"},
		"not JSON":     {e: events.Event{ID: "a", Kind: "b", Body: []byte(`{`)}, want: "publish a:"},
		"a line break": {e: broken, want: "line break"},
		"no partition": {e: fact(t, acme, 0), to: events.Partitions, want: "no partition 16"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if _, err := p.PublishTo(tt.to, tt.e); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want an error with %q", err, tt.want)
			}
		})
	}
	if err := p.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestNewRefuses(t *testing.T) {
	good := publish.Config{Log: memlog.New(), Node: node, Epoch: epoch, Logger: slog.New(slog.DiscardHandler)}
	for name, spoil := range map[string]func(*publish.Config){
		"log":          func(c *publish.Config) { c.Log = nil },
		"logger":       func(c *publish.Config) { c.Logger = nil },
		"node":         func(c *publish.Config) { c.Node = "" },
		"node, dotted": func(c *publish.Config) { c.Node = "a.b" },
		"epoch":        func(c *publish.Config) { c.Epoch = "" },
	} {
		t.Run(name, func(t *testing.T) {
			cfg := good
			spoil(&cfg)
			if _, err := publish.New(cfg); err == nil {
				t.Error("no error")
			}
		})
	}
}

func TestManyPublishersAtOnce(t *testing.T) {
	const writers, each = 8, 500
	log := memlog.New()
	p := newPublisher(t, log)
	var wg sync.WaitGroup
	for w := range writers {
		tenant := events.TenantID(fmt.Sprintf("tenant%d", w))
		facts := make([]events.Event, each)
		for n := range facts {
			facts[n] = fact(t, tenant, n)
		}
		wg.Go(func() {
			for n, e := range facts {
				r, err := p.Publish(e)
				if err != nil {
					t.Error(err)
					return
				}
				if n%50 == 0 {
					if _, err := r.Wait(t.Context()); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
	if err := p.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	total := 0
	for _, n := range counts(t, log) {
		total += n
	}
	if total != writers*each {
		t.Errorf("%d events in the log, want %d", total, writers*each)
	}
}
