package main

import (
	"context"
	"errors"
	"time"

	"github.com/llm-hub/llm-hub/gateway/control"
	"github.com/llm-hub/llm-hub/projector"
	"github.com/llm-hub/llm-hub/projector/counters"
	"github.com/llm-hub/llm-hub/projector/ownership"
	"github.com/llm-hub/llm-hub/projector/tables"
)

// project starts the folds: counters always, tables where there is a ClickHouse.
// On a log of its own this is the only projector; on an external one it does its
// share of the work.
func (a *app) project(ctx context.Context) error {
	a.hub = &localHub{stores: a.stores, node: a.node, epoch: a.epoch, log: a.log, publisher: a.publisher, plane: a.plane, keyring: a.keyring}
	if err := a.hub.openExports(a.dir, a.world.env); err != nil {
		return err
	}
	a.hub.runExports(ctx, &a.closers)
	if !a.cfg.has("projector") {
		return nil
	}
	if err := a.share(ctx); err != nil {
		return err
	}
	if err := a.hub.makeFolds(a.folding()); err != nil {
		return err
	}
	a.background(ctx, "counters", a.hub.counters.Run)
	if a.hub.tables != nil {
		a.work(ctx, "tables", shared{a.tablesOwner, ownership.Tables}, a.hub.tables.Run)
		changes, err := tables.NewChanges(tables.ChangesConfig{Log: a.stores.log, Bucket: a.stores.log, Store: a.stores.tables, Logger: a.log})
		if err != nil {
			return err
		}
		a.work(ctx, "changes", shared{a.tablesOwner, ownership.Tables}, changes.Run)
	}
	a.watchFolds()
	return errors.Join(a.alert(ctx), a.verifyAlways(ctx), a.summarize(ctx), a.archiveAlways(ctx))
}

// share joins the other projectors of an external log.
func (a *app) share(ctx context.Context) (err error) {
	if a.cfg.NATSURL == "" {
		return nil
	}
	cfg := ownership.Config{
		Bucket: a.stores.log.Nodes(), Node: string(a.node) + "." + string(a.epoch), TTL: a.cfg.OwnerTTL, Logger: a.log,
	}
	if a.owner, err = ownership.New(cfg); err != nil {
		return err
	}
	a.background(ctx, "ownership", a.owner.Run)
	if a.stores.tables == nil {
		return nil
	}
	a.tablesOwner, err = a.ownerOf(ctx, ownership.Tables)
	return err
}

// ownerOf shares one piece of work with those projectors that can do it; nil where
// this is the only one.
func (a *app) ownerOf(ctx context.Context, item string) (*ownership.Owner, error) {
	if a.cfg.NATSURL == "" {
		return nil, nil
	}
	owner, err := ownership.New(ownership.Config{
		Bucket: a.stores.log.Nodes(), Node: string(a.node) + "." + string(a.epoch), TTL: a.cfg.OwnerTTL, Logger: a.log,
		Group: item, Items: []string{item},
	})
	if err != nil {
		return nil, err
	}
	a.background(ctx, "ownership of "+item, owner.Run)
	return owner, nil
}

// folding says who folds what.
func (a *app) folding() counters.Config {
	cfg := counters.Config{Publisher: a.publisher, DeadAfter: a.cfg.DeadAfter}
	if a.owner != nil {
		cfg.Share = a.owner.Partitions()
	}
	return cfg
}

// makeFolds makes the folds without running them.
func (h *localHub) makeFolds(cfg counters.Config) (err error) {
	cfg.Log, cfg.Bucket, cfg.Dead, cfg.Node, cfg.Logger = h.stores.whole, h.stores.log, h.stores.log, h.node, h.log
	if cfg.Share == nil {
		cfg.Partitions = projector.AllPartitions()
	}
	h.counters, err = counters.New(cfg)
	if err != nil || h.stores.tables == nil {
		return err
	}
	h.tables, err = tables.New(tables.Config{
		Log: h.stores.whole, Bucket: h.stores.log, Store: h.stores.tables, Database: h.stores.tables.Database(), Logger: h.log, Keep: h.keep,
	})
	return err
}

// keep says what the tables have to keep by the settings in force when the log is as far
// as an instant of its clock.
func (h *localHub) keep(logged time.Time) projector.Kept {
	return keptBy(h.plane.Live().Current().Retention, logged, time.Now())
}

