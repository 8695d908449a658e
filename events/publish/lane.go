package publish

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/llm-hub/llm-hub/events"
)

// Receipt stands for one message of events. Events that leave together share it.
type Receipt struct {
	done chan struct{}
	ack  events.Ack // set before done is closed
	err  error      // set before done is closed
}

// Done is closed when the log has the events, or the publisher gave up at Close.
func (r *Receipt) Done() <-chan struct{} { return r.done }

// Wait waits for the acknowledgement. After an error of the publisher it is
// unknown whether the log has the events; ctx ends the waiting only.
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

// lane is the queue of one partition.
type lane struct {
	mu          sync.Mutex
	closed      bool             // takes no more events
	sending     bool             // a sender runs, and will look again before it ends
	first, open *packet          // the queue; nil when it is empty
	spare       []byte           // the buffer of a message acknowledged before
	next        events.MessageID // of the next message

	// Written under mu but for the decrements, read without.
	events, bytes atomic.Int64
	since         atomic.Int64 // when the oldest waiting event came, in ns of Unix time; 0 if none waits
}

// packet is one message: open while it is the last of the queue, fixed once taken.
type packet struct {
	after   *packet // the next of the queue
	receipt Receipt
	data    []byte
	count   int
	since   int64 // when its first event came, in ns of Unix time
}

// add puts line into the open packet. l.mu is held.
func (l *lane) add(line []byte) *Receipt {
	size := len(line) + 1
	if l.open == nil || l.open.count == events.MaxMessageEvents || len(l.open.data)+size > events.MaxMessageBytes {
		l.begin()
	}
	p := l.open
	p.data = append(append(p.data, line...), '\n')
	p.count++
	l.events.Add(1)
	l.bytes.Add(int64(size))
	return &p.receipt
}

// begin puts a new open packet at the end of the queue. l.mu is held.
func (l *lane) begin() {
	p := &packet{receipt: Receipt{done: make(chan struct{})}, data: l.spare[:0], since: time.Now().UnixNano()}
	l.spare = nil
	l.since.CompareAndSwap(0, p.since)
	if l.first == nil {
		l.first = p
	} else {
		l.open.after = p
	}
	l.open = p
}

// take removes the oldest packet and gives it its id. From then on its bytes are
// fixed. If there is none it ends the sender.
func (l *lane) take() (*packet, events.MessageID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	p, id := l.first, l.next
	if p == nil {
		l.sending = false
		return nil, events.MessageID{}
	}
	if l.first = p.after; l.first == nil {
		l.open = nil
	}
	l.next.Counter++
	return p, id
}

// settle tells the waiting what became of p.
func (l *lane) settle(p *packet, ack events.Ack, err error) {
	l.mu.Lock()
	l.events.Add(-int64(p.count))
	l.bytes.Add(-int64(len(p.data)))
	l.spare = p.data
	p.data = nil
	since := int64(0)
	if l.first != nil {
		since = l.first.since
	}
	l.since.Store(since)
	l.mu.Unlock()
	p.receipt.ack, p.receipt.err = ack, err
	close(p.receipt.done)
}
