package ownership_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/events/memlog"
	"github.com/llm-hub/llm-hub/projector/ownership"
)

const ttl = ownership.DefaultTTL

// link is a bucket as one projector reaches it.
type link struct {
	memlog.Bucket
	away, hangs, deaf atomic.Bool // deaf: what is asked is done, but the answer is lost
}

func (l *link) begin(ctx context.Context) error {
	switch {
	case l.hangs.Load():
		<-ctx.Done()
		return ctx.Err()
	case l.away.Load():
		return events.ErrUnavailable
	}
	return nil
}

func (l *link) Get(ctx context.Context, key string) (events.Entry, error) {
	if err := l.begin(ctx); err != nil {
		return events.Entry{}, err
	}
	return l.Bucket.Get(ctx, key)
}

func (l *link) List(ctx context.Context, prefix string) ([]events.Entry, error) {
	if err := l.begin(ctx); err != nil {
		return nil, err
	}
	return l.Bucket.List(ctx, prefix)
}

func (l *link) Commit(ctx context.Context, puts []events.Put) (uint64, error) {
	if err := l.begin(ctx); err != nil {
		return 0, err
	}
	return l.answer(l.Bucket.Commit(ctx, puts))
}

func (l *link) PutFor(ctx context.Context, p events.Put, d time.Duration) (uint64, error) {
	if err := l.begin(ctx); err != nil {
		return 0, err
	}
	return l.answer(l.Bucket.PutFor(ctx, p, d))
}

func (l *link) answer(rev uint64, err error) (uint64, error) {
	if l.deaf.Load() {
		return 0, events.ErrUnavailable
	}
	return rev, err
}

// projector is one that shares work.
type projector struct {
	*ownership.Owner
	link *link
	name string
	stop context.CancelFunc
	done chan struct{}
}

// join starts a projector; leave or die must end it.
func join(t *testing.T, bucket memlog.Bucket, name string, ttl time.Duration) *projector {
	t.Helper()
	p := &projector{link: &link{Bucket: bucket}, name: name, done: make(chan struct{})}
	o, err := ownership.New(ownership.Config{Bucket: p.link, Node: name, TTL: ttl, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	p.Owner = o
	ctx, cancel := context.WithCancel(t.Context())
	p.stop = cancel
	go func() {
		defer close(p.done)
		o.Run(ctx)
	}()
	return p
}

func (p *projector) leave() {
	p.stop()
	<-p.done
}

// die ends p without a word to anybody.
func (p *projector) die() {
	p.link.away.Store(true)
	p.leave()
}

// holds lists what p owns.
func (p *projector) holds() []string {
	var out []string
	for _, item := range ownership.Items() {
		if mine, _ := p.Owns(item); mine {
			out = append(out, item)
		}
	}
	return out
}

// pass lets the test's own clock go on.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// settled checks that every item has one owner, nobody more than share.
func settled(t *testing.T, share int, ps ...*projector) {
	t.Helper()
	var all []string
	for _, p := range ps {
		mine := p.holds()
		if len(mine) > share {
			t.Errorf("%s holds %d items, more than %d", p.name, len(mine), share)
		}
		all = append(all, mine...)
	}
	slices.Sort(all)
	want := ownership.Items()
	slices.Sort(want)
	if diff := cmp.Diff(want, all); diff != "" {
		t.Error(diff)
	}
}

func TestShares(t *testing.T) {
	for n, share := range map[int]int{1: 18, 2: 9, 3: 6, 5: 4, 18: 1, 25: 1} {
		t.Run(fmt.Sprintf("%d projectors", n), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				nodes := memlog.New().Nodes()
				var ps []*projector
				for i := range n {
					ps = append(ps, join(t, nodes, fmt.Sprintf("n%d.e1", i), ttl))
				}
				pass(ttl)
				settled(t, share, ps...)
				pass(10 * time.Minute)
				settled(t, share, ps...)
				for _, p := range ps {
					p.leave()
				}
			})
		})
	}
}

func TestJoinAndLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nodes := memlog.New().Nodes()
		a := join(t, nodes, "a.e1", ttl)
		pass(ttl / 3)
		settled(t, 19, a)
		b := join(t, nodes, "b.e1", ttl)
		pass(ttl)
		settled(t, 10, a, b)
		c := join(t, nodes, "c.e1", ttl)
		pass(ttl)
		settled(t, 7, a, b, c)
		b.leave()
		if got := b.holds(); len(got) > 0 {
			t.Errorf("after leaving: %v", got)
		}
		pass(ttl / 3) // at most a round later, though nothing lapsed
		settled(t, 10, a, c)
		a.leave()
		c.leave()
		left, err := nodes.List(t.Context(), "")
		if err != nil || len(left) > 0 {
			t.Errorf("keys left: %v, %v", left, err)
		}
	})
}

func TestTakeover(t *testing.T) {
	for _, ttl := range []time.Duration{ownership.MinTTL, ownership.DefaultTTL} {
		t.Run(ttl.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				nodes := memlog.New().Nodes()
				a, b, c := join(t, nodes, "a.e1", ttl), join(t, nodes, "b.e1", ttl), join(t, nodes, "c.e1", ttl)
				pass(3 * ttl)
				settled(t, 7, a, b, c)
				b.die()
				pass(ttl + 2*ttl/3)
				settled(t, 10, a, c)
				a.leave()
				c.leave()
			})
		})
	}
}

func TestBucketAway(t *testing.T)  { testCut(t, func(l *link, cut bool) { l.away.Store(cut) }) }
func TestBucketHangs(t *testing.T) { testCut(t, func(l *link, cut bool) { l.hangs.Store(cut) }) }

