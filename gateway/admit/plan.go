package admit

import (
	"slices"
	"time"

	"github.com/llm-hub/llm-hub/accounting"
)

// plan is what the record of a scope should become, and what follows for us.
type plan struct {
	leases  accounting.Leases
	value   []byte // leases encoded, if they changed
	changed bool
	enough  bool // for all who wait
	bereft  bool // the store has forgotten what we held
	at      moment
	term    accounting.Term
	shares  []share
}

// share is what becomes of one lease.
type share struct {
	lease        *lease
	held, others int64
}

// plan asks every pool for what is needed of it, in memory only. What this node
// gives back it stops using at once, before the store knows.
func (a *Admitter) plan(acc *account, dead []deceased) (*plan, error) {
	p := &plan{leases: acc.stored.leases.Clone(), enough: true, at: a.now()}
	p.term.Now = time.Unix(0, p.at.wall)
	p.term.Until = p.term.Now.Add(a.cfg.TTL)
	if a.closing.Load() {
		p.term.Until = p.term.Now
	}
	for _, d := range dead {
		p.changed = d.reclaim(&p.leases) || p.changed
	}
	acc.mu.Lock()
	a.ask(acc, p)
	acc.mu.Unlock()
	if !p.changed {
		return p, nil
	}
	var err error
	p.value, err = p.leases.Encode()
	return p, err
}

// ask asks for every lease of the scope, and gives up those whose pools are over.
// acc.mu is held.
func (a *Admitter) ask(acc *account, p *plan) {
	held := slices.Contains(p.leases.Holders(), a.me) // maybe by a commit whose answer was lost
	for _, l := range acc.leases {
		if l.gone || !held && l.needless() {
			continue
		}
		if pool := p.leases.Open(l.of, l.window); pool != nil {
			a.askFor(acc, l, pool, p)
		} else {
			*l = lease{of: l.of, window: l.window, gone: true} // and not again: who waits for it would wait in vain
		}
	}
}

// needless tells whether the store need not know of the lease.
func (l *lease) needless() bool { return !l.joined && l.waiting == 0 && l.mine == 0 }

// askFor asks for one lease. acc.mu is held.
func (a *Admitter) askFor(acc *account, l *lease, pool *accounting.Pool, p *plan) {
	before, joined := pool.Holders[a.me]
	p.bereft = p.bereft || l.joined && !joined
	seeded := pool.Seeded
	if l.of != accounting.OfConcurrency {
		view := acc.seen(l)
		acc.catchUp(l, view, joined)
		pool.Cover(view)
		pool.Join(a.me, view)
	}
	need := accounting.Need{Max: l.max, Spent: l.mine, Want: l.waiting, Least: l.least, Spare: l.soon(a.sweepEvery())}
	if a.closing.Load() {
		need.Want, need.Spare = 0, 0
	}
	free := pool.Ask(a.me, need, p.term)
	held := max(0, l.mine) + free
	renew := need.Want+need.Spare > 0 && !p.at.plus(a.cfg.TTL/2).before(l.until)
	if held != before.Amount() || held > l.held || pool.Seeded != seeded || renew {
		p.changed = true
	}
	p.enough = p.enough && free >= l.waiting
	l.held = min(l.held, held)
	p.shares = append(p.shares, share{lease: l, held: held, others: pool.Others(a.me)})
}

// catchUp takes in what this node spent past the lease: all it did in the window
// before it became a holder, then what only the counters know. a.mu is held.
func (a *account) catchUp(l *lease, view accounting.Seen, joined bool) {
	counted, known := view.By(a.epoch)
	switch {
	case !joined && known:
		l.mine = a.unfolded(l) + counted
	case !joined:
		l.mine = a.unfolded(l)
	case known:
		l.mine = max(l.mine, counted)
	}
}

// adopt takes over what the store has agreed to.
func (a *Admitter) adopt(acc *account, p *plan) {
	acc.mu.Lock()
	defer acc.mu.Unlock()
	for _, s := range p.shares {
		s.lease.others, s.lease.asked = s.others, a.now()
		if !p.changed {
			continue
		}
		s.lease.held, s.lease.joined = s.held, s.held > 0
		s.lease.until = p.at.plus(p.term.Until.Sub(p.term.Now) - a.margin())
	}
}
