package natslog

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/llm-hub/llm-hub/events"
)

// How the client connects.
const (
	reconnectWait   = 100 * time.Millisecond
	reconnectJitter = 100 * time.Millisecond
	pingInterval    = 5 * time.Second // two lost pings make a connection dead
)

// client is a connection to a server. Its methods may be called at once.
type client struct {
	server Server // nil where it is another process
	conn   *nats.Conn
	js     jetstream.JetStream
	log    *slog.Logger

	ctx    context.Context // ended by Close
	cancel context.CancelFunc
	link   link
}

// connect opens the connection. c must be closed, also after an error.
func (c *client) connect(cfg Config) error {
	c.server, c.log = cfg.Server, cfg.Logger
	c.ctx, c.cancel = context.WithCancel(context.Background())
	c.link.refused = make(chan struct{})
	c.link.connected(c.ctx)
	who, err := cfg.options()
	if err != nil {
		return err
	}
	conn, err := nats.Connect(cfg.URL, append(c.options(), who...)...)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	c.conn = conn
	c.js, err = jetstream.New(conn, jetstream.WithDefaultTimeout(requestTimeout))
	return err
}

// Close ends all readers and the connection; every later call fails with
// [events.ErrClosed].
func (c *client) Close() {
	c.cancel()
	if c.conn != nil {
		c.conn.Close()
	}
}

// options says how the connection is kept.
func (c *client) options() []nats.Option {
	return []nats.Option{
		nats.MaxReconnects(-1),
		nats.ReconnectWait(reconnectWait),
		nats.ReconnectJitter(reconnectJitter, reconnectJitter),
		nats.ReconnectBufSize(-1), // what is sent while disconnected fails at once; the caller repeats it in order
		nats.PingInterval(pingInterval),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			c.link.lost()
			if c.ctx.Err() == nil {
				c.log.Warn("log disconnected", "error", err)
			}
		}),
		nats.ReconnectHandler(func(conn *nats.Conn) {
			c.log.Info("log reconnected", "server", conn.ConnectedUrlRedacted())
			c.link.connected(c.ctx)
		}),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			c.log.Warn("log client", "error", err)
			if errors.Is(err, nats.ErrPermissionViolation) {
				c.link.deny(err)
			}
		}),
	}
}

// options says who connects, and whom it trusts.
func (c Config) options() ([]nats.Option, error) {
	opts := []nats.Option{nats.Name("llm-hub " + string(c.Node))}
	if c.Server != nil {
		opts = append(opts, nats.InProcessServer(c.Server))
	}
	if c.Credentials != "" {
		o, err := credentials(c.Credentials)
		if err != nil {
			return nil, err
		}
		opts = append(opts, o)
	}
	if c.RootCAs != "" {
		opts = append(opts, nats.RootCAs(c.RootCAs))
	}
	if c.ClientCert != "" {
		opts = append(opts, nats.ClientCert(c.ClientCert, c.ClientKey))
	}
	if c.InboxPrefix != "" {
		opts = append(opts, nats.CustomInboxPrefix(c.InboxPrefix))
	}
	if c.Token != "" {
		opts = append(opts, nats.Token(c.Token))
	}
	return opts, nil
}

// credentials reads how to sign in: a credentials file holds a token of an
// operator's and the seed of a key, a seed alone is of a key that the server knows.
func credentials(path string) (nats.Option, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("credentials: %w", err)
	}
	if bytes.Contains(content, []byte("NATS USER JWT")) {
		return nats.UserCredentials(path), nil
	}
	seed, err := nats.NkeyOptionFromSeed(path)
	if err != nil {
		return nil, fmt.Errorf("credentials %s: neither a credentials file nor an nkey seed: %w", path, err)
	}
	return seed, nil
}

// lifetime is ctx, ended also by Close of the log.
func (c *client) lifetime(ctx context.Context) (context.Context, context.CancelCauseFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	unhook := context.AfterFunc(c.ctx, func() { cancel(events.ErrClosed) })
	return ctx, func(cause error) {
		unhook()
		cancel(cause)
	}
}

