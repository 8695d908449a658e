package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"time"

	"github.com/llm-hub/llm-hub/events/natslog"
	"github.com/llm-hub/llm-hub/gateway/outbound"
	"github.com/llm-hub/llm-hub/gateway/web"
)

// stopTimeout bounds the stop of everything behind the HTTP server.
const stopTimeout = 20 * time.Second

// minOutbox is room for a few full messages of every partition.
const minOutbox = 16 << 20

// minLog is twice what is kept free for the facts of running requests.
const minLog = 2 * spaceReserve

// Run serves until ctx ends.
func (c *serveCmd) Run(ctx context.Context, w world) error {
	if err := c.check(); err != nil {
		return usageError{err}
	}
	dir, err := openDataDir(c.Data)
	if err != nil {
		return err
	}
	defer func() { _ = dir.close() }() // the lock goes with the process anyway
	l, err := c.bind(ctx)              // first: a port in use is told at once
	if err != nil {
		return err
	}
	defer l.close()
	a := &app{cfg: c, world: w, dir: dir, log: w.logger(slog.LevelInfo)}
	err = a.start(ctx)
	if err == nil {
		err = a.serve(ctx, l)
	}
	stopCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	return errors.Join(err, a.closers.stop(stopCtx))
}

// check finds settings that exclude each other.
func (c *serveCmd) check() error {
	switch {
	case c.NATSURL == "" && (!c.has("gateway") || !c.has("projector")):
		return errors.New("--roles: the embedded log needs both roles in one process; give --nats-url to split them")
	case c.NATSURL == "" && c.natsFlags != (natsFlags{}):
		return errors.New("--nats-credentials, --nats-ca, --nats-client-cert, --nats-client-key, --nats-inbox-prefix: are for --nats-url")
	case (c.NATSClientCert == "") != (c.NATSClientKey == ""):
		return errors.New("--nats-client-cert, --nats-client-key: give both or none")
	case min(c.LeaseTTL, c.DeadAfter, c.OwnerTTL) < time.Second:
		return errors.New("--lease-ttl, --dead-after, --owner-ttl: each must be at least 1s")
	case c.Heartbeat <= 0 || c.DeadAfter < 3*c.Heartbeat:
		return errors.New("--heartbeat: must be above 0, and at most a third of --dead-after")
	case c.LogRetention < 0:
		return fmt.Errorf("--log-retention: %s is negative", c.LogRetention)
	case c.LogRetention > 0 && c.Archive == "":
		return errors.New("--log-retention: needs --archive, because only what is archived may leave the log")
	case c.VerifyEvery < 0:
		return fmt.Errorf("--verify-every: %s is negative", c.VerifyEvery)
	case c.LogMaxBytes != 0 && c.LogMaxBytes < minLog:
		return fmt.Errorf("--log-max-bytes: %d is less than %d", c.LogMaxBytes, int64(minLog))
	case c.OutboxMaxBytes < minOutbox:
		return fmt.Errorf("--outbox-max-bytes: %d is less than %d", c.OutboxMaxBytes, int64(minOutbox))
	case c.NATSURL == "" && c.LogClass == string(natslog.HA):
		return errors.New("--log-class: ha needs three servers; give --nats-url")
	case c.Demo && c.Config != "":
		return errors.New("--demo and --config exclude each other")
	}
	_, err := outbound.ParseAllowList("--allow-private-cidrs", c.AllowPrivateCIDRs)
	return err
}

// listeners are the addresses a server answers on.
type listeners struct{ api, metrics net.Listener }

func (c *serveCmd) bind(ctx context.Context) (*listeners, error) {
	api, err := listen(ctx, "--listen", c.Listen)
	if err != nil {
		return nil, err
	}
	metrics, err := listen(ctx, "--metrics-listen", c.MetricsListen)
	if err != nil {
		api.Close()
		return nil, err
	}
	return &listeners{api, metrics}, nil
}

// close is for listeners that nobody served; of others it changes nothing.
func (l *listeners) close() {
	l.api.Close()
	l.metrics.Close()
}

// serve answers on both listeners until ctx ends or one of them fails.
func (a *app) serve(ctx context.Context, l *listeners) error {
	info := serverInfo{Address: "http://" + l.api.Addr().String(), Metrics: "http://" + l.metrics.Addr().String(), PID: os.Getpid()}
	if err := a.dir.announce(info); err != nil {
		return err
	}
	defer func() { _ = a.dir.retract() }() // a stale file is noticed by its readers
	a.greet(info)

	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	context.AfterFunc(ctx, a.health.drain)
	ended := make(chan error, 2)
	go a.stopWhenLost(ctx, cancel)
	go func() { ended <- web.Serve(ctx, l.api, a.handler, a.log) }()
	go func() { ended <- web.Serve(ctx, l.metrics, a.health.handler(true), a.log) }()
	err := <-ended
	cancel(err)
	err = errors.Join(err, <-ended)
	if cause := context.Cause(ctx); errors.Is(cause, errLost) {
		err = errors.Join(err, cause)
	}
	return err
}

// errLost ends a process that the others take for dead: its requests were ended
// and what it held of limits was given to others, so it may serve no more. Its next
// start has another epoch and what it kept in the outbox.
var errLost = errors.New("this node was silent for so long that it was taken for dead; start it again")

func (a *app) stopWhenLost(ctx context.Context, cancel context.CancelCauseFunc) {
	select {
	case <-a.lost:
		a.log.Error("stopping", "reason", errLost)
		cancel(errLost)
	case <-ctx.Done():
	}
}

func listen(ctx context.Context, flag, addr string) (net.Listener, error) {
	var cfg net.ListenConfig
	l, err := cfg.Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, usageError{fmt.Errorf("%s: %w", flag, err)}
	}
	return l, nil
}

// greet tells a person what to do next. Secrets go to the terminal only, and
// only those that were made just now or belong to the demo.
func (a *app) greet(info serverInfo) {
	out := a.world.out
	fmt.Fprintf(out, "\nllm-hub %s listens on %s (metrics and health on %s)\n", version, info.Address, info.Metrics)
	fmt.Fprintf(out, "operator token: in %s\n", a.dir.file(operatorFile))
	greetFirst(out, a.firstRun, info.Address)
	for _, n := range a.notices {
		fmt.Fprintln(out, n.Text)
		if key := n.Key.Reveal(); key != "" {
			fmt.Fprintf(out, "  key (shown once): %s\n", key)
		}
	}
	if key := a.trialKey(); key != "" {
		fmt.Fprintf(out, "\nTry it:\n\n  curl -s %s/v1/chat/completions -H 'Authorization: Bearer %s' \\\n"+
			"    -H 'Content-Type: application/json' \\\n"+
			"    -d '{\"model\": \"smart\", \"messages\": [{\"role\": \"user\", \"content\": \"Hello\"}]}'\n\n", info.Address, key)
	}
}

// trialKey is a virtual key for the curl line: the demo's, or one that was
// generated just now for vendors found in the environment. Empty: none.
func (a *app) trialKey() string {
	if a.cfg.Demo {
		return a.demoSecret.Reveal()
	}
	if a.cfg.Config != "" {
		return ""
	}
	for _, n := range a.notices {
		if !n.Key.Empty() {
			return n.Key.Reveal()
		}
	}
	return ""
}
