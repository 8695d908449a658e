package counters

import (
	"context"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/projector"
)

// Status is how the counters are doing.
type Status struct {
	projector.Progress
	Open int                // requests without an end
	Held []events.Partition // that are folded, in order: read only

	// Since the process started:
	Events     uint64 // counted
	Commits    uint64
	Dead       uint64 // events that could not be applied
	Duplicates uint64 // messages that had been applied before
	Late       uint64 // ends of requests that had ended before
	Orphans    uint64 // ends published for requests whose node died
	Lost       uint64 // ends published for epochs that fell silent
	Conflicts  uint64 // commits that another projector overtook
}

// Status tells how the counters are doing.
func (p *Projector) Status() Status { return p.status.Get() }

// Wait returns as soon as until is true of the status.
func (p *Projector) Wait(ctx context.Context, until func(Status) bool) error {
	return p.status.Wait(ctx, until)
}
