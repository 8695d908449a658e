// Package natslog keeps the log in NATS JetStream. It is the only importer of
// the NATS client; the server is another process or cluster, or the one that
// events/natslog/embedded runs inside this process.
//
// What the streams are, and why, is said in streams.go.
package natslog

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/llm-hub/llm-hub/events"
)

// Class says what an acknowledged message survives.
type Class string

// The classes of a log.
const (
	Dev     Class = "dev"     // the process's death; an operating system's crash takes up to a second
	Durable Class = "durable" // a crash of the machine: every message is fsynced
	HA      Class = "ha"      // the loss of one of three servers; external clusters only
)

// Server is an embedded server, see events/natslog/embedded.
type Server interface {
	InProcessConn() (net.Conn, error)
	Healthy() error
}

// Config says which log to open. Exactly one of Server and URL must be set.
type Config struct {
	Server      Server
	URL         string // nats://host:4222,...
	Credentials string // path of a credentials file, or of an nkey seed; optional
	RootCAs     string // path of a PEM file that the server's certificate is checked against, optional
	ClientCert  string // path of a PEM file with the certificate to show, optional
	ClientKey   string // path of a PEM file with its key, needed with ClientCert
	Token       string // optional
	InboxPrefix string // of the subjects that answers come on, where the user may not listen to all; optional

	Class    Class
	MaxBytes int64         // of the traffic stream, 0 leaves it as it is: without bound in a new log
	Node     events.NodeID // who says hub.created, should the log be new
	Version  string        // of this software, for the same
	Logger   *slog.Logger
}

const (
	openTimeout    = 30 * time.Second
	requestTimeout = 5 * time.Second // of one request; the caller's context may end before
)

// Log is an open log: the traffic stream, the control stream, dead letters, alerts
// and the buckets. As a bucket it is the one of counters. All its methods may be
// called at once.
type Log struct {
	bucket
	leases, nodes, keyring Bucket
	answers, sessions      Bucket

	client
	cfg     Config
	traffic jetstream.Stream
	alerts  jetstream.Stream
	control jetstream.Stream
}

// Open connects, declares what is missing and checks what is there. It must be closed.
func Open(ctx context.Context, cfg Config) (*Log, error) {
	if err := cfg.check(); err != nil {
		return nil, fmt.Errorf("open log: %w", err)
	}
	l := &Log{cfg: cfg}
	ctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	if err := l.open(ctx); err != nil {
		l.Close()
		return nil, fmt.Errorf("open log: %w", err)
	}
	return l, nil
}

func (c Config) check() error {
	switch {
	case (c.Server == nil) == (c.URL == ""):
		return errors.New("exactly one of Server and URL must be set")
	case c.Class != Dev && c.Class != Durable && c.Class != HA:
		return fmt.Errorf("unknown class %q", c.Class)
	case c.Class == HA && c.Server != nil:
		return errors.New("class ha needs an external cluster")
	case (c.ClientCert == "") != (c.ClientKey == ""):
		return errors.New("ClientCert and ClientKey must be set together")
	case c.MaxBytes < 0:
		return errors.New("MaxBytes is negative")
	case c.Node == "" || c.Logger == nil:
		return errors.New("Node and Logger must be set")
	}
	return nil
}

func (l *Log) open(ctx context.Context) error {
	if err := l.connect(l.cfg); err != nil {
		return err
	}
	streams, err := l.declare(ctx, streamConfigs(l.cfg))
	if err != nil {
		return err
	}
	l.traffic, l.alerts, l.control = streams[events.TrafficStream], streams[events.AlertStream], streams[events.ControlStream]
	l.bucket = newBucket(&l.client, events.CountersBucket, streams[bucketPrefix+events.CountersBucket])
	l.leases = Bucket{newBucket(&l.client, events.LeasesBucket, streams[bucketPrefix+events.LeasesBucket])}
	l.nodes = Bucket{newBucket(&l.client, events.NodesBucket, streams[bucketPrefix+events.NodesBucket])}
	l.keyring = Bucket{newBucket(&l.client, events.KeyringBucket, streams[bucketPrefix+events.KeyringBucket])}
	l.answers = Bucket{newBucket(&l.client, events.AnswersBucket, streams[bucketPrefix+events.AnswersBucket])}
	l.sessions = Bucket{newBucket(&l.client, events.SessionsBucket, streams[bucketPrefix+events.SessionsBucket])}
	return l.checkCreated(ctx)
}

// Leases is the bucket of leases, which gateways write.
func (l *Log) Leases() Bucket { return l.leases }

// Nodes is the bucket of who does what.
func (l *Log) Nodes() Bucket { return l.nodes }

// Keyring is the bucket of wrapped data keys.
func (l *Log) Keyring() Bucket { return l.keyring }

// Healthy is nil when the log answers and can keep what it is given.
func (l *Log) Healthy(ctx context.Context) error {
	if l.cfg.Server != nil {
		if err := l.cfg.Server.Healthy(); err != nil {
			return err
		}
	}
	_, err := l.Info(ctx)
	return err
}

// Skew is how far our clock is ahead of the server's, give or take half the time
// of a round trip.
func (l *Log) Skew(ctx context.Context) (time.Duration, error) {
	asked := time.Now()
	info, err := l.describe(ctx, l.traffic)
	if err != nil {
		return 0, err
	}
	if info.TimeStamp.IsZero() {
		return 0, errors.New("skew: the server does not tell its time")
	}
	half := time.Since(asked) / 2
	return asked.Add(half).Round(0).Sub(info.TimeStamp), nil
}

// Reconnected is closed when the connection, once lost, is there again: what the
// server is now may not be what it was.
func (l *Log) Reconnected() <-chan struct{} { return l.link.reconnection() }
