package tables

import (
	"context"

	"github.com/llm-hub/llm-hub/projector"
)

// Status is how the tables are doing.
type Status struct {
	projector.Progress
	Database string // of the live generation, empty before it is known
	Migrated bool   // its schema is up to date
	Kept     projector.Kept
	Litter   bool // rows from before Kept are to be dropped

	// Since the process started:
	Rows     uint64 // inserted
	LeftOut  uint64 // rows of before every horizon
	Batches  uint64 // inserted
	Redone   uint64 // of these, intents that a session before had left open
	Failures uint64 // sessions that failed
}

// Status tells how the tables are doing.
func (w *Writer) Status() Status { return w.status.Get() }

// Wait returns as soon as until is true of the status.
func (w *Writer) Wait(ctx context.Context, until func(Status) bool) error {
	return w.status.Wait(ctx, until)
}
