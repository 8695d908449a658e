package main

import (
	"context"
	"errors"
	"log/slog"
	"net/http"

	"github.com/llm-hub/llm-hub/client"
	"github.com/llm-hub/llm-hub/events/natslog"
	"github.com/llm-hub/llm-hub/gateway/web"
	"github.com/llm-hub/llm-hub/projector/counters"
)

// offline opens the directory's stores and serves the operator's API to this
// process alone, so that a command does the same with and without a server. No
// fold runs: what is asked for is answered from what is stored.
func (r *remote) offline(ctx context.Context, w world, dir *dataDir, logOnly bool) (*connection, error) {
	var closers stopList
	closers.push("data directory", func(context.Context) error { return dir.close() })
	hub, token, err := r.openHub(ctx, w, opening{dir: dir, logOnly: logOnly, closers: &closers})
	if err != nil {
		return nil, errors.Join(err, closers.stop(ctx))
	}
	operator, err := newOperator(token, hub)
	if err != nil {
		return nil, errors.Join(err, closers.stop(ctx))
	}
	server, err := web.New(web.Config{Guards: operator.guards(), Logger: hub.log})
	if err == nil {
		err = server.Mount(operator.routes()...)
	}
	if err != nil {
		return nil, errors.Join(err, closers.stop(ctx))
	}
	pipe := newPipeListener()
	srv := &http.Server{Handler: server, ReadHeaderTimeout: probeTimeout}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = srv.Serve(pipe) // always ErrServerClosed, from the stop below
	}()
	closers.push("operator's API", func(ctx context.Context) error {
		err := srv.Shutdown(ctx)
		<-ended
		return err
	})
	doer := &http.Client{Transport: &http.Transport{DialContext: pipe.dial, DisableKeepAlives: true}}
	c, err := client.New("http://in-process", token, doer)
	if err != nil {
		return nil, errors.Join(err, closers.stop(ctx))
	}
	return &connection{c, func() error {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
		defer cancel()
		return closers.stop(ctx)
	}}, nil
}

// opening is a directory that is being opened.
type opening struct {
	dir     *dataDir
	logOnly bool
	closers *stopList
}

// openHub opens the stores of a directory that no server uses.
func (r *remote) openHub(ctx context.Context, w world, o opening) (*localHub, string, error) {
	dir, closers := o.dir, o.closers
	node, err := dir.nodeID()
	if err != nil {
		return nil, "", err
	}
	token, err := dir.operatorToken()
	if err != nil {
		return nil, "", err
	}
	epoch, err := newEpoch()
	if err != nil {
		return nil, "", err
	}
	log := w.logger(slog.LevelWarn)
	s, err := openStores(ctx, storesConfig{
		Dir: dir, Node: node, NATS: r.natsFlags, LogClass: natslog.Durable,
		ClickHouseURL: r.ClickHouseURL, ClickHouseCluster: r.ClickHouseCluster, ClickHouseLib: r.ClickHouseLib, LogOnly: o.logOnly, Logger: log,
		Archive: r.Archive, Env: w.env,
	})
	if err != nil {
		return nil, "", err
	}
	closers.push("stores", s.close)
	loader, err := newLoader(w.env)
	if err != nil {
		return nil, "", err
	}
	plane, keyring, err := openPlane(ctx, dir, s, planeConfig{loader: loader, node: node, keys: r.keyFlags, env: w.env, log: log})
	if err != nil {
		return nil, "", err
	}
	hub := &localHub{stores: s, node: node, epoch: epoch, log: log, plane: plane, keyring: keyring, retention: r.retention}
	if err := hub.openExports(dir, w.env); err != nil {
		return nil, "", err
	}
	hub.runExports(ctx, closers)
	return hub, token, hub.makeFolds(counters.Config{})
}
