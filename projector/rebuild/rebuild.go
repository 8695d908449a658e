// Package rebuild makes the counters and the tables anew from the log. What is
// there stays in use until the new is complete, and every step may be interrupted
// and begun again.
package rebuild

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/projector"
	"github.com/llm-hub/llm-hub/projector/tables"
)

// Databases lists and removes databases.
type Databases interface {
	Databases(ctx context.Context) ([]string, error)
	Drop(ctx context.Context, database string) error
}

// Store is where the tables are.
type Store interface {
	tables.Store
	Databases
}

// Config says what to rebuild from and to.
type Config struct {
	Log    events.Reader
	Bucket events.Bucket
	Logger *slog.Logger

	// These stop the folds of this process until resume is called: the counters'
	// while they are rewritten, the tables' while the new ones are made the live
	// ones. nil where none runs.
	PauseCounters, PauseTables func(ctx context.Context) (resume func(), err error)

	Store    Store  // of the tables; nil where there are none
	Database string // of the first generation of tables
	// Keep says what the tables have to keep, see [tables.Config]. nil is everything.
	Keep func(logged time.Time) projector.Kept
}

// Progress is how far the log has been folded.
type Progress struct {
	What string `json:"what"` // counters, tables
	Seq  uint64 `json:"seq"`
	Last uint64 `json:"last"`
}

// begin describes the log, which must be whole.
func (c Config) begin(ctx context.Context) (events.Info, error) {
	if c.Log == nil || c.Bucket == nil || c.Logger == nil {
		return events.Info{}, errors.New("no Log, Bucket and Logger given")
	}
	info, err := c.Log.Info(ctx)
	if err != nil {
		return info, err
	}
	first, err := projector.Begins(ctx, c.Log, info)
	if err == nil && first > 1 {
		err = fmt.Errorf("the log begins at sequence %d: what came before cannot be folded again", first)
	}
	return info, err
}

// gapTexts names the messages that were lost.
func gapTexts(gaps []*accounting.GapError) []string {
	out := make([]string, len(gaps))
	for i, gap := range gaps {
		out[i] = gap.Error()
	}
	return out
}

// pause calls f, which may be nil.
func pause(ctx context.Context, f func(context.Context) (func(), error)) (resume func(), err error) {
	if f == nil {
		return func() {}, nil
	}
	return f(ctx)
}
