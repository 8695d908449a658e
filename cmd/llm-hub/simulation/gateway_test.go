package simulation_test

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/events/memlog"
	"github.com/llm-hub/llm-hub/events/publish"
	"github.com/llm-hub/llm-hub/gateway/admit"
	"github.com/llm-hub/llm-hub/gateway/control"
	"github.com/llm-hub/llm-hub/gateway/record"
	"github.com/llm-hub/llm-hub/projector/projectortest"
)

// node is a gateway's data directory: processes come and go on it.
type node struct {
	world  *world
	id     events.NodeID
	rng    *rand.Rand
	box    *memlog.Outbox // on its disk; nil: it has none
	serves *gateway       // nil while it is down
}

// gateway is one process of a gateway.
type gateway struct {
	node      *node
	epoch     events.Epoch
	rng       *rand.Rand // of its own goroutine
	wire      *wire
	publisher *publish.Publisher
	recorder  *record.Recorder
	admitter  *admit.Admitter
	ctx       context.Context // ends when the process does
	cancel    context.CancelFunc
	announced chan struct{} // closed when the log knows the epoch
	requests  sync.WaitGroup
	running   sync.WaitGroup
}

// start starts the next process.
func (n *node) start() {
	w := n.world
	rng := rand.New(rand.NewPCG(w.seed, n.rng.Uint64()))
	g := &gateway{node: n, epoch: w.newEpoch(), rng: rng}
	g.wire = newWire(w, g.epoch, w.newRNG())
	g.ctx, g.cancel = context.WithCancel(context.Background())
	var err error
	facts := publish.Config{Log: g.wire, Node: n.id, Epoch: g.epoch, Logger: w.logger, Heartbeat: -1}
	if n.box != nil {
		n.box = n.box.Reopen()
		facts.Outbox = n.box
	}
	if g.publisher, err = publish.New(facts); err != nil {
		w.t.Fatal(err)
	}
	if g.recorder, err = record.New(record.Config{Publisher: g.publisher, Node: n.id, Metrics: w.metrics, Logger: w.logger}); err != nil {
		w.t.Fatal(err)
	}
	leases := &leaseBucket{Bucket: projectortest.NewChaos(w.log.Leases(), n.rng.Uint64(), w.shape.odds, 10*time.Millisecond), wire: g.wire}
	if g.admitter, err = admit.New(admit.Config{
		Counters: w.log, Leases: leases, Node: n.id, Epoch: g.epoch, TTL: w.shape.ttl, Logger: w.logger, Now: time.Now,
	}); err != nil {
		w.t.Fatal(err)
	}
	g.running.Go(func() { _ = g.admitter.Run(g.ctx) })
	g.announced = make(chan struct{})
	g.running.Go(func() {
		defer close(g.announced)
		if err := g.publisher.Start(g.ctx, "simulation"); err != nil && g.ctx.Err() == nil {
			w.errorf("%s: start: %v", n.id, err)
		}
	})
	n.serves = g
}

// kill ends the process as kill -9 does: what it did not send is lost.
func (n *node) kill() {
	g := n.serves
	n.serves = nil
	g.wire.die()
	if n.box != nil {
		n.box.Close()
	}
	g.cancel()
	_ = g.publisher.Close(g.ctx) // which gives up at once
	g.requests.Wait()
	g.recorder.Close()
	g.running.Wait()
}

// stop ends the process in order.
func (n *node) stop() {
	g := n.serves
	n.serves = nil
	n.world.ended[g.epoch] = true
	<-g.announced
	g.requests.Wait()
	if err := g.admitter.Close(g.ctx); err != nil && !g.lost() {
		n.world.errorf("%s: close: %v", n.id, err)
	}
	g.recorder.Close()
	if err := g.publisher.Close(context.Background()); err != nil {
		n.world.errorf("%s: close: %v", n.id, err)
	}
	g.cancel()
	g.running.Wait()
}

