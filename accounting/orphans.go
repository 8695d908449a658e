package accounting

import (
	"slices"
	"time"

	"github.com/llm-hub/llm-hub/events"
)

// Orphan is a request that was ended because its node died. It is remembered in
// case the vendor's count still comes.
type Orphan struct {
	Request  events.RequestID `json:"request"`
	Epoch    events.Epoch     `json:"epoch"`              // that admitted it
	Target   events.Target    `json:"target"`             // what was booked was booked on it
	Booked   Totals           `json:"booked,omitzero"`    // the estimate; zero once it is replaced, or if none was booked
	Recorded int              `json:"recorded,omitempty"` // the latest attempt whose usage is on the books
	Time     time.Time        `json:"time"`               // of its end, by the log's clock
}

// replace turns the entry of a usage record into the difference to what was
// booked for the orphan.
func (o *Orphan) replace(x *Entry) {
	o.Recorded = x.Attempt
	if o.Booked == (Totals{}) {
		return
	}
	priced := x.Totals.Unpriced == 0 || o.Booked.Unpriced == 0
	x.Totals = x.Totals.Minus(o.Booked)
	x.Target, x.Epoch = o.Target, o.Epoch
	x.Charge = &events.Charge{Usage: x.Totals.Usage, PriceVersion: x.Charge.PriceVersion}
	if priced {
		cost := x.Totals.Cost
		x.Charge.CostNanoUSD = &cost
	}
	o.Booked = Totals{}
}

// Values of [events.RequestOrphaned].
const (
	reasonEpochClosed = "epoch_closed"
	reasonNodeLost    = "node_lost"
	basisRecorded     = "recorded"
	basisCheckpoint   = "checkpoint"
	basisEstimate     = "estimate"
)

// Closing is the end of a request whose node died, ready to be published.
type Closing struct {
	Head events.Head
	Body events.RequestOrphaned
}

// Orphans returns an end for every open request whose epoch is closed, in order
// of admission. They take effect when they are folded from the log. The ids are
// fixed, so to publish one twice is harmless: the second is late. by is the node
// that publishes, at the time now.
func (f *Fold) Orphans(by events.NodeID, now time.Time) []Closing {
	if f.stale == 0 {
		return nil
	}
	stale := make([]*request, 0, f.stale)
	for _, r := range f.open {
		if r.by.Closed {
			stale = append(stale, r)
		}
	}
	slices.SortFunc(stale, func(a, b *request) int { return a.admitted.compare(b.admitted) })
	out := make([]Closing, len(stale))
	for i, r := range stale {
		out[i] = Closing{
			Head: events.Head{At: now, Node: by, Tenant: r.tenant, Request: r.id, WindowAt: r.windowAt},
			Body: r.orphaned(),
		}
	}
	return out
}

func (r *request) orphaned() events.RequestOrphaned {
	b := events.RequestOrphaned{
		Principal: r.principal, Endpoint: r.endpoint, Stream: r.stream, Reason: reasonEpochClosed,
		Epoch: r.by.Epoch, Target: r.target, Attempts: r.attempt,
	}
	if r.by.Lost {
		b.Reason = reasonNodeLost
	}
	switch {
	case r.recorded == r.attempt:
		b.Basis, b.Charge = basisRecorded, events.Charge{CostNanoUSD: new(int64)}
	case r.checkpoint != nil:
		b.Basis, b.Charge = basisCheckpoint, *r.checkpoint
	default:
		b.Basis, b.Charge = basisEstimate, r.estimate
	}
	return b
}

// orphan finds an orphan that is still remembered.
func (f *Fold) orphan(id events.RequestID) *Orphan {
	if o := f.orphans[id]; o != nil && !expired(o.Time, f.now) {
		return o
	}
	return nil
}

// addOrphan remembers o, which r has become.
func (f *Fold) addOrphan(o *Orphan, r *request) {
	f.orphans[o.Request] = o
	f.ended = append(f.ended, o)
	f.past = nil
	f.forgetOrphans()
	f.unfit(r)
}

// unfit forgets the marks that were set while r was open: the fold remembers
// something for good because r is open, and a fold restarted from one of them
// would not know that it was.
func (f *Fold) unfit(r *request) {
	for len(f.marks) > 1 && r.admitted.Less(f.marks[len(f.marks)-1].At) {
		f.marks = f.marks[:len(f.marks)-1]
	}
}
