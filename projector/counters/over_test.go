package counters_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/events/memlog"
	"github.com/llm-hub/llm-hub/projector/projectortest"
)

// witness is a bucket that remembers, whenever a commit says what is over, the
// shares of the counters at that moment.
type witness struct {
	events.Bucket
	mu   sync.Mutex
	seen []sight
}

// sight is what a reader of one moment knows of an epoch.
type sight struct {
	epoch  events.Epoch
	shares map[string]accounting.Spent // by key of the counters
}

func (w *witness) Commit(ctx context.Context, puts []events.Put) (uint64, error) {
	rev, err := w.Bucket.Commit(ctx, puts)
	if err != nil {
		return rev, err
	}
	for _, p := range puts {
		if !strings.HasPrefix(p.Key, events.OverPrefix) {
			continue
		}
		var o accounting.Over
		if err := json.Unmarshal(p.Value, &o); err != nil {
			return 0, err
		}
		for _, e := range o.Epochs {
			shares, err := sharesOf(ctx, w.Bucket, strings.TrimPrefix(p.Key, events.OverPrefix), e)
			if err != nil {
				return 0, err
			}
			w.mu.Lock()
			w.seen = append(w.seen, sight{e, shares})
			w.mu.Unlock()
		}
	}
	return rev, nil
}

// sharesOf reads what an epoch has spent in a partition, for life.
func sharesOf(ctx context.Context, b events.Bucket, partition string, e events.Epoch) (map[string]accounting.Spent, error) {
	list, err := b.List(ctx, events.CounterPrefix+partition+".")
	if err != nil {
		return nil, err
	}
	out := map[string]accounting.Spent{}
	for _, entry := range list {
		var c accounting.Counter
		if err := json.Unmarshal(entry.Value, &c); err != nil {
			return nil, err
		}
		if spent, known := c.Share(e, accounting.Window{Per: accounting.Life}); known {
			out[entry.Key] = spent
		}
	}
	return out, nil
}

// check compares what was known when an epoch was said to be over with the end.
func (w *witness) check(t *testing.T, books projectortest.Books) {
	t.Helper()
	if len(w.seen) == 0 {
		t.Fatal("nothing is over")
	}
	for _, s := range w.seen {
		for key, at := range s.shares {
			c := books.Counters[key]
			if end, _ := c.Share(s.epoch, accounting.Window{Per: accounting.Life}); end != at {
				t.Errorf("%s was over with a share of %+v in %s, in the end it is %+v", s.epoch, at, key, end)
			}
		}
	}
}

// TestOverAfterCounts: whoever sees that an epoch is over sees all it has spent,
// also when its last end is in a message that takes several commits.
func TestOverAfterCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := memlog.New()
		w := &witness{Bucket: log}
		cfg := overLog(log)
		cfg.Bucket = w
		p, _ := start(t, cfg)
		id := events.MessageID{Node: "n1", Epoch: "e1", Partition: events.PartitionOf("acme"), Counter: 1}
		add(t, log, wide(t, id, func(who events.Principal, to events.Target) events.Body {
			return events.RequestAdmitted{Principal: who, Endpoint: "chat.completions", Decision: events.Decision{Plan: []events.Target{to}}}
		}))
		id.Counter = 2
		add(t, log, one(t, id, events.NodeStopped{Epoch: "e1"}))
		waitFor(t, log, p)
		commits := p.Status().Commits
		ended := events.MessageID{Node: "n2", Epoch: "f1", Partition: id.Partition, Counter: 1}
		add(t, log, wide(t, ended, func(who events.Principal, to events.Target) events.Body {
			return events.RequestOrphaned{Principal: who, Target: to, Attempts: 1, Charge: events.Charge{Usage: events.Usage{Output: 5}}}
		}))
		waitFor(t, log, p)
		if n := p.Status().Commits - commits; n < 2 {
			t.Fatalf("the last message took %d commits", n)
		}
		books := compare(t, log)
		w.check(t, books)
		shares, err := sharesOf(t.Context(), log, id.Partition.String(), "e1")
		if total := shares[events.CounterKey(id.Partition, "tenant", "acme")]; err != nil || total.Output != 5*events.MaxMessageEvents || len(books.Over) != 1 {
			t.Errorf("e1 has spent %+v, %v; over are %v", total, err, books.Over)
		}
	})
}

