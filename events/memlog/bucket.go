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
	created time.Time
	rev     uint64 // of the last write
	entries map[string]events.Entry
}

func newBucket(created time.Time) bucket {
	return bucket{created: created, entries: map[string]events.Entry{}}
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
func (l *Log) Get(ctx context.Context, key string) (events.Entry, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.usable(ctx); err != nil {
		return events.Entry{}, err
	}
	e := l.bucket.entries[key]
	e.Key, e.Value = key, slices.Clone(e.Value)
	return e, nil
}

// List implements [events.Bucket].
func (l *Log) List(ctx context.Context, prefix string) ([]events.Entry, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.usable(ctx); err != nil {
		return nil, err
	}
	var out []events.Entry
	for _, e := range l.bucket.since(0, prefix) {
		if e.Value != nil {
			out = append(out, e)
		}
	}
	slices.SortFunc(out, func(a, b events.Entry) int { return strings.Compare(a.Key, b.Key) })
	return out, nil
}

// Commit implements [events.Bucket].
func (l *Log) Commit(ctx context.Context, puts []events.Put) (uint64, error) {
	if err := events.CheckPuts(puts); err != nil {
		return 0, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.usable(ctx); err != nil {
		return 0, err
	}
	fault := l.faults.nextCommit()
	if fault.err != nil && !fault.applied {
		return 0, fault.err
	}
	for _, p := range puts {
		if rev := l.bucket.entries[p.Key].Rev; rev != p.Rev {
			return 0, fmt.Errorf("key %s is at revision %d, not %d: %w", p.Key, rev, p.Rev, events.ErrConflict)
		}
	}
	for _, p := range puts {
		l.bucket.rev++
		l.bucket.entries[p.Key] = events.Entry{Key: p.Key, Value: slices.Clone(p.Value), Rev: l.bucket.rev}
	}
	l.notify()
	return l.bucket.rev, fault.err
}

// Created implements [events.Bucket].
func (l *Log) Created(ctx context.Context) (time.Time, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.bucket.created, l.usable(ctx)
}

// Watch implements [events.Watchable].
func (l *Log) Watch(ctx context.Context, prefix string) (<-chan events.Entry, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.usable(ctx); err != nil {
		return nil, err
	}
	w := &watcher{log: l, created: l.bucket.created, prefix: prefix, out: make(chan events.Entry)}
	initial := slices.DeleteFunc(l.bucket.since(0, prefix), func(e events.Entry) bool { return e.Value == nil })
	w.rev = l.bucket.rev
	go w.run(ctx, append(initial, events.Entry{}))
	return w.out, nil
}

type watcher struct {
	log     *Log
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
	l := w.log
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, nil
	}
	if l.bucket.created != w.created || l.bucket.rev == w.rev {
		return nil, l.changed
	}
	entries := l.bucket.since(w.rev, w.prefix)
	w.rev = l.bucket.rev
	return entries, l.changed
}
