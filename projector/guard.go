package projector

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/llm-hub/llm-hub/events"
)

// GuardEvery is how often a running fold checks that its log is still the one it folded.
const GuardEvery = 10 * time.Second

// GuardError says that what is stored does not belong to the log as it is now:
// one of them was lost, restored or replaced. To go on would lose or double
// events, so the fold stops.
type GuardError struct {
	Fold   string // counters, tables
	Reason string
}

// Error names the difference and the way out.
func (e *GuardError) Error() string {
	return fmt.Sprintf("%s: %s; run `llm-hub rebuild`", e.Fold, e.Reason)
}

// LostError says that a part of the log is nowhere any more.
type LostError struct{ Reason string }

// Error implements error.
func (e *LostError) Error() string { return e.Reason }

// Archived is a log whose beginning may be kept elsewhere than in its stream.
type Archived interface {
	// Begins is the lowest sequence that can be read of a log whose stream is as info
	// says. A [*LostError] says that something before the stream's first is nowhere.
	Begins(ctx context.Context, info events.Info) (uint64, error)
}

// Begins is the lowest sequence that can be read of a log, see [Archived].
func Begins(ctx context.Context, log events.Reader, info events.Info) (uint64, error) {
	if a, ok := log.(Archived); ok && info.First > 1 {
		return a.Begins(ctx, info)
	}
	return max(info.First, 1), nil
}

// Anchor ties a checkpoint to its log: a message, and the stream it is in.
type Anchor struct {
	Created time.Time `json:"created"` // of the stream
	Seq     uint64    `json:"seq"`     // of the last message read, 0 for none
	Hash    string    `json:"hash"`    // of that message, see [Hash]
}

// Hash is the SHA-256 of a message's id and bytes, in hex.
func Hash(m events.Message) string {
	h := sha256.New()
	h.Write([]byte(m.ID.String())) // never fails
	h.Write([]byte{'\n'})
	h.Write(m.Data)
	return hex.EncodeToString(h.Sum(nil))
}

// Check verifies that the log is the one that a was taken from and still holds
// everything from sequence from on. A difference is a [*GuardError].
func (a Anchor) Check(ctx context.Context, log events.Reader, fold string, from uint64) error {
	info, err := log.Info(ctx)
	if err != nil {
		return fmt.Errorf("%s: guard: %w", fold, err)
	}
	fail := func(format string, args ...any) error {
		return &GuardError{Fold: fold, Reason: fmt.Sprintf(format, args...)}
	}
	switch {
	case !a.Created.IsZero() && !a.Created.Equal(info.Created):
		return fail("the stream was created at %s, the checkpoint knows one of %s", stamp(info.Created), stamp(a.Created))
	case info.Last < a.Seq:
		return fail("the log ends at sequence %d, the checkpoint is at %d", info.Last, a.Seq)
	}
	if info.First > max(from, 1) { // else nobody has to be asked what came before
		first, err := Begins(ctx, log, info)
		var lost *LostError
		switch {
		case errors.As(err, &lost):
			return fail("%s", lost.Reason)
		case err != nil:
			return fmt.Errorf("%s: guard: %w", fold, err)
		case first > max(from, 1):
			return fail("the log begins at sequence %d, needed are those from %d on", first, max(from, 1))
		}
	}
	if a.Seq == 0 {
		return nil
	}
	m, err := log.At(ctx, a.Seq)
	switch {
	case errors.Is(err, events.ErrNoMessage):
		return fail("the log has no message at sequence %d, the checkpoint's", a.Seq)
	case err != nil:
		return fmt.Errorf("%s: guard: %w", fold, err)
	case Hash(m.Message) != a.Hash:
		return fail("the message at sequence %d is not the one the checkpoint knows", a.Seq)
	}
	return nil
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }
