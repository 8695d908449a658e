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

// Checkpoint says how far the counters of a partition are folded.
type Checkpoint struct {
	projector.Anchor
	Position accounting.Position `json:"position"` // everything of the partition before it is counted
	Resume   accounting.Snapshot `json:"resume"`   // where a fold begins that is to stand at Position, without its past
	Past     string              `json:"past"`     // of Resume: hash of the value at [projector.PastKey], empty if there is none
	Bucket   time.Time           `json:"bucket"`   // creation time of the bucket the counters are in
}

// LoadCheckpoint reads the checkpoint of a partition and its revision; a
// partition that was never folded has the zero Checkpoint.
func LoadCheckpoint(ctx context.Context, b events.Bucket, p events.Partition) (Checkpoint, uint64, error) {
	key := events.CheckpointKey(p)
	entry, err := b.Get(ctx, key)
	if err != nil {
		return Checkpoint{}, 0, fmt.Errorf("read %s: %w", key, err)
	}
	var c Checkpoint
	if entry.Value == nil {
		return c, entry.Rev, nil
	}
	if err := json.Unmarshal(entry.Value, &c); err != nil {
		return c, 0, fmt.Errorf("read %s: %w", key, err)
	}
	return c, entry.Rev, nil
}

// check verifies that c belongs to the bucket that was created then.
func (c Checkpoint) check(p events.Partition, created time.Time) error {
	if c.Seq == 0 || c.Bucket.Equal(created) {
		return nil
	}
	return &projector.GuardError{Fold: "counters", Reason: fmt.Sprintf(
		"the bucket was created at %s, the checkpoint of partition %s knows one of %s", created.UTC(), p, c.Bucket.UTC())}
}

// noCounters verifies that a partition without a checkpoint has no counters either.
func noCounters(ctx context.Context, b events.Bucket, p events.Partition) error {
	prefix := events.CounterPrefix + p.String() + "."
	left, err := b.List(ctx, prefix)
	if err != nil {
		return fmt.Errorf("counters: list %s: %w", prefix, err)
	}
	if len(left) > 0 {
		return &projector.GuardError{Fold: "counters", Reason: fmt.Sprintf(
			"partition %s has %d counters and no checkpoint", p, len(left))}
	}
	return nil
}