// one is a message of one fact about a node.
func one(t *testing.T, id events.MessageID, b events.Body) events.Message {
	t.Helper()
	e, err := events.New(events.Head{At: projectortest.Start(), Node: id.Node, Tenant: events.NoTenant, Epoch: id.Epoch}, b)
	if err != nil {
		t.Fatal(err)
	}
	line, err := e.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return events.Message{ID: id, Count: 1, Data: append(line, '\n')}
}

// TestOverIsWrittenAnew: what is over is right again after somebody spoiled it.
func TestOverIsWrittenAnew(t *testing.T) {
	for name, value := range map[string][]byte{"deleted": nil, "not readable": []byte("{")} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				log := memlog.New()
				traffic := projectortest.New(5, 9, time.Second)
				p, _ := start(t, overLog(log))
				add(t, log, traffic.Restart()...)
				waitFor(t, log, p)
				compare(t, log)
				list, _ := log.List(t.Context(), events.OverPrefix)
				for _, e := range list {
					if _, err := log.Commit(t.Context(), []events.Put{{Key: e.Key, Value: value, Rev: e.Rev}}); err != nil {
						t.Fatal(err)
					}
				}
				add(t, log, traffic.Restart()...)
				add(t, log, traffic.Restart()...)
				waitFor(t, log, p)
				compare(t, log)
			})
		})
	}
}

// TestLost: a node that says nothing more while others do is lost, in every
// partition, and its requests are ended; who is heard of now and then is not.
func TestLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := memlog.New()
		w := &witness{Bucket: log}
		traffic := projectortest.New(5, 9, time.Second)
		for _, node := range []events.NodeID{"p1", "p2"} { // two that both believe it is theirs to say
			cfg := overLog(log)
			cfg.Node, cfg.Publisher, cfg.DeadAfter = node, publisher(t, log, node, "e-"+events.Epoch(node)), time.Minute
			cfg.Bucket = w // whoever of the two is faster
			start(t, cfg)
		}
		add(t, log, traffic.Messages(600)...)
		dead, alive := traffic.Epoch(0), traffic.Epoch(1)
		for range 6 {
			<-time.After(20 * time.Second)
			add(t, log, traffic.Heartbeat(1)...)
		}
		<-time.After(10 * time.Second)
		books := compare(t, log)
		for id := range events.Partition(events.Partitions) {
			if o := (accounting.Over{Epochs: books.Over[id]}); !o.Has(dead) || o.Has(alive) {
				t.Errorf("over in partition %s are %v", id, o.Epochs)
			}
		}
		reasons := map[string]int{}
		for _, e := range books.Ends {
			reasons[fmt.Sprint(e.Outcome, " ", e.Reason)]++
		}
		if reasons["orphaned node_lost"] == 0 || reasons["orphaned epoch_closed"] > 0 {
			t.Errorf("ends are %v, want orphans of a lost node", reasons)
		}
		w.check(t, books)
		add(t, log, traffic.Finish()...) // the lost node was only cut off
		<-time.After(10 * time.Second)
		if books = compare(t, log); books.Open != 0 || len(books.Dead) != 0 {
			t.Errorf("%d open, %d dead in the end", books.Open, len(books.Dead))
		}
	})
}

// TestLostOnce: each loss is published once by one projector, and none of itself.
func TestLostOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := memlog.New()
		traffic := projectortest.New(5, 9, time.Second)
		cfg := overLog(log)
		cfg.Node, cfg.Publisher, cfg.DeadAfter = "p1", publisher(t, log, "p1", "e1"), time.Minute
		p, _ := start(t, cfg)
		add(t, log, traffic.Heartbeat(0)...)
		for range 12 {
			<-time.After(20 * time.Second)
			add(t, log, traffic.Heartbeat(1)...)
		}
		<-time.After(10 * time.Second)
		if got := p.Status().Lost; got != events.Partitions {
			t.Errorf("%d epochs were lost, want one in each partition", got)
		}
	})
}
