package memlog

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/llm-hub/llm-hub/events"
)

// messageOverhead is what a message takes in an outbox besides its data, in bytes.
const messageOverhead = 64

// Outbox implements [events.Outbox] in memory. It outlives the publisher that
// fills it, as a disk does. All its methods may be called at once.
type Outbox struct {
	mu     sync.Mutex
	disk   *disk
	closed bool
	down   error         // while not nil, every call fails with it
	delay  time.Duration // of every call
	puts   []fault       // what the next puts have to suffer
}

// disk is what an outbox leaves to the one that is opened after it.
type disk struct {
	max      uint64
	bytes    uint64
	last     uint64 // the highest number ever given
	messages []events.Stored
}

// NewOutbox makes an empty outbox that holds at most max bytes.
func NewOutbox(max uint64) *Outbox { return &Outbox{disk: &disk{max: max}} }

// Reopen closes the outbox and returns another that holds what it held.
func (o *Outbox) Reopen() *Outbox {
	o.Close()
	return &Outbox{disk: o.disk}
}

// FailPut makes the next put that no earlier call claims fail with err, after
// the message was stored or without.
func (o *Outbox) FailPut(err error, stored bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.puts = append(o.puts, fault{err: err, applied: stored})
}

// Break makes every call fail with err and do nothing, until Break(nil).
func (o *Outbox) Break(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.down = err
}

// Delay makes every call take d before it does anything.
func (o *Outbox) Delay(d time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.delay = d
}

// Resize changes how many bytes the outbox may hold.
func (o *Outbox) Resize(max uint64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.disk.max = max
}

// enter suffers what every call has to and leaves o.mu held if it may go on.
func (o *Outbox) enter(ctx context.Context) error {
	o.mu.Lock()
	delay := o.delay
	o.mu.Unlock()
	if delay > 0 {
		select {
		case <-time.After(delay):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	o.mu.Lock()
	err := ctx.Err()
	switch {
	case o.closed:
		err = events.ErrClosed
	case o.down != nil:
		err = o.down
	}
	if err != nil {
		o.mu.Unlock()
	}
	return err
}

// Put implements [events.Outbox].
func (o *Outbox) Put(ctx context.Context, m events.Message) error {
	if err := m.Check(); err != nil {
		return err
	}
	if err := o.enter(ctx); err != nil {
		return err
	}
	defer o.mu.Unlock()
	fault := next(&o.puts)
	if fault.err != nil && !fault.applied {
		return fault.err
	}
	d := o.disk
	if slices.ContainsFunc(d.messages, func(s events.Stored) bool { return s.ID == m.ID }) {
		return fault.err
	}
	size := uint64(len(m.Data)) + messageOverhead
	if d.bytes+size > d.max {
		return fmt.Errorf("put %s: %d of %d bytes are used: %w", m.ID, d.bytes, d.max, events.ErrFull)
	}
	m.Data = slices.Clone(m.Data)
	d.last++
	d.bytes += size
	d.messages = append(d.messages, events.Stored{Message: m, Seq: d.last, Time: time.Now().UTC()})
	return fault.err
}

// After implements [events.Outbox].
func (o *Outbox) After(ctx context.Context, seq uint64, limit int) ([]events.Stored, error) {
	if err := o.enter(ctx); err != nil {
		return nil, err
	}
	defer o.mu.Unlock()
	rest := o.disk.messages[o.disk.upTo(seq):]
	return slices.Clone(rest[:min(max(limit, 0), len(rest))]), nil
}

// Trim implements [events.Outbox].
func (o *Outbox) Trim(ctx context.Context, seq uint64) error {
	if err := o.enter(ctx); err != nil {
		return err
	}
	defer o.mu.Unlock()
	d := o.disk
	n := d.upTo(seq)
	for _, m := range d.messages[:n] {
		d.bytes -= uint64(len(m.Data)) + messageOverhead
	}
	d.messages = slices.Clone(d.messages[n:])
	return nil
}

// upTo counts the messages held whose number is at most seq.
func (d *disk) upTo(seq uint64) int {
	n := slices.IndexFunc(d.messages, func(m events.Stored) bool { return m.Seq > seq })
	if n < 0 {
		return len(d.messages)
	}
	return n
}

// Fill implements [events.Outbox].
func (o *Outbox) Fill(ctx context.Context) (events.Fill, error) {
	if err := o.enter(ctx); err != nil {
		return events.Fill{}, err
	}
	defer o.mu.Unlock()
	f := events.Fill{Messages: uint64(len(o.disk.messages)), Bytes: o.disk.bytes, Max: o.disk.max}
	if f.Messages > 0 {
		f.Oldest = o.disk.messages[0].Time
	}
	return f, nil
}

// Close makes every later call fail with [events.ErrClosed].
func (o *Outbox) Close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed = true
}
