// Package ledger tells what every scope had used at a past instant: the fold of the
// log up to it, which is what the counters were then.
package ledger

import (
	"context"
	"fmt"
	"time"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/projector"
	"github.com/llm-hub/llm-hub/projector/replay"
)

// tellEvery is how often progress is told.
const tellEvery = time.Second

// Counters are what the scopes of some partitions have used, by the keys of the
// counters bucket.
type Counters map[string]*accounting.Counter

// Book adds the lines of one message.
func (c Counters) Book(p events.Partition, lines []accounting.Entry) {
	for i := range lines {
		for _, scope := range lines[i].Scopes {
			key := events.CounterKey(p, string(scope.Kind), scope.ID)
			if !events.ValidKey(key) {
				continue // a dead letter says so
			}
			if c[key] == nil {
				c[key] = &accounting.Counter{}
			}
			c[key].Add(&lines[i])
		}
	}
}

// Query says of when and of whom.
type Query struct {
	At         time.Time          // of the log's clock: messages until then count
	Partitions []events.Partition // nil is all
}

// Progress is how far a fold has come.
type Progress struct {
	Seq uint64 `json:"seq"`
	To  uint64 `json:"to"`
}

// Ledger is the counters of an instant.
type Ledger struct {
	Seq        uint64 // everything up to it was folded, 0: nothing
	partitions []events.Partition
	counters   Counters
}

// At folds the log up to an instant. It takes as long as the log is and ends with
// ctx; progress, which may be nil, is told now and then. A log that has lost its
// beginning is an error: the books would lack it.
func At(ctx context.Context, log events.Reader, q Query, progress func(Progress)) (*Ledger, error) {
	if q.Partitions == nil {
		q.Partitions = projector.AllPartitions()
	}
	l := &Ledger{partitions: q.Partitions, counters: Counters{}}
	after, err := replay.SeqAt(ctx, log, q.At.Add(1))
	if err != nil {
		return nil, err
	}
	info, err := log.Info(ctx)
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	first, err := projector.Begins(ctx, log, info)
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	if first > 1 {
		return nil, fmt.Errorf("ledger: the log begins at sequence %d, needed are those from 1 on", first)
	}
	if after <= 1 {
		return l, nil
	}
	if l.Seq = after - 1; progress == nil {
		progress = func(Progress) {}
	}
	return l, l.fold(ctx, log, progress)
}

func (l *Ledger) fold(ctx context.Context, log events.Reader, progress func(Progress)) error {
	cursor, err := log.Read(ctx, events.Range{From: 1, To: l.Seq, Partitions: l.partitions})
	if err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	defer cursor.Close()
	folds, told := projector.NewFolds(l.partitions, nil), time.Now()
	for m := range cursor.C() {
		p := m.ID.Partition
		if applied, err := folds.Apply(m); err == nil { // a gap stops its partition, as it stopped the counters
			l.counters.Book(p, applied.Entries)
			folds.Mark(p, folds.At(p))
		}
		if now := time.Now(); now.Sub(told) >= tellEvery {
			told = now
			progress(Progress{m.Seq, l.Seq})
		}
	}
	if err := cursor.Err(); err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	return ctx.Err()
}

// Of gives the counters of a scope: one, or one for each partition that has one.
func (l *Ledger) Of(s accounting.Scope) []accounting.Counter {
	var out []accounting.Counter
	for _, p := range l.partitions {
		if c := l.counters[events.CounterKey(p, string(s.Kind), s.ID)]; c != nil {
			out = append(out, *c)
		}
	}
	return out
}
