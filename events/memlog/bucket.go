package memlog

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/llm-hub/llm-hub/events"
)

// bucket holds the last write of every key, tombstones included.
type bucket struct {
	log     *Log
	created time.Time
	rev     uint64 // of the last write
	entries map[string]events.Entry
	commits []fault // what the next commits have to suffer
	away    error   // what every call has to suffer
}

// newBucket makes an empty bucket. l.mu is held, or l is not shared yet.
func newBucket(l *Log) *bucket {
	return &bucket{log: l, created: l.nextCreated(), entries: map[string]events.Entry{}}
}

// Bucket is a bucket whose entries may lapse.
type Bucket struct{ *bucket }

// PutFor implements [events.Lapsing].
func (b Bucket) PutFor(ctx context.Context, p events.Put, ttl time.Duration) (uint64, error) {
	if ttl < time.Second || p.Value == nil {
		return 0, fmt.Errorf("put %s for %s: it needs a value and at least a second", p.Key, ttl)
	}
	rev, err := b.Commit(ctx, []events.Put{p})
	if rev == 0 {
		return 0, err
	}
	b.log.mu.Lock()
	defer b.log.mu.Unlock()
	written := b.created
	time.AfterFunc(ttl, func() { b.lapse(written, p.Key, rev) })
	return rev, err
}

// lapse leaves a tombstone in place of what was written at rev of an incarnation.
func (b *bucket) lapse(written time.Time, key string, rev uint64) {
	b.log.mu.Lock()
	defer b.log.mu.Unlock()
	if b.created == written && b.entries[key].Rev == rev {
		b.write(events.Put{Key: key})
		b.log.notify()
	}
}

// write gives a key its next value. l.mu is held.
func (b *bucket) write(p events.Put) {
	b.rev++
	b.entries[p.Key] = events.Entry{Key: p.Key, Value: slices.Clone(p.Value), Rev: b.rev}
}

// usable tells whether a call may go on. l.mu is held.
func (b *bucket) usable(ctx context.Context) error {
	if err := b.log.usable(ctx); err != nil {
		return err
	}
	return b.away
}

// since returns what was written after rev under prefix, in the order of writing.
func (b *bucket) since(rev uint64, prefix string) []events.Entry {
	var out []events.Entry
	for _, e := range b.entries {
		if e.Rev > rev && strings.HasPrefix(e.Key, prefix) {
			out = append(out, e)
		}
	}
	slices.SortFunc(out, func(a, b events.Entry) int { return cmp.Compare(a.Rev, b.Rev) })
	return out
}

// Get implements [events.Bucket].
func (b *bucket) Get(ctx context.Context, key string) (events.Entry, error) {
	b.log.mu.Lock()
	defer b.log.mu.Unlock()
	if err := b.usable(ctx); err != nil {
		return events.Entry{}, err
	}
	e := b.entries[key]
	e.Key, e.Value = key, slices.Clone(e.Value)
	return e, nil
}

// List implements [events.Bucket].
func (b *bucket) List(ctx context.Context, prefix string) ([]events.Entry, error) {
	b.log.mu.Lock()
	defer b.log.mu.Unlock()
	if err := b.usable(ctx); err != nil {
		return nil, err
	}
	var out []events.Entry
	for _, e := range b.since(0, prefix) {
		if e.Value != nil {
			out = append(out, e)
		}
	}
	slices.SortFunc(out, func(a, b events.Entry) int { return strings.Compare(a.Key, b.Key) })
	return out, nil
}

// Commit implements [events.Bucket].
func (b *bucket) Commit(ctx context.Context, puts []events.Put) (uint64, error) {
	if err := events.CheckPuts(puts); err != nil {
		return 0, err
	}
	b.log.mu.Lock()
	defer b.log.mu.Unlock()
	if err := b.usable(ctx); err != nil {
		return 0, err
	}
	fault := next(&b.commits)
	if fault.err != nil && !fault.applied {
		return 0, fault.err
	}
	for _, p := range puts {
		if rev := b.entries[p.Key].Rev; rev != p.Rev {
			return 0, fmt.Errorf("key %s is at revision %d, not %d: %w", p.Key, rev, p.Rev, events.ErrConflict)
		}
	}
	for _, p := range puts {
		b.write(p)
	}
	b.log.notify()
	return b.rev, fault.err
}

// Created implements [events.Bucket].
func (b *bucket) Created(ctx context.Context) (time.Time, error) {
	b.log.mu.Lock()
	defer b.log.mu.Unlock()
	return b.created, b.usable(ctx)
}

// Watch implements [events.Watchable].
func (b *bucket) Watch(ctx context.Context, prefix string) (<-chan events.Entry, error) {
	b.log.mu.Lock()
	defer b.log.mu.Unlock()
	if err := b.usable(ctx); err != nil {
		return nil, err
	}
	w := &watcher{bucket: b, created: b.created, prefix: prefix, out: make(chan events.Entry)}
	initial := slices.DeleteFunc(b.since(0, prefix), func(e events.Entry) bool { return e.Value == nil })
	w.rev = b.rev
	go w.run(ctx, append(initial, events.Entry{}))
	return w.out, nil
}

type watcher struct {
	bucket  *bucket
	created time.Time // the incarnation watched
	prefix  string
	rev     uint64 // everything up to here was delivered
	out     chan events.Entry
}

func (w *watcher) run(ctx context.Context, next []events.Entry) {
	defer close(w.out)
	for {
		for _, e := range next {
			select {
			case w.out <- e:
			case <-ctx.Done():
				return
			}
		}
		var changed <-chan struct{}
		if next, changed = w.fetch(); changed == nil {
			return
		}
		if len(next) > 0 {
			continue
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}

// fetch returns what was written since the last call, and a channel that is
// closed at the next change; nil when the log is closed.
func (w *watcher) fetch() ([]events.Entry, <-chan struct{}) {
	b := w.bucket
	b.log.mu.Lock()
	defer b.log.mu.Unlock()
	if b.log.closed {
		return nil, nil
	}
	if b.created != w.created || b.rev == w.rev || b.away != nil {
		return nil, b.log.changed
	}
	entries := b.since(w.rev, w.prefix)
	w.rev = b.rev
	return entries, b.log.changed
}
