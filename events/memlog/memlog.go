// Package memlog keeps a log in memory. It behaves as events/natslog does, both
// pass events/logtest, and it fails on demand, so that tests of what stands on
// a log can be fast and exact.
package memlog

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/llm-hub/llm-hub/events"
)

// Log is a traffic stream, a control stream, dead letters, alerts and the buckets. As a
// bucket it is the one of counters. All its methods may be called at once.
type Log struct {
	*bucket
	leases, nodes, keyring Bucket
	answers, sessions      Bucket

	mu      sync.Mutex
	changed chan struct{} // closed and replaced whenever anything below changes
	closed  bool
	held    chan struct{} // while not nil, appends wait for it to be closed
	appends []fault       // what the next appends have to suffer

	skew        time.Duration
	reconnected chan struct{} // closed and replaced by Reconnect

	newest   time.Time // creation time given last
	created  time.Time
	first    uint64 // sequence of messages[0], or of the next message if there is none
	messages []events.Stored
	ids      map[events.MessageID]uint64

	commands []events.Command
	dead     []events.DeadLetter
	alerts   []events.Stored
	alertIDs map[string]bool
}

// New makes an empty log whose control stream holds [events.HubCreated].
func New() *Log {
	l := &Log{changed: make(chan struct{}), reconnected: make(chan struct{}), first: 1, ids: map[events.MessageID]uint64{}, alertIDs: map[string]bool{}}
	l.created = l.nextCreated()
	l.bucket, l.leases, l.nodes, l.keyring = newBucket(l), Bucket{newBucket(l)}, Bucket{newBucket(l)}, Bucket{newBucket(l)}
	l.answers, l.sessions = Bucket{newBucket(l)}, Bucket{newBucket(l)}
	l.commands = []events.Command{firstCommand(l.created)}
	return l
}

// firstCommand says how many partitions the log has. Its errors are left out:
// what it encodes is constant, and the conformance suite reads it back.
func firstCommand(now time.Time) events.Command {
	e, _ := events.New(events.Head{At: now, Node: "memlog", Tenant: events.NoTenant},
		events.HubCreated{Partitions: events.Partitions, Version: "memlog"})
	c, _ := events.NewCommand(e)
	c.Seq, c.Time = 1, now
	return c
}

// nextCreated gives a creation time never given before, also under a clock that stands still.
func (l *Log) nextCreated() time.Time {
	now := time.Now().UTC()
	if !now.After(l.newest) {
		now = l.newest.Add(time.Nanosecond)
	}
	l.newest = now
	return now
}

// Leases is the bucket of leases, which gateways write.
func (l *Log) Leases() Bucket { return l.leases }

// Nodes is the bucket of who does what.
func (l *Log) Nodes() Bucket { return l.nodes }

// Keyring is the bucket of wrapped data keys.
func (l *Log) Keyring() Bucket { return l.keyring }

// Answers is the bucket of answers that requests may go on from.
func (l *Log) Answers() Bucket { return l.answers }

// Sessions is the bucket of who is signed in.
func (l *Log) Sessions() Bucket { return l.sessions }

// notify wakes whoever waits for a change. l.mu is held.
func (l *Log) notify() {
	close(l.changed)
	l.changed = make(chan struct{})
}

// Append implements [events.Appender].
func (l *Log) Append(ctx context.Context, m events.Message) (events.Ack, error) {
	if err := m.Check(); err != nil {
		return events.Ack{}, err
	}
	if err := l.waitReleased(ctx); err != nil {
		return events.Ack{}, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.usable(ctx); err != nil {
		return events.Ack{}, err
	}
	fault := next(&l.appends)
	if fault.err != nil && !fault.applied {
		return events.Ack{}, fault.err
	}
	if seq, known := l.ids[m.ID]; known {
		return events.Ack{Seq: seq, Duplicate: true}, fault.err
	}
	return events.Ack{Seq: l.store(m)}, fault.err
}

// store keeps m without looking for duplicates. l.mu is held.
func (l *Log) store(m events.Message) uint64 {
	seq := l.first + uint64(len(l.messages))
	m.Data = slices.Clone(m.Data)
	l.messages = append(l.messages, events.Stored{Message: m, Seq: seq, Time: time.Now().UTC()})
	if _, known := l.ids[m.ID]; !known {
		l.ids[m.ID] = seq
	}
	l.notify()
	return seq
}

// usable tells whether a call may go on. l.mu is held.
func (l *Log) usable(ctx context.Context) error {
	if l.closed {
		return events.ErrClosed
	}
	return ctx.Err()
}

// Info implements [events.Reader].
func (l *Log) Info(ctx context.Context) (events.Info, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.usable(ctx); err != nil {
		return events.Info{}, err
	}
	info := events.Info{Created: l.created, First: l.first, Last: l.first + uint64(len(l.messages)) - 1}
	for _, m := range l.messages {
		info.Bytes += uint64(len(m.Data))
	}
	return info, nil
}

// At implements [events.Reader].
func (l *Log) At(ctx context.Context, seq uint64) (events.Stored, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.usable(ctx); err != nil {
		return events.Stored{}, err
	}
	if seq < l.first || seq >= l.first+uint64(len(l.messages)) {
		return events.Stored{}, fmt.Errorf("sequence %d: %w", seq, events.ErrNoMessage)
	}
	return l.messages[seq-l.first], nil
}

// Dead keeps what could not be applied. The same id is kept once.
func (l *Log) Dead(ctx context.Context, p events.Partition, id, reason string, raw []byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.usable(ctx); err != nil {
		return err
	}
	if slices.ContainsFunc(l.dead, func(d events.DeadLetter) bool { return d.ID == id }) {
		return nil
	}
	l.dead = append(l.dead, events.DeadLetter{
		Seq: uint64(len(l.dead)) + 1, Time: time.Now().UTC(), Partition: p, ID: id, Reason: events.OneLine(reason), Raw: slices.Clone(raw),
	})
	return nil
}

// DeadLetters returns at most limit dead letters from sequence from on, in order.
func (l *Log) DeadLetters(ctx context.Context, from uint64, limit int) ([]events.DeadLetter, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return page(l.dead, from, limit), l.usable(ctx)
}

// page gives at most limit of the items whose sequences, from 1, are from or more.
func page[T any](items []T, from uint64, limit int) []T {
	start := min(max(from, 1)-1, uint64(len(items)))
	end := min(start+uint64(max(limit, 0)), uint64(len(items)))
	return slices.Clone(items[start:end])
}

// Healthy is nil unless the log is closed.
func (l *Log) Healthy(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.usable(ctx)
}

// Close ends all readers; every later call fails with [events.ErrClosed].
func (l *Log) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closed {
		l.closed = true
		l.notify()
	}
}

// Skew is how far our clock is ahead of the log's: 0, or what SetSkew said.
func (l *Log) Skew(ctx context.Context) (time.Duration, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.skew, l.usable(ctx)
}

// Reconnected is closed at the next [Log.Reconnect].
func (l *Log) Reconnected() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.reconnected
}
