package natslog

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/llm-hub/llm-hub/events"
)

// How the client connects.
const (
	reconnectWait   = 100 * time.Millisecond
	reconnectJitter = 100 * time.Millisecond
	pingInterval    = 5 * time.Second // two lost pings make a connection dead
)

var errDisconnected = errors.New("disconnected")

// link is the state of the connection, as the client's callbacks tell it.
type link struct {
	mu   sync.Mutex
	ctx  context.Context // ended when the connection is lost
	end  context.CancelCauseFunc
	next chan struct{} // closed at the next reconnection
}

func (k *link) connected(parent context.Context) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.next != nil {
		k.end(errDisconnected)
		close(k.next)
	}
	k.ctx, k.end = context.WithCancelCause(parent)
	k.next = make(chan struct{})
}

func (k *link) lost() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.end(errDisconnected)
}

// reconnection is closed at the next reconnection.
func (k *link) reconnection() <-chan struct{} {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.next
}

func (k *link) current() context.Context {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.ctx
}

func (l *Log) connectOptions() []nats.Option {
	opts := []nats.Option{
		nats.Name("llm-hub " + string(l.cfg.Node)),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(reconnectWait),
		nats.ReconnectJitter(reconnectJitter, reconnectJitter),
		nats.ReconnectBufSize(-1), // what is sent while disconnected fails at once; the caller repeats it in order
		nats.PingInterval(pingInterval),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			l.link.lost()
			if l.ctx.Err() == nil {
				l.log.Warn("log disconnected", "error", err)
			}
		}),
		nats.ReconnectHandler(func(c *nats.Conn) {
			l.log.Info("log reconnected", "server", c.ConnectedUrlRedacted())
			l.link.connected(l.ctx)
		}),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			l.log.Warn("log client", "error", err) // a denied permission shows up here only
		}),
	}
	if l.cfg.Server != nil {
		opts = append(opts, nats.InProcessServer(l.cfg.Server))
	}
	if l.cfg.Credentials != "" {
		opts = append(opts, nats.UserCredentials(l.cfg.Credentials))
	}
	if l.cfg.RootCAs != "" {
		opts = append(opts, nats.RootCAs(l.cfg.RootCAs))
	}
	if l.cfg.Token != "" {
		opts = append(opts, nats.Token(l.cfg.Token))
	}
	return opts
}

// lifetime is ctx, ended also by Close of the log.
func (l *Log) lifetime(ctx context.Context) (context.Context, context.CancelCauseFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	unhook := context.AfterFunc(l.ctx, func() { cancel(events.ErrClosed) })
	return ctx, func(cause error) {
		unhook()
		cancel(cause)
	}
}

// whileConnected is ctx, ended also when the connection is lost, because then no
// answer comes any more, and after [requestTimeout] if it has no deadline.
func (l *Log) whileConnected(ctx context.Context) (context.Context, context.CancelFunc) {
	var cancel context.CancelFunc
	if _, bounded := ctx.Deadline(); bounded {
		ctx, cancel = context.WithCancel(ctx)
	} else {
		ctx, cancel = context.WithTimeout(ctx, requestTimeout)
	}
	unhook := context.AfterFunc(l.link.current(), cancel)
	return ctx, func() {
		unhook()
		cancel()
	}
}
