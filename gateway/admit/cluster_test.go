package admit

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/events/memlog"
)

const testTTL = 6 * time.Second // margin and sweep are a second

// cluster is some nodes over one log, a projector, and what is true. It lives in
// a bubble of synctest.
type cluster struct {
	t   *testing.T
	log *memlog.Log

	mu       sync.Mutex
	rng      *rand.Rand
	trouble  bool // commits are slow and fail
	epochs   int
	seq      uint64
	counters map[string]*accounting.Counter
	over     map[events.Partition]*accounting.Over
	lag      time.Duration // of the projector, at most
	order    chan entry
}

// entry is one fact on its way into the counters.
type entry struct {
	key string
	e   accounting.Entry
	end *over
}

type over struct {
	partition events.Partition
	epoch     events.Epoch
}

// node is one process of a gateway.
type node struct {
	*Admitter
	c      *cluster
	epoch  events.Epoch
	skew   time.Duration
	cancel context.CancelFunc
	cut    *wire
}

func newCluster(t *testing.T, seed uint64) *cluster {
	c := &cluster{
		t: t, log: memlog.New(), rng: rand.New(rand.NewPCG(seed, 3)), counters: map[string]*accounting.Counter{},
		over: map[events.Partition]*accounting.Over{}, lag: time.Second, order: make(chan entry, 1<<16),
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		c.project()
	}()
	t.Cleanup(func() {
		close(c.order)
		<-ended
		pause(2 * patience) // for what runs still
	})
	return c
}

// within is a random time.
func (c *cluster) within(most time.Duration) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Duration(c.rng.Int64N(int64(most) + 1))
}

func (c *cluster) intn(n int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.rng.IntN(n)
}

func pause(d time.Duration) { <-time.After(d) }

// project writes counters and what is over, in the order of the log, a while later.
func (c *cluster) project() {
	for e := range c.order {
		pause(c.within(c.lag))
		put := events.Put{Key: e.key}
		var value any
		if e.end == nil {
			counter := c.counters[e.key]
			if counter == nil {
				counter = &accounting.Counter{}
				c.counters[e.key] = counter
			}
			counter.Add(&e.e)
			value = counter
		} else {
			put.Key = events.OverKey(e.end.partition)
			o := c.over[e.end.partition]
			if o == nil {
				o = &accounting.Over{}
				c.over[e.end.partition] = o
			}
			o.Epochs = append(o.Epochs, e.end.epoch)
			slices.Sort(o.Epochs)
			value = o
		}
		put.Value, _ = json.Marshal(value)
		old, err := c.log.Get(context.Background(), put.Key)
		put.Rev = old.Rev
		if err == nil {
			_, err = c.log.Commit(context.Background(), []events.Put{put})
		}
		if err != nil {
			c.t.Errorf("counters: %v", err)
		}
	}
}

// publish sends a fact on its way; it is acknowledged after a while.
func (n *node) publish(s accounting.Scope, at time.Time, t accounting.Totals) *receipt {
	n.c.mu.Lock()
	n.c.seq++
	seq := n.c.seq
	key := events.CounterKey(partitionsOf(s)[0], string(s.Kind), s.ID)
	n.c.order <- entry{key: key, e: accounting.Entry{At: accounting.Position{Seq: seq}, WindowAt: at, Totals: t, Epoch: n.epoch}}
	n.c.mu.Unlock()
	r := newReceipt()
	go func() {
		pause(n.c.within(100 * time.Millisecond))
		r.ack(seq)
	}()
	return r
}

// finish says that everything of an epoch is counted.
func (c *cluster) finish(e events.Epoch, s accounting.Scope) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.order <- entry{end: &over{partitionsOf(s)[0], e}}
}

// wire is a node's way to the leases: slow, and now and then it breaks.
type wire struct {
	events.Bucket
	c   *cluster
	mu  sync.Mutex
	off bool
}

func (w *wire) broken() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.off
}

func (w *wire) set(off bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.off = off
}

// suffer is what one way costs.
func (w *wire) suffer() error {
	if w.c.trouble {
		pause(w.c.within(30 * time.Millisecond))
	}
	if w.broken() || w.c.trouble && w.c.intn(30) == 0 {
		return events.ErrUnavailable
	}
	return nil
}

func (w *wire) Get(ctx context.Context, key string) (events.Entry, error) {
	if err := w.suffer(); err != nil {
		return events.Entry{}, err
	}
	return w.Bucket.Get(ctx, key)
}

func (w *wire) Commit(ctx context.Context, puts []events.Put) (uint64, error) {
	if err := w.suffer(); err != nil {
		return 0, err
	}
	rev, err := w.Bucket.Commit(ctx, puts)
	if lost := w.suffer(); lost != nil {
		return 0, lost // nobody knows whether it was written
	}
	return rev, err
}

func (c *cluster) node(skew time.Duration) *node {
	c.mu.Lock()
	c.epochs++
	n := &node{c: c, epoch: events.Epoch(fmt.Sprintf("e%04d", c.epochs)), skew: skew, cut: &wire{Bucket: c.log.Leases(), c: c}}
	c.mu.Unlock()
	var err error
	n.Admitter, err = New(Config{
		Counters: c.log, Leases: n.cut, Node: "n1", Epoch: n.epoch, TTL: testTTL,
		Now: func() time.Time { return time.Now().Add(skew) }, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		c.t.Fatal(err)
	}
	var ctx context.Context
	ctx, n.cancel = context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := n.Run(ctx); err != nil {
			c.t.Error(err)
		}
	}()
	c.t.Cleanup(func() { n.cancel(); <-ended })
	synctest.Wait()
	return n
}

// ask asks for tokens under limits of the key.
func (n *node) ask(tokens int64, limits ...accounting.Limit) Request {
	return ask(time.Now().Add(n.skew).UTC(), tokens, limits...)
}

// leases reads the record of the key.
func (c *cluster) leases(s accounting.Scope) accounting.Leases {
	c.t.Helper()
	e, err := c.log.Leases().Get(context.Background(), events.LeaseKey(string(s.Kind), s.ID))
	if err != nil {
		c.t.Fatal(err)
	}
	l, err := accounting.DecodeLeases(e.Value)
	if err != nil {
		c.t.Fatal(err)
	}
	return l
}

// claimed is what the latest pool of a kind of limit has given away.
func (c *cluster) claimed(s accounting.Scope, of accounting.Of) int64 {
	c.t.Helper()
	l := c.leases(s)
	var latest *accounting.Pool
	for i := range l.Pools {
		if p := &l.Pools[i]; p.Of == of && (latest == nil || p.Window > latest.Window) {
			latest = p
		}
	}
	if latest == nil {
		return 0
	}
	return latest.Claimed()
}

func (n *node) mustAdmit(r Request) *Reservation {
	n.c.t.Helper()
	res, refusal := n.Admit(context.Background(), r)
	if refusal != nil {
		n.c.t.Fatalf("%s refuses: %v", n.epoch, refusal.Public())
	}
	return res
}

func (n *node) mustRefuse(r Request) *Refusal {
	n.c.t.Helper()
	_, refusal := n.Admit(context.Background(), r)
	if refusal == nil {
		n.c.t.Fatalf("%s admits", n.epoch)
	}
	return refusal
}

// use lets a request use tokens and end.
func (n *node) use(res *Reservation, tokens int64) {
	c := charge(tokens)
	used := accounting.Totals{Attempts: 1, Usage: c.Usage, Cost: *c.CostNanoUSD}
	res.Settle(c, n.publish(keyScope, res.at, used))
	res.Release()
}