// whileConnected is ctx, ended also when the connection is lost and after
// [requestTimeout], because then no answer comes any more: a server that dies may
// take a question with it while the connection, to another one, holds.
func (c *client) whileConnected(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	unhook := context.AfterFunc(c.link.current(), cancel)
	return ctx, func() {
		unhook()
		cancel()
	}
}

// publish sends msg once. The caller knows better than the client when to repeat it.
func (c *client) publish(ctx context.Context, msg *nats.Msg) (*jetstream.PubAck, error) {
	ctx, cancel := c.whileConnected(ctx)
	defer cancel()
	return c.js.PublishMsg(ctx, msg, jetstream.WithRetryAttempts(0))
}

// describe asks the stream's leader how it is now.
func (c *client) describe(ctx context.Context, s jetstream.Stream) (*jetstream.StreamInfo, error) {
	ctx, cancel := c.whileConnected(ctx)
	defer cancel()
	info, err := s.Info(ctx)
	if err != nil {
		return nil, c.failed("describe "+s.CachedInfo().Config.Name, err)
	}
	return info, nil
}

// getRequest asks a stream's leader for one message: that of Seq, the first from
// Seq on whose subject matches NextBySubject, or the last of LastBySubject.
type getRequest struct {
	Seq           uint64 `json:"seq,omitempty"`
	NextBySubject string `json:"next_by_subj,omitempty"`
	LastBySubject string `json:"last_by_subj,omitempty"`
}

// rawMessage is the leader's answer.
type rawMessage struct {
	Subject string    `json:"subject"`
	Seq     uint64    `json:"seq"`
	Headers []byte    `json:"hdrs"`
	Data    []byte    `json:"data"`
	Time    time.Time `json:"time"`
	header  nats.Header
}

// leaderGet reads one message from the stream's leader. The client's own calls
// may ask any replica, which can lag.
func (c *client) leaderGet(ctx context.Context, stream string, r getRequest) (rawMessage, error) {
	ctx, cancel := c.whileConnected(ctx)
	defer cancel()
	body, err := json.Marshal(r)
	if err != nil {
		return rawMessage{}, err
	}
	reply, err := c.conn.RequestWithContext(ctx, "$JS.API.STREAM.MSG.GET."+stream, body)
	if err != nil {
		return rawMessage{}, err
	}
	var answer struct {
		Error   *jetstream.APIError `json:"error"`
		Message *rawMessage         `json:"message"`
	}
	if err := json.Unmarshal(reply.Data, &answer); err != nil {
		return rawMessage{}, fmt.Errorf("answer of stream %s: %w", stream, err)
	}
	if answer.Error != nil {
		return rawMessage{}, answer.Error
	}
	if answer.Message == nil {
		return rawMessage{}, fmt.Errorf("answer of stream %s has no message", stream)
	}
	m := *answer.Message
	if m.header, err = nats.DecodeHeadersMsg(m.Headers); err != nil && len(m.Headers) > 0 {
		return rawMessage{}, fmt.Errorf("headers of sequence %d of stream %s: %w", m.Seq, stream, err)
	}
	return m, nil
}

// scanRange says which messages of a small stream to read.
type scanRange struct {
	stream, pattern string
	from            uint64
	limit           int
}

// scan reads messages one by one from the leader.
func (c *client) scan(ctx context.Context, r scanRange, give func(rawMessage)) error {
	seq := max(r.from, 1)
	for range r.limit {
		m, err := c.leaderGet(ctx, r.stream, getRequest{Seq: seq, NextBySubject: r.pattern})
		if err != nil {
			if err = c.failed("read "+r.stream, err); errors.Is(err, events.ErrNoMessage) {
				return nil
			}
			return err
		}
		give(m)
		seq = m.Seq + 1
	}
	return nil
}
