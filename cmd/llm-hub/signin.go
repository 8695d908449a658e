package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/llm-hub/llm-hub/gateway/admin"
	"github.com/llm-hub/llm-hub/gateway/control"
	"github.com/llm-hub/llm-hub/gateway/outbound"
	"github.com/llm-hub/llm-hub/gateway/signin"
	"github.com/llm-hub/llm-hub/gateway/sso"
	"github.com/llm-hub/llm-hub/gateway/web"
)

// operatorAPI is everything under /api.
type operatorAPI struct {
	*admin.API
	people *signin.Service
	signIn *signin.API
}

func (o *operatorAPI) guards() map[web.Permission]web.Guard {
	guards := o.Guards()
	maps.Copy(guards, o.signIn.Guards())
	return guards
}

func (o *operatorAPI) routes() []web.Route {
	return signin.Fresh(append(o.Routes(), o.signIn.Routes()...), time.Now)
}

// signIn makes what people sign in by.
func (h *localHub) signIn() (*signin.Service, error) {
	bucket := h.stores.log.Sessions()
	h.sessions = signin.NewSessions(bucket, time.Now, h.log)
	cfg := signin.Config{
		Plane: h.plane, Bucket: bucket, Sessions: h.sessions, Hasher: signin.NewHasher(signin.DefaultCost()), Now: time.Now, Logger: h.log,
	}
	if h.signIns != nil {
		cfg.Count = func(outcome string) { h.signIns.WithLabelValues(outcome).Inc() }
	}
	return signin.New(cfg)
}

// newSignIns counts tries to sign in by what became of them.
func newSignIns(reg *prometheus.Registry) *prometheus.CounterVec {
	v := prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: namespace, Name: "sign_ins_total", Help: "Tries to sign in, and sign-outs, by outcome.",
	}, []string{"outcome"})
	for _, o := range signin.Outcomes() {
		v.WithLabelValues(o)
	}
	reg.MustRegister(v)
	return v
}

// signIn follows the sessions of all nodes, and sees to it that somebody can make the
// first account. A projector only may not write there.
func (a *app) signIn(ctx context.Context, people *signin.Service) {
	if !a.cfg.has("gateway") {
		return
	}
	a.background(ctx, "sessions", a.hub.sessions.Run)
	var err error
	if a.firstRun, err = people.FirstRun(ctx); err != nil {
		a.log.Warn("no first-run token: start again to get one", "error", err)
	}
}

// greetFirst tells how to make the first account, while there is none.
func greetFirst(out io.Writer, f signin.FirstRun, address string) {
	until := f.Until.Local().Format("15:04 MST")
	switch {
	case f.Until.IsZero():
	case f.Token.Empty():
		fmt.Fprintf(out, "no account yet: the first-run token that was shown before works until %s\n", until)
	default:
		fmt.Fprintf(out, "no account yet: until %s, %s/api/v1/setup makes the first one with this first-run token (shown once):\n  %s\n", until, address, f.Token.Reveal())
	}
}

// singleSignOn is the way in by the provider that settings name, asked as vendors are.
func (a *app) singleSignOn() (*sso.Flow, error) {
	allow, err := a.cfg.allowed(a.catalog.Current())
	if err != nil {
		return nil, err
	}
	return sso.New(sso.Config{
		Transport: outbound.New(outbound.Config{Allow: allow}), Settings: func() *control.SSO { return a.catalog.Current().SSO }, Now: time.Now, Logger: a.log,
	})
}
