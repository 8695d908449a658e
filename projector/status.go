package projector

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/llm-hub/llm-hub/accounting"
)

// State is how a fold is doing.
type State string

// The states of a fold.
const (
	Starting   State = "starting"    // has not loaded anything yet
	CatchingUp State = "catching_up" // reads what was in the log when it started
	Following  State = "following"
	Retrying   State = "retrying" // a store is out of reach
	Halted     State = "halted"   // a [GuardError]: needs a rebuild
)

// Progress is how far a fold has come.
type Progress struct {
	State     State
	Err       error                  // why it is retrying or halted, nil otherwise
	Gaps      []*accounting.GapError // partitions that are stopped because a message was lost
	Seq       uint64                 // everything up to here is folded and stored
	Last      uint64                 // the log's last sequence when it was last looked at
	Committed time.Time              // log time of the last message stored, zero before
}

// Behind is the number of messages of the log that are not yet folded and stored.
func (p Progress) Behind() uint64 { return p.Last - min(p.Seq, p.Last) }

// Lag is the time since the log took the last message that is stored, or 0 if
// there is nothing more to fold.
func (p Progress) Lag(now time.Time) time.Duration {
	if p.Behind() == 0 || p.Committed.IsZero() {
		return 0
	}
	return max(now.Sub(p.Committed), 0)
}

// String is for messages to people.
func (p Progress) String() string {
	s := fmt.Sprintf("%s at %d of %d", p.State, p.Seq, p.Last)
	if p.Err != nil {
		s += ": " + p.Err.Error()
	}
	return s
}

// Board holds a status that can be waited for. The zero Board holds the zero S.
type Board[S fmt.Stringer] struct {
	mu      sync.Mutex
	status  S
	changed chan struct{} // closed at the next change, nil while nobody waits
}

// Set changes the status.
func (b *Board[S]) Set(change func(*S)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	change(&b.status)
	if b.changed != nil {
		close(b.changed)
		b.changed = nil
	}
}

// Get returns the status.
func (b *Board[S]) Get() S {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.status
}

// Wait returns as soon as until is true of the status.
func (b *Board[S]) Wait(ctx context.Context, until func(S) bool) error {
	for {
		b.mu.Lock()
		s := b.status
		if b.changed == nil {
			b.changed = make(chan struct{})
		}
		changed := b.changed
		b.mu.Unlock()
		if until(s) {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("%s: %w", s, ctx.Err())
		}
	}
}
