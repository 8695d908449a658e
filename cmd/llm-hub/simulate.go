package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"text/tabwriter"
	"time"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/admin"
	"github.com/llm-hub/llm-hub/gateway/simulate"
	"github.com/llm-hub/llm-hub/projector/ledger"
	"github.com/llm-hub/llm-hub/projector/replay"
)

// simulateCmd runs recorded requests through a draft.
type simulateCmd struct {
	remote
	output
	Config string `short:"f" required:"" help:"The draft, a hub.yaml. It is not put in force." type:"path" placeholder:"FILE"`
	From   string `help:"First moment of admission (RFC 3339 or a date in UTC). Default: a day before --to."`
	To     string `help:"First moment after it. Default: now."`
	Tenant string `help:"Only requests of this tenant."`
	Each   bool   `help:"Tell of each request what would become of it, as lines of JSON."`
}

// Run prints what the draft would have made of the requests.
func (c *simulateCmd) Run(ctx context.Context, w world) error {
	body, err := draft(w, c.Config)
	if err != nil {
		return err
	}
	q := url.Values{}
	set(q, "from", c.From)
	set(q, "to", c.To)
	set(q, "tenant", c.Tenant)
	if c.Each {
		q.Set("each", "true")
	}
	m := message{method: http.MethodPost, path: apiBase + "simulate", query: q, body: body, logOnly: true}
	return c.exchange(ctx, w, m, func(answer io.Reader) error {
		result, err := readResult(answer, func(p json.RawMessage) {
			to := w.err
			if c.Each {
				to = w.out
			}
			fmt.Fprintf(to, "%s\n", p)
		})
		if err != nil {
			return err
		}
		if c.Output == "json" {
			return printJSON(w.out, result)
		}
		var r simulate.Report
		if err := json.Unmarshal(result, &r); err != nil {
			return fmt.Errorf("simulate: %w", err)
		}
		return printSimulation(w.out, r)
	})
}

