package counters

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/projector"
)

// Bounds of one batch.
const (
	maxCounters = events.MaxCommit - 3*events.Partitions // the rest is for checkpoints, pasts and what is over
	maxEvents   = 5000
)

// batch is what one commit writes: counters, then checkpoints.
type batch struct {
	counters map[string]*counter
	parts    map[*part]Checkpoint // filled in when the batch is sealed
	dead     []deadLetter
	tally    tally
	time     time.Time // log time of the last message in it

	puts     []events.Put // the rest is set when the batch is sealed
	written  []*counter   // by the first puts
	advanced []advance    // by the last puts
	seq      uint64       // everything up to here is committed with it
}

// advance is a partition whose checkpoint is written, maybe with what is over and
// its past before it.
type advance struct {
	part       *part
	over       Over
	past       projector.Past
	ended, old bool // over and past are written too
}

// tally counts what the messages of a batch were.
type tally struct{ events, dead, duplicates, late uint64 }

type deadLetter struct {
	partition  events.Partition
	id, reason string
	raw        []byte
}

// landing is the outcome of a commit.
type landing struct {
	rev uint64
	err error
}

func newBatch() batch {
	return batch{counters: map[string]*counter{}, parts: map[*part]Checkpoint{}}
}

// fits tells whether an entry of n scopes has room; in an empty batch it always has.
func (b *batch) fits(n int) bool { return len(b.counters) == 0 || len(b.counters)+n <= maxCounters }

func (b *batch) full() bool { return b.tally.events >= maxEvents }

// hold puts a changed counter into the batch.
func (b *batch) hold(c *counter) {
	if b.counters[c.key] == nil {
		b.counters[c.key] = c
		c.batches++
	}
}

// note puts m's partition, dead events and figures into the batch.
func (b *batch) note(p *part, m events.Stored, a accounting.Applied) {
	b.parts[p] = Checkpoint{}
	b.time = m.Time
	for _, d := range a.Dead {
		b.bury(m, d)
	}
	if a.Duplicate {
		b.tally.duplicates++
		return
	}
	b.tally.events += uint64(m.Count)
	b.tally.late += uint64(len(a.Late))
}

// bury adds a dead letter. Its id is its place in the log.
func (b *batch) bury(m events.Stored, d accounting.Dead) {
	if d.Raw == nil {
		if lines, err := m.Lines(); err == nil && d.At.Index < len(lines) {
			d.Raw = lines[d.At.Index]
		}
	}
	b.tally.dead++
	b.dead = append(b.dead, deadLetter{m.ID.Partition, fmt.Sprintf("%d.%d", d.At.Seq, d.At.Index), d.Reason, d.Raw})
}

// commit seals the batch being filled and sends it. It is false if another one is
// under way or there is nothing to send.
func (s *session) commit(ctx context.Context) bool {
	if s.flying != nil || len(s.open.parts) == 0 {
		return false
	}
	sealed := s.open
	s.open, s.linger, s.overdue = newBatch(), nil, false
	s.due = time.Now().Add(s.cfg.Pace)
	s.seal(&sealed)
	s.flying = &sealed
	go func() {
		ctx, finish := projector.Finishing(ctx)
		defer finish()
		rev, err := sealed.send(ctx, s.cfg)
		s.landed <- landing{rev, err}
	}()
	return true
}

// seal fixes what the batch writes.
func (s *session) seal(b *batch) {
	b.seq = s.read
	if len(s.rest) > 0 {
		b.seq--
	}
	for _, c := range b.counters {
		value, _ := json.Marshal(c.value) // numbers and strings always encode
		b.puts = append(b.puts, events.Put{Key: c.key, Value: value, Rev: c.rev})
		b.written = append(b.written, c)
	}
	s.renew(b)
	anchor := projector.Anchor{Created: s.created, Seq: s.latest.Seq, Hash: projector.Hash(s.latest.Message)}
	for p := range b.parts {
		s.advance(b, p, anchor)
	}
}

// advance adds what b writes of a partition beside counters.
func (s *session) advance(b *batch, p *part, anchor projector.Anchor) {
	key := events.CheckpointKey(p.id)
	over, ended := s.finish(p)
	resume, past, old := p.past.Split(projector.PastKey(key), s.folds.Resume(p.id, p.position))
	c := Checkpoint{Anchor: anchor, Position: p.position, Resume: resume, Past: past.Hash, Bucket: s.bucket}
	value, _ := json.Marshal(c)
	for _, put := range []*events.Put{ended, old, {Key: key, Value: value, Rev: p.rev}} {
		if put != nil {
			b.puts = append(b.puts, *put)
		}
	}
	b.parts[p] = c
	b.advanced = append(b.advanced, advance{part: p, over: over, past: past, ended: ended != nil, old: old != nil})
}

// renew adds the checkpoints of idle partitions from which a restart would read much.
func (s *session) renew(b *batch) {
	for _, p := range s.parts {
		if _, has := b.parts[p]; has || b.seq < p.skip.Seq || !s.folds.Idle(p.id) || !projector.Stale(p.stored.Resume, b.seq) {
			continue
		}
		b.parts[p] = Checkpoint{}
		p.position = accounting.Position{Seq: b.seq + 1}
	}
}

// send buries the dead, then commits.
func (b *batch) send(ctx context.Context, cfg Config) (uint64, error) {
	for _, d := range b.dead {
		if err := cfg.Dead.Dead(ctx, d.partition, d.id, d.reason, d.raw); err != nil {
			return 0, fmt.Errorf("counters: dead letter %s: %w", d.id, err)
		}
	}
	rev, err := cfg.Bucket.Commit(ctx, b.puts)
	if err != nil {
		return 0, fmt.Errorf("counters: commit up to %d: %w", b.seq, err)
	}
	return rev, nil
}

// land takes note of a commit that has ended and goes on with what waited for it.
func (s *session) land(ctx context.Context, l landing) error {
	b := s.flying
	s.flying = nil
	if l.err != nil {
		return l.err
	}
	rev := l.rev - uint64(len(b.puts)) // of the put before the first
	for _, c := range b.written {
		rev++
		c.rev = rev
		c.batches--
	}
	for _, a := range b.advanced {
		if a.ended {
			rev++
			a.over.Rev = rev
		}
		if a.old {
			rev++
			a.past = a.past.Written(rev)
		}
		rev++
		p := a.part
		p.rev, p.stored, p.past, p.over = rev, b.parts[p], a.past, a.over
		s.folds.Mark(p.id, p.stored.Position)
	}
	s.status.Set(func(st *Status) {
		st.Seq, st.Last, st.Committed = max(st.Seq, b.seq), max(st.Last, b.seq), b.time
		st.Events += b.tally.events
		st.Dead += b.tally.dead
		st.Duplicates += b.tally.duplicates
		st.Late += b.tally.late
		st.Commits++
	})
	s.report()
	if s.overdue || s.blocked() {
		s.commit(ctx)
	}
	return s.fill(ctx)
}
