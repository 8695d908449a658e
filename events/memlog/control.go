package memlog

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/llm-hub/llm-hub/events"
)

// AppendControl appends c to the control stream if its last sequence is after,
// else it fails with [events.ErrConflict]. It returns the new sequence.
func (l *Log) AppendControl(ctx context.Context, after uint64, c events.Command) (uint64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.usable(ctx); err != nil {
		return 0, err
	}
	if _, err := c.Events(); err != nil {
		return 0, err
	}
	if after != uint64(len(l.commands)) {
		return 0, fmt.Errorf("control stream is at %d, not %d: %w", len(l.commands), after, events.ErrConflict)
	}
	c.Seq, c.Time, c.Prev = after+1, time.Now().UTC(), l.commands[after-1].Hash()
	c.Data = slices.Clone(c.Data)
	l.commands = append(l.commands, c)
	l.notify()
	return c.Seq, nil
}

// Commands returns at most limit commands from sequence from on, in order.
func (l *Log) Commands(ctx context.Context, from uint64, limit int) ([]events.Command, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return page(l.commands, from, limit), l.usable(ctx)
}

// ControlInfo describes the control stream.
func (l *Log) ControlInfo(ctx context.Context) (events.Info, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return events.Info{Created: l.created, First: 1, Last: uint64(len(l.commands))}, l.usable(ctx)
}

// FollowControl tells of every command from sequence from on, and of those to
// come: messages with a sequence and data, without an id.
func (l *Log) FollowControl(ctx context.Context, from uint64) (events.Cursor, error) {
	return l.read(ctx, events.Range{From: max(from, 1)}, l.commandsFrom)
}

// commandsFrom is [Log.from] of the control stream.
func (l *Log) commandsFrom(seq uint64) ([]events.Stored, <-chan struct{}, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, nil, events.ErrClosed
	}
	var out []events.Stored
	for _, c := range page(l.commands, seq, cursorBuffer) {
		out = append(out, events.Stored{Message: events.Message{Data: c.Data}, Seq: c.Seq, Time: c.Time})
	}
	return out, l.changed, nil
}
