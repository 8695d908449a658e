package archive

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/llm-hub/llm-hub/events"
)

// cursorBuffer is how many messages a cursor reads ahead of its reader.
const cursorBuffer = 64

// cursor reads what is archived, then the stream.
type cursor struct {
	log    *Log
	r      events.Range
	next   uint64 // sequence to be delivered next
	ctx    context.Context
	cancel context.CancelCauseFunc
	out    chan events.Stored
	done   chan struct{} // closed when run has ended

	mu  sync.Mutex
	err error
}

func newCursor(ctx context.Context, l *Log, r events.Range) *cursor {
	c := &cursor{log: l, r: r, next: r.From, out: make(chan events.Stored, cursorBuffer), done: make(chan struct{})}
	c.ctx, c.cancel = context.WithCancelCause(ctx)
	go c.run()
	return c
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
	if c.ctx.Err() != nil {
		err = context.Cause(c.ctx)
	}
	c.cancel(events.ErrClosed)
	c.mu.Lock()
	c.err = err
	c.mu.Unlock()
	close(c.out)
}

// deliver reads archive and stream in turns: the stream may be trimmed meanwhile.
func (c *cursor) deliver() error {
	var failed error // of the last read of the stream
	for c.more() {
		info, err := c.log.Info(c.ctx)
		if err != nil {
			return err
		}
		if c.next >= info.First {
			if failed != nil {
				return failed
			}
			failed = c.stream()
			continue
		}
		failed = nil
		if err := c.archived(info); err != nil {
			return err
		}
	}
	return nil
}

func (c *cursor) more() bool { return c.r.To == 0 || c.next <= c.r.To }

// errEnded says that the stream gave less than it was asked for.
var errEnded = errors.New("read: the stream ended early")

// stream delivers from the stream, until its end or until it lacks what comes next.
func (c *cursor) stream() error {
	r := events.Range{From: c.next, To: c.r.To}
	follows := c.r.To == 0
	if follows {
		r.Partitions = c.r.Partitions
	} // else all are read: only so it is seen that none is missing
	in, err := c.log.Reader.Read(c.ctx, r)
	if err != nil {
		return err
	}
	defer in.Close()
	for m := range in.C() {
		if m.Seq != c.next && (!follows || c.r.Partitions == nil) {
			return fmt.Errorf("read: messages %d to %d are gone", c.next, m.Seq-1)
		}
		if err := c.send(m); err != nil {
			return err
		}
	}
	if err := in.Err(); err != nil || !c.more() {
		return err
	}
	return errEnded
}

// send delivers m, if it is wanted.
func (c *cursor) send(m events.Stored) error {
	if c.r.Partitions == nil || slices.Contains(c.r.Partitions, m.ID.Partition) {
		select {
		case c.out <- m:
		case <-c.ctx.Done():
			return context.Cause(c.ctx)
		}
	}
	c.next = m.Seq + 1
	return nil
}

// archived delivers what comes before the stream.
func (c *cursor) archived(info events.Info) error {
	to := info.First - 1
	if c.r.To > 0 {
		to = min(to, c.r.To)
	}
	m, err := c.log.archive.reaching(c.ctx, info.Created, to)
	if err != nil {
		return err
	}
	if m.Last() < to {
		return fmt.Errorf("read: %w", c.log.missing(m, info))
	}
	list := m.Segments[m.find(c.next) : m.find(to)+1]
	loads, stop := c.load(list, info.Created)
	defer stop()
	for _, s := range list {
		if !c.wanted(s) {
			c.next = s.Last + 1
			continue
		}
		if err := c.segment(s, loads, to); err != nil {
			return err
		}
	}
	c.next = max(c.next, to+1) // what was skipped may end beyond it
	return nil
}

// segment delivers the segment that is loaded next, up to a sequence.
func (c *cursor) segment(s Segment, loads <-chan loaded, to uint64) error {
	var l loaded
	select {
	case l = <-loads:
	case <-c.ctx.Done():
		return context.Cause(c.ctx)
	}
	if l.err != nil {
		return fmt.Errorf("read: %w", l.err)
	}
	for _, m := range l.messages[c.next-s.First:] {
		if m.Seq > to {
			break
		}
		if err := c.send(whole(m)); err != nil {
			return err
		}
	}
	return nil
}

// wanted tells whether a segment holds anything that is asked for.
func (c *cursor) wanted(s Segment) bool {
	return c.r.Partitions == nil || slices.ContainsFunc(s.Partitions, func(p events.Partition) bool { return slices.Contains(c.r.Partitions, p) })
}

// loaded is a segment in memory.
type loaded struct {
	messages []events.Stored
	err      error
}

// load reads the segments that are wanted, one ahead of who takes them, until stop.
func (c *cursor) load(list []Segment, created time.Time) (out <-chan loaded, stop func()) {
	ctx, cancel := context.WithCancel(c.ctx)
	loads := make(chan loaded)
	var reading sync.WaitGroup
	reading.Go(func() {
		for _, s := range list {
			if !c.wanted(s) {
				continue
			}
			messages, err := c.log.archive.messages(ctx, created, s)
			select {
			case loads <- loaded{messages, err}:
			case <-ctx.Done():
				return
			}
			if err != nil {
				return
			}
		}
	})
	return loads, func() { cancel(); reading.Wait() }
}
