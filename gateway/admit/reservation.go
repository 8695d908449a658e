package admit

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
)

// Reservation is what a request holds of its limits. Tell it of each fact right
// after it was published, and release it when the request has ended, in any
// case. It is for one goroutine.
//
// Until the last fact is durable the log may still charge the whole estimate: the
// process dies, and the request is an orphan. So what was not used is given back
// only then.
type Reservation struct {
	admitter  *Admitter
	at        time.Time
	scopes    []Scoped
	accounts  [maxScopes]*account
	windows   *windows
	partition events.Partition
	held      accounting.Spent // of the estimate, not used yet
	last      Receipt          // of the fact told last, nil: of none
	released  bool
}

// outcome is how an attempt to reserve went: reserved, refused, or exchanges to wait for.
type outcome struct {
	refusal *Refusal
	waits   []*exchange
	notes   []note
}

// attempt reserves in every scope, or in none.
func (r *Reservation) attempt() outcome {
	var v outcome
	for i := range r.scopes {
		r.accounts[i].mu.Lock() // in the order of kinds, so that no two requests wait for each other
	}
	r.take(&v)
	for i := range r.scopes {
		r.accounts[i].mu.Unlock()
	}
	for _, n := range v.notes {
		n.log(r.admitter.cfg.Logger)
	}
	return v
}

// retry attempts again whenever what v waits for is done.
func (r *Reservation) retry(ctx context.Context, v outcome) outcome {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for len(v.waits) > 0 {
		for _, x := range v.waits {
			select {
			case <-x.done:
			case <-ctx.Done():
				return outcome{refusal: &Refusal{why: textAway}}
			}
			if x.err != nil {
				return outcome{refusal: &Refusal{why: textAway}}
			}
		}
		v = r.attempt()
	}
	return v
}

// question is what a request asks of one limit.
type question struct {
	account *account
	scope   *Scoped
	limit   accounting.Limit
	want    int64
	lease   *lease // nil if the counters decide
}

// take asks every limit and, if none refuses, reserves. All accounts are locked.
func (r *Reservation) take(v *outcome) {
	now, estimate := r.admitter.now(), r.held
	for i := range r.scopes {
		if err := r.accounts[i].refresh(); err != nil {
			v.notes = append(v.notes, note{text: "counter cannot be read", scope: r.scopes[i].Scope, err: err})
		}
	}
	var lacking []question
	for i := range r.scopes {
		for j, l := range r.scopes[i].Limits {
			q := question{account: r.accounts[i], scope: &r.scopes[i], limit: l, want: wanted(l, countable(r.scopes[i].Scope.Kind, estimate))}
			if l.Mode == accounting.Hard {
				if !tightest(q.scope.Limits, j) {
					continue
				}
				q.lease = q.account.lease(l, r.windows)
			}
			enough := false
			if enough, v.refusal = r.ask(&q, now, v); v.refusal != nil {
				return
			}
			if !enough {
				lacking = append(lacking, q)
			}
		}
	}
	if len(lacking) == 0 {
		r.reserve()
		return
	}
	for _, q := range lacking {
		q.lease.await(q.want)
		if x := r.admitter.exchange(q.account); !slices.Contains(v.waits, x) {
			v.waits = append(v.waits, x)
		}
	}
}

// ask asks one limit: there is enough, or it refuses, or its lease lacks what is needed.
func (r *Reservation) ask(q *question, now moment, v *outcome) (enough bool, _ *Refusal) {
	if q.lease != nil {
		return r.askLease(q, now)
	}
	verdict := q.account.verdict(q.limit, q.want, r)
	if verdict.Refuse {
		return false, r.refuse(q, verdict)
	}
	if verdict.Exceeded && q.account.tell(q.limit, r.windows) {
		v.notes = append(v.notes, note{text: "limit exceeded, request let pass", scope: q.scope.Scope, limit: q.limit, verdict: verdict})
	}
	return true, nil
}