func printSimulation(w io.Writer, r simulate.Report) error {
	usd := func(least, most int64) string {
		if least == most {
			return "$" + accounting.FormatUSD(least)
		}
		return "$" + accounting.FormatUSD(least) + " to $" + accounting.FormatUSD(most)
	}
	fmt.Fprintf(w, "%d requests, billed %s; by the draft %s (%d exactly), %d to another target or to none\n",
		r.Requests, usd(r.Billed, r.Billed), usd(r.Least, r.Most), r.Exact, r.Moved)
	if r.Unpriced > 0 {
		fmt.Fprintf(w, "%d requests have no price in the draft, and are not in its cost\n", r.Unpriced)
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, f := range r.RefusedBy {
		fmt.Fprintf(t, "refused\t%s\t%d to %d\n", f.Reason, f.Least, f.Most)
	}
	for _, c := range r.Targets {
		fmt.Fprintf(t, "%s\twas %d\twould be %d\t%s\n", targetText(c.Target), c.Was, c.Would, usd(c.Least, c.Most))
	}
	for _, text := range r.Model {
		fmt.Fprintf(t, "only a model:\t%s\n", text)
	}
	return t.Flush()
}

// maxSimulated bounds the requests of one simulation.
const maxSimulated = 200_000

// simulate runs recorded requests through a draft: what the log says of them, with
// the counters as they were when they begin.
func (h *localHub) simulate(ctx context.Context, q admin.SimulateQuery, report func(any) error) (any, error) {
	before, err := h.ledger(ctx, q.From, q.Tenant, report)
	if err != nil {
		return nil, err
	}
	recorded := recordings{query: q, byID: map[events.RequestID]*simulate.Request{}, seen: map[events.ID]struct{}{}, estimates: map[events.RequestID]events.RequestOrphaned{}}
	filter := replay.Filter{From: replay.Bound{Time: q.From.Add(-time.Minute)}, Tenant: q.Tenant} // clocks differ
	told := time.Now()
	err = replay.Run(ctx, h.stores.whole, filter, func(r replay.Record) error {
		if now := time.Now(); now.Sub(told) > time.Second {
			told = now
			if err := report(ledger.Progress{Seq: r.Seq}); err != nil {
				return err
			}
		}
		return recorded.take(r.Decoded())
	})
	if err != nil {
		return nil, toOperator(err)
	}
	var ratios simulate.Ratios
	for _, r := range recorded.list {
		ratios.Measure(r)
	}
	sim := simulate.New(simulate.Config{Draft: q.Draft, Ratios: &ratios, Before: func(s accounting.Scope, w accounting.Window) accounting.Totals {
		var sum accounting.Totals
		counters, _ := before.Counters(ctx, s) // in memory
		for i := range counters {
			sum = sum.Plus(counters[i].In(w))
		}
		return sum
	}})
	for _, r := range recorded.list {
		choice := sim.Take(r)
		if !q.Each {
			continue
		}
		if err := report(choice); err != nil {
			return nil, err
		}
	}
	return sim.Report(), ctx.Err()
}

// recordings are the requests that were admitted in a span, as the log has them.
type recordings struct {
	query admin.SimulateQuery
	list  []*simulate.Request // in the order of their admission
	byID  map[events.RequestID]*simulate.Request
	seen  map[events.ID]struct{} // the log may hold an event twice

	estimates map[events.RequestID]events.RequestOrphaned // what a record that comes late takes the place of
}

func (r *recordings) take(e events.Event) error {
	q := r.byID[e.Request]
	if e.Kind == events.RequestAdmittedKind && q == nil {
		return r.admit(e)
	}
	if q == nil {
		return nil
	}
	if _, twice := r.seen[e.ID]; twice {
		return nil
	}
	switch e.Kind {
	case events.AttemptFailedKind:
		if b, err := events.As[events.AttemptFailed](e); err == nil {
			a := attemptAt(q, b.Target)
			a.Failed, a.Final = true, !b.Retryable
		}
	case events.UsageRecordedKind:
		if b, err := events.As[events.UsageRecorded](e); err == nil {
			if o, estimated := r.estimates[e.Request]; estimated {
				delete(r.estimates, e.Request)
				uncharged(q, o.Target, o.Charge)
			}
			charged(q, b.Target, b.Charge)
		}
	case events.RequestOrphanedKind:
		if b, err := events.As[events.RequestOrphaned](e); err == nil && b.Charge.Usage != (events.Usage{}) {
			charged(q, b.Target, b.Charge)
			r.estimates[e.Request] = b
		}
	case events.UsageCorrectedKind:
		if b, err := events.As[events.UsageCorrected](e); err == nil {
			charged(q, b.Target, b.Delta)
			if b.Priced {
				q.Unpriced--
			}
		}
	default:
		return nil
	}
	r.seen[e.ID] = struct{}{}
	return nil
}

func (r *recordings) admit(e events.Event) error {
	if e.WindowAt.Before(r.query.From) || !e.WindowAt.Before(r.query.To) {
		return nil
	}
	b, err := events.As[events.RequestAdmitted](e)
	if err != nil {
		return nil // a dead letter says so
	}
	if len(r.list) == maxSimulated {
		return &gateway.Error{Kind: gateway.Invalid, Param: "from", Public: fmt.Sprintf("More than %d requests would be simulated: narrow the time or name a tenant.", maxSimulated)}
	}
	q := &simulate.Request{
		ID: e.Request, Tenant: e.Tenant, Principal: b.Principal, Endpoint: b.Endpoint, At: e.WindowAt, Decision: b.Decision, Estimate: b.Estimate,
	}
	r.list, r.byID[e.Request] = append(r.list, q), q
	return nil
}

// attemptAt is the attempt at a target; the plan of a request has each once.
func attemptAt(q *simulate.Request, t events.Target) *simulate.Attempt {
	for i := range q.Attempts {
		if q.Attempts[i].Target == t {
			return &q.Attempts[i]
		}
	}
	if n := len(q.Attempts); n > 0 {
		q.Attempts[n-1].Final = false // another target was asked after all
	}
	q.Attempts = append(q.Attempts, simulate.Attempt{Target: t})
	return &q.Attempts[len(q.Attempts)-1]
}

func uncharged(q *simulate.Request, t events.Target, c events.Charge) {
	a, totals := attemptAt(q, t), accounting.ChargeTotals(c)
	a.Usage = a.Usage.Minus(c.Usage)
	q.Billed -= totals.Cost
	q.Unpriced -= totals.Unpriced
}

func charged(q *simulate.Request, t events.Target, c events.Charge) {
	a, totals := attemptAt(q, t), accounting.ChargeTotals(c)
	a.Recorded, a.Usage = true, a.Usage.Plus(c.Usage)
	q.Billed += totals.Cost
	q.Unpriced += totals.Unpriced
}
