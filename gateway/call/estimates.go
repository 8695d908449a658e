package call

import (
	"slices"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway/admit"
	"github.com/llm-hub/llm-hub/gateway/estimate"
	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/route"
)

// Estimates of what a request will use, in tokens.
const (
	defaultOutput = 1024    // of a request without a cap
	maxEstimate   = 1 << 24 // no vendor takes or gives more, whatever a client asks for
)

func clamp(tokens int64) int64 { return min(max(tokens, 0), maxEstimate) }

// need is what a request needs, without counting.
func (r *Request) need() route.Need {
	n := route.Need{Input: clamp(r.Inbound.InputTokens), Output: clamp(r.Inbound.MaxOutput)}
	switch {
	case r.Operation.Free:
		return route.Need{}
	case r.Operation.Wordless:
		n.Output = 0
	case n.Output == 0:
		n.Output = defaultOutput
	}
	return n
}

// reserved is what u may cost at t, before it is known.
func (f *flight) reserved(t events.Target, u events.Usage) events.Charge {
	if f.req.Operation.Free {
		return events.Charge{CostNanoUSD: new(int64)}
	}
	return f.price(t, u)
}

// counted is a prompt that was counted by a model's own tokenizer.
type counted struct {
	model  string // the vendor's name of it
	tokens int64
}

// input is the best estimate of the prompt for a vendor's model. It counts, which
// takes up to half a millisecond, once for each model.
func (f *flight) input(model string) int64 {
	in := f.req.Inbound
	if in.Prompt == nil {
		return clamp(in.InputTokens)
	}
	if f.counted.model != model {
		f.counted = counted{model, clamp(f.cfg.Estimates.Prompt(model, in.Prompt(in, estimate.MaxExcerpt)))}
	}
	return f.counted.tokens
}

// expected is what is reserved for the plan. The prompt is counted only where a
// limit depends on tokens or on cost.
func (f *flight) expected(plan route.Plan) events.Usage {
	u := events.Usage{Input: f.need.Input, Output: f.need.Output}
	switch {
	case f.req.Operation.Free:
		return u
	case f.req.Inbound.Expected != nil:
		return f.foreseen(plan.Decision.Plan[0])
	}
	if slices.ContainsFunc(f.scopes, countsTokens) || slices.ContainsFunc(plan.Steps, stepCountsTokens) {
		u.Input = f.input(plan.Steps[0].Model)
	}
	return u
}

// foreseen is what a target will bill of a request that says so itself.
func (f *flight) foreseen(t events.Target) events.Usage {
	item := f.item(t)
	return f.req.Inbound.Expected(func(class string) bool { return f.req.Catalog.Prices.Priced(item, class) })
}

func countsTokens(s admit.Scoped) bool { return slices.ContainsFunc(s.Limits, limitsTokens) }

func stepCountsTokens(s route.Step) bool {
	return slices.ContainsFunc(s.Credential.Limits, limitsTokens)
}

func limitsTokens(l accounting.Limit) bool {
	return l.Of != accounting.OfRequests && l.Of != accounting.OfConcurrency
}

// output is the best estimate of an answer of which p is known.
func (a *attempt) output(p provider.Progress) int64 {
	if len(p.Text.Text) == 0 {
		return clamp(p.Output)
	}
	return clamp(a.flight.cfg.Estimates.Tokens(a.target.Model, p.Text))
}

// soFar is the best guess at the usage of an answer that has come as far as p.
func (a *attempt) soFar(p provider.Progress) events.Usage {
	var u events.Usage
	switch {
	case p.Usage != nil && credible(*p.Usage):
		u = *p.Usage
	case a.flight.req.Inbound.Expected != nil:
		return a.flight.foreseen(a.target) // a vendor that began has all it needs to go on
	default:
		u.Input = a.flight.input(a.target.Model)
	}
	if seen := a.output(p); seen > u.OutputTotal() {
		u.Output += seen - u.OutputTotal()
	}
	return u
}
