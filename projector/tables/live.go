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
func (w *Writer) Live(ctx context.Context) (database string, asOf query.AsOf, err error) {
	return LiveSource{Log: w.cfg.Log, Bucket: w.cfg.Bucket}.Live(ctx)
}

// Live implements [query.Source].
func (s LiveSource) Live(ctx context.Context) (database string, asOf query.AsOf, err error) {
	c, _, err := Load(ctx, s.Bucket, events.TablesKey)
	if err != nil {
		return "", asOf, err
	}
	if c.Generation == 0 {
		return "", asOf, ErrNoTables
	}
	info, err := s.Log.Info(ctx)
	if err != nil {
		return "", asOf, fmt.Errorf("live tables: %w", err)
	}
	asOf.Seq = c.Done.Seq
	if asOf.Seq >= info.Last {
		return c.Database, asOf, nil
	}
	asOf.Behind = info.Last - asOf.Seq
	next, err := s.Log.At(ctx, asOf.Seq+1)
	switch {
	case errors.Is(err, events.ErrNoMessage): // trimmed: the fence will say so
	case err != nil:
		return "", asOf, fmt.Errorf("live tables: %w", err)
	default:
		asOf.Lag = max(time.Since(next.Time), 0)
	}
	return c.Database, asOf, nil
}
