package tables

import (
	"context"
	"fmt"
	"time"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/projector"
)

// store sends what was read since the last batch on its way, unless one is.
func (s *session) store(ctx context.Context) {
	if s.flying || !s.pending {
		return
	}
	rows, last := s.open.Inserted(s.stored.Kept), s.latest
	left := s.open.Counts().Len() - rows.Counts().Len()
	done := s.advanced(rows)
	s.open, s.pending, s.linger, s.overdue = Rows{}, false, nil, false
	s.flying = true
	before := s.saved
	go func() {
		ctx, finish := projector.Finishing(ctx)
		defer finish()
		after, err := s.send(ctx, before, done, rows)
		s.landed <- landing{saved: after, time: last.Time, rows: rows.Counts().Len(), left: left, err: err}
	}()
}

// advanced is the checkpoint after everything read is in the tables, which are given
// rows.
func (s *session) advanced(rows Rows) Checkpoint {
	done := s.stored
	kept := rows.Kept(done.Kept)
	done.Intent = nil
	done.Rows = done.Rows.Plus(kept.Counts())
	done.Litter = done.Litter || kept.Counts() != rows.Counts()
	done.Done = projector.Anchor{Created: s.created, Seq: s.latest.Seq, Hash: projector.Hash(s.latest.Message)}
	done.Resume = s.snapshots(s.latest.Seq)
	return done
}

// send writes the intent down, inserts, and writes down that it is done. It
// touches nothing of the session that changes.
func (s *session) send(ctx context.Context, at saved, done Checkpoint, rows Rows) (saved, error) {
	if rows.Counts().Len() > 0 {
		at.stored.Intent = &Intent{
			From: at.stored.Done.Seq + 1, To: done.Done.Seq, Hash: done.Done.Hash, Rows: rows.Counts(), Time: time.Now().UTC(),
		}
		var err error
		if at.rev, err = s.cfg.Bucket.Commit(ctx, []events.Put{at.stored.Put(s.key, at.rev)}); err != nil {
			return at, fmt.Errorf("tables: intent up to %d: %w", done.Done.Seq, err)
		}
		batch := Batch{Token: at.stored.Intent.Token(done.Done.Created), Rows: rows}
		if err := s.cfg.Store.Insert(ctx, at.stored.Database, batch); err != nil {
			return at, fmt.Errorf("tables: insert %d to %d: %w", at.stored.Intent.From, at.stored.Intent.To, err)
		}
	}
	after, err := at.replace(ctx, s.cfg.Bucket, s.key, done)
	if err != nil {
		return at, fmt.Errorf("tables: done up to %d: %w", done.Done.Seq, err)
	}
	return after, nil
}

// land takes note of a batch that was stored and goes on with what waited for it.
func (s *session) land(ctx context.Context, l landing) error {
	s.flying = false
	if l.err != nil {
		return l.err
	}
	s.saved, s.doneAt = l.saved, l.time
	seq := l.stored.Done.Seq
	for _, p := range projector.AllPartitions() {
		s.folds.Mark(p, accounting.Position{Seq: seq + 1})
	}
	s.status.Set(func(st *Status) {
		st.Seq, st.Last, st.Committed = seq, max(st.Last, seq), l.time
		st.Rows += l.rows
		st.LeftOut += l.left
		st.Litter = l.stored.Litter
		st.Batches++
	})
	if s.onBatch != nil {
		s.onBatch()
	}
	if err := s.retain(ctx); err != nil {
		return err
	}
	if s.overdue || s.full() {
		s.store(ctx)
	}
	return nil
}

