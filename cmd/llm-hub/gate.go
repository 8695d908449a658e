package main

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/llm-hub/llm-hub/gateway/admin"
	"github.com/llm-hub/llm-hub/gateway/admit"
	"github.com/llm-hub/llm-hub/gateway/api"
	"github.com/llm-hub/llm-hub/gateway/auth"
	"github.com/llm-hub/llm-hub/gateway/call"
	"github.com/llm-hub/llm-hub/gateway/control"
	"github.com/llm-hub/llm-hub/gateway/outbound"
	"github.com/llm-hub/llm-hub/gateway/provider/vendors"
	"github.com/llm-hub/llm-hub/gateway/record"
	"github.com/llm-hub/llm-hub/gateway/route"
	"github.com/llm-hub/llm-hub/gateway/signin"
	"github.com/llm-hub/llm-hub/gateway/web"
)

// gate makes the handler of the API listener: the operator's API for every role,
// the applications' for gateways, and health.
func (a *app) gate(ctx context.Context) error {
	a.hub.signIns = newSignIns(a.registry)
	var applications *api.API
	var err error
	if a.cfg.has("gateway") {
		if applications, err = a.gateway(ctx); err != nil {
			return err
		}
	}
	operator, err := newOperator(a.token, a.hub)
	if err != nil {
		return err
	}
	a.signIn(ctx, operator.people)
	if operator.signIn.SSO, err = a.singleSignOn(); err != nil {
		return err
	}
	guards, routes := operator.guards(), operator.routes()
	if applications != nil {
		guards[web.Inference] = applications.Guard
		routes = append(routes, applications.Routes()...)
	}
	server, err := web.New(web.Config{Guards: guards, Logger: a.log})
	if err != nil {
		return err
	}
	if err := server.Mount(routes...); err != nil {
		return err
	}
	mux := http.NewServeMux()
	health := a.health.handler(false)
	mux.Handle("/healthz", health)
	mux.Handle("/readyz", health)
	mux.Handle("/", server)
	a.handler = mux
	return nil
}

// gateway wires the life of a request.
func (a *app) gateway(ctx context.Context) (*api.API, error) {
	admitter, err := a.admitter(ctx)
	if err != nil {
		return nil, err
	}
	metrics, err := record.NewMetrics(a.registry)
	if err != nil {
		return nil, err
	}
	recorder, err := record.New(record.Config{Publisher: roomyPublisher{a.publisher, a.space}, Node: a.node, Metrics: metrics, Logger: a.log})
	if err != nil {
		return nil, err
	}
	a.closers.push("refusals", func(context.Context) error { recorder.Close(); return nil })
	allow, err := a.cfg.allowed(a.catalog.Current())
	if err != nil {
		return nil, err
	}
	transport := outbound.New(outbound.Config{Allow: allow})
	engine, err := call.New(call.Config{
		Ack: call.Ack(a.cfg.Ack), Recorder: recorder, Admitter: admitter, Vendors: vendors.Adapters(), Transport: transport,
		Cooldowns: route.NewCooldowns(time.Now), Logger: a.log,
	})
	if err != nil {
		return nil, err
	}
	if err := engine.Describe(a.registry); err != nil {
		return nil, err
	}
	a.hub.prober = engine
	answers, err := a.answers()
	if err != nil {
		return nil, err
	}
	forms, err := a.dir.formStore()
	if err != nil {
		return nil, err
	}
	return api.New(api.Config{
		Calls: engine, Catalog: a.catalog.Current, Authenticate: auth.Key, Answers: answers, Metrics: metrics, Forms: forms,
		LastUsed: func(ctx context.Context, k *control.Key) *time.Time {
			return admin.LastUsed(ctx, a.hub.usedBy, k.Tenant.ID, k.Name)
		},
	})
}

// admitter follows the counters.
func (a *app) admitter(ctx context.Context) (*admit.Admitter, error) {
	admitter, err := admit.New(admit.Config{
		Counters: a.stores.log, Leases: a.stores.log.Leases(), Node: a.node, Epoch: a.epoch, TTL: a.cfg.LeaseTTL,
		Now: time.Now, Logger: a.log,
	})
	if err != nil {
		return nil, err
	}
	a.background(ctx, "limits", func(ctx context.Context) {
		if err := admitter.Run(ctx); err != nil && !errors.Is(err, context.Canceled) {
			a.log.Error("limits do not follow the counters", "error", err)
		}
	})
	a.lost = admitter.Lost()
	gauge(a.registry, "lease_exchanges", "Exchanges of leases with the store, since the start.", func() float64 { return float64(admitter.Status().Exchanges) })
	gauge(a.registry, "lease_failures", "Exchanges of leases that failed, since the start.", func() float64 { return float64(admitter.Status().Failures) })
	gauge(a.registry, "lease_conflicts", "Tries to take leases that another node was faster than, since the start.", func() float64 { return float64(admitter.Status().Conflicts) })
	a.closers.push("leases", func(ctx context.Context) error {
		select {
		case <-a.lost: // others have what was held
			return nil
		default:
			return admitter.Close(ctx)
		}
	})
	a.health.add(check{name: "limits", required: true, run: func(context.Context) (any, error) {
		if !admitter.Loaded() {
			return nil, errors.New("the counters are not loaded yet")
		}
		return nil, nil
	}})
	return admitter, nil
}

// newOperator makes the API for people over a hub.
func newOperator(token string, hub *localHub) (*operatorAPI, error) {
	operator, err := auth.NewOperator(control.NewSecret(token), hub.token, hub.log, time.Now)
	if err != nil {
		return nil, err
	}
	people, err := hub.signIn()
	if err != nil {
		return nil, err
	}
	who := signin.NewIdentifier(operator, people)
	api, err := admin.New(admin.Config{
		Operator: who, Status: hub.status, Freshness: hub.freshness, Control: hub.plane, Prober: hub.prober, Rewrap: hub.keyring.Rotate,
		Usage: hub.usage(), Ask: hub.ask(), Export: hub.export(), Exports: hub.exports(), Migrate: hub.migrate(), Counters: hub.usedBy, Ledger: hub.ledger,
		Signer: hub.keyring, Backup: hub.backup,
		Events: hub.events, Story: hub.story, Tail: hub.tail,
		Archive: hub.archives(),
		Verify:  hub.verify, Rebuild: hub.rebuild, ApplyDead: hub.applyDead, Correct: hub.correct, PriceUnpriced: hub.priceUnpriced, Simulate: hub.simulate, Summaries: hub.summaries,
	})
	return &operatorAPI{API: api, people: people, signIn: signin.NewAPI(people, who)}, err
}
