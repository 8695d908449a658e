package admit

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// Times of the work in the background.
const (
	defaultTTL   = 30 * time.Second
	leastTTL     = time.Second
	marginOfTTL  = 6                      // a node stops this part of TTL before its lease ends
	mostSweep    = 500 * time.Millisecond // between two looks at all leases
	sweepsOfTTL  = 4                      // at least
	returnsAfter = 100 * time.Millisecond // what becomes free is returned together
	exchanges    = 16                     // at once
	mostClosing  = 5 * time.Second        // what is not returned by then comes back when the epoch is over
)

func (a *Admitter) margin() time.Duration { return a.cfg.TTL / marginOfTTL }

func (a *Admitter) sweepEvery() time.Duration { return min(mostSweep, a.cfg.TTL/sweepsOfTTL) }

// tend keeps the leases in line with what is spent until ctx ends.
func (a *Admitter) tend(ctx context.Context) {
	sweep := time.NewTicker(a.sweepEvery())
	defer sweep.Stop()
	var soon <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-a.wake:
			if soon == nil {
				soon = time.After(returnsAfter)
			}
			continue
		case <-soon:
			soon = nil
		case <-sweep.C:
			a.sweep()
			if a.bury.Swap(false) {
				a.buryDead(ctx)
			}
		}
		a.exchangeAll(ctx, a.due())
	}
}

// enqueue has the leases of a scope exchanged soon. acc.mu is held.
func (a *Admitter) enqueue(acc *account) {
	if acc.queued {
		return
	}
	acc.queued = true
	a.queue.mu.Lock()
	a.queue.due = append(a.queue.due, acc)
	a.queue.mu.Unlock()
	select {
	case a.wake <- struct{}{}:
	default:
	}
}

// due takes what was enqueued.
func (a *Admitter) due() []*account {
	a.queue.mu.Lock()
	defer a.queue.mu.Unlock()
	due := a.queue.due
	a.queue.due = nil
	return due
}

// exchangeAll exchanges the leases of some scopes, a few at once.
func (a *Admitter) exchangeAll(ctx context.Context, due []*account) {
	for some := range slices.Chunk(due, exchanges) {
		run := make([]*exchange, 0, exchanges)
		for _, acc := range some {
			acc.mu.Lock()
			acc.queued = false
			run = append(run, a.exchange(acc))
			acc.mu.Unlock()
		}
		for _, x := range run {
			select {
			case <-x.done:
			case <-ctx.Done():
				return
			}
		}
	}
}

// sweep notes how fast every lease is used, and enqueues the scopes that need another.
func (a *Admitter) sweep() {
	now := a.now()
	a.each(func(acc *account) {
		due := acc.failed != (moment{})
		for _, l := range acc.leases {
			l.spare, l.taken = scaled(l.taken, a.sweepEvery()), 0
			due = due || a.wants(l, now)
		}
		if due {
			a.enqueue(acc)
		}
	})
}

// watch has leases exchanged soon that hold less than was spent, or much more than
// will be. acc.mu is held.
func (a *Admitter) watch(acc *account) {
	for _, l := range acc.leases {
		if l.mine > l.held && l.joined || l.surplus(a.sweepEvery()) {
			a.enqueue(acc)
			return
		}
	}
}

// wants tells whether what is held is not what it should be: too little for the
// truth or for what comes soon, much too much, or about to lapse.
func (a *Admitter) wants(l *lease, now moment) bool {
	switch {
	case l.mine > l.held:
		return true
	case l.spare == 0:
		return l.held > l.mine
	case !now.plus(a.cfg.TTL / 2).before(l.until):
		return true
	default:
		return l.surplus(a.sweepEvery()) || l.held-l.mine < l.spare/2
	}
}

// each calls f for every account, locked.
func (a *Admitter) each(f func(*account)) {
	for i := range a.stripes {
		t := &a.stripes[i]
		t.mu.RLock()
		for _, acc := range t.accounts {
			acc.mu.Lock()
			f(acc)
			acc.mu.Unlock()
		}
		t.mu.RUnlock()
	}
}

// Close admits nothing any more and returns everything that is held and not
// spent. Call it when every request has ended; what one spends later is in the log
// and is taken from the limits when this node's epoch is over.
func (a *Admitter) Close(ctx context.Context) error {
	a.closing.Store(true)
	ctx, cancel := context.WithTimeout(ctx, mostClosing)
	defer cancel()
	a.awaitReturns(ctx)
	const rounds = 2 // an exchange that runs may have begun before
	for range rounds {
		a.exchangeAll(ctx, a.unreturned())
	}
	if left := a.unreturned(); len(left) > 0 {
		return fmt.Errorf("leases of %d scopes are not returned, first those of %s %s", len(left), left[0].scope.Kind, left[0].scope.ID)
	}
	return nil
}

// awaitReturns waits for what is given back as soon as its last fact is durable.
func (a *Admitter) awaitReturns(ctx context.Context) {
	all := make(chan struct{})
	go func() {
		a.returning.Wait()
		close(all)
	}()
	select {
	case <-all:
	case <-ctx.Done():
	}
}

// unreturned are the scopes of which more is held than was spent.
func (a *Admitter) unreturned() []*account {
	var out []*account
	more := func(l *lease) bool { return l.joined && l.held != max(0, l.mine) }
	a.each(func(acc *account) {
		if acc.exchange != nil || acc.failed != (moment{}) || slices.ContainsFunc(acc.leases, more) {
			out = append(out, acc)
		}
	})
	return out
}

// now reads both clocks.
func (a *Admitter) now() moment {
	t := a.cfg.Now()
	return moment{since: t.Sub(a.start), wall: t.UnixNano()}
}