// live serves requests until the traffic ends, and dies now and then.
func (n *node) live() {
	w := n.world
	n.start()
	for w.now() < w.shape.traffic {
		pause := time.Duration(n.rng.ExpFloat64() * float64(w.shape.between))
		<-time.After(min(pause, 5*time.Second) + 1)
		switch g := n.serves; {
		case n.rng.Float64() < w.shape.crash || g.lost():
			n.kill()
			<-time.After(between(n.rng, time.Millisecond, 4*time.Second))
			n.start()
		case n.rng.Float64() < w.shape.outage:
			g.wire.setCut(true)
			for range n.rng.IntN(6) {
				g.serve()
			}
			<-time.After(between(n.rng, time.Millisecond, 8*time.Second))
			g.wire.setCut(false)
		default:
			g.serve()
		}
	}
}

// lost tells whether everybody else takes the process for dead.
func (g *gateway) lost() bool {
	select {
	case <-g.admitter.Lost():
		return true
	default:
		return false
	}
}

// serve begins a request, unless the log does not know the epoch yet.
func (g *gateway) serve() {
	select {
	case <-g.announced:
	default:
		return
	}
	r := g.node.world.newRequest(g, rand.New(rand.NewPCG(g.node.world.seed, g.rng.Uint64())))
	g.requests.Go(r.run)
}

// request is one request, as its client, the gateway and the vendors see it.
type request struct {
	gateway *gateway
	rng     *rand.Rand
	info    record.Info
	key     *control.Key
	plan    []events.Target

	estimate    events.Charge
	reservation *admit.Reservation
	facts       *record.Request
	bill        *bill
}

// run is what package call does with a request.
func (r *request) run() {
	g := r.gateway
	if err := g.recorder.Ready(); err != nil {
		g.recorder.Reject(r.info, record.Refusal{Reason: "overloaded"})
		return
	}
	w := g.node.world
	reservation, refusal := g.admitter.Admit(g.ctx, admit.Request{
		Tenant: r.info.Tenant, Scopes: admit.Scopes(w.catalog, r.key, r.info.Principal), Estimate: r.estimate, At: r.info.At,
	})
	if refusal != nil {
		g.recorder.Reject(r.info, record.Refusal{Reason: "limit", Limit: refusal.Event()})
		return
	}
	defer reservation.Release()
	defer w.runs(g, admit.Scopes(w.catalog, r.key, r.info.Principal))()
	r.reservation = reservation
	var err error
	if r.facts, err = g.recorder.Admit(r.info, r.estimate, events.Decision{Plan: r.plan}); err != nil {
		return // the process is dead
	}
	reservation.Admitted(r.facts.Admitted())
	r.bill = w.vendor.open(r)
	last := events.RequestFinished{Outcome: events.Failed}
	for _, t := range r.plan {
		held, refusal := g.admitter.Admit(g.ctx, admit.Request{
			Tenant: r.info.Tenant, Scopes: admit.CredentialScopes(w.credential(t), t), Estimate: r.estimate, At: r.info.At,
		})
		if refusal != nil {
			continue
		}
		last.Attempts++
		if last.Attempts > 1 {
			r.facts.Fallback(events.RouteFallback{Attempt: last.Attempts, From: last.Target, To: t, Reason: "server_error"})
		}
		last.Target = t
		again, done := false, w.runs(g, admit.CredentialScopes(w.credential(t), t))
		last.Outcome, again = r.attempt(last.Attempts, t, held)
		done()
		held.Release()
		if g.ctx.Err() != nil {
			return
		}
		if !again {
			break
		}
	}
	if receipt := r.facts.Finish(last); receipt != nil {
		reservation.Ended(receipt)
	}
}

