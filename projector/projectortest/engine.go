package projectortest

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/projector"
	"github.com/llm-hub/llm-hub/projector/clickhouse"
	"github.com/llm-hub/llm-hub/projector/clickhouse/embedded"
	"github.com/llm-hub/llm-hub/projector/clickhouse/embedded/embeddedtest"
	"github.com/llm-hub/llm-hub/projector/counters"
	"github.com/llm-hub/llm-hub/projector/rebuild"
	"github.com/llm-hub/llm-hub/projector/tables"
)

// within bounds what a test waits for.
const within = 2 * time.Minute

// Hub is a log with the folds that a serving process has.
type Hub struct {
	Log      Log
	Store    *clickhouse.Client
	Engine   *embedded.Engine
	Counters *counters.Projector
	Tables   *tables.Writer
	Keep     func(time.Time) projector.Kept // what the tables have to keep, see [tables.Config]; set it before Start
}

// Log is what the folds need of a log.
type Log interface {
	events.Appender
	events.Reader
	events.Bucket
	counters.DeadLetters
}

// Connect starts a real engine and opens a client of it, until the test ends. The
// package under test needs the TestMain of embeddedtest.
func Connect(t testing.TB) (*clickhouse.Client, *embedded.Engine) {
	t.Helper()
	engine := embeddedtest.Start(t, embedded.Config{NoFsync: true})
	c, err := clickhouse.Open(clickhouse.Config{URL: engine.DSN()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c, engine
}

// EachStore runs a test against the embedded engine and, when the variable names
// one, against a ClickHouse server, whose database it empties afterwards.
func EachStore(t *testing.T, test func(t *testing.T, c *clickhouse.Client)) {
	t.Helper()
	t.Run("embedded", func(t *testing.T) {
		c, _ := Connect(t)
		test(t, c)
	})
	url := os.Getenv(ServerVariable)
	if url == "" {
		return
	}
	t.Run("server", func(t *testing.T) {
		c, err := clickhouse.Open(clickhouse.Config{URL: url})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := errors.Join(c.Drop(context.Background(), c.Database()), c.Close()); err != nil {
				t.Error(err)
			}
		})
		test(t, c)
	})
}

// ServerVariable is the environment variable that names a ClickHouse server for
// tests: http://, https:// or clickhouse://, ending with a database of its own.
const ServerVariable = "LLMHUB_TEST_CLICKHOUSE_URL"

// HubOn runs both folds over log on a store, until the test ends.
func HubOn(t testing.TB, log Log, c *clickhouse.Client) *Hub {
	t.Helper()
	h := &Hub{Log: log, Store: c}
	h.Start(t)
	return h
}

// NewHub runs both folds over log, on a real engine, until the test ends.
func NewHub(t testing.TB, log Log) *Hub {
	t.Helper()
	h := Connected(t, log)
	h.Start(t)
	return h
}

// Connected has a real engine ready; nothing is folded yet.
func Connected(t testing.TB, log Log) *Hub {
	t.Helper()
	h := &Hub{Log: log}
	h.Store, h.Engine = Connect(t)
	return h
}

// Start runs both folds until the test ends.
func (h *Hub) Start(t testing.TB) {
	t.Helper()
	h.Counters, h.Tables = h.startFolds(t)
}

// StartRivals runs both folds a second time.
func (h *Hub) StartRivals(t testing.TB) {
	t.Helper()
	h.startFolds(t)
}

func (h *Hub) startFolds(t testing.TB) (*counters.Projector, *tables.Writer) {
	t.Helper()
	logger := slog.New(slog.DiscardHandler)
	c, err := counters.New(counters.Config{
		Log: h.Log, Bucket: h.Log, Dead: h.Log, Partitions: projector.AllPartitions(), Logger: logger,
	})
	if err != nil {
		t.Fatal(err)
	}
	w, err := tables.New(tables.Config{
		Log: h.Log, Bucket: h.Log, Store: h.Store, Database: h.Store.Database(), Logger: logger, Linger: 20 * time.Millisecond,
		Keep: h.Keep,
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { c.Run(ctx) })
	running.Go(func() { w.Run(ctx) })
	t.Cleanup(func() { cancel(); running.Wait() })
	return c, w
}

// Rebuild makes counters and tables anew.
func (h *Hub) Rebuild(t testing.TB) {
	t.Helper()
	cfg := rebuild.Config{
		Log: h.Log, Bucket: h.Log, Logger: slog.New(slog.DiscardHandler), PauseCounters: h.Counters.Pause,
		PauseTables: h.Tables.Pause, Store: h.Store, Database: h.Store.Database(), Keep: h.Keep,
	}
	if _, err := rebuild.Counters(t.Context(), cfg, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := rebuild.Tables(t.Context(), cfg, nil); err != nil {
		t.Fatal(err)
	}
}

// Add appends messages to the log.
func (h *Hub) Add(t testing.TB, messages ...events.Message) {
	t.Helper()
	for _, m := range messages {
		if _, err := h.Log.Append(context.Background(), m); err != nil {
			t.Fatal(err)
		}
	}
}

// Settle waits until both folds have everything in the log.
func (h *Hub) Settle(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	info, err := h.Log.Info(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Counters.Wait(ctx, func(s counters.Status) bool { return s.Seq >= info.Last }); err != nil {
		t.Fatal(err)
	}
	if err := h.Tables.Wait(ctx, func(s tables.Status) bool { return s.Seq >= info.Last }); err != nil {
		t.Fatal(err)
	}
}
