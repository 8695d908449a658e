package admit

import (
	"log/slog"
	"time"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
)

// Reservation is what a request holds of its limits. Tell it of each fact right
// after it was published, and release it when the request has ended, in any
// case. It is for one goroutine.
type Reservation struct {
	admitter  *Admitter
	at        time.Time
	scopes    []Scoped
	accounts  [maxScopes]*account
	windows   *windows
	partition events.Partition
	held      accounting.Totals // of the estimate, not used yet
	released  bool
}

// take asks every limit and, if none refuses, reserves. All accounts are locked.
func (r *Reservation) take(req *Request) (*Refusal, []note) {
	var notes []note
	for i, s := range r.scopes {
		if err := r.accounts[i].refresh(); err != nil {
			notes = append(notes, note{text: "counter cannot be read", scope: s.Scope, err: err})
		}
	}
	for i, s := range r.scopes {
		a := r.accounts[i]
		for _, l := range s.Limits {
			v := a.left(l, req, r.windows, r.held)
			if v.Refuse {
				return &Refusal{
					scope: s.Scope, limit: l, verdict: v, want: wanted(l, r.held), at: r.at, rates: r.ratesOfKey(),
				}, notes
			}
			if v.Exceeded && a.tell(l, r.windows) {
				notes = append(notes, note{text: "limit exceeded, request let pass", scope: s.Scope, limit: l, verdict: v})
			}
		}
	}
	for i := range r.scopes {
		r.accounts[i].change(r.windows, r.held, 1)
		r.accounts[i].running++
	}
	return nil, notes
}

// Admitted tells that the admission was published.
func (r *Reservation) Admitted(receipt Receipt) {
	r.move(accounting.Totals{Requests: 1}, receipt)
}

// Settle tells that the usage of an attempt was published. It takes the place of
// as much of the estimate.
func (r *Reservation) Settle(c events.Charge, receipt Receipt) {
	used := accounting.Totals{Attempts: 1, Usage: c.Usage}
	if c.CostNanoUSD != nil {
		used.Cost = *c.CostNanoUSD
	}
	r.move(used, receipt)
}

// move turns used from a reservation into a fact on its way to the counters.
func (r *Reservation) move(used accounting.Totals, receipt Receipt) {
	if r.released {
		return
	}
	held := remainder(r.held, used)
	more := minus(used, minus(r.held, held)) // beyond what was held
	r.held = held
	for i := range r.scopes {
		a := r.accounts[i]
		a.mu.Lock()
		a.change(r.windows, more, 0)
		a.publish(r.partition, part{receipt: receipt, at: r.windows, totals: used})
		a.mu.Unlock()
	}
}

// Release gives back what is held still. Only the first call counts.
func (r *Reservation) Release() {
	if r.released {
		return
	}
	r.released = true
	back := minus(accounting.Totals{}, r.held)
	for i := range r.scopes {
		a := r.accounts[i]
		a.mu.Lock()
		a.change(r.windows, back, -1)
		a.running--
		a.mu.Unlock()
	}
}

// remainder is held without used, at least 0 each.
func remainder(held, used accounting.Totals) accounting.Totals {
	d := minus(held, used)
	floor := func(v *int64) { *v = max(0, *v) }
	for _, v := range []*int64{
		&d.Requests, &d.Attempts, &d.Failures, &d.Cost, &d.Unpriced, &d.Usage.Input, &d.Usage.CacheRead, &d.Usage.CacheWrite,
		&d.Usage.CacheWrite1h, &d.Usage.Output, &d.Usage.Reasoning,
	} {
		floor(v)
	}
	return d
}

// note is something to log once the locks are given back.
type note struct {
	text    string
	scope   accounting.Scope
	limit   accounting.Limit
	verdict accounting.Verdict
	err     error
}

func (n note) log(l *slog.Logger) {
	if n.err != nil {
		l.Error(n.text, "scope", n.scope.Kind, "id", n.scope.ID, "error", n.err)
		return
	}
	l.Warn(n.text, "scope", n.scope.Kind, "id", n.scope.ID, "per", n.limit.Per, "of", n.limit.Of, "limit", n.limit.Max,
		"used", n.verdict.Used, "mode", n.limit.Mode)
}
