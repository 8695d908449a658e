package counters

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
)

// Over is what the bucket says of the epochs that are over in a partition.
type Over struct {
	Epochs []events.Epoch
	Rev    uint64
}

// LoadOver reads which epochs are over. What cannot be read is none: it will be
// written anew.
func LoadOver(ctx context.Context, b events.Bucket, p events.Partition) (Over, error) {
	key := events.OverKey(p)
	entry, err := b.Get(ctx, key)
	if err != nil {
		return Over{}, fmt.Errorf("read %s: %w", key, err)
	}
	var o accounting.Over
	if json.Unmarshal(entry.Value, &o) != nil {
		o.Epochs = nil
	}
	return Over{o.Epochs, entry.Rev}, nil
}

// Put is the write that makes o say that epochs are over, everything before at
// being counted; nil if it says so already.
func (o Over) Put(p events.Partition, at accounting.Position, epochs []events.Epoch) *events.Put {
	if slices.Equal(o.Epochs, epochs) {
		return nil
	}
	value, _ := json.Marshal(accounting.Over{At: at, Epochs: epochs}) // numbers and strings always encode
	return &events.Put{Key: events.OverKey(p), Value: value, Rev: o.Rev}
}

// finish is the write of the epochs that are over with the batch being sealed, nil
// if they are the same as before. What the last message ended is not over as long
// as a part of the message is left for the next batch.
func (s *session) finish(p *part) (next Over, put *events.Put) {
	if len(s.rest) > 0 && s.latest.ID.Partition == p.id {
		return p.over, nil
	}
	epochs := s.folds.Over(p.id)
	return Over{epochs, p.over.Rev}, p.over.Put(p.id, p.position, epochs)
}