func (r *Reservation) askLease(q *question, now moment) (enough bool, _ *Refusal) {
	most := q.limit.Max
	switch {
	case q.want <= q.lease.room(most, now):
		return true, nil
	case q.want > most || q.lease.fresh(now) && q.want > q.lease.left(most):
		used := max(q.account.used(q.limit, r.windows), q.lease.others+q.lease.mine)
		return false, r.refuse(q, q.limit.Check(used, q.want, r.at))
	case q.account.troubled(now):
		return false, &Refusal{why: textAway}
	default:
		return false, nil
	}
}

// refuse makes the refusal of a limit. All accounts are locked.
func (r *Reservation) refuse(q *question, v accounting.Verdict) *Refusal {
	return &Refusal{
		scope: q.scope.Scope, limit: q.limit, verdict: v, want: q.want, at: r.at, rates: r.ratesOfKey(),
		lent: q.lease != nil && q.want <= q.limit.Max-q.account.used(q.limit, r.windows),
	}
}

// reserve takes what was asked for. All accounts are locked.
func (r *Reservation) reserve() {
	for i := range r.scopes {
		a := r.accounts[i]
		a.change(r.windows, r.held, 1)
		a.spend(r.windows, r.held, true)
		a.run(1)
	}
}

// Admitted tells that the admission was published.
func (r *Reservation) Admitted(receipt Receipt) {
	r.move(accounting.Spent{Requests: 1}, receipt)
}

// Settle tells that the usage of an attempt was published. It takes the place of
// as much of the estimate.
func (r *Reservation) Settle(c events.Charge, receipt Receipt) {
	r.move(charged(c), receipt)
}

// move turns used from a reservation into a fact on its way to the counters.
func (r *Reservation) move(used accounting.Spent, receipt Receipt) {
	if r.released {
		return
	}
	r.last = receipt
	held := remainder(r.held, used)
	more := used.Minus(r.held.Minus(held)) // beyond what was held
	r.held = held
	r.each(func(a *account) {
		a.change(r.windows, more, 0)
		a.publish(r.partition, part{receipt: receipt, at: r.windows, spent: used})
		a.spend(r.windows, more, false)
	})
}

// Ended tells that the end of the request was published.
func (r *Reservation) Ended(receipt Receipt) { r.last = receipt }

// Release ends the request for limits of concurrency, at once, and gives back what
// is held still, as soon as the last fact is durable. Only the first call counts.
func (r *Reservation) Release() {
	if r.released {
		return
	}
	r.released = true
	r.each(func(a *account) { a.run(-1) })
	if r.last == nil {
		r.giveBack()
		return
	}
	select {
	case <-r.last.Kept():
		r.giveBackIfKept()
	default:
		r.admitter.returning.Go(func() {
			<-r.last.Kept()
			r.giveBackIfKept()
		})
	}
}

// giveBackIfKept gives nothing back if the publisher gave up: nobody knows what the
// log has, and what it will charge.
func (r *Reservation) giveBackIfKept() {
	if r.last.Err() == nil {
		r.giveBack()
	}
}

func (r *Reservation) giveBack() {
	back := accounting.Spent{}.Minus(r.held)
	r.each(func(a *account) {
		a.change(r.windows, back, -1)
		a.spend(r.windows, back, false)
	})
}

// each changes the account of every scope, and has its leases exchanged soon if
// they are not what they should be any more.
func (r *Reservation) each(change func(*account)) {
	for i := range r.scopes {
		a := r.accounts[i]
		a.mu.Lock()
		change(a)
		r.admitter.watch(a)
		a.mu.Unlock()
	}
}

// charged is what an attempt with this charge spends.
func charged(c events.Charge) accounting.Spent {
	s := accounting.Spent{Attempts: 1, Input: c.Usage.InputTotal(), Output: c.Usage.OutputTotal()}
	if c.CostNanoUSD != nil {
		s.Cost = *c.CostNanoUSD
	}
	return s
}

// remainder is held without used, at least 0 each.
func remainder(held, used accounting.Spent) accounting.Spent {
	d := held.Minus(used)
	return accounting.Spent{
		Requests: max(0, d.Requests), Attempts: max(0, d.Attempts), Input: max(0, d.Input), Output: max(0, d.Output), Cost: max(0, d.Cost),
	}
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
