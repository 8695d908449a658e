package tables

import (
	"context"
	"fmt"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/projector"
)

// saved is a checkpoint as the bucket has it: the pasts of its snapshots have keys
// of their own.
type saved struct {
	stored Checkpoint
	rev    uint64 // of stored
	pasts  [events.Partitions]projector.Past
}

// pastKey is where the past of a partition's snapshot is kept.
func pastKey(key string, p events.Partition) string { return projector.PastKey(key + "." + p.String()) }

// load reads the checkpoint at key.
func load(ctx context.Context, b events.Bucket, key string) (s saved, err error) {
	if s.stored, s.rev, err = Load(ctx, b, key); err != nil {
		return s, err
	}
	for _, p := range projector.AllPartitions() {
		if s.pasts[p], err = projector.LoadPast(ctx, b, pastKey(key, p), s.stored.Pasts[p]); err != nil {
			return s, projector.Damaged(ctx, b, "tables", key, s.rev, err)
		}
	}
	return s, nil
}

// resume gives the whole snapshots.
func (s saved) resume() map[events.Partition]accounting.Snapshot {
	out := map[events.Partition]accounting.Snapshot{}
	for p, snapshot := range s.stored.Resume {
		out[p] = s.pasts[p].Join(snapshot)
	}
	return out
}

// replace writes c, whose snapshots are whole, in place of s at key, in one
// commit with others.
func (s saved) replace(ctx context.Context, b events.Bucket, key string, c Checkpoint, others ...events.Put) (saved, error) {
	next := saved{stored: c, pasts: s.pasts}
	next.stored.Resume, next.stored.Pasts = map[events.Partition]accounting.Snapshot{}, map[events.Partition]string{}
	puts := others
	var changed []events.Partition
	for _, p := range projector.AllPartitions() {
		rest, past, put := s.pasts[p].Split(pastKey(key, p), c.Resume[p])
		next.stored.Resume[p], next.pasts[p] = rest, past
		if past.Hash != "" {
			next.stored.Pasts[p] = past.Hash
		}
		if put != nil {
			puts = append(puts, *put)
			changed = append(changed, p)
		}
	}
	last, err := b.Commit(ctx, append(puts, next.stored.Put(key, s.rev)))
	if err != nil {
		return saved{}, err
	}
	next.rev = last
	for i, p := range changed {
		next.pasts[p] = next.pasts[p].Written(last - uint64(len(changed)-i))
	}
	return next, nil
}

// Swap makes the generation at [NextKey] the live one, in one commit; database is
// the one it must have.
func Swap(ctx context.Context, b events.Bucket, database string) (before, after Checkpoint, err error) {
	next, err := load(ctx, b, NextKey)
	if err != nil {
		return before, after, err
	}
	if next.stored.Database != database {
		return before, after, fmt.Errorf("another rebuild has begun generation %d", next.stored.Generation)
	}
	live := saved{}
	if live.stored, live.rev, err = Load(ctx, b, events.TablesKey); err != nil {
		return before, after, err
	}
	for _, p := range projector.AllPartitions() { // whatever they hold, and even if it is damaged
		if live.pasts[p], err = projector.LoadPast(ctx, b, pastKey(events.TablesKey, p), ""); err != nil {
			return before, after, err
		}
	}
	before, after = live.stored, next.stored
	after.Resume = next.resume()
	_, err = live.replace(ctx, b, events.TablesKey, after, events.Put{Key: NextKey, Rev: next.rev})
	return before, after, err
}
