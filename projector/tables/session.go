package tables

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/projector"
)

const (
	// tickEvery is how often a session looks at the log's end.
	tickEvery = time.Second
	// trustTokens is how long the store surely recognises a batch it has seen. An
	// intent older than that is counted before it is done again.
	trustTokens = 10 * time.Minute
	// maxSeq is beyond every sequence.
	maxSeq = 1<<63 - 1
)

// session fills the tables from what is stored until the first error. Only its
// own goroutine touches it; batches are stored in another one.
type session struct {
	cfg    Config
	key    string // of the checkpoint
	status *projector.Board[Status]

	created time.Time // of the stream
	saved             // the checkpoint, as the bucket has it
	folds   *projector.Folds

	read    uint64           // everything up to here was read
	latest  events.Stored    // the last message read
	open    Rows             // being filled
	pending bool             // something was read since the last batch
	linger  <-chan time.Time // fires when open is due, nil while nothing is pending
	overdue bool             // open is due, but another batch is under way
	flying  bool             // a batch is being stored
	landed  chan landing
	onBatch func() // called after each batch, if not nil

	verified projector.Anchor // as of the last guard check
	guardAt  time.Time        // of the next guard check

	doneAt  time.Time // log time of the last message that is in the tables
	sweepAt time.Time // of the next try to drop rows
}

// landing is the outcome of storing a batch.
type landing struct {
	saved
	time time.Time // log time of the last message in it
	rows uint64    // inserted
	left uint64    // of before every horizon
	err  error
}

func newSession(cfg Config, key string, status *projector.Board[Status]) *session {
	return &session{cfg: cfg, key: key, status: status, landed: make(chan landing, 1)}
}

// close waits for the batch under way.
func (s *session) close() {
	if s.flying {
		<-s.landed
	}
}

// load reads and checks what is stored, and does an open intent again.
func (s *session) load(ctx context.Context) error {
	info, err := s.cfg.Log.Info(ctx)
	if err != nil {
		return fmt.Errorf("tables: %w", err)
	}
	s.created = info.Created
	if s.saved, err = load(ctx, s.cfg.Bucket, s.key); err != nil {
		return fmt.Errorf("tables: %w", err)
	}
	s.status.Set(func(st *Status) { st.Last = info.Last })
	s.oldest(ctx)
	if s.stored.Generation == 0 {
		if err := s.begin(ctx); err != nil {
			return err
		}
	}
	if err := s.guard(ctx); err != nil {
		return err
	}
	if err := s.prepare(ctx, s.stored.Database); err != nil {
		return err
	}
	s.status.Set(func(st *Status) { st.Seq, st.Kept, st.Litter = s.stored.Done.Seq, s.stored.Kept, s.stored.Litter })
	s.folds = projector.NewFolds(projector.AllPartitions(), s.saved.resume())
	s.read = s.stored.Done.Seq
	if err := s.recover(ctx); err != nil {
		return err
	}
	return s.census(ctx)
}

// prepare brings the schema up to date.
func (s *session) prepare(ctx context.Context, database string) error {
	if err := s.cfg.Store.Prepare(ctx, database); err != nil {
		return fmt.Errorf("tables: prepare %s: %w", database, err)
	}
	s.status.Set(func(st *Status) { st.Database, st.Migrated = database, true })
	return nil
}

// oldest notes the log time of the last message that is in the tables, or of the
// first that is not, so that the lag shows even if the store never answers.
func (s *session) oldest(ctx context.Context) {
	if m, err := s.cfg.Log.At(ctx, max(s.stored.Done.Seq, 1)); err == nil {
		s.doneAt = m.Time
		s.status.Set(func(st *Status) { st.Committed = m.Time })
	}
}

// begin writes the first checkpoint of the first generation, of tables that must be empty.
func (s *session) begin(ctx context.Context) error {
	created, err := s.cfg.Bucket.Created(ctx)
	if err != nil {
		return fmt.Errorf("tables: %w", err)
	}
	kept, err := KeptAt(ctx, s.cfg.Log, s.cfg.Keep)
	if err != nil {
		return fmt.Errorf("tables: %w", err)
	}
	first := Checkpoint{
		Generation: 1, Database: DatabaseOf(s.cfg.Database, 1), Bucket: created, Done: projector.Anchor{Created: s.created}, Kept: kept,
	}
	if err := s.prepare(ctx, first.Database); err != nil {
		return err
	}
	held, err := s.cfg.Store.Count(ctx, first.Database, Range{To: maxSeq})
	if err != nil {
		return fmt.Errorf("tables: %w", err)
	}
	if held.Len() > 0 {
		return guardError("%s holds %d rows, and there is no checkpoint", first.Database, held.Len())
	}
	if s.saved, err = s.replace(ctx, s.cfg.Bucket, s.key, first); err != nil {
		return fmt.Errorf("tables: %w", err)
	}
	return nil
}