// attempt calls a vendor. It tells how the request ends, unless another attempt
// is to be made.
func (r *request) attempt(n int, t events.Target, held *admit.Reservation) (end events.Outcome, again bool) {
	pieces := 1 + r.rng.IntN(4)
	u := events.Usage{Input: r.estimate.Usage.Input, Output: 1 + r.rng.Int64N(r.estimate.Usage.Output)}
	if r.rng.Float64() < r.gateway.node.world.shape.overrun {
		u.Output += r.rng.Int64N(500)
	}
	what := r.rng.IntN(20)
	if what < 3 {
		return r.failed(n, t, held, what == 0)
	}
	hangsUp := what == 3
	r.bill.comesTo(n, events.Usage{Input: u.Input})
	for i := range pieces {
		if !r.wait(between(r.rng, 10*time.Millisecond, 1500*time.Millisecond)) {
			return events.Failed, false
		}
		soFar := events.Usage{Input: u.Input, Output: u.Output * int64(i+1) / int64(pieces)}
		r.bill.comesTo(n, soFar)
		if hangsUp && i == pieces/2 {
			r.settle(n, t, held, soFar, events.Estimated)
			return events.Cancelled, false
		}
		if i+1 < pieces && r.rng.IntN(2) == 0 {
			r.facts.Checkpoint(n, t, price(soFar))
		}
	}
	r.bill.comesTo(n, u)
	r.settle(n, t, held, u, events.FromVendor)
	if !r.acknowledged(n) {
		return events.Failed, false
	}
	return events.Completed, false
}

// failed is an attempt without an answer; billed if the vendor counts it all the same.
func (r *request) failed(n int, t events.Target, held *admit.Reservation, billed bool) (events.Outcome, bool) {
	if !r.wait(between(r.rng, 10*time.Millisecond, 900*time.Millisecond)) {
		return events.Failed, false
	}
	if billed {
		u := events.Usage{Input: r.estimate.Usage.Input, Output: 1}
		r.bill.comesTo(n, u)
		r.settle(n, t, held, u, events.FromVendor)
	}
	receipt := r.facts.AttemptFailed(events.AttemptFailed{Attempt: n, Target: t, Class: "server_error", Status: 500, Retryable: true})
	if receipt != nil && !billed {
		var none int64
		r.reservation.Settle(events.Charge{CostNanoUSD: &none}, receipt)
		held.Settle(events.Charge{CostNanoUSD: &none}, receipt)
	}
	return events.Failed, true
}

// settle records and books what an attempt is billed for.
func (r *request) settle(n int, t events.Target, held *admit.Reservation, u events.Usage, from events.Source) {
	c := price(u)
	receipt := r.facts.Usage(events.UsageRecorded{Attempt: n, Target: t, Source: from, Charge: c})
	if receipt == nil {
		return // the process is dead
	}
	r.reservation.Settle(c, receipt)
	held.Settle(c, receipt)
}

// acknowledged waits until the usage is kept; then the client may have the whole
// answer, and the books must have it for ever.
func (r *request) acknowledged(n int) bool {
	receipt := r.facts.LastUsage()
	if receipt == nil {
		return false
	}
	select {
	case <-receipt.Kept():
		if receipt.Err() != nil {
			return false
		}
	case <-r.gateway.ctx.Done():
		return false
	}
	select {
	case <-receipt.Done():
		ack, err := receipt.Wait(r.gateway.ctx)
		if err != nil {
			return false
		}
		r.gateway.node.world.holds(ack.Seq, r.info.ID)
	default: // the outbox keeps it
	}
	r.bill.deliver(n)
	return true
}

// wait is false if the process dies meanwhile.
func (r *request) wait(d time.Duration) bool {
	select {
	case <-time.After(d):
		return r.gateway.ctx.Err() == nil
	case <-r.gateway.ctx.Done():
		return false
	}
}

// price is what usage costs, at $0.15 and $0.60 a million.
func price(u events.Usage) events.Charge {
	const in, out = 150, 600 // nano-USD a token
	cost := u.InputTotal()*in + u.OutputTotal()*out
	return events.Charge{Usage: u, CostNanoUSD: &cost, PriceVersion: "simulation"}
}
