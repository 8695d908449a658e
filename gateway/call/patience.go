package call

import (
	"context"
	"errors"
	"sync"
	"time"
)

// Why a vendor call was cancelled.
var (
	errConnect   = errors.New("no connection in time")
	errFirstByte = errors.New("no answer in time")
	errIdle      = errors.New("the answer stalled")
	errTotal     = errors.New("the request took too long")
	errHungUp    = errors.New("the client hung up")
	errDrained   = errors.New("the client hung up and the rest took too long")
)

// patience cancels a vendor call that keeps us waiting. Its timer is set lazily:
// a wait that ends in time costs no timer operation.
type patience struct {
	cancel context.CancelCauseFunc

	mu       sync.Mutex
	timer    *time.Timer
	fires    time.Time // when the timer will; zero: it is not set
	why      error     // of the present wait
	ends     time.Time // of the present wait; zero: nothing is waited for
	limit    time.Time // no wait goes on beyond
	limitWhy error
}

// newPatience derives a context that is cancelled, with the reason as its cause,
// when a wait takes too long; none goes on beyond limit.
func newPatience(parent context.Context, limit time.Time) (context.Context, *patience) {
	ctx, cancel := context.WithCancelCause(parent)
	return ctx, &patience{cancel: cancel, limit: limit, limitWhy: errTotal}
}

// expect begins a wait of at most d, in place of the one before.
func (p *patience) expect(d time.Duration, why error) {
	ends := time.Now().Add(d)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wait(ends, why)
}

// rest ends the wait: what is waited for came, or it is our turn.
func (p *patience) rest() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ends = time.Time{}
}

// shorten ends every wait by then at the latest.
func (p *patience) shorten(limit time.Time, why error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if limit.Before(p.limit) {
		p.limit, p.limitWhy = limit, why
	}
	if !p.ends.IsZero() {
		p.wait(p.ends, p.why)
	}
}

// giveUp cancels the call now.
func (p *patience) giveUp(why error) {
	p.cancel(why)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ends = time.Time{}
	if p.timer != nil {
		p.timer.Stop()
	}
}

// wait sets the timer if it would fire too late. p.mu is held.
func (p *patience) wait(ends time.Time, why error) {
	if ends.After(p.limit) {
		ends, why = p.limit, p.limitWhy
	}
	p.ends, p.why = ends, why
	if !p.fires.IsZero() && !ends.Before(p.fires) {
		return
	}
	p.fires = ends
	if p.timer == nil {
		p.timer = time.AfterFunc(time.Until(ends), p.expire)
		return
	}
	p.timer.Reset(time.Until(ends))
}

func (p *patience) expire() {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	p.fires = time.Time{}
	switch {
	case p.ends.IsZero():
	case now.Before(p.ends):
		p.fires = p.ends
		p.timer.Reset(p.ends.Sub(now))
	default:
		p.cancel(p.why)
	}
}
