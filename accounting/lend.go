package accounting

import (
	"math"
	"time"

	"github.com/llm-hub/llm-hub/events"
)

// Seen is what the counters say was spent in a pool's window.
type Seen struct {
	Total int64
	// By is what one epoch spent of it; unknown if the counters may have forgotten it.
	By func(events.Epoch) (spent int64, known bool)
}

// Cover raises Seeded to at least what the counters say was spent by others than
// the holders. It seeds a new pool; later it takes in what was spent past the pool:
// before the limit was there, or by a correction. The counters lag, so they can
// show too little, never too much. Where they do not tell what a holder spent, as
// of a minute, they say nothing: what it holds may be older than what they show.
func (p *Pool) Cover(s Seen) {
	rest := s.Total
	for id := range p.Holders {
		spent, known := s.By(id.Epoch())
		if !known {
			return
		}
		rest -= spent
	}
	p.Seeded = max(p.Seeded, rest)
}

// Join makes h a holder of a pool that covers what was seen: what h spent before
// is its own to account for from now on. It changes nothing for a holder.
func (p *Pool) Join(h HolderID, s Seen) {
	if _, joined := p.Holders[h]; joined {
		return
	}
	if spent, known := s.By(h.Epoch()); known {
		p.Seeded -= min(p.Seeded, max(0, spent))
	}
	p.hold(h, 0, time.Time{})
}

// Need is what a holder needs of a pool.
type Need struct {
	Max   int64 // of the limit as the holder knows it
	Spent int64 // by the holder in the window, spent and reserved
	Want  int64 // beyond that, by all who wait for it together
	Least int64 // the smallest of what they want
	Spare int64 // what it will take in the next while
}

// Term is when a holder asks, and until when it may spend what it gets.
type Term struct{ Now, Until time.Time }

// Ask makes what h holds what it has spent, in any case, and as much beyond as
// [Size] allows, and returns the latter. To ask for nothing is to give everything
// back; to ask again is to renew. A holder that has nothing is forgotten.
func (p *Pool) Ask(h HolderID, n Need, t Term) (free int64) {
	n.Spent = max(0, n.Spent)
	p.Max = n.Max
	left := max(0, n.Max-plus(p.Others(h), n.Spent))
	free = Size(left, p.active(h, t.Now), n)
	if n.Spent+free == 0 {
		delete(p.Holders, h)
		return 0
	}
	p.hold(h, n.Spent+free, t.Until)
	return free
}

// Size says how much of what is left a holder gets: what is wanted, or what it
// will need soon if that is more, but then at most its part of half of what is left,
// so that leases shrink as the limit comes near. It gets nothing for those who wait
// if none of them can be served.
func Size(left, holders int64, n Need) int64 {
	const half = 2
	want := n.Want
	if n.Least > left {
		want = 0
	}
	return min(left, max(want, min(left/(half*holders), n.Spare)))
}

// Reclaim ends the lease of a holder whose epoch is over. What it spent stays; if
// that is not known, what it held does. It tells whether h was a holder.
func (p *Pool) Reclaim(h HolderID, spent int64, known bool) bool {
	held, found := p.Holders[h]
	if !found {
		return false
	}
	if !known {
		spent = held.Amount()
	}
	delete(p.Holders, h)
	p.Seeded = plus(p.Seeded, max(0, spent))
	return true
}

// hold sets what h holds.
func (p *Pool) hold(h HolderID, amount int64, until time.Time) {
	if p.Holders == nil {
		p.Holders = map[HolderID]Held{}
	}
	held := p.Holders[h]
	switch more := amount - held.Amount(); {
	case more <= 0:
		held.Returned -= more
	case held.Granted > math.MaxInt64-more: // the history of it does not fit any more
		held.Granted, held.Returned = amount, 0
	default:
		held.Granted += more
	}
	held.Until = until.UTC().Truncate(time.Millisecond)
	p.Holders[h] = held
}
