package memlog

import (
	"context"
	"slices"
	"time"

	"github.com/llm-hub/llm-hub/events"
)

// fault is what one call has to suffer.
type fault struct {
	err     error
	applied bool // the call does its work all the same
}

// next takes a fault from a queue of them.
func next(queue *[]fault) fault {
	if len(*queue) == 0 {
		return fault{}
	}
	f := (*queue)[0]
	*queue = (*queue)[1:]
	return f
}

// FailAppend makes the next append that no earlier call claims fail with err,
// after the message was stored or without.
func (l *Log) FailAppend(err error, stored bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.appends = append(l.appends, fault{err: err, applied: stored})
}

// FailCommit makes the next commit that no earlier call claims fail with err,
// after it was applied or without.
func (b *bucket) FailCommit(err error, applied bool) {
	b.log.mu.Lock()
	defer b.log.mu.Unlock()
	b.commits = append(b.commits, fault{err: err, applied: applied})
}

// Away makes every call fail with err, and watchers hear nothing, until it is
// called with nil.
func (b *bucket) Away(err error) {
	b.log.mu.Lock()
	defer b.log.mu.Unlock()
	b.away = err
	b.log.notify()
}

// Hold makes appends wait until release is called or their context ends.
func (l *Log) Hold() (release func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	held := make(chan struct{})
	l.held = held
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.held == held {
			l.held = nil
			close(held)
		}
	}
}

func (l *Log) waitReleased(ctx context.Context) error {
	l.mu.Lock()
	held := l.held
	l.mu.Unlock()
	if held == nil {
		return nil
	}
	select {
	case <-held:
		return nil
	case <-ctx.Done():
		return events.ErrUnavailable
	}
}

// Inject stores m even if the log holds a message of its id, as a log does after
// its dedupe window, and returns its sequence. Nothing of m is checked.
func (l *Log) Inject(m events.Message) uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.store(m)
}

// Truncate drops every message after last, as a log that lost its tail does. The
// sequences are given again, also to readers that had the old ones.
func (l *Log) Truncate(last uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	keep := min(max(last+1, l.first)-l.first, uint64(len(l.messages)))
	l.messages = slices.Clone(l.messages[:keep])
	l.reindex()
}

// Trim implements [events.Trimmer].
func (l *Log) Trim(ctx context.Context, first uint64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.usable(ctx); err != nil {
		return err
	}
	drop := min(max(first, l.first)-l.first, uint64(len(l.messages)))
	l.messages = slices.Clone(l.messages[drop:])
	l.first += drop
	l.reindex()
	return nil
}

// Recreate replaces the traffic stream by an empty one with another creation time.
func (l *Log) Recreate() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.created, l.first, l.messages = l.nextCreated(), 1, nil
	l.reindex()
}

// RecreateBucket replaces the bucket by an empty one with another creation time.
// Watchers of the old one hear nothing more.
func (b *bucket) RecreateBucket() {
	b.log.mu.Lock()
	defer b.log.mu.Unlock()
	b.created, b.rev, b.entries = b.log.nextCreated(), 0, map[string]events.Entry{}
	b.log.notify()
}

// reindex finds the ids of what is left. l.mu is held.
func (l *Log) reindex() {
	clear(l.ids)
	for _, m := range slices.Backward(l.messages) {
		l.ids[m.ID] = m.Seq
	}
	l.notify()
}

// SetSkew says how far our clock is ahead of the log's.
func (l *Log) SetSkew(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.skew = d
}

// Reconnect closes what [Log.Reconnected] gave.
func (l *Log) Reconnect() {
	l.mu.Lock()
	defer l.mu.Unlock()
	close(l.reconnected)
	l.reconnected = make(chan struct{})
}
