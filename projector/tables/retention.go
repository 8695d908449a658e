package tables

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/projector"
)

// sweepEvery is the least time between two tries to drop what the horizons hide.
const sweepEvery = time.Minute

// Kept gives those rows that tables with these horizons have.
func (r *Rows) Kept(k projector.Kept) Rows {
	return r.from(k.Usage, k.Requests, k.Attempts)
}

// Inserted gives those rows that tables with these horizons are given: also what only a
// roll-up still has, because that is fed by the rows.
func (r *Rows) Inserted(k projector.Kept) Rows {
	earlier := func(t time.Time) time.Time {
		if k.RollUps.Before(t) {
			return k.RollUps
		}
		return t
	}
	return r.from(earlier(k.Usage), earlier(k.Requests), k.Attempts)
}

func (r *Rows) from(usage, requests, attempts time.Time) Rows {
	return Rows{
		Usage:    since(r.Usage, usage, func(e *accounting.Entry) time.Time { return e.WindowAt }),
		Requests: since(r.Requests, requests, func(e *accounting.End) time.Time { return e.WindowAt }),
		Attempts: since(r.Attempts, attempts, func(a *Attempt) time.Time { return a.WindowAt }),
	}
}

// since gives the rows of horizon and later. Nothing is copied if that is all of them.
func since[R any](rows []R, horizon time.Time, at func(*R) time.Time) []R {
	before := func(r R) bool { return Instant(at(&r)).Before(horizon) }
	if !slices.ContainsFunc(rows, before) {
		return rows
	}
	return slices.DeleteFunc(slices.Clone(rows), before)
}

// KeptAt is what new tables have to keep once they have come to the end of a log: what is
// older would only be dropped again.
func KeptAt(ctx context.Context, log events.Reader, keep func(logged time.Time) projector.Kept) (projector.Kept, error) {
	info, err := log.Info(ctx)
	if err != nil || info.Last == 0 || keep == nil {
		return projector.Kept{}, err
	}
	last, err := log.At(ctx, info.Last)
	if err != nil {
		return projector.Kept{}, err
	}
	return keep(last.Time), nil
}

// retain moves the horizons to where they have to be and drops what is before them. It
// waits for a moment in which no batch is under way.
func (s *session) retain(ctx context.Context) error {
	if s.flying || s.doneAt.IsZero() {
		return nil
	}
	if next := s.stored.Kept.Later(s.cfg.Keep(s.doneAt)); next != s.stored.Kept {
		if err := s.raise(ctx, next); err != nil {
			return err
		}
	}
	if !s.stored.Litter || time.Now().Before(s.sweepAt) {
		return nil
	}
	return s.sweep(ctx)
}

// raise writes down other horizons, and how many rows they leave. From then on nobody
// looks at what is before them, whether it is there or not.
func (s *session) raise(ctx context.Context, next projector.Kept) error {
	if err := s.census(ctx); err != nil { // what is lost now must not pass for let go
		return err
	}
	left, err := s.cfg.Store.Count(ctx, s.stored.Database, Range{To: maxSeq, Since: next})
	if err != nil {
		return fmt.Errorf("tables: %w", err)
	}
	c := s.stored
	c.Kept, c.Rows, c.Litter = next, left, true
	if err := s.note(ctx, c); err != nil {
		return fmt.Errorf("tables: retention: %w", err)
	}
	s.sweepAt = time.Time{}
	s.cfg.Logger.Info("the tables let go of rows that are older than settings.retention says", "kept_from", next)
	return nil
}

// sweep drops what is before the horizons. A store that refuses only keeps its space:
// that is said, and tried again.
func (s *session) sweep(ctx context.Context) error {
	s.sweepAt = time.Now().Add(sweepEvery)
	if err := s.cfg.Store.DropBefore(ctx, s.stored.Database, s.stored.Kept); err != nil {
		s.cfg.Logger.Warn("rows older than settings.retention says could not be dropped, trying again", "error", err)
		return nil
	}
	c := s.stored
	c.Litter = false
	if err := s.note(ctx, c); err != nil {
		return fmt.Errorf("tables: retention: %w", err)
	}
	return nil
}

// note writes c, whose snapshots are those stored, in place of the checkpoint.
func (s *session) note(ctx context.Context, c Checkpoint) error {
	rev, err := s.cfg.Bucket.Commit(ctx, []events.Put{c.Put(s.key, s.rev)})
	if err != nil {
		return err
	}
	s.stored, s.rev = c, rev
	s.status.Set(func(st *Status) { st.Kept, st.Litter = c.Kept, c.Litter })
	return nil
}