// recover does the intent again that an earlier session left open.
func (s *session) recover(ctx context.Context) error {
	intent := s.stored.Intent
	if intent == nil {
		return nil
	}
	if err := s.readIntent(ctx, intent); err != nil {
		return err
	}
	rows, whole := s.open.Inserted(s.stored.Kept), false
	if time.Since(intent.Time) > trustTokens {
		held, err := s.cfg.Store.Count(ctx, s.stored.Database, Range{From: intent.From, To: intent.To})
		if err != nil {
			return fmt.Errorf("tables: %w", err)
		}
		rolledUp, err := s.rolledUp(ctx)
		if err != nil {
			return err
		}
		whole = held == intent.Rows && rolledUp
	}
	done := s.advanced(rows)
	if !whole {
		batch := Batch{Token: intent.Token(s.created), Rows: rows}
		if err := s.cfg.Store.Insert(ctx, s.stored.Database, batch); err != nil {
			return fmt.Errorf("tables: insert %d to %d again: %w", intent.From, intent.To, err)
		}
	}
	after, err := s.replace(ctx, s.cfg.Bucket, s.key, done)
	if err != nil {
		return fmt.Errorf("tables: done up to %d: %w", intent.To, err)
	}
	s.status.Set(func(st *Status) { st.Redone++ })
	l := landing{saved: after, time: s.latest.Time, rows: rows.Counts().Len(), left: s.open.Counts().Len() - rows.Counts().Len()}
	s.open, s.pending, s.linger = Rows{}, false, nil
	return s.land(ctx, l)
}

// readIntent folds the log up to the end of the intent.
func (s *session) readIntent(ctx context.Context, intent *Intent) error {
	m, err := s.cfg.Log.At(ctx, intent.To)
	if err != nil {
		return fmt.Errorf("tables: open intent up to %d: %w", intent.To, err)
	}
	if projector.Hash(m.Message) != intent.Hash {
		return guardError("the message at sequence %d is not the one the open intent knows", intent.To)
	}
	cursor, err := s.cfg.Log.Read(ctx, events.Range{From: s.folds.From(), To: intent.To})
	if err != nil {
		return fmt.Errorf("tables: open intent: %w", err)
	}
	defer cursor.Close()
	for m := range cursor.C() {
		s.take(m)
	}
	if err := cursor.Err(); err != nil {
		return fmt.Errorf("tables: open intent: %w", err)
	}
	if made := s.open.Inserted(s.stored.Kept); made.Counts() != intent.Rows {
		return guardError("the messages %d to %d make %+v rows, the open intent knows %+v", intent.From, intent.To, made.Counts(), intent.Rows)
	}
	return nil
}

// census checks that the store holds what the checkpoint says: no more, as after
// an insert outside the books, and no less, as after a power cut. A rival may be
// at work meanwhile; then the checkpoint has changed.
func (s *session) census(ctx context.Context) error {
	held, err := s.cfg.Store.Count(ctx, s.stored.Database, Range{To: maxSeq, Since: s.stored.Kept})
	if err != nil {
		return fmt.Errorf("tables: %w", err)
	}
	rolledUp, err := s.rolledUp(ctx)
	if err != nil {
		return err
	}
	if held == s.stored.Rows && rolledUp {
		return nil
	}
	_, rev, err := Load(ctx, s.cfg.Bucket, s.key)
	switch {
	case err != nil:
		return fmt.Errorf("tables: %w", err)
	case rev != s.rev:
		return fmt.Errorf("tables: checkpoint changed: %w", events.ErrConflict)
	case held != s.stored.Rows:
		return guardError("%s holds %+v rows, the checkpoint knows %+v", s.stored.Database, held, s.stored.Rows)
	default:
		return guardError("the roll-ups of %s do not add up all rows of usage and requests", s.stored.Database)
	}
}

// rolledUp tells whether the roll-ups add up all rows of usage and requests, of the time
// that both have.
func (s *session) rolledUp(ctx context.Context) (bool, error) {
	summed := s.stored.Kept.Summed()
	held, err := s.cfg.Store.Count(ctx, s.stored.Database, Range{To: maxSeq, Since: summed})
	if err != nil {
		return false, fmt.Errorf("tables: %w", err)
	}
	rolledUp, err := s.cfg.Store.RolledUp(ctx, s.stored.Database, summed)
	if err != nil {
		return false, fmt.Errorf("tables: %w", err)
	}
	return rolledUp.Usage == held.Usage && rolledUp.Requests == held.Requests, nil
}
