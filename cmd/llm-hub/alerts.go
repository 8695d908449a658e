package main

import (
	"context"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway/control"
	"github.com/llm-hub/llm-hub/gateway/outbound"
	"github.com/llm-hub/llm-hub/projector/alerts"
	"github.com/llm-hub/llm-hub/projector/ownership"
)

// limitsInForce is the configuration as alerts see it.
type limitsInForce struct{ catalog *control.Live }

// Location implements [alerts.Catalog].
func (l limitsInForce) Location() *time.Location { return l.catalog.Current().Location }

// Limits implements [alerts.Catalog].
func (l limitsInForce) Limits(s accounting.Scope) []accounting.Limit {
	c := l.catalog.Current()
	owner, name, _ := strings.Cut(s.ID, "/")
	switch s.Kind {
	case accounting.ModelScope:
		if m := c.Models[s.ID]; m != nil {
			return m.Limits
		}
	case accounting.CredentialScope:
		if p := c.Providers[owner]; p != nil {
			return ofNamed(p.Credentials, name, func(c *control.Credential) (string, []accounting.Limit) { return c.Name, c.Limits })
		}
	case accounting.TenantScope, accounting.TeamScope, accounting.UserScope, accounting.KeyScope, accounting.TenantModelScope:
		return ofTenant(c.Tenants[events.TenantID(owner)], s.Kind, name)
	}
	return nil
}

func ofTenant(t *control.Tenant, kind accounting.ScopeKind, name string) []accounting.Limit {
	switch {
	case t == nil:
		return nil
	case kind == accounting.TeamScope:
		return ofNamed(t.Teams, name, func(m *control.Team) (string, []accounting.Limit) { return m.Name, m.Limits })
	case kind == accounting.UserScope:
		return ofNamed(t.Users, name, func(u *control.User) (string, []accounting.Limit) { return u.ID, u.Limits })
	case kind == accounting.KeyScope:
		return ofNamed(t.Keys, name, func(k *control.Key) (string, []accounting.Limit) { return k.Name, k.Limits })
	case kind == accounting.TenantModelScope:
		return t.ModelLimits[name]
	default:
		return t.Limits
	}
}

// ofNamed are the limits of the one that has the name.
func ofNamed[T any](all []T, name string, read func(T) (string, []accounting.Limit)) []accounting.Limit {
	for _, one := range all {
		if n, limits := read(one); n == name {
			return limits
		}
	}
	return nil
}

// webhooks are the configured ones. Their addresses and secrets were checked when
// the configuration was read.
func (l limitsInForce) webhooks() []alerts.Webhook {
	var all []alerts.Webhook
	for _, w := range l.catalog.Current().Webhooks {
		if hook, err := alerts.NewWebhook(w.URL, w.Secret.Reveal()); err == nil {
			all = append(all, hook)
		}
	}
	return all
}

// alert raises alerts and posts them to webhooks, on one node at a time.
func (a *app) alert(ctx context.Context) error {
	inForce := limitsInForce{a.catalog}
	folds := []alerts.Fold{{Name: "counters", Lag: func(now time.Time) time.Duration { return a.hub.counters.Status().Lag(now) }}}
	if a.hub.tables != nil {
		folds = append(folds, alerts.Fold{Name: "tables", Lag: func(now time.Time) time.Duration { return a.tablesProgress().Lag(now) }})
	}
	watcher, err := alerts.New(alerts.Config{
		Stream: a.stores.log, Node: a.node, Logger: a.log, Counters: a.stores.log, Catalog: inForce,
		Log: a.stores.whole, Dead: a.stores.log, Folds: folds,
	})
	if err != nil {
		return err
	}
	allow, err := a.cfg.allowed(a.catalog.Current())
	if err != nil {
		return err
	}
	deliverer, err := alerts.NewDeliverer(alerts.DeliveryConfig{
		Alerts: a.stores.log, Positions: a.stores.log.Nodes(), Webhooks: inForce.webhooks,
		Client: outbound.NewClient(outbound.Config{Allow: allow}), Logger: a.log,
	})
	if err != nil {
		return err
	}
	a.alerts = watcher
	a.work(ctx, "alerts", shared{a.owner, ownership.Alerts}, watcher.Run)
	a.background(ctx, "lags", watcher.RunLags) // every projector knows its own
	a.work(ctx, "webhooks", shared{a.owner, ownership.Alerts}, deliverer.Run)
	describeAlerts(a.registry, watcher, deliverer)
	return nil
}

// shared is a piece of the work that projectors share.
type shared struct {
	owner *ownership.Owner // nil: this is the only projector
	item  string
}

// work does a piece of work in the background: always where this is the only
// projector, else while it is this one's share.
func (a *app) work(ctx context.Context, name string, s shared, do func(context.Context)) {
	if s.owner == nil {
		a.background(ctx, name, do)
		return
	}
	a.background(ctx, name, func(ctx context.Context) { s.owner.Own(ctx, s.item, do) })
}

// describeAlerts shows what was raised and what was delivered.
func describeAlerts(reg *prometheus.Registry, w *alerts.Watcher, d *alerts.Deliverer) {
	for _, name := range []events.AlertName{
		events.LimitAlert, events.UnpricedAlert, events.DriftAlert, events.LagAlert, events.DeadAlert,
	} {
		reg.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
			Namespace: namespace, Name: "alerts_total", Help: "Alerts raised by this process, since the start.",
			ConstLabels: prometheus.Labels{"name": string(name)},
		}, func() float64 { return float64(w.Status().Raised[name]) }))
	}
	gauge(reg, "alerts_waiting", "Alerts that wait to be raised.", func() float64 { return float64(w.Status().Waiting) })
	sum := func(f func(alerts.Delivery) float64) func() float64 {
		return func() (total float64) {
			for _, one := range d.Status() {
				total += f(one)
			}
			return total
		}
	}
	gauge(reg, "webhook_delivered", "Alerts that webhooks took, since the start.", sum(func(d alerts.Delivery) float64 { return float64(d.Delivered) }))
	gauge(reg, "webhook_failures", "Tries to deliver that failed, since the start.", sum(func(d alerts.Delivery) float64 { return float64(d.Failures) }))
	gauge(reg, "webhook_skipped", "Alerts that webhooks refused for good, since the start.", sum(func(d alerts.Delivery) float64 { return float64(d.Skipped) }))
	gauge(reg, "webhook_oldest_seconds", "Age of the oldest alert that some webhook has not taken; 0: none waits.", func() (oldest float64) {
		for _, one := range d.Status() {
			if !one.Oldest.IsZero() {
				oldest = max(oldest, time.Since(one.Oldest).Seconds())
			}
		}
		return oldest
	})
}
