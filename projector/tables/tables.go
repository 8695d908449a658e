// Package tables folds the log into the analytics tables, by recorded intents.
//
// A batch is a contiguous range of sequences. Before it is inserted its range is
// written down as an intent, by compare-and-set; afterwards it is written down as
// done. A writer that finds an open intent does exactly that range again, and the
// store keeps each batch once. So neither a crash between two tables, or between
// a table and its roll-up, nor an acknowledgement that was lost, loses or doubles
// a row.
//
// # Retention
//
// The log is the truth, the tables hold it from a horizon on, each from its own: a table
// up to its checkpoint has exactly the rows of the log that were admitted at its horizon
// or later. Whoever reads or counts leaves out what is before, so a horizon is in force
// with the one write that moves it, and when the store drops the months behind it, how
// far it came when it was killed, and what a rival still puts there changes nothing. Rows
// of before that come late are not inserted, unless a roll-up that is kept longer has to
// add them up: then they are dropped once more.
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
	// Count counts the rows of a range.
	Count(ctx context.Context, database string, r Range) (Counts, error)
	// RolledUp counts the rows of usage and of requests that their roll-ups have
	// added up, of the horizons of those tables on; attempts have none.
	RolledUp(ctx context.Context, database string, since projector.Kept) (Counts, error)
}

// Range is the rows of the sequences From to To, both inclusive, of each table's
// horizon on.
type Range struct {
	From, To uint64
	Since    projector.Kept
}

// Dropper lets go of rows.
type Dropper interface {
	// DropBefore drops the months before the horizons from each table and roll-up. The
	// same batch again may bring back rows of such a month, and none of another.
	DropBefore(ctx context.Context, database string, k projector.Kept) error
}

// Store is where the tables are.
type Store interface {
	Inserter
	Census
	Dropper
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
	// Keep says what the tables have to keep when the log is as far as an instant of its
	// clock. nil is everything, for ever.
	Keep func(logged time.Time) projector.Kept
}

func (c Config) complete() (Config, error) {
	switch {
	case c.Log == nil || c.Bucket == nil || c.Store == nil || c.Logger == nil:
		return c, errors.New("tables: Log, Bucket, Store and Logger must be set")
	case !events.ValidID(c.Database):
		return c, fmt.Errorf("tables: Database %q is not a valid name", c.Database)
	}
	if c.Keep == nil {
		c.Keep = func(time.Time) projector.Kept { return projector.Kept{} }
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
