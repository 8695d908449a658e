package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/events/natslog"
	natsembedded "github.com/llm-hub/llm-hub/events/natslog/embedded"
	"github.com/llm-hub/llm-hub/projector/archive"
	"github.com/llm-hub/llm-hub/projector/clickhouse"
	chembedded "github.com/llm-hub/llm-hub/projector/clickhouse/embedded"
	"github.com/llm-hub/llm-hub/projector/query"
)

// storesConfig says which log and which ClickHouse to open.
type storesConfig struct {
	Dir               *dataDir
	Node              events.NodeID
	NATS              natsFlags
	LogClass          natslog.Class
	LogMaxBytes       int64
	ClickHouseURL     string
	ClickHouseCluster string // empty: the server is alone
	ClickHouseLib     string
	LogOnly           bool   // no tables are needed
	Archive           string // where the archive is; empty: where the log was trimmed for
	Env               func(string) (string, bool)
	Logger            *slog.Logger
}

// stores are the log and the analytics store, embedded or external. tables is
// nil where there is none; noTables says why.
type stores struct {
	log       *natslog.Log
	whole     *archive.Log     // with what is archived of it
	archive   *archive.Archive // nil: none
	tables    *clickhouse.Client
	noTables  error
	questions *query.Turns       // of tables
	engine    *chembedded.Engine // nil: external or none

	closers stopList
}

// errNoSharedTables: see openTables.
var errNoSharedTables = errors.New("with --nats-url analytics need --clickhouse-url, or --clickhouse-lib on the only node that has a projector")

// openStores opens the log, then ClickHouse. An engine that is missing or does not
// start is not an error: the hub runs without analytics and says so, and the
// tables catch up when it is there again.
func openStores(ctx context.Context, cfg storesConfig) (*stores, error) {
	s := &stores{}
	if err := s.openLog(ctx, cfg); err != nil {
		return nil, errors.Join(err, s.close(ctx))
	}
	if err := s.openArchive(ctx, cfg); err != nil {
		return nil, errors.Join(err, s.close(ctx))
	}
	if cfg.LogOnly {
		return s, nil
	}
	if err := s.openTables(ctx, cfg); err != nil {
		return nil, errors.Join(err, s.close(ctx))
	}
	return s, nil
}

func (s *stores) openLog(ctx context.Context, cfg storesConfig) error {
	if err := cfg.NATS.check(); err != nil {
		return usageError{err}
	}
	c := natslog.Config{
		URL: cfg.NATS.NATSURL, Credentials: cfg.NATS.NATSCredentials, RootCAs: cfg.NATS.NATSCA,
		ClientCert: cfg.NATS.NATSClientCert, ClientKey: cfg.NATS.NATSClientKey, InboxPrefix: cfg.NATS.NATSInboxPrefix, Class: cfg.LogClass,
		MaxBytes: cfg.LogMaxBytes, Node: cfg.Node, Version: version, Logger: cfg.Logger,
	}
	if cfg.NATS.NATSURL == "" {
		server, err := natsembedded.Start(natsembedded.Config{Dir: cfg.Dir.path, Class: cfg.LogClass, Logger: cfg.Logger})
		if err != nil {
			return fmt.Errorf("embedded log: %w", err)
		}
		s.closers.push("log server", func(context.Context) error { server.Close(); return nil })
		c.Server = server
		if c.MaxBytes == 0 {
			c.MaxBytes = server.TrafficBytes()
		}
	}
	log, err := natslog.Open(ctx, c)
	if err != nil && cfg.NATS.NATSURL != "" {
		return fmt.Errorf("--nats-url: %w", err)
	}
	if err != nil {
		return err
	}
	s.log = log
	s.closers.push("log", func(context.Context) error { log.Close(); return nil })
	return nil
}

func (s *stores) openTables(ctx context.Context, cfg storesConfig) error {
	url := cfg.ClickHouseURL
	if url == "" && cfg.ClickHouseCluster != "" {
		return usageError{errors.New("--clickhouse-cluster: needs --clickhouse-url, a server of the cluster")}
	}
	if url == "" && cfg.NATS.NATSURL != "" && cfg.ClickHouseLib == "" {
		// Several nodes share the log: tables that only one of them has would be
		// another's as soon as that one does the work.
		s.without(cfg.Logger, errNoSharedTables)
		return nil
	}
	if url == "" {
		lib, err := chembedded.FindLibrary(cfg.ClickHouseLib, cfg.Dir.path)
		if errors.Is(err, chembedded.ErrNoLibrary) && cfg.ClickHouseLib == "" {
			s.without(cfg.Logger, err)
			return nil
		}
		if err != nil {
			return usageError{fmt.Errorf("--clickhouse-lib: %w", err)}
		}
		engine, err := chembedded.Start(ctx, chembedded.Config{
			Library: lib, DataDir: filepath.Join(cfg.Dir.path, "clickhouse"), Logger: cfg.Logger,
		})
		if ctx.Err() != nil {
			return err
		}
		if err != nil {
			s.without(cfg.Logger, err)
			return nil
		}
		s.engine = engine
		s.closers.push("engine", engine.Stop)
		url = engine.DSN()
	}
	tables, err := clickhouse.Open(clickhouse.Config{URL: url, Cluster: cfg.ClickHouseCluster})
	if err != nil {
		return usageError{fmt.Errorf("--clickhouse-url: %w", err)}
	}
	s.tables, s.questions = tables, query.InTurn(tables)
	s.closers.push("clickhouse", func(context.Context) error { return tables.Close() })
	return nil
}

// outboxSlack is what the outbox's server may need beside the messages.
const outboxSlack = 64 << 20

// openOutbox opens the place on this node's disk where facts wait while an
// external log is out of reach.
func (s *stores) openOutbox(ctx context.Context, dir *dataDir, maxBytes int64, log *slog.Logger) (events.Outbox, error) {
	server, err := natsembedded.Start(natsembedded.Config{
		Dir: dir.file("outbox"), Class: natslog.Durable, MaxBytes: max(maxBytes+outboxSlack, natsembedded.MinBytes), Logger: log,
	})
	if err != nil {
		return nil, fmt.Errorf("outbox: %w", err)
	}
	s.closers.push("outbox server", func(context.Context) error { server.Close(); return nil })
	outbox, err := natslog.OpenOutbox(ctx, natslog.OutboxConfig{Server: server, MaxBytes: maxBytes, Logger: log})
	if err != nil {
		return nil, err
	}
	s.closers.push("outbox", func(context.Context) error { outbox.Close(); return nil })
	return outbox, nil
}

// without goes on without analytics.
func (s *stores) without(log *slog.Logger, err error) {
	s.noTables = err
	log.Error("running without analytics", "reason", err)
}

func (s *stores) close(ctx context.Context) error { return s.closers.stop(ctx) }
