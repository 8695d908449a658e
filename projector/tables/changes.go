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

// Change is one change of the configuration: a row of the table `changes`.
type Change struct {
	Seq    uint64 // in the control stream
	Index  int
	Logged time.Time
	Event  events.Event
	Body   events.Change
}

// Verb is what was done: made, set or removed.
func (c Change) Verb() string {
	switch {
	case c.Body.Before == nil:
		return "made"
	case c.Body.After == nil:
		return "removed"
	}
	return "set"
}

// ChangesOf are the changes of some messages of the control stream. What this version
// does not understand is left out; the configuration in force says so.
func ChangesOf(page []events.Command) ([]Change, error) {
	var out []Change
	for _, c := range page {
		es, err := c.Events()
		if err != nil {
			return nil, err
		}
		for i, e := range es {
			if body, err := events.ChangeOf(e); err == nil {
				out = append(out, Change{Seq: c.Seq, Index: i, Logged: c.Time, Event: e, Body: body})
			}
		}
	}
	return out, nil
}

// ControlLog gives the messages of the control stream from a sequence on, in order.
type ControlLog interface {
	Commands(ctx context.Context, from uint64, limit int) ([]events.Command, error)
}

// ChangeStore keeps changes.
type ChangeStore interface {
	// InsertChanges keeps all of them or none. A change that is kept already is kept once.
	InsertChanges(ctx context.Context, database string, list []Change) error
	// LastChange is the highest sequence that is kept, 0 for none.
	LastChange(ctx context.Context, database string) (uint64, error)
}

// ChangesConfig configures [Changes]. All must be set.
type ChangesConfig struct {
	Log    ControlLog
	Bucket events.Bucket // tells which tables are the live ones
	Store  ChangeStore
	Logger *slog.Logger
}

// Changes folds the control stream into the live tables. It needs no intents: a
// message is one block of one table, a block is whole or absent, and a row that comes
// again takes its own place. So it goes on from the last one that is kept, and after
// a rebuild fills the new tables from the start.
type Changes struct {
	cfg    ChangesConfig
	status projector.Board[ChangesStatus]
}

// ChangesStatus is how far the changes are.
type ChangesStatus struct {
	Database string
	Seq      uint64 // of the control stream: everything up to it is kept
	Err      error  // why it does not go on at present
}

// String is for messages to people.
func (s ChangesStatus) String() string { return fmt.Sprintf("changes at %d: %v", s.Seq, s.Err) }

// NewChanges makes the fold; Run runs it.
func NewChanges(cfg ChangesConfig) (*Changes, error) {
	if cfg.Log == nil || cfg.Bucket == nil || cfg.Store == nil || cfg.Logger == nil {
		return nil, errors.New("tables: every part of ChangesConfig must be set")
	}
	return &Changes{cfg: cfg}, nil
}

const (
	// changesEvery is how often the control stream is looked at.
	changesEvery = time.Second
	changesPage  = 256
)

// Run folds until ctx ends; whatever fails is tried again.
func (c *Changes) Run(ctx context.Context) {
	tick := time.NewTicker(changesEvery)
	defer tick.Stop()
	for {
		err := c.CatchUp(ctx)
		if before := c.status.Get().Err; err != nil && ctx.Err() == nil && (before == nil || before.Error() != err.Error()) {
			c.cfg.Logger.Warn("changes of the configuration do not reach the tables", "error", err)
		}
		c.status.Set(func(s *ChangesStatus) { s.Err = err })
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// Status tells how far it is.
func (c *Changes) Status() ChangesStatus { return c.status.Get() }

// CatchUp brings everything that the control stream holds into the live tables. Before
// there are any it does nothing.
func (c *Changes) CatchUp(ctx context.Context) error {
	live, _, err := Load(ctx, c.cfg.Bucket, events.TablesKey)
	if err != nil || live.Generation == 0 {
		return err
	}
	at := c.status.Get()
	if at.Database != live.Database {
		if at.Seq, err = c.cfg.Store.LastChange(ctx, live.Database); err != nil {
			return err
		}
	}
	for {
		page, err := c.cfg.Log.Commands(ctx, at.Seq+1, changesPage)
		if err != nil {
			return fmt.Errorf("changes: %w", err)
		}
		list, err := ChangesOf(page)
		if err != nil {
			return fmt.Errorf("changes: %w", err)
		}
		if err := c.cfg.Store.InsertChanges(ctx, live.Database, list); err != nil {
			return fmt.Errorf("changes: %w", err)
		}
		if len(page) > 0 {
			at.Seq = page[len(page)-1].Seq
		}
		c.status.Set(func(s *ChangesStatus) { s.Database, s.Seq = live.Database, at.Seq })
		if len(page) < changesPage {
			return nil
		}
	}
}
