package counters

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/projector"
)

// part is one partition of a session.
type part struct {
	id       events.Partition
	position accounting.Position // everything before it is in a batch or committed
	skip     accounting.Position // everything before it was committed when the session began
	stored   Checkpoint          // as the bucket has it
	rev      uint64              // of stored
	past     projector.Past      // of stored
	over     Over                // as the bucket has it
}

// session folds some partitions from what is stored until the first error. Only its own
// goroutine touches it; commits run in another one, on bytes made before.
type session struct {
	cfg     Config
	held    []events.Partition // in order
	moved   <-chan struct{}    // closed when they may be others; nil: never
	status  *projector.Board[Status]
	created time.Time // of the stream
	bucket  time.Time // creation time of the bucket
	parts   map[events.Partition]*part
	folds   *projector.Folds
	cache   *cache
	ends    ends

	read   uint64             // everything up to here was read
	latest events.Stored      // the last message read, zero before the first
	rest   []accounting.Entry // of latest: they did not fit into the batch

	open    batch            // being filled
	linger  <-chan time.Time // fires when open is due, nil while it is empty
	overdue bool             // open is due, but another batch is under way
	due     time.Time        // not before then, by the pace of commits
	flying  *batch           // being committed, nil if none is
	landed  chan landing

	ticked   ticked
	verified map[projector.Anchor]struct{} // as of the last guard check
	guardAt  time.Time                     // of the next guard check
}

// open loads and checks what is stored.
func open(ctx context.Context, cfg Config, held []events.Partition, status *projector.Board[Status]) (*session, error) {
	info, err := cfg.Log.Info(ctx)
	if err != nil {
		return nil, fmt.Errorf("counters: %w", err)
	}
	s := &session{
		cfg: cfg, held: held, status: status, created: info.Created, parts: map[events.Partition]*part{},
		cache: newCache(cfg.Bucket, cfg.CacheSize), open: newBatch(),
		landed: make(chan landing, 1), verified: map[projector.Anchor]struct{}{},
	}
	if s.bucket, err = cfg.Bucket.Created(ctx); err != nil {
		return nil, fmt.Errorf("counters: %w", err)
	}
	resume := map[events.Partition]accounting.Snapshot{}
	for _, id := range held {
		p := &part{id: id}
		if err := p.load(ctx, cfg.Bucket); err != nil {
			return nil, err
		}
		if p.stored.Seq == 0 {
			if err := noCounters(ctx, cfg.Bucket, id); err != nil {
				return nil, err
			}
		}
		p.position, p.skip = p.stored.Position, p.stored.Position
		resume[id], s.parts[id] = p.past.Join(p.stored.Resume), p
	}
	s.folds = projector.NewFolds(held, resume)
	return s, s.guard(ctx)
}

// load reads the partition's checkpoint, its past, and what is over.
func (p *part) load(ctx context.Context, b events.Bucket) (err error) {
	if p.stored, p.rev, err = LoadCheckpoint(ctx, b, p.id); err != nil {
		return fmt.Errorf("counters: %w", err)
	}
	key := events.CheckpointKey(p.id)
	if p.past, err = projector.LoadPast(ctx, b, projector.PastKey(key), p.stored.Past); err != nil {
		return projector.Damaged(ctx, b, "counters", key, p.rev, err)
	}
	if p.over, err = LoadOver(ctx, b, p.id); err != nil {
		return fmt.Errorf("counters: %w", err)
	}
	return nil
}

// close waits for the commit under way.
func (s *session) close() {
	if s.flying != nil {
		<-s.landed
	}
}

// guard checks that log and bucket are still those the checkpoints belong to, by
// the checkpoints as they are and as they were at the last check.
func (s *session) guard(ctx context.Context) error {
	s.guardAt = time.Now().Add(projector.GuardEvery)
	created, err := s.cfg.Bucket.Created(ctx)
	if err != nil {
		return fmt.Errorf("counters: guard: %w", err)
	}
	anchors := s.verified
	s.verified = map[projector.Anchor]struct{}{}
	for _, p := range s.parts {
		if err := p.stored.check(p.id, created); err != nil {
			return err
		}
		anchors[p.stored.Anchor] = struct{}{}
		s.verified[p.stored.Anchor] = struct{}{}
	}
	for a := range anchors {
		if err := a.Check(ctx, s.cfg.Log, "counters", s.needed()); err != nil {
			return err
		}
	}
	return nil
}

// needed is the lowest sequence that a restart would read.
func (s *session) needed() uint64 {
	needed := uint64(math.MaxUint64)
	for _, p := range s.parts {
		needed = min(needed, p.stored.Resume.At.Seq)
	}
	return needed
}

