package publish

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/llm-hub/llm-hub/events"
)

// lane is what one partition has under way: a queue of packets that have no id
// yet, and the packets, taken from it in order, that the log does not have yet.
type lane struct {
	mu             sync.Mutex
	outbox         bool             // there is one
	closed         bool             // takes no more events
	sending        bool             // a sender runs, and will look again before it ends
	first, open    *packet          // the queue; nil when it is empty
	oldest, newest *packet          // what was taken; nil when the log has everything
	spare          []byte           // the buffer of a message delivered before
	next           events.MessageID // of the next message

	// Where the partition's messages are. Only its sender puts into the outbox, so
	// once it finds nothing there it may go to the log directly.
	older   bool          // the outbox may hold messages of older epochs
	acked   uint64        // highest counter that the log has
	boxed   uint64        // highest counter that the outbox took
	away    bool          // the log's last answer was none
	changed chan struct{} // closed when older, acked or away change; nil if nobody waits

	// Written under mu but for the decrements, read without.
	events, bytes atomic.Int64 // of what neither log nor outbox has
	since         atomic.Int64 // when the oldest of that came, in ns of Unix time; 0 if there is none
	latest        atomic.Int64 // when the last packet was begun, in ns of Unix time
}

// add puts line into the open packet. l.mu is held.
func (l *lane) add(line []byte) *Receipt {
	size := len(line) + 1
	if l.open == nil || l.open.count == events.MaxMessageEvents || len(l.open.data)+size > events.MaxMessageBytes {
		l.begin()
	}
	k := l.open
	k.data = append(append(k.data, line...), '\n')
	k.count++
	l.events.Add(1)
	l.bytes.Add(int64(size))
	return &k.receipt
}

// begin puts a new open packet at the end of the queue. l.mu is held.
func (l *lane) begin() {
	k := &packet{receipt: newReceipt(l.outbox), data: l.spare[:0], since: time.Now().UnixNano()}
	l.spare = nil
	l.since.CompareAndSwap(0, k.since)
	l.latest.Store(k.since)
	if l.first == nil {
		l.first = k
	} else {
		l.open.after = k
	}
	l.open = k
}

// take moves the oldest packet of the queue to what was taken and gives it its
// id. From then on its bytes are fixed. If there is none it ends the sender.
func (l *lane) take() *packet {
	l.mu.Lock()
	defer l.mu.Unlock()
	k := l.first
	if k == nil {
		l.sending = false
		return nil
	}
	if l.first = k.after; l.first == nil {
		l.open = nil
	}
	k.after, k.id = nil, l.next
	l.next.Counter++
	if l.oldest == nil {
		l.oldest = k
	} else {
		l.newest.after = k
	}
	l.newest = k
	return k
}

// release stops counting k among what waits in memory. l.mu is held.
func (l *lane) release(k *packet) {
	if k.kept {
		return
	}
	l.events.Add(-int64(k.count))
	l.bytes.Add(-int64(len(k.data)))
	since := int64(0)
	if l.first != nil {
		since = l.first.since
	}
	l.since.Store(since)
}

// acknowledge notes that the log has the message of id. A repetition changes nothing.
func (l *lane) acknowledge(id events.MessageID, ack events.Ack) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.away = false
	if k := l.oldest; k != nil && k.id == id {
		l.acked = id.Counter
		if l.oldest = k.after; l.oldest == nil {
			l.newest = nil
		}
		l.release(k)
		k.settle(ack, nil)
	}
	l.wake()
}

// keep notes that the outbox has k.
func (l *lane) keep(k *packet) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.boxed = k.id.Counter
	if k.kept {
		return // it is in the log already
	}
	l.release(k)
	k.kept = true
	close(k.receipt.kept)
}

// recycle takes the buffer of a packet that is delivered or given up.
func (l *lane) recycle(k *packet) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.spare, k.data = k.data, nil
}

// giveUp settles k, which nothing took, with err and returns how much is lost.
func (l *lane) giveUp(k *packet, err error) (lost Pending) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !k.kept {
		lost = Pending{Events: int64(k.count), Bytes: int64(len(k.data))}
	}
	l.release(k)
	k.settle(events.Ack{}, k.giveUp(err))
	return lost
}

// abandon settles everything that only the outbox has.
func (l *lane) abandon() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for k := l.oldest; k != nil; k = k.after {
		k.settle(events.Ack{}, k.giveUp(events.ErrClosed))
	}
}

// missed notes that the log did not acknowledge.
func (l *lane) missed() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.away {
		l.away = true
		l.wake()
	}
}

// caughtUp notes that the outbox holds nothing of older epochs any more.
func (l *lane) caughtUp() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.older = false
	l.wake()
}

// wake lets the sender look again. l.mu is held.
func (l *lane) wake() {
	if l.changed != nil {
		close(l.changed)
		l.changed = nil
	}
}

// inLog tells whether the log is known to have the message of id.
func (l *lane) inLog(id events.MessageID) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return id.Epoch == l.next.Epoch && id.Counter <= l.acked
}

// active tells whether the outbox holds anything of the partition, as far as is known.
func (l *lane) active() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.older || l.boxed > l.acked
}

// turn is what the message next in line may do.
type turn int

const (
	wait    turn = iota // the outbox comes first, and is being drained
	direct              // go to the log
	detour              // go to the outbox: it comes first, and the log is away
	arrived             // the log has it, from the outbox
)

// look tells whose turn it is, and if it is not that of counter, what ends the waiting.
func (l *lane) look(counter uint64) (turn, <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.acked >= counter:
		return arrived, nil
	case !l.older && l.acked+1 == counter:
		return direct, nil
	case l.away:
		return detour, nil
	}
	if l.changed == nil {
		l.changed = make(chan struct{})
	}
	return wait, l.changed
}

// await waits until the turn of counter is decided; if ctx ends first it is the outbox's.
func (l *lane) await(ctx context.Context, counter uint64) turn {
	for {
		t, changed := l.look(counter)
		if t != wait {
			return t
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return detour
		}
	}
}
