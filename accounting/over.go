package accounting

import (
	"slices"
	"time"

	"github.com/llm-hub/llm-hub/events"
)

// Over lists the epochs that are over in a partition: closed, and every request of
// theirs ended. It is the value of a key of the counters bucket, committed with the
// counters: who sees an epoch in it has seen everything that epoch is known to have
// spent. What it still says after that counts all the same.
type Over struct {
	At     Position       `json:"at"`     // everything before it is counted
	Epochs []events.Epoch `json:"epochs"` // the latest ones, in the order of their ids
}

// Has tells whether an epoch is listed.
func (o Over) Has(e events.Epoch) bool {
	_, found := slices.BinarySearch(o.Epochs, e)
	return found
}

// maxOver bounds the epochs that are listed as over.
const maxOver = 512

// overs are the epochs that are over in a partition, until one of them is forgotten.
type overs struct {
	epochs []events.Epoch
	until  time.Time
}

// Over lists the epochs that are over in a partition, see [Over]. It is the same
// slice as long as nothing has changed: read only.
func (f *Fold) Over(p events.Partition) []events.Epoch {
	if o, known := f.over[p]; known && !f.now.After(o.until) {
		return o.epochs
	}
	o := overs{until: f.now.Add(keep)}
	for _, other := range f.producers {
		if other.Partition != p || !other.Closed || other.open > 0 || other.expired(f.now) {
			continue
		}
		o.epochs = append(o.epochs, other.Epoch)
		if ends := other.Time.Add(keep); ends.Before(o.until) {
			o.until = ends
		}
	}
	slices.Sort(o.epochs)
	o.epochs = slices.Clone(o.epochs[max(0, len(o.epochs)-maxOver):])
	f.over[p] = o
	return o.epochs
}
