package verify

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/projector/counters"
)

// counterCheck compares the counters. Each one says up to where it has counted,
// and is compared with the fold at that place; and it must have come at least as
// far as its partition's checkpoint says.
type counterCheck struct {
	committed [events.Partitions]accounting.Position
	byKey     map[string]*counterState
}

// counterState is one counter, stored and folded.
type counterState struct {
	stored   *accounting.Counter // nil where the bucket has none
	folded   accounting.Counter
	compared bool
	behind   bool // a difference of position was noted
}

// loadCounters reads the checkpoints first: the counters, read later, are at least as far.
func (r *run) loadCounters(ctx context.Context) (*counterCheck, error) {
	c := &counterCheck{byKey: map[string]*counterState{}}
	for p := range events.Partition(events.Partitions) {
		checkpoint, _, err := counters.LoadCheckpoint(ctx, r.cfg.Bucket, p)
		if err != nil {
			return nil, err
		}
		if err := r.guard(ctx, "counters of partition "+p.String(), checkpoint.Anchor); err != nil {
			return nil, err
		}
		c.committed[p] = checkpoint.Position
	}
	list, err := r.cfg.Bucket.List(ctx, events.CounterPrefix)
	if err != nil {
		return nil, fmt.Errorf("list counters: %w", err)
	}
	for _, entry := range list {
		state := &counterState{stored: new(accounting.Counter)}
		if err := json.Unmarshal(entry.Value, state.stored); err != nil {
			r.differ("counter "+entry.Key, "a counter", err)
			continue
		}
		c.byKey[entry.Key] = state
	}
	r.report.Counters = len(list)
	return c, nil
}

// entry books one line of the ledger.
func (c *counterCheck) entry(r *run, p events.Partition, e accounting.Entry) {
	for _, scope := range e.Scopes {
		key := events.CounterKey(p, string(scope.Kind), scope.ID)
		if !events.ValidKey(key) {
			continue // a dead letter says so
		}
		state := c.byKey[key]
		if state == nil {
			state = &counterState{}
			c.byKey[key] = state
		}
		if state.stored == nil || state.stored.At.Less(e.At) {
			state.compare(r, key)
			state.left(r, key, e.At, c.committed[p])
			continue
		}
		state.folded.Add(&e)
	}
}

// left notes that a counter has not counted an entry, although it should have.
func (s *counterState) left(r *run, key string, at, committed accounting.Position) {
	if s.behind || !at.Less(committed) {
		return
	}
	s.behind = true
	got := "none"
	if s.stored != nil {
		got = fmt.Sprintf("counted up to %d.%d", s.stored.At.Seq, s.stored.At.Index)
	}
	r.differ("counter "+key, fmt.Sprintf("counted at %d.%d", at.Seq, at.Index), got)
}

// compare compares what is stored with the fold at the same place, once.
func (s *counterState) compare(r *run, key string) {
	if s.compared || s.stored == nil {
		return
	}
	s.compared = true
	if s.folded.At == (accounting.Position{}) || !reflect.DeepEqual(s.folded, *s.stored) {
		r.differ("counter "+key, text(s.folded), text(*s.stored))
	}
}

func text(c accounting.Counter) string {
	raw, err := json.Marshal(c)
	if err != nil {
		return err.Error()
	}
	return string(raw)
}

// finish compares the counters that have counted everything.
func (c *counterCheck) finish(r *run) {
	keys := make([]string, 0, len(c.byKey))
	for key := range c.byKey {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, strings.Compare)
	for _, key := range keys {
		c.byKey[key].compare(r, key)
	}
}
