// Package embedded runs a nats-server with JetStream inside the process, for a
// hub that has no cluster of its own. It is the only importer of nats-server.
//
// The server owns its directory but does not lock it: whoever starts it must see
// to it that no other process uses the same one.
package embedded

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/events/natslog"
)

const (
	// MinBytes is the least the store may be bounded to.
	MinBytes = 256 << 20
	// maxDefaultBytes bounds the default, so that a huge disk is not promised to the log.
	maxDefaultBytes = 256 << 30

	// maxMemoryBytes bounds streams held in memory; the hub has none, but
	// unset it would be three quarters of the machine's.
	maxMemoryBytes = 64 << 20

	// devSyncInterval is how much an operating system's crash may take in the
	// class dev. It costs no measurable throughput.
	devSyncInterval = time.Second

	// startTimeout allows for rebuilding the index of a large log after a crash.
	startTimeout = 2 * time.Minute
	startPoll    = 100 * time.Millisecond
)

// Config configures a [Server].
type Config struct {
	Dir      string        // data directory; the store is in its subdirectory nats
	Class    natslog.Class // dev or durable
	MaxBytes int64         // of the whole store on disk; 0 is half of what the disk can give it, at most 256 GiB
	Logger   *slog.Logger

	Listen string // host:port for other NATS clients; empty listens to nothing
	Token  string // what every client must show; needed with Listen

	HealEvery time.Duration // how often it is looked whether the store still writes; 0 is 2 s
}

// Server is a running nats-server.
type Server struct {
	opts server.Options // every nats-server gets a copy
	log  *slog.Logger
	nats atomic.Pointer[server.Server]
	stop chan struct{} // closed by Close
	done chan struct{} // closed when nothing watches any more
}

// Start starts a server and returns once it answers. It must be closed.
func Start(cfg Config) (*Server, error) {
	opts, err := options(cfg)
	if err != nil {
		return nil, fmt.Errorf("embedded log: %w", err)
	}
	s := &Server{opts: *opts, log: cfg.Logger, stop: make(chan struct{}), done: make(chan struct{})}
	if err := s.start(); err != nil {
		return nil, fmt.Errorf("embedded log: %w", err)
	}
	go s.heal(cmp.Or(cfg.HealEvery, defaultHealEvery))
	return s, nil
}

// start starts a nats-server and waits until it answers.
func (s *Server) start() error {
	opts, log := s.opts, &logger{to: s.log}
	ns, err := server.NewServer(&opts)
	if err != nil {
		return err
	}
	ns.SetLoggerV2(log, false, false, false)
	go ns.Start()
	if err := awaitReady(ns, log); err != nil {
		ns.Shutdown()
		ns.WaitForShutdown()
		return err
	}
	s.nats.Store(ns)
	return nil
}

func awaitReady(ns *server.Server, log *logger) error {
	for end := time.Now().Add(startTimeout); time.Now().Before(end); {
		if ns.ReadyForConnections(startPoll) {
			// The server also calls itself ready when it came up without its store.
			return log.fatal()
		}
		if err := log.fatal(); err != nil {
			return err
		}
	}
	return fmt.Errorf("not ready after %s; its last error: %w", startTimeout, log.last())
}

func options(cfg Config) (*server.Options, error) {
	if cfg.Dir == "" || cfg.Logger == nil {
		return nil, errors.New("Dir and Logger must be set")
	}
	if cfg.Class != natslog.Dev && cfg.Class != natslog.Durable {
		return nil, fmt.Errorf("class %q is not for an embedded server", cfg.Class)
	}
	store := filepath.Join(cfg.Dir, "nats")
	if err := os.MkdirAll(store, 0o700); err != nil {
		return nil, err
	}
	maxBytes, err := storeBound(store, cfg.MaxBytes)
	if err != nil {
		return nil, err
	}
	opts := &server.Options{
		ServerName:             "llm-hub",
		JetStream:              true,
		StoreDir:               store,
		JetStreamMaxStore:      maxBytes,
		JetStreamMaxMemory:     maxMemoryBytes,
		SyncInterval:           devSyncInterval,
		SyncAlways:             cfg.Class == natslog.Durable,
		NoSigs:                 true,
		DisableJetStreamBanner: true,
		DontListen:             cfg.Listen == "",
		Authorization:          cfg.Token,
	}
	return opts, listen(opts, cfg)
}

// listen opens the server to other clients, if asked to.
func listen(opts *server.Options, cfg Config) error {
	if cfg.Listen == "" {
		return nil
	}
	if cfg.Token == "" {
		return errors.New("Listen needs a Token")
	}
	host, port, err := net.SplitHostPort(cfg.Listen)
	if err != nil {
		return fmt.Errorf("Listen: %w", err)
	}
	opts.Host = host
	if opts.Port, err = strconv.Atoi(port); err != nil || opts.Port < 0 || opts.Port > 65535 {
		return fmt.Errorf("Listen: bad port %q", port)
	}
	if opts.Port == 0 {
		opts.Port = server.RANDOM_PORT
	}
	return nil
}

// InProcessConn implements natslog.Server: a connection that needs no network.
func (s *Server) InProcessConn() (net.Conn, error) { return s.nats.Load().InProcessConn() }

// Healthy is nil as long as the server can keep what it is given; a disk without
// space is [events.ErrFull].
func (s *Server) Healthy() error {
	ns := s.nats.Load()
	if !ns.Running() {
		return errors.New("embedded log: not running")
	}
	h := ns.Healthz(&server.HealthzOptions{})
	switch {
	case h.Error == "":
		return nil
	case strings.Contains(h.Error, syscall.ENOSPC.Error()):
		return fmt.Errorf("embedded log: %w: %s", events.ErrFull, h.Error)
	}
	return fmt.Errorf("embedded log: %s", h.Error)
}

// URL is where other NATS clients connect, empty without Config.Listen.
func (s *Server) URL() string {
	ns := s.nats.Load()
	if ns.Addr() == nil {
		return ""
	}
	return ns.ClientURL()
}

// TrafficBytes is how much of the store's bound the traffic stream may take: all
// but a quarter, which is for the control stream, dead letters and counters.
func (s *Server) TrafficBytes() int64 { return s.opts.JetStreamMaxStore - s.opts.JetStreamMaxStore/4 }

// Close stops the server and waits until all is on disk.
func (s *Server) Close() {
	close(s.stop)
	<-s.done
	s.shutdown()
}

func (s *Server) shutdown() {
	ns := s.nats.Load()
	ns.Shutdown()
	ns.WaitForShutdown()
}
