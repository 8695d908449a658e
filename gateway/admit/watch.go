package admit

import (
	"context"
	"sync"
	"time"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
)

// watchAgain is how long to wait before a watch that ended is begun again.
const watchAgain = time.Second

// Run follows the counters and what is over, and tends the leases, until ctx ends.
// While the counters are out of reach, soft limits are decided by what was last
// known and by what this node does itself.
func (a *Admitter) Run(ctx context.Context) error {
	var g sync.WaitGroup
	g.Go(func() { a.again(ctx, events.CounterPrefix, a.follow) })
	g.Go(func() {
		a.again(ctx, events.OverPrefix, func(changes <-chan events.Entry, _ uint64) { a.followOver(changes) })
	})
	g.Go(func() { a.tend(ctx) })
	g.Wait()
	return nil
}

// again watches a prefix of the counters, and begins anew whenever the watch ends.
func (a *Admitter) again(ctx context.Context, prefix string, follow func(changes <-chan events.Entry, n uint64)) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for n := uint64(1); ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		changes, err := a.cfg.Counters.Watch(ctx, prefix)
		if err == nil {
			follow(changes, n)
		}
		if ctx.Err() == nil {
			a.cfg.Logger.Warn("counters are not followed for now", "prefix", prefix, "error", err)
		}
		timer.Reset(watchAgain)
	}
}

// follow takes the entries of the n-th watch.
func (a *Admitter) follow(changes <-chan events.Entry, n uint64) {
	for e := range changes {
		if e.Key == "" {
			a.forget(n)
			a.loaded.Store(true)
			continue
		}
		p, kind, id, err := events.ParseCounterKey(e.Key)
		if err != nil {
			a.cfg.Logger.Error("counter ignored", "error", err)
			continue
		}
		a.install(accounting.Scope{Kind: accounting.ScopeKind(kind), ID: id}, p, e.Value, n)
	}
}

// install notes a counter's value; nil is none. It is decoded when it is asked for.
func (a *Admitter) install(s accounting.Scope, p events.Partition, value []byte, n uint64) {
	acc := a.account(s)
	acc.mu.Lock()
	defer acc.mu.Unlock()
	sh := acc.shard(p)
	sh.stored, sh.seen = value, n
	if value == nil {
		sh.counter = accounting.Counter{}
	}
}

// forget drops counters that the n-th watch did not deliver: they are gone.
func (a *Admitter) forget(n uint64) {
	for i := range a.stripes {
		t := &a.stripes[i]
		t.mu.RLock()
		for _, acc := range t.accounts {
			acc.mu.Lock()
			for j := range acc.shards {
				if sh := &acc.shards[j]; sh.seen != n {
					sh.stored, sh.counter = nil, accounting.Counter{}
				}
			}
			acc.mu.Unlock()
		}
		t.mu.RUnlock()
	}
}
