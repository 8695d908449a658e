package memlog

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/llm-hub/llm-hub/events"
)

// cursorBuffer is how many messages a cursor reads ahead of its reader.
const cursorBuffer = 64

// Read implements [events.Reader].
func (l *Log) Read(ctx context.Context, r events.Range) (events.Cursor, error) {
	r.From = max(r.From, 1)
	if r.To > 0 && r.To < r.From {
		return nil, fmt.Errorf("read: range from %d to %d is empty", r.From, r.To)
	}
	return l.read(ctx, r, l.from)
}

// fetch returns some of the messages from a sequence on, and a channel that is
// closed at the next change.
type fetch func(seq uint64) ([]events.Stored, <-chan struct{}, error)

func (l *Log) read(ctx context.Context, r events.Range, from fetch) (events.Cursor, error) {
	l.mu.Lock()
	err := l.usable(ctx)
	l.mu.Unlock()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	c := &cursor{from: from, r: r, ctx: ctx, cancel: cancel, out: make(chan events.Stored, cursorBuffer), done: make(chan struct{})}
	go c.run()
	return c, nil
}

type cursor struct {
	from   fetch
	r      events.Range
	ctx    context.Context // of the read, ended by Close
	cancel context.CancelCauseFunc
	out    chan events.Stored
	done   chan struct{} // closed when run has ended

	mu  sync.Mutex
	err error
}

// C implements [events.Cursor].
func (c *cursor) C() <-chan events.Stored { return c.out }

// Err implements [events.Cursor].
func (c *cursor) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// Close implements [events.Cursor].
func (c *cursor) Close() {
	c.cancel(events.ErrClosed)
	<-c.done
}

func (c *cursor) run() {
	defer close(c.done)
	err := c.deliver()
	c.mu.Lock()
	c.err = err
	c.mu.Unlock()
	close(c.out)
}

func (c *cursor) deliver() error {
	next := c.r.From
	for c.r.To == 0 || next <= c.r.To {
		batch, changed, err := c.from(next)
		if err != nil {
			return err
		}
		if len(batch) > 0 && next > c.r.From && batch[0].Seq > next {
			return fmt.Errorf("read: messages %d to %d are gone", next, batch[0].Seq-1)
		}
		for _, m := range batch {
			if c.r.To > 0 && m.Seq > c.r.To {
				return nil
			}
			if err := c.send(m); err != nil {
				return err
			}
			next = m.Seq + 1
		}
		if len(batch) > 0 {
			continue
		}
		select {
		case <-changed:
		case <-c.ctx.Done():
			return context.Cause(c.ctx)
		}
	}
	return nil
}

func (c *cursor) send(m events.Stored) error {
	if c.ctx.Err() != nil {
		return context.Cause(c.ctx)
	}
	if c.r.Partitions != nil && !slices.Contains(c.r.Partitions, m.ID.Partition) {
		return nil
	}
	select {
	case c.out <- m:
		return nil
	case <-c.ctx.Done():
		return context.Cause(c.ctx)
	}
}

// from is a [fetch] of the traffic.
func (l *Log) from(seq uint64) ([]events.Stored, <-chan struct{}, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, nil, events.ErrClosed
	}
	start := min(max(seq, l.first)-l.first, uint64(len(l.messages)))
	end := min(start+cursorBuffer, uint64(len(l.messages)))
	return slices.Clone(l.messages[start:end]), l.changed, nil
}