// run reads to the log's end, then ends orphans, then follows.
func (s *session) run(ctx context.Context) error {
	info, err := s.cfg.Log.Info(ctx)
	if err != nil {
		return fmt.Errorf("counters: %w", err)
	}
	s.status.Set(func(st *Status) {
		st.State, st.Err, st.Gaps, st.Last = projector.CatchingUp, nil, nil, info.Last
		if st.Seq > info.Last {
			st.Seq = 0 // another log
		}
		if !slices.Equal(st.Held, s.held) {
			st.Held, st.Seq = s.held, s.folds.From()-1
		}
	})
	from := s.folds.From()
	if from <= info.Last {
		if err := s.consume(ctx, events.Range{From: from, To: info.Last, Partitions: s.held}); err != nil {
			return err
		}
	}
	s.read = info.Last
	s.ends.on = true
	s.report()
	s.status.Set(func(st *Status) { st.State = projector.Following })
	if err := s.tick(ctx); err != nil {
		return err
	}
	return s.consume(ctx, events.Range{From: max(from, info.Last+1), Partitions: s.held})
}

// consume folds a range; nil means that all of it was read.
func (s *session) consume(ctx context.Context, r events.Range) error {
	cursor, err := s.cfg.Log.Read(ctx, r)
	if err != nil {
		return fmt.Errorf("counters: read from %d: %w", r.From, err)
	}
	defer cursor.Close()
	tick := time.NewTicker(tickEvery)
	defer tick.Stop()
	for {
		in := cursor.C()
		if s.blocked() {
			in = nil
		}
		select {
		case m, ok := <-in:
			if !ok {
				return s.ended(cursor.Err(), r)
			}
			err = s.take(ctx, m)
		case l := <-s.landed:
			err = s.land(ctx, l)
		case <-s.linger:
			s.overdue = true
			s.commit(ctx)
		case <-tick.C:
			err = s.tick(ctx)
		case <-s.moved:
			err = s.look()
		case <-ctx.Done():
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
	}
}

func (s *session) ended(err error, r events.Range) error {
	switch {
	case err != nil:
		return fmt.Errorf("counters: read from %d: %w", r.From, err)
	case r.To == 0:
		return errors.New("counters: reading ended")
	}
	return nil
}

// blocked tells whether the batch takes no more messages until one has landed.
func (s *session) blocked() bool { return len(s.rest) > 0 || s.open.full() }

// take folds one message.
func (s *session) take(ctx context.Context, m events.Stored) error {
	p := s.parts[m.ID.Partition]
	stopped := s.folds.Gap(p.id) != nil
	applied, err := s.folds.Apply(m)
	s.read, s.latest = m.Seq, m
	switch {
	case err != nil && !stopped:
		s.cfg.Logger.Error("a message was lost, its partition is stopped", "partition", p.id.String(), "error", err)
		s.status.Set(func(st *Status) { st.Gaps = s.folds.Gaps() })
		return nil
	case err != nil:
		return nil
	case s.folds.At(p.id).Seq <= p.skip.Seq:
		return nil // folded again only to find the state it leaves
	}
	applied = applied.From(p.skip)
	s.open.note(p, m, applied)
	s.rest = applied.Entries
	return s.fill(ctx)
}

// fill moves what is left of the last message into the batch, and into the next
// one if that can be begun.
func (s *session) fill(ctx context.Context) error {
	p := s.parts[s.latest.ID.Partition]
	for len(s.rest) > 0 {
		e := s.rest[0]
		p.position = e.At
		if !s.open.fits(len(e.Scopes)) && !s.commit(ctx) {
			return nil
		}
		s.open.parts[p] = Checkpoint{}
		if err := s.count(ctx, p, e); err != nil {
			return err
		}
		s.rest = s.rest[1:]
	}
	p.position = s.folds.At(p.id)
	if len(s.open.parts) > 0 && s.linger == nil && !s.overdue {
		s.linger = time.After(max(s.cfg.Linger, time.Until(s.due)))
	}
	if s.open.full() {
		s.commit(ctx)
	}
	return nil
}

// count adds an entry to the counter of each of its scopes.
func (s *session) count(ctx context.Context, p *part, e accounting.Entry) error {
	for _, scope := range e.Scopes {
		key := events.CounterKey(p.id, string(scope.Kind), scope.ID)
		if !events.ValidKey(key) {
			s.open.bury(s.latest, accounting.Dead{At: e.At, Reason: fmt.Sprintf("%s %q cannot be counted: not a valid key", scope.Kind, scope.ID)})
			continue
		}
		c, err := s.cache.get(ctx, key)
		if err != nil {
			return fmt.Errorf("counters: %w", err)
		}
		if c.value.Add(&e) {
			s.open.hold(c)
		}
	}
	return nil
}
