package verify

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/projector/counters"
)

// counterState is one counter, stored and folded. Each one says up to where it has
// counted, and is compared with the fold at that place; and it must have come at
// least as far as its partition's checkpoint says.
type counterState struct {
	folded accounting.Counter
	right  digest              // of the value that was found right last
	at     accounting.Position // that value's, then that of the one stored

	// Of the run at hand.
	value    digest              // of what is stored, zero if nothing is
	stored   *accounting.Counter // nil if it is what was right, or nothing is
	compared bool
	told     bool // that it is behind
}

type digest [sha256.Size]byte

func (s *counterState) present() bool { return s.value != digest{} }

// loadCounters reads the checkpoints first: the counters, read later, are at least as far.
func (r *run) loadCounters(ctx context.Context) error {
	for p := range events.Partition(events.Partitions) {
		checkpoint, _, err := counters.LoadCheckpoint(ctx, r.cfg.Bucket, p)
		if err != nil {
			return err
		}
		if err := r.guard(ctx, "counters of partition "+p.String(), checkpoint.Anchor); err != nil {
			return err
		}
		r.committed[p] = checkpoint.Position
		if err := r.loadOver(ctx, p); err != nil {
			return err
		}
	}
	list, err := r.cfg.Bucket.List(ctx, events.CounterPrefix)
	if err != nil {
		return fmt.Errorf("list counters: %w", err)
	}
	for key, s := range r.counters {
		if s.folded.At == (accounting.Position{}) {
			delete(r.counters, key) // the log never spoke of it
			continue
		}
		s.value, s.stored, s.compared, s.told = digest{}, nil, false, false
	}
	for _, entry := range list {
		r.loadCounter(entry)
	}
	r.report.Counters = len(list)
	return nil
}

func (r *run) loadCounter(entry events.Entry) {
	s := r.counter(entry.Key)
	s.value = sha256.Sum256(entry.Value)
	if s.value == s.right {
		return
	}
	s.stored = new(accounting.Counter)
	if err := json.Unmarshal(entry.Value, s.stored); err != nil {
		r.differ("counter "+entry.Key, "a counter", err)
		s.value, s.stored, s.told = digest{}, nil, true
	}
}

func (r *run) counter(key string) *counterState {
	s := r.counters[key]
	if s == nil {
		s = &counterState{}
		r.counters[key] = s
	}
	return s
}

// stands is how far what is stored has counted.
func (s *counterState) stands() accounting.Position {
	if s.stored != nil {
		return s.stored.At
	}
	return s.at
}

// entry books one line of the ledger.
func (r *run) entry(p events.Partition, e *accounting.Entry) {
	for _, scope := range e.Scopes {
		key := events.CounterKey(p, string(scope.Kind), scope.ID)
		if !events.ValidKey(key) {
			continue // a dead letter says so
		}
		s := r.counter(key)
		if !s.present() || s.stands().Less(e.At) {
			r.compare(key, s)
			r.left(key, s, e.At, r.committed[p])
		}
		s.folded.Add(e)
	}
}

// left notes that a counter has not counted an entry, although it should have.
func (r *run) left(key string, s *counterState, at, committed accounting.Position) {
	if s.told || !at.Less(committed) {
		return
	}
	s.told = true
	got := "none"
	if s.present() {
		got = fmt.Sprintf("counted up to %d.%d", s.stands().Seq, s.stands().Index)
	}
	r.differ("counter "+key, fmt.Sprintf("counted at %d.%d", at.Seq, at.Index), got)
}

// compare compares what is stored with the fold, once, if the fold has not left
// that place in an earlier run.
func (r *run) compare(key string, s *counterState) {
	if s.compared || !s.present() || s.stands().Less(s.folded.At) {
		return
	}
	s.compared = true
	if s.stored == nil {
		return // it is what was right
	}
	if s.folded.At == (accounting.Position{}) || !reflect.DeepEqual(s.folded, *s.stored) {
		s.right = digest{}
		r.differ("counter "+key, text(s.folded), text(*s.stored))
		r.drift(s.folded.Life, s.stored.Life)
		return
	}
	s.right, s.at = s.value, s.stored.At
}

func text(c accounting.Counter) string {
	raw, err := json.Marshal(c)
	if err != nil {
		return err.Error()
	}
	return string(raw)
}

// compareCounters compares the counters that have counted everything, and judges
// those that the fold has left behind.
func (r *run) compareCounters() {
	for _, key := range slices.Sorted(maps.Keys(r.counters)) {
		s := r.counters[key]
		r.compare(key, s)
		if !s.compared {
			r.behind(key, s)
		}
		s.stored = nil
	}
}

// behind judges a counter that has not come to where the fold stood before this
// run. What it should have counted by now is a difference, and so is a value that
// changed without counting; else it is compared once it has come so far.
func (r *run) behind(key string, s *counterState) {
	p, _, _, err := events.ParseCounterKey(key)
	if err != nil || s.told || s.folded.At == (accounting.Position{}) {
		return
	}
	r.left(key, s, s.folded.At, r.committed[p])
	switch {
	case s.told || !s.present():
	case s.stored != nil && s.right != digest{} && s.stored.At == s.at:
		r.differ("counter "+key, "the value that was right before", text(*s.stored))
	case s.stored != nil:
		r.report.Behind++
	}
}
