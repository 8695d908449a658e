package call

import (
	"fmt"
	"strings"
	"time"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/admit"
	"github.com/llm-hub/llm-hub/gateway/record"
	"github.com/llm-hub/llm-hub/gateway/route"
)

// comeAgain is when a request may come again that the log could not take.
const comeAgain = time.Second

// Reasons of a refusal; the words are those of [events.RequestRejected].
const (
	refusedByLimit  = "limit"
	unknownModel    = "unknown_model"
	modelNotAllowed = "model_not_allowed"
	// endpointNotAllowed: the key's allow-list has not what was asked.
	endpointNotAllowed = "endpoint_not_allowed"
	overloaded         = "overloaded"
	unable             = "unable"
	keptElsewhere      = "kept_elsewhere"
)

// admit takes a request up: it may use the model, the limits allow it, there is
// somewhere to send it, and its admission is on its way to the log.
func (e *Engine) admit(req *Request, c *client) (*flight, error) {
	now := time.Now().In(req.Catalog.Location)
	if err := e.authorize(req, now); err != nil {
		return nil, err
	}
	f := newFlight(e, req, c, now)
	if err := f.decide(); err != nil {
		return nil, err
	}
	if err := f.reserve(); err != nil {
		return nil, err
	}
	facts, err := e.cfg.Recorder.Admit(f.info(), f.estimate, f.plan.Decision)
	if err != nil {
		f.reservation.Release()
		return nil, unrecorded(err)
	}
	f.facts = facts
	f.reservation.Admitted(facts.Admitted())
	return f, nil
}

// authorize checks what depends neither on limits nor on vendors.
func (e *Engine) authorize(req *Request, now time.Time) error {
	name := req.Inbound.Model
	if req.Catalog.Models[name] == nil {
		return e.refuse(req, now, record.Refusal{Reason: unknownModel}, &gateway.Error{
			Kind: gateway.NotFound, Code: "model_not_found", Param: "model",
			Public: fmt.Sprintf("The model %q does not exist.", nameable(name)),
		})
	}
	if !req.Key.MayUse(name) {
		return e.refuse(req, now, record.Refusal{Reason: modelNotAllowed}, &gateway.Error{
			Kind: gateway.Forbidden, Code: "model_not_allowed", Param: "model",
			Public: fmt.Sprintf("This key may not use the model %q.", name),
		})
	}
	if !req.Key.MayCall(req.Endpoint) {
		return e.refuse(req, now, record.Refusal{Reason: endpointNotAllowed}, &gateway.Error{
			Kind: gateway.Forbidden, Code: "endpoint_not_allowed", Public: fmt.Sprintf("This key may not use %s.", req.Endpoint),
		})
	}
	if err := e.cfg.Recorder.Ready(); err != nil {
		return e.refuse(req, now, record.Refusal{Reason: overloaded}, unrecorded(err))
	}
	return nil
}

// decide chooses where to go, and from that what the request may cost.
func (f *flight) decide() error {
	f.need = f.req.need()
	f.scopes = admit.Scopes(f.req.Catalog, f.req.Key, principal(f.req))
	plan, err := route.Decide(route.Inputs{
		Catalog: f.req.Catalog.Version, Model: f.model, State: f.cfg.Cooldowns.Under(f.req.Catalog.Cooldowns),
		Short: f.cfg.Headroom.Short(f.model, f.need), Unable: f.unable(), Kept: f.req.Kept,
		Seed: f.cfg.Seed(), Now: f.at,
	})
	if err != nil {
		return &gateway.Error{Kind: gateway.Internal, Public: "Internal error.", Cause: err}
	}
	f.plan = plan
	if len(plan.Steps) == 0 {
		return f.without(plan)
	}
	f.until = f.at.Add(plan.Steps[0].Timeouts.Total)
	f.tries = make([]try, len(plan.Steps))
	f.estimate = f.reserved(plan.Decision.Plan[0], f.expected(plan))
	return nil
}

// without decides on a request that no vendor can be asked.
func (f *flight) without(plan route.Plan) error {
	switch {
	case plan.Elsewhere():
		return f.refuse(f.req, f.at, record.Refusal{Reason: keptElsewhere}, &gateway.Error{
			Kind: gateway.Invalid, Code: "previous_response_not_found", Param: "previous_response_id",
			Public: fmt.Sprintf("What the request goes on from is kept by a vendor that the model %q does not have any more.", f.model.Name),
		})
	case !plan.Hopeless():
		return f.refuse(f.req, f.at, record.Refusal{Reason: overloaded}, nowhere(plan))
	case f.req.Operation.Local != nil:
		f.until = f.at.Add(localTime)
		f.estimate = f.reserved(events.Target{}, events.Usage{})
		return nil
	}
	return f.refuse(f.req, f.at, record.Refusal{Reason: unable}, &gateway.Error{
		Kind: gateway.Invalid, Code: "unsupported_operation", Param: "model",
		Public: fmt.Sprintf("No vendor of the model %q can do what this endpoint is for.", f.model.Name),
	})
}

// reserve takes the estimate from every limit.
func (f *flight) reserve() error {
	r, refusal := f.cfg.Admitter.Admit(f.client.ctx, admit.Request{
		Tenant: f.req.Key.Tenant.ID, Scopes: f.scopes, Estimate: f.estimate, At: f.at,
	})
	if refusal == nil {
		f.reservation = r
		return nil
	}
	why := record.Refusal{Reason: overloaded, Limit: refusal.Event()}
	if why.Limit != nil {
		why.Reason = refusedByLimit
	}
	refusal.Describe(f.client.w.Header())
	return f.refuse(f.req, f.at, why, refusal.Public())
}

// refuse records that req was refused, as err tells the client, and returns err.
func (e *Engine) refuse(req *Request, now time.Time, why record.Refusal, err error) error {
	why.Status = gateway.AsError(err).Kind.Status()
	e.cfg.Recorder.Reject(infoOf(req, now), why)
	return err
}

func infoOf(req *Request, at time.Time) record.Info {
	return record.Info{
		ID: req.ID, Tenant: req.Key.Tenant.ID, Principal: principal(req), Endpoint: req.Endpoint,
		Stream: req.Inbound.Stream, At: at,
	}
}

func principal(req *Request) events.Principal {
	p := events.Principal{Key: req.Key.Name, Model: nameable(req.Inbound.Model), Tags: strings.Join(req.Key.Tags, ",")}
	if req.Key.User != nil {
		p.User = req.Key.User.ID
	}
	if req.Key.Team != nil {
		p.Team = req.Key.Team.Name
	}
	return p
}

// nameable gives the name of a model as it may stand in a fact and in an error.
// Configured names pass; what else a client sends might be anything.
func nameable(model string) string {
	const longest = 128
	odd := func(r rune) bool { return r <= ' ' || r > '~' }
	if model == "" || len(model) > longest || strings.ContainsFunc(model, odd) {
		return "_"
	}
	return model
}
