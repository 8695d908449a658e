package call

import (
	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/events/publish"
	"github.com/llm-hub/llm-hub/gateway/provider"
)

// unknownCost stands in a header where a price is unknown.
const unknownCost = "unknown"

// maxUnits bounds a vendor's own count of one class; beyond, it is nonsense.
const maxUnits = 1 << 34

// bill is what the attempts of a request add up to.
type bill struct {
	cost     int64 // nano-USD
	unpriced bool  // some usage has no price
}

func (b *bill) add(c events.Charge) {
	if c.CostNanoUSD == nil {
		b.unpriced = true
		return
	}
	b.cost += *c.CostNanoUSD
}

// total is the cost in nano-USD, nil if it is not known whole.
func (b *bill) total() *int64 {
	if b.unpriced {
		return nil
	}
	return &b.cost
}

// header is the cost in dollars, or [unknownCost].
func (b *bill) header() string {
	if b.unpriced {
		return unknownCost
	}
	return accounting.FormatUSD(b.cost)
}

// charge records what the attempt is billed for, once: the vendor's count, or an
// estimate. What no vendor bills has no usage.
func (a *attempt) charge(u events.Usage, from events.Source) {
	if a.charged || a.flight.req.Operation.Free {
		return
	}
	a.charged = true
	c := a.flight.price(a.target, u)
	a.flight.bill.add(c)
	a.settle(c, a.flight.facts.Usage(events.UsageRecorded{Attempt: a.number, Target: a.target, Source: from, Charge: c}))
}

// settle tells the limits what the fact of receipt books.
func (a *attempt) settle(c events.Charge, receipt *publish.Receipt) {
	if receipt == nil {
		return // never published, see package record
	}
	a.flight.reservation.Settle(c, receipt)
	a.held.Settle(c, receipt)
}

// chargeWhole records the usage of a whole answer, and gives it: the vendor's word,
// what was counted of the answer if anything was, or an estimate.
func (a *attempt) chargeWhole(p provider.Progress, counted *events.Usage) events.Usage {
	if p.Usage != nil && credible(*p.Usage) {
		a.charge(*p.Usage, events.FromVendor)
		return *p.Usage
	}
	var u events.Usage
	switch {
	case counted != nil:
		u = *counted
	case a.flight.req.Inbound.Expected != nil:
		u = a.flight.foreseen(a.target)
	default:
		u = events.Usage{Input: a.flight.input(a.target.Model), Output: a.output(p)}
	}
	a.charge(u, events.Estimated)
	return u
}

// chargePart records the usage of an answer that broke off.
func (a *attempt) chargePart(p provider.Progress) {
	a.charge(a.soFar(p), events.Estimated)
}

// credible tells whether a vendor's count can be a count.
func credible(u events.Usage) bool {
	for _, n := range u.Amounts() {
		if n < 0 || n > maxUnits {
			return false
		}
	}
	return true
}
