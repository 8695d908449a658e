package counters

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/projector"
)

// Status is how the counters are doing.
type Status struct {
	State     projector.State
	Err       error                  // why it is retrying or halted, nil otherwise
	Gaps      []*accounting.GapError // partitions that are stopped because a message was lost
	Seq       uint64                 // everything up to here is counted and committed
	Last      uint64                 // the log's last sequence when it was last looked at
	Committed time.Time              // log time of the last message committed, zero before
	Open      int                    // requests without an end

	// Since the process started:
	Events     uint64 // events counted
	Commits    uint64
	Dead       uint64 // events that could not be applied
	Duplicates uint64 // messages that had been applied before
	Late       uint64 // ends of requests that had ended before
	Orphans    uint64 // ends published for requests whose node died
	Conflicts  uint64 // commits that another projector overtook
}

// Behind is the number of messages of the log that are not yet counted.
func (s Status) Behind() uint64 { return s.Last - min(s.Seq, s.Last) }

// Lag is the time since the log took the last message that is counted, or 0 if
// there is nothing more to count.
func (s Status) Lag(now time.Time) time.Duration {
	if s.Behind() == 0 || s.Committed.IsZero() {
		return 0
	}
	return max(now.Sub(s.Committed), 0)
}

// statusBoard is a Status that can be waited on.
type statusBoard struct {
	mu      sync.Mutex
	status  Status
	changed chan struct{} // closed and replaced at every change
}

func newStatusBoard() statusBoard { return statusBoard{changed: make(chan struct{})} }

func (b *statusBoard) set(change func(*Status)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	change(&b.status)
	close(b.changed)
	b.changed = make(chan struct{})
}

func (b *statusBoard) get() (Status, <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.status, b.changed
}

// Status tells how the counters are doing.
func (p *Projector) Status() Status {
	s, _ := p.status.get()
	return s
}

// Wait returns as soon as until is true of the status.
func (p *Projector) Wait(ctx context.Context, until func(Status) bool) error {
	for {
		s, changed := p.status.get()
		if until(s) {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("counters are at %d, %s: %w", s.Seq, s.State, ctx.Err())
		}
	}
}
