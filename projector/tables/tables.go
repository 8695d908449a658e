// Package tables folds the log into the analytics tables, by recorded intents.
//
// A batch is a contiguous range of sequences. Before it is inserted its range is
// written down as an intent, by compare-and-set; afterwards it is written down as
// done. A writer that finds an open intent does exactly that range again, and the
// store keeps each batch once. So neither a crash between two tables, or between
// a table and its roll-up, nor an acknowledgement that was lost, loses or doubles
// a row.
package tables

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/projector"
)

// Defaults of [Config].
const (
	DefaultLinger  = 500 * time.Millisecond
	DefaultMaxRows = 20_000
)

// Batch is the rows of a contiguous range of the log.
type Batch struct {
	Token string // names the range and its stream: the same token has the same rows
	Rows  Rows
}

// Inserter keeps batches.
type Inserter interface {
	// Prepare makes the tables of a database, or brings them up to date.
	Prepare(ctx context.Context, database string) error
	// Insert keeps all rows of a batch. After an error some may be kept; the same
	// batch again completes it. A batch inserted twice is kept once, as long as no
	// more than some thousand others came between.
	Insert(ctx context.Context, database string, b Batch) error
}

// Census tells what a store holds.
type Census interface {
	// Count counts the rows of the sequences from to to, both inclusive.
	Count(ctx context.Context, database string, from, to uint64) (Counts, error)
	// RolledUp counts the rows of usage and of requests that their roll-ups have
	// added up; attempts have none.
	RolledUp(ctx context.Context, database string) (Counts, error)
}

// Store is where the tables are.
type Store interface {
	Inserter
	Census
}

// Config configures a [Writer].
type Config struct {
	Log      events.Reader
	Bucket   events.Bucket
	Store    Store
	Database string // of the first generation; see [DatabaseOf]
	Logger   *slog.Logger
	Linger   time.Duration // how long a row waits for others to be inserted with; 0 is DefaultLinger
	MaxRows  uint64        // from this many rows on a batch is not made larger; 0 is DefaultMaxRows
}

func (c Config) complete() (Config, error) {
	switch {
	case c.Log == nil || c.Bucket == nil || c.Store == nil || c.Logger == nil:
		return c, errors.New("tables: Log, Bucket, Store and Logger must be set")
	case !events.ValidID(c.Database):
		return c, fmt.Errorf("tables: Database %q is not a valid name", c.Database)
	}
	if c.Linger == 0 {
		c.Linger = DefaultLinger
	}
	if c.MaxRows == 0 {
		c.MaxRows = DefaultMaxRows
	}
	return c, nil
}

// Writer keeps the live tables.
type Writer struct {
	cfg    Config
	super  *projector.Supervisor
	status projector.Board[Status]
}

// New makes a writer; Run runs it.
func New(cfg Config) (*Writer, error) {
	cfg, err := cfg.complete()
	if err != nil {
		return nil, err
	}
	w := &Writer{cfg: cfg}
	w.status.Set(func(s *Status) { s.State = projector.Starting })
	w.super = projector.NewSupervisor(w.session, w.failed)
	return w, nil
}

// Run folds until ctx ends. It survives every error; [Writer.Status] tells.
func (w *Writer) Run(ctx context.Context) { w.super.Run(ctx) }

// Pause stops the fold until resume is called, then everything is loaded anew.
func (w *Writer) Pause(ctx context.Context) (resume func(), err error) { return w.super.Pause(ctx) }

func (w *Writer) session(ctx context.Context) error {
	s := newSession(w.cfg, events.TablesKey, &w.status)
	defer s.close()
	if err := s.load(ctx); err != nil {
		return err
	}
	return s.run(ctx, maxSeq)
}

func (w *Writer) failed(err error) {
	var guard *projector.GuardError
	state := projector.Retrying
	switch {
	case errors.As(err, &guard):
		state = projector.Halted
		w.cfg.Logger.Error("tables stopped", "error", err)
	case errors.Is(err, events.ErrConflict):
		w.cfg.Logger.Info("tables were written by another projector, loading them again", "error", err)
	default:
		w.cfg.Logger.Warn("tables cannot go on, trying again", "error", err)
	}
	w.status.Set(func(s *Status) { s.State, s.Err = state, err; s.Failures++ })
}
