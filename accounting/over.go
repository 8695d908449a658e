package accounting

import (
	"slices"

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
