package admit

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
)

// How long the store of leases is waited for.
const (
	patience   = 2 * time.Second        // in all, by a request or an exchange
	firstPause = 20 * time.Millisecond  // after a failure
	mostPause  = 500 * time.Millisecond // it doubles up to this
	failFast   = time.Second            // after an exchange failed, requests fail without another
)

// exchange is one run of bringing the leases of a scope in line with what this
// node needs of them. A scope has at most one at a time.
type exchange struct {
	done chan struct{}
	err  error // valid when done is closed
}

// stored is the record of a scope as the store last had it. It belongs to the
// exchange that runs.
type stored struct {
	leases accounting.Leases
	rev    uint64
	known  bool // else it must be read
}

// exchange begins one, or joins the one that runs. acc.mu is held.
func (a *Admitter) exchange(acc *account) *exchange {
	if acc.exchange == nil {
		x := &exchange{done: make(chan struct{})}
		acc.exchange = x
		go a.conduct(acc, x)
	}
	return acc.exchange
}

// troubled tells that the last exchange failed just now, or that another tries
// since: nobody need wait for it. a.mu is held.
func (a *account) troubled(now moment) bool {
	return a.failed != (moment{}) && (a.exchange != nil || now.before(a.failed.plus(failFast)))
}

func (a *Admitter) conduct(acc *account, x *exchange) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	err := a.settle(ctx, acc)
	if a.exchanges.Add(1); err != nil {
		a.failures.Add(1)
	}
	acc.mu.Lock()
	first := err != nil && acc.failed == (moment{})
	acc.exchange, acc.failed = nil, moment{}
	for _, l := range acc.leases {
		l.waiting, l.least = 0, 0
	}
	if err != nil {
		acc.failed = a.now()
	}
	acc.mu.Unlock()
	if first {
		a.cfg.Logger.Warn("leases cannot be exchanged for now", "scope", acc.scope.Kind, "id", acc.scope.ID, "error", err)
	}
	x.err = err
	close(x.done)
}

// settle tries until the store has what is needed or ctx ends.
func (a *Admitter) settle(ctx context.Context, acc *account) error {
	pause := firstPause
	for conflicts := 0; ; {
		if a.ended.Load() {
			return errLost
		}
		done, err := a.try(ctx, acc)
		wait := pause
		switch {
		case err == nil && done:
			return nil
		case err == nil:
			continue
		case errors.Is(err, events.ErrConflict):
			conflicts++
			a.conflicts.Add(1)
			wait = time.Duration(rand.Int64N(int64(conflicts) * int64(time.Millisecond)))
		case errors.Is(err, events.ErrClosed) || errors.Is(err, errLost) || ctx.Err() != nil:
			return err
		default:
			pause = min(2*pause, mostPause)
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(wait):
		}
	}
}

// try plans by the record as it was last seen, and then by a fresh one if that is
// not enough to serve everybody. If nobody waits the record is read in any case, so
// that nothing is given back in vain while the store is away. It is not done if it
// must be tried again.
func (a *Admitter) try(ctx context.Context, acc *account) (done bool, err error) {
	s := &acc.stored
	fresh := !s.known || !acc.awaited()
	if fresh {
		if err := a.read(ctx, acc); err != nil {
			return false, err
		}
	}
	p, err := a.plan(acc, a.dead(ctx, acc))
	if err != nil {
		return false, err
	}
	if !p.enough && !fresh {
		s.known = false
		return false, nil
	}
	if p.bereft {
		if err := a.alive(ctx, acc.scope); err != nil {
			return false, err
		}
	}
	if p.changed {
		s.known = false // until it is sure
		rev, err := a.cfg.Leases.Commit(ctx, []events.Put{{Key: acc.key, Value: p.value, Rev: s.rev}})
		if err != nil {
			return false, err
		}
		s.leases, s.rev, s.known = p.leases, rev, true
	}
	a.adopt(acc, p)
	return true, nil
}

// awaited tells whether a request waits for a lease.
func (a *account) awaited() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.ContainsFunc(a.leases, func(l *lease) bool { return l.waiting > 0 })
}

func (a *Admitter) read(ctx context.Context, acc *account) error {
	e, err := a.cfg.Leases.Get(ctx, acc.key)
	if err != nil {
		return err
	}
	leases, err := accounting.DecodeLeases(e.Value)
	if err != nil {
		return fmt.Errorf("key %s: %w", acc.key, err)
	}
	acc.stored = stored{leases: leases, rev: e.Rev, known: true}
	return nil
}
