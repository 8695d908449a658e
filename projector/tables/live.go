package tables

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/projector/query"
)

// ErrNoTables: no tables were made yet.
var ErrNoTables = errors.New("there are no tables yet")

// LiveSource tells where the live tables are, from the log itself, so that any
// process may ask. It implements [query.Source].
type LiveSource struct {
	Log    events.Reader
	Bucket events.Bucket
}

// Live implements [query.Source].
func (w *Writer) Live(ctx context.Context) (query.Tables, error) {
	return LiveSource{Log: w.cfg.Log, Bucket: w.cfg.Bucket}.Live(ctx)
}

// Live implements [query.Source].
func (s LiveSource) Live(ctx context.Context) (query.Tables, error) {
	c, _, err := Load(ctx, s.Bucket, events.TablesKey)
	if err != nil {
		return query.Tables{}, err
	}
	if c.Generation == 0 {
		return query.Tables{}, ErrNoTables
	}
	info, err := s.Log.Info(ctx)
	if err != nil {
		return query.Tables{}, fmt.Errorf("live tables: %w", err)
	}
	live := query.Tables{Database: c.Database, AsOf: query.AsOf{Seq: c.Done.Seq}, Kept: c.Kept}
	if c.Done.Seq >= info.Last {
		return live, nil
	}
	live.AsOf.Behind = info.Last - c.Done.Seq
	next, err := s.Log.At(ctx, c.Done.Seq+1)
	switch {
	case errors.Is(err, events.ErrNoMessage): // trimmed: the fence will say so
	case err != nil:
		return query.Tables{}, fmt.Errorf("live tables: %w", err)
	default:
		live.AsOf.Lag = max(time.Since(next.Time), 0)
	}
	return live, nil
}
