package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/events/natslog"
	"github.com/llm-hub/llm-hub/events/publish"
	"github.com/llm-hub/llm-hub/gateway/control"
	"github.com/llm-hub/llm-hub/gateway/signin"
	"github.com/llm-hub/llm-hub/gateway/vault"
	"github.com/llm-hub/llm-hub/projector/alerts"
	"github.com/llm-hub/llm-hub/projector/ownership"
)

// app is one running llm-hub: the parts, and the order they stop in.
type app struct {
	cfg   *serveCmd
	world world
	dir   *dataDir
	log   *slog.Logger

	node     events.NodeID
	epoch    events.Epoch // of this process
	token    string       // of the operator
	loader   *control.Loader
	wanted   *control.Wanted // what this start brings; nil: nothing
	plane    *control.Plane
	keyring  *vault.Vault
	catalog  *control.Live
	notices  []control.Notice
	health   *health
	registry *prometheus.Registry

	stores    *stores
	publisher *publish.Publisher
	space     *spaceWatch
	owner     *ownership.Owner // of this projector's share; nil: it is the only one
	// tablesOwner is of the tables, which only those projectors share that reach them.
	tablesOwner *ownership.Owner
	alerts      *alerts.Watcher
	lost        <-chan struct{} // closed when the others take this node for dead; nil without a gateway
	hub         *localHub
	handler     http.Handler // of the API listener

	firstRun   signin.FirstRun
	demo       *demoVendor
	demoSecret control.Secret

	closers stopList
}

const operatorFile = "operator.token"

// start brings up everything but the listeners. What was started before an error
// is in closers.
func (a *app) start(ctx context.Context) error {
	steps := []func(context.Context) error{
		a.identify, a.want, a.openStores, a.configure, a.publish, a.project, a.gate,
	}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (a *app) identify(context.Context) (err error) {
	if a.node, err = a.dir.nodeID(); err != nil {
		return err
	}
	if a.token, err = a.dir.operatorToken(); err != nil {
		return err
	}
	a.registry = prometheus.NewRegistry()
	live := collectors.GoRuntimeMetricsRule{Matcher: regexp.MustCompile("^/gc/heap/live:bytes$")}
	a.registry.MustRegister(collectors.NewGoCollector(collectors.WithGoCollectorRuntimeMetrics(live)), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	a.health = newHealth(a.registry)
	return nil
}

func (a *app) openStores(ctx context.Context) (err error) {
	a.stores, err = openStores(ctx, storesConfig{
		Dir: a.dir, Node: a.node, NATS: a.cfg.natsFlags, LogClass: natslog.Class(a.cfg.LogClass), LogMaxBytes: a.cfg.LogMaxBytes,
		ClickHouseURL: a.cfg.ClickHouseURL, ClickHouseCluster: a.cfg.ClickHouseCluster, ClickHouseLib: a.cfg.ClickHouseLib, Logger: a.log,
		Archive: a.cfg.Archive, Env: a.world.env,
	})
	if err != nil {
		return err
	}
	a.closers.push("stores", a.stores.close)
	a.space = &spaceWatch{space: a.stores.log.Space, healthy: a.stores.log.Healthy, log: a.log}
	a.background(ctx, "log space", a.space.run)
	describeSpace(a.registry, a.space)
	if a.cfg.NATSURL == "" {
		a.health.add(check{name: "log", required: true, run: func(ctx context.Context) (any, error) {
			return nil, errors.Join(a.stores.log.Healthy(ctx), a.space.admit())
		}})
		return nil
	}
	// An external log may be away: facts go to the outbox and requests go on from
	// the leases, so a node that balancers turn away for it would be an outage.
	a.health.add(check{name: "log", run: func(ctx context.Context) (any, error) {
		ctx, cancel := context.WithTimeout(ctx, probePatience)
		defer cancel()
		return nil, a.stores.log.Healthy(ctx)
	}})
	a.health.add(check{name: "space", required: true, run: func(context.Context) (any, error) { return nil, a.space.admit() }})
	a.health.add(check{name: "clock", required: true, run: a.checkClock})
	return nil
}

// maxSkew is how far this machine's clock may be off the log's: windows are those
// of the clock that admits.
const maxSkew = 2 * time.Second

// probePatience is how long one check waits for an external log: two must fit into
// the second after which many balancers take a probe for failed.
const probePatience = 300 * time.Millisecond

func (a *app) checkClock(ctx context.Context) (any, error) {
	ctx, cancel := context.WithTimeout(ctx, probePatience)
	defer cancel()
	skew, err := a.stores.log.Skew(ctx)
	if err != nil {
		return map[string]string{"skew_seconds": "unknown: " + err.Error()}, nil
	}
	if skew.Abs() > maxSkew {
		err = fmt.Errorf("the clock is %s off that of the log, more than %s", skew.Round(time.Millisecond), maxSkew)
	}
	return map[string]float64{"skew_seconds": skew.Seconds()}, err
}

// background runs f until the stop.
func (a *app) background(ctx context.Context, name string, f func(context.Context)) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var running sync.WaitGroup
	running.Go(func() { f(ctx) })
	a.closers.push(name, func(context.Context) error {
		cancel()
		running.Wait()
		return nil
	})
}

// publish opens this start's epoch, which closes the node's older ones.
func (a *app) publish(ctx context.Context) (err error) {
	if a.epoch, err = newEpoch(); err != nil {
		return err
	}
	cfg := publish.Config{Log: a.stores.log, Node: a.node, Epoch: a.epoch, Heartbeat: a.cfg.Heartbeat, Logger: a.log}
	if a.cfg.NATSURL != "" {
		if cfg.Outbox, err = a.stores.openOutbox(ctx, a.dir, a.cfg.OutboxMaxBytes, a.log); err != nil {
			return err
		}
	}
	if a.publisher, err = publish.New(cfg); err != nil {
		return err
	}
	a.closers.push("publisher", a.publisher.Close)
	describePublisher(a.registry, a.publisher)
	if cfg.Outbox != nil {
		describeOutbox(a.registry, a.publisher)
		a.health.add(check{name: "outbox", required: true, run: func(context.Context) (any, error) { return nil, a.publisher.Admit() }})
	}
	return a.publisher.Start(ctx, version)
}