// keptBy is what is kept by the earlier of two clocks, so that one that is ahead, the log's
// or this machine's, lets go of nothing.
func keptBy(r control.Retention, logged, now time.Time) projector.Kept {
	if now.Before(logged) {
		logged = now
	}
	return projector.Retention(r).Kept(logged)
}

// foldDetail is what /readyz shows of a fold.
type foldDetail struct {
	State      projector.State `json:"state,omitempty"` // empty: another process folds it
	Seq        uint64          `json:"seq"`             // everything of the log up to here is folded and stored
	Behind     uint64          `json:"behind"`          // messages of the log not yet folded, when it was last looked at
	LagSeconds float64         `json:"lag_seconds"`
	Error      string          `json:"error,omitempty"`
	Gaps       int             `json:"gaps,omitempty"`
	Kept       projector.Kept  `json:"kept,omitzero"` // of the tables: from when on each has its rows
}

func detailOf(p projector.Progress) (foldDetail, error) {
	d := foldDetail{State: p.State, Seq: p.Seq, Behind: p.Behind(), LagSeconds: p.Lag(time.Now()).Seconds(), Gaps: len(p.Gaps)}
	if p.Err != nil {
		d.Error = p.Err.Error()
	}
	if p.State == projector.Halted || len(p.Gaps) > 0 {
		return d, errors.Join(p.Err, errStopped(len(p.Gaps)))
	}
	return d, nil
}

func errStopped(gaps int) error {
	if gaps == 0 {
		return nil
	}
	return errors.New("a message was lost: partitions are stopped")
}

// watchFolds shows the folds to /readyz and /metrics. The tables gate readiness
// only until their migrations ran: later they may lag, and say so.
func (a *app) watchFolds() {
	c := a.hub.counters
	a.health.add(check{name: "counters", required: true, run: func(context.Context) (any, error) { return detailOf(c.Status().Progress) }})
	describeFold(a.registry, "counters", func() projector.Progress { return c.Status().Progress })
	gauge(a.registry, "open_requests", "Requests without an end.", func() float64 { return float64(c.Status().Open) })
	gauge(a.registry, "dead_letters", "Events that could not be applied, since the start.", func() float64 { return float64(c.Status().Dead) })
	gauge(a.registry, "orphans_closed", "Requests of dead nodes that were ended, since the start.", func() float64 { return float64(c.Status().Orphans) })

	t := a.hub.tables
	if t == nil {
		a.health.add(check{name: "tables", run: func(context.Context) (any, error) { return nil, a.stores.noTables }})
		return
	}
	a.health.add(check{name: "migrations", required: true, run: func(context.Context) (any, error) {
		if a.ownsTables() && !t.Status().Migrated {
			return nil, errors.New("migrations have not run yet")
		}
		return nil, nil
	}})
	a.health.add(check{name: "tables", run: func(context.Context) (any, error) { return detailOf(a.tablesProgress()) }})
	describeFold(a.registry, "tables", a.tablesProgress)
	gauge(a.registry, "tables_rows", "Rows inserted, since the start.", func() float64 { return float64(t.Status().Rows) })
	gauge(a.registry, "tables_left_out", "Rows that came when settings.retention kept them no more, since the start.", func() float64 { return float64(t.Status().LeftOut) })
	gauge(a.registry, "tables_undropped", "1 while rows that settings.retention keeps no more have still to be dropped.", func() float64 {
		if t.Status().Litter {
			return 1
		}
		return 0
	})
	if e := a.stores.engine; e != nil {
		a.health.add(check{name: "engine", run: func(context.Context) (any, error) {
			s := e.State()
			if !s.Running {
				return s, errors.New("the engine is being restarted")
			}
			return s, nil
		}})
		gauge(a.registry, "engine_restarts", "Times the ClickHouse engine was restarted.", func() float64 { return float64(e.State().Restarts) })
	}
}

// elsewhere is the state of a fold that is another projector's work.
const elsewhere projector.State = "elsewhere"

// ownsTables tells whether the tables are this projector's work.
func (a *app) ownsTables() bool {
	if a.tablesOwner == nil {
		return true
	}
	owns, _ := a.tablesOwner.Owns(ownership.Tables)
	return owns
}

// tablesProgress is how far the tables are. What they were when another took them
// over says nothing any more.
func (a *app) tablesProgress() projector.Progress {
	if !a.ownsTables() {
		return projector.Progress{State: elsewhere}
	}
	return a.hub.tables.Status().Progress
}
