package natslog

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/llm-hub/llm-hub/events"
)

// errRangeEnd ends the feed of a cursor that has delivered its range.
var errRangeEnd = errors.New("end of range")

// Read implements [events.Reader].
func (l *Log) Read(ctx context.Context, r events.Range) (events.Cursor, error) {
	r.From = max(r.From, 1)
	if r.To > 0 && r.To < r.From {
		return nil, fmt.Errorf("read: range from %d to %d is empty", r.From, r.To)
	}
	info, err := l.Info(ctx)
	if err != nil {
		return nil, err
	}
	c, f := l.newCursor(ctx, l.traffic, r)
	// A bounded read sees every partition, and leaves out what was not asked for:
	// only so it knows when it is at its end.
	if r.To == 0 && len(r.Partitions) < events.Partitions { // all need no filter
		for _, p := range r.Partitions {
			f.start.FilterSubjects = append(f.start.FilterSubjects, events.TrafficSubject(p))
		}
	}
	c.whole = len(f.start.FilterSubjects) == 0
	if r.To > 0 && r.To < info.First {
		f.deliver, f.opened = nil, func(*jetstream.ConsumerInfo) error { return errRangeEnd }
	}
	go c.run(f)
	return c, nil
}

// newCursor makes a cursor and the feed that it is to run.
func (l *Log) newCursor(ctx context.Context, s jetstream.Stream, r events.Range) (*cursor, *feed) {
	c := &cursor{r: r, out: make(chan events.Stored, 1), done: make(chan struct{})}
	c.ctx, c.cancel = l.lifetime(ctx)
	return c, &feed{client: &l.client, stream: s, deliver: c.deliver, start: jetstream.ConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: r.From,
	}}
}

type cursor struct {
	r      events.Range
	whole  bool   // every message of the stream is seen, so sequences must be without gap
	last   uint64 // sequence seen last
	ctx    context.Context
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

func (c *cursor) run(f *feed) {
	defer close(c.done)
	err := f.run(c.ctx)
	c.cancel(events.ErrClosed)
	if errors.Is(err, errRangeEnd) {
		err = nil
	}
	c.mu.Lock()
	c.err = err
	c.mu.Unlock()
	close(c.out)
}

func (c *cursor) deliver(msg jetstream.Msg, meta *jetstream.MsgMetadata) error {
	seq := meta.Sequence.Stream
	if seq < c.r.From {
		return nil // a log that lost its tail gives lower sequences again
	}
	if c.whole && c.last > 0 && seq != c.last+1 {
		return fmt.Errorf("read: messages %d to %d are gone", c.last+1, seq-1)
	}
	c.last = seq
	if c.r.To > 0 && seq > c.r.To {
		return errRangeEnd
	}
	m := stored(rawMessage{Subject: msg.Subject(), header: msg.Headers(), Data: msg.Data(), Seq: seq, Time: meta.Timestamp}, jetstream.MsgIDHeader)
	if c.r.Partitions == nil || slices.Contains(c.r.Partitions, m.ID.Partition) {
		select {
		case c.out <- m:
		case <-c.ctx.Done():
			return context.Cause(c.ctx)
		}
	}
	if seq == c.r.To {
		return errRangeEnd
	}
	return nil
}
