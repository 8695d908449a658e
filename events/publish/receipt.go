package publish

import (
	"context"
	"errors"
	"fmt"

	"github.com/llm-hub/llm-hub/events"
)

// ErrKept: the publisher was closed while the events were in the outbox only. The
// next start of the node carries them to the log.
var ErrKept = errors.New("kept in the outbox, not yet in the log")

// Receipt stands for one message of events. Events that leave together share it.
type Receipt struct {
	kept, done chan struct{} // the same one without an outbox
	ack        events.Ack    // set before done is closed
	err        error         // set before done is closed
	lost       error         // set before kept is closed
}

func newReceipt(outbox bool) Receipt {
	r := Receipt{done: make(chan struct{})}
	r.kept = r.done
	if outbox {
		r.kept = make(chan struct{})
	}
	return r
}

// Kept is closed when the events are durable in the log or in the outbox, or the
// publisher gave up at Close; Err then tells which.
func (r *Receipt) Kept() <-chan struct{} { return r.kept }

// Err is nil until Kept is closed, and after it if the events are durable. Else it
// is unknown whether the log has them.
func (r *Receipt) Err() error {
	select {
	case <-r.kept:
		return r.lost
	default:
		return nil
	}
}

// Done is closed when the log has the events, or the publisher gave up at Close.
func (r *Receipt) Done() <-chan struct{} { return r.done }

// Wait waits for the acknowledgement. After [ErrKept] the events are safe in the
// outbox; after another error of the publisher it is unknown whether the log has
// them. ctx ends the waiting only.
func (r *Receipt) Wait(ctx context.Context) (events.Ack, error) {
	select {
	case <-r.done:
		return r.ack, r.err
	default:
	}
	select {
	case <-r.done:
		return r.ack, r.err
	case <-ctx.Done():
		return events.Ack{}, ctx.Err()
	}
}

// packet is one message: open while it is the last of the queue, fixed once
// taken. Its lane's mu guards it, but for id, data and count while it is delivered.
type packet struct {
	after   *packet // the next one of its list
	receipt Receipt
	id      events.MessageID // zero until it is taken
	data    []byte           // until it is delivered
	count   int
	since   int64 // when its first event came, in ns of Unix time

	kept bool // by the log or the outbox, or given up: it waits in memory no longer
	done bool // its receipt is
}

func (k *packet) message() events.Message {
	return events.Message{ID: k.id, Count: k.count, Data: k.data}
}

// settle completes the receipt. What is given up after it was kept is not lost.
func (k *packet) settle(ack events.Ack, err error) {
	if k.done {
		return
	}
	k.done = true
	r := &k.receipt
	r.ack, r.err = ack, err
	if !k.kept {
		k.kept = true
		r.lost = err
		if r.kept != r.done {
			close(r.kept)
		}
	}
	close(r.done)
}

// giveUp is the receipt's error when the publisher ends before the log has k.
func (k *packet) giveUp(err error) error {
	if k.kept {
		err = ErrKept
	}
	return fmt.Errorf("message %s: %w", k.id, err)
}