// guard checks that log and bucket are still those the checkpoint belongs to, by
// the checkpoint as it is and as it was at the last check.
func (s *session) guard(ctx context.Context) error {
	s.guardAt = time.Now().Add(projector.GuardEvery)
	created, err := s.cfg.Bucket.Created(ctx)
	if err != nil {
		return fmt.Errorf("tables: guard: %w", err)
	}
	if !created.Equal(s.stored.Bucket) {
		return guardError("the bucket was created at %s, the checkpoint knows one of %s", created.UTC(), s.stored.Bucket.UTC())
	}
	from := uint64(maxSeq)
	for _, p := range projector.AllPartitions() {
		from = min(from, s.stored.Resume[p].At.Seq)
	}
	for _, a := range []projector.Anchor{s.verified, s.stored.Done} {
		if err := a.Check(ctx, s.cfg.Log, "tables", from); err != nil {
			return err
		}
	}
	s.verified = s.stored.Done
	return nil
}

func guardError(format string, args ...any) error {
	return &projector.GuardError{Fold: "tables", Reason: fmt.Sprintf(format, args...)}
}

// run reads up to the sequence to, or to the log's end if that comes first, and
// ends when everything is stored. With [maxSeq] it follows the log instead.
func (s *session) run(ctx context.Context, to uint64) error {
	info, err := s.cfg.Log.Info(ctx)
	if err != nil {
		return fmt.Errorf("tables: %w", err)
	}
	s.status.Set(func(st *Status) { st.State, st.Err, st.Gaps, st.Last = projector.CatchingUp, nil, nil, info.Last })
	last := min(info.Last, to)
	from := s.from()
	if from <= last {
		if err := s.consume(ctx, events.Range{From: from, To: last}); err != nil {
			return err
		}
	}
	if to < maxSeq {
		return s.flush(ctx)
	}
	s.status.Set(func(st *Status) { st.State = projector.Following })
	return s.consume(ctx, events.Range{From: max(from, last+1)})
}

// from is the sequence to read from: where the folds begin, or after what was read.
func (s *session) from() uint64 {
	if s.latest.Seq > 0 {
		return s.latest.Seq + 1
	}
	return s.folds.From()
}

// flush waits until everything read is stored.
func (s *session) flush(ctx context.Context) error {
	for s.flying || s.pending {
		s.store(ctx)
		if err := s.land(ctx, <-s.landed); err != nil {
			return err
		}
	}
	return nil
}

// consume folds a range; nil means that all of it was read.
func (s *session) consume(ctx context.Context, r events.Range) error {
	cursor, err := s.cfg.Log.Read(ctx, r)
	if err != nil {
		return fmt.Errorf("tables: read from %d: %w", r.From, err)
	}
	defer cursor.Close()
	tick := time.NewTicker(tickEvery)
	defer tick.Stop()
	for {
		in := cursor.C()
		if s.full() {
			in = nil
		}
		select {
		case m, ok := <-in:
			if !ok {
				return ended(cursor.Err(), r)
			}
			s.take(m)
			if s.full() {
				s.store(ctx)
			}
		case l := <-s.landed:
			err = s.land(ctx, l)
		case <-s.linger:
			s.overdue = true
			s.store(ctx)
		case <-tick.C:
			err = s.tick(ctx)
		case <-ctx.Done():
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
	}
}

func ended(err error, r events.Range) error {
	switch {
	case err != nil:
		return fmt.Errorf("tables: read from %d: %w", r.From, err)
	case r.To == 0:
		return errors.New("tables: reading ended")
	}
	return nil
}

// full tells whether the batch takes no more messages.
func (s *session) full() bool { return s.open.Counts().Len() >= s.cfg.MaxRows }

// take folds one message; what is in the tables already only moves the folds.
func (s *session) take(m events.Stored) {
	p := m.ID.Partition
	stopped := s.folds.Gap(p) != nil
	applied, err := s.folds.Apply(m)
	s.latest = m
	if err != nil && !stopped {
		s.cfg.Logger.Error("a message was lost, its partition is stopped", "partition", p.String(), "error", err)
		s.status.Set(func(st *Status) { st.Gaps = s.folds.Gaps() })
	}
	if m.Seq <= s.stored.Done.Seq {
		return
	}
	s.read, s.pending = m.Seq, true
	if err == nil {
		s.open.Add(m, applied)
	}
	if s.linger == nil && !s.overdue {
		s.linger = time.After(s.cfg.Linger)
	}
}

// tick is the work that has no message to hang on.
func (s *session) tick(ctx context.Context) error {
	info, err := s.cfg.Log.Info(ctx)
	if err != nil {
		return fmt.Errorf("tables: %w", err)
	}
	s.status.Set(func(st *Status) { st.Last = max(info.Last, st.Seq) })
	if err := s.retain(ctx); err != nil {
		return err
	}
	if time.Now().Before(s.guardAt) {
		return nil
	}
	return s.guard(ctx)
}

// snapshots gives the folds' at everything up to seq.
func (s *session) snapshots(seq uint64) map[events.Partition]accounting.Snapshot {
	out := map[events.Partition]accounting.Snapshot{}
	for _, p := range projector.AllPartitions() {
		out[p] = s.folds.Resume(p, accounting.Position{Seq: seq + 1})
	}
	return out
}
