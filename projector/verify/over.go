package verify

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
)

// overCheck compares which epochs are over in a partition, as the bucket says, with
// the fold: where that was written, or where the counters' checkpoint is if that is
// later, because it would have been written again if it had changed since.
type overCheck struct {
	epochs []events.Epoch
	at     uint64 // the fold is compared before it folds this sequence; 0: not, or no more
}

// loadOver reads what the bucket says of a partition, after its checkpoint. What
// the fold has left behind in an earlier run is not compared: the next change will be.
func (r *run) loadOver(ctx context.Context, p events.Partition) error {
	key := events.OverKey(p)
	entry, err := r.cfg.Bucket.Get(ctx, key)
	if err != nil {
		return fmt.Errorf("read %s: %w", key, err)
	}
	var over accounting.Over
	if entry.Value != nil {
		if err := json.Unmarshal(entry.Value, &over); err != nil {
			r.differ("epochs that are over in partition "+p.String(), "a list", err)
			return nil
		}
	}
	at := over.At
	if c := r.committed[p]; at.Less(c) {
		at = c
	}
	if at.Index == 0 && at.Seq >= r.next() {
		r.over[p] = overCheck{over.Epochs, at.Seq}
	}
	return nil
}

// compareOver compares what is due before the fold goes on to seq.
func (r *run) compareOver(p events.Partition, seq uint64) {
	c := &r.over[p]
	if c.at == 0 || seq < c.at {
		return
	}
	c.at = 0
	if want := r.folds.Over(p); !slices.Equal(want, c.epochs) {
		r.differ("epochs that are over in partition "+p.String(), want, c.epochs)
	}
}