// testCut cuts a projector off from the bucket for a while.
func testCut(t *testing.T, cut func(*link, bool)) {
	synctest.Test(t, func(t *testing.T) {
		nodes := memlog.New().Nodes()
		a, b := join(t, nodes, "a.e1", ttl), join(t, nodes, "b.e1", ttl)
		pass(3 * ttl)
		before := a.holds()
		cut(a.link, true)
		pass(ttl / 2)
		if diff := cmp.Diff(before, a.holds()); diff != "" {
			t.Errorf("after a short while: %s", diff)
		}
		pass(ttl / 2)
		if got := a.holds(); len(got) > 0 {
			t.Errorf("after the time to live: %v", got)
		}
		pass(2 * ttl / 3)
		settled(t, 19, b)
		cut(a.link, false)
		pass(3 * ttl / 2) // four rounds at most: it is back, is seen, is given room, takes it
		settled(t, 10, a, b)
		a.leave()
		b.leave()
	})
}

// A claim whose answer is lost is found in the next round.
func TestLostAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nodes := memlog.New().Nodes()
		a := join(t, nodes, "a.e1", ttl)
		a.link.deaf.Store(true)
		pass(ttl)
		a.link.deaf.Store(false)
		pass(ttl)
		settled(t, 19, a)
		a.leave()
	})
}

func TestHeldTellsOfChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nodes := memlog.New().Nodes()
		a := join(t, nodes, "a.e1", ttl)
		share := a.Partitions()
		seen := make(chan []events.Partition, 100)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go func() {
			for {
				held, changed := share.Held()
				seen <- held
				select {
				case <-changed:
				case <-ctx.Done():
					return
				}
			}
		}()
		pass(ttl)
		b := join(t, nodes, "b.e1", ttl)
		pass(ttl)
		var last []events.Partition
		for len(seen) > 0 {
			last = <-seen
		}
		want, _ := share.Held()
		if diff := cmp.Diff(want, last); diff != "" || len(want) == events.Partitions || !slices.IsSorted(want) {
			t.Errorf("%v: %s", want, diff)
		}
		a.leave()
		synctest.Wait()
		for len(seen) > 0 {
			last = <-seen
		}
		if len(last) > 0 {
			t.Errorf("after leaving: %v", last)
		}
		b.leave()
	})
}

// Surplus work is told to end a round before its key goes to another.
func TestSurplusIsGivenUpGently(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nodes := memlog.New().Nodes()
		a := join(t, nodes, "a.e1", ttl)
		pass(ttl)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		ended := make(chan time.Time, len(ownership.Items()))
		for _, item := range ownership.Items() {
			go a.Own(ctx, item, func(ctx context.Context) {
				<-ctx.Done()
				ended <- time.Now()
			})
		}
		synctest.Wait()
		b := join(t, nodes, "b.e1", ttl)
		for began := time.Now(); len(b.holds()) == 0; pass(10 * time.Millisecond) {
			if time.Since(began) > ttl {
				t.Fatal("nothing was given up")
			}
		}
		if len(ended) != 9 {
			t.Errorf("%d works ended before another had them, want 9", len(ended))
		}
		for len(ended) > 0 {
			if d := time.Since(<-ended); d < ttl/6 {
				t.Errorf("work ended only %s before another had it", d)
			}
		}
		cancel()
		a.leave()
		b.leave()
	})
}

func TestOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nodes := memlog.New().Nodes()
		a := join(t, nodes, "a.e1", ttl)
		var runs, running atomic.Int64
		ctx, cancel := context.WithCancel(t.Context())
		returned := make(chan struct{})
		go func() {
			defer close(returned)
			a.Own(ctx, ownership.Verify, func(ctx context.Context) {
				runs.Add(1)
				running.Add(1)
				defer running.Add(-1)
				<-ctx.Done()
			})
		}()
		expect := func(when string, wantRuns, wantRunning int64) {
			t.Helper()
			synctest.Wait()
			if runs.Load() != wantRuns || running.Load() != wantRunning {
				t.Errorf("%s: %d runs, %d running, want %d and %d", when, runs.Load(), running.Load(), wantRuns, wantRunning)
			}
		}
		pass(ttl)
		expect("owned", 1, 1)
		a.link.away.Store(true)
		pass(ttl)
		expect("lost", 1, 0)
		a.link.away.Store(false)
		pass(ttl)
		expect("again", 2, 1)
		cancel()
		<-returned
		expect("ended", 2, 0)
		a.leave()
	})
}

func TestOwnEndsWithItsWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := join(t, memlog.New().Nodes(), "a.e1", ttl)
		runs := 0
		a.Own(t.Context(), ownership.Verify, func(context.Context) { runs++ })
		if runs != 1 {
			t.Errorf("%d runs", runs)
		}
		a.leave()
	})
}

func TestNewRefuses(t *testing.T) {
	good := ownership.Config{Bucket: memlog.New().Nodes(), Node: "n1.e1", Logger: slog.New(slog.DiscardHandler)}
	for want, spoil := range map[string]func(*ownership.Config){
		"Bucket": func(c *ownership.Config) { c.Bucket = nil },
		"Logger": func(c *ownership.Config) { c.Logger = nil },
		"Node":   func(c *ownership.Config) { c.Node = "a b" },
		"TTL":    func(c *ownership.Config) { c.TTL = time.Millisecond },
		"item":   func(c *ownership.Config) { c.Items = []string{"a", "b", "a"} },
	} {
		cfg := good
		spoil(&cfg)
		if _, err := ownership.New(cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	if _, err := ownership.New(good); err != nil {
		t.Error(err)
	}
}
