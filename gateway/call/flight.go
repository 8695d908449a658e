package call

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"strconv"
	"sync"
	"time"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/events/publish"
	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/admit"
	"github.com/llm-hub/llm-hub/gateway/control"
	"github.com/llm-hub/llm-hub/gateway/record"
	"github.com/llm-hub/llm-hub/gateway/route"
)

// flight is one request on its way. It is for the goroutine that serves it.
type flight struct {
	*Engine
	req    *Request
	model  *control.Model
	at     time.Time // of admission, in the time zone that windows are counted in
	until  time.Time // nothing is waited for beyond
	client *client

	estimate    events.Charge
	need        route.Need // without counting
	counted     counted
	scopes      []admit.Scoped // that have limits
	reservation *admit.Reservation
	plan        route.Plan
	facts       *record.Request

	tries    []try    // what became of the plan's steps, by index
	failed   *failure // of the last step, nil: none
	attempts int      // vendor calls made
	current  *attempt
	last     events.Target // tried
	finish   string        // finish reason of the answer
	bill     bill

	mu       sync.Mutex // the client may hang up at any time
	draining bool       // one of the node's drains is ours
	landed   bool       // the request has ended
}

func newFlight(e *Engine, req *Request, c *client, at time.Time) *flight {
	m := req.Catalog.Models[req.Inbound.Model]
	return &flight{Engine: e, req: req, model: m, at: at, client: c}
}

func (f *flight) info() record.Info { return infoOf(f.req, f.at) }

// serve walks the plan and closes the request, whatever happens.
func (f *flight) serve() (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = f.panicked(p)
		}
		err = f.end(err)
	}()
	if len(f.plan.Steps) == 0 {
		return f.local()
	}
	return f.walk()
}

// end closes the request. It returns err if the client must still be told.
func (f *flight) end(err error) error {
	f.client.close()
	f.endDrain()
	last := events.RequestFinished{
		Outcome: events.Completed, Status: f.client.status, Target: f.last, Attempts: f.attempts, Finish: f.finish,
	}
	switch {
	case errors.Is(err, errHungUp):
		last.Outcome, last.Error = events.Cancelled, string(gateway.Cancelled)
		err = &gateway.Error{Kind: gateway.Cancelled, Public: "The client hung up.", Cause: err}
	case err != nil:
		kind := gateway.AsError(err).Kind
		last.Outcome, last.Error = events.Failed, string(kind)
		if !f.client.begun() {
			last.Status = kind.Status()
		}
	}
	if receipt := f.facts.Finish(last); receipt != nil {
		f.reservation.Ended(receipt)
	}
	f.reservation.Release()
	if f.client.begun() {
		return nil
	}
	f.describe(f.client.w.Header())
	return err
}

// panicked makes an error of a panic: one request may fail, the process lives.
func (f *flight) panicked(p any) error {
	f.cfg.Logger.Error("request panicked", "request", f.req.ID, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
	err := &gateway.Error{Kind: gateway.Internal, Public: "Internal error."}
	if f.current != nil {
		f.current.abandon(err)
	}
	return err
}

// await waits until what r stands for is durable, in the log or in the outbox.
func (f *flight) await(r *publish.Receipt) error {
	if r == nil {
		return unrecorded(errNotPublished)
	}
	select {
	case <-r.Kept():
		return f.kept(r.Err())
	default:
	}
	ctx, cancel := context.WithDeadline(f.client.ctx, f.until)
	defer cancel()
	select {
	case <-r.Kept():
		return f.kept(r.Err())
	case <-ctx.Done():
		return f.kept(ctx.Err())
	}
}

// kept makes the error for the client of one of the books, if any.
func (f *flight) kept(err error) error {
	switch {
	case err == nil:
		return nil
	case f.client.gone():
		return errHungUp
	default:
		return unrecorded(err)
	}
}

var errNotPublished = errors.New("the fact was not published")

func unrecorded(cause error) *gateway.Error {
	return &gateway.Error{
		Kind: gateway.Unavailable, Public: "The gateway cannot keep its books at the moment.", RetryAfter: comeAgain, Cause: cause,
	}
}

// mayBegin waits for what must be durable before the client's first byte.
func (f *flight) mayBegin() error {
	if f.cfg.Ack == Async {
		return nil
	}
	return f.await(f.facts.Admitted())
}

// mayEnd waits for what must be durable before the client's last byte.
func (f *flight) mayEnd() error {
	if f.cfg.Ack != Strict || f.req.Operation.Free {
		return nil
	}
	return f.await(f.facts.LastUsage())
}

// describe sets the headers that are known before the answer, or in place of one.
func (f *flight) describe(h http.Header) {
	f.reservation.Describe(h)
	h.Set("x-llmhub-logical-model", f.model.Name)
	if f.last.Provider != "" {
		h.Set("x-llmhub-provider", f.last.Provider)
	}
	h.Set("x-llmhub-attempts", strconv.Itoa(f.attempts))
}

// price makes a charge of usage, by the price book of the request's catalog.
func (f *flight) price(t events.Target, u events.Usage) events.Charge {
	return f.req.Catalog.Prices.Price(f.item(t), u)
}

// item is what the price book calls a target.
func (f *flight) item(t events.Target) accounting.Item {
	return accounting.Item{Kind: f.req.Catalog.Providers[t.Provider].Kind, Model: t.Model, At: f.at}
}
