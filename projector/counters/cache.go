package counters

import (
	"container/list"
	"context"
	"encoding/json"
	"fmt"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
)

// counter is one key of the bucket as it will be.
type counter struct {
	key     string
	value   accounting.Counter
	rev     uint64 // of the last commit that wrote it
	batches int    // that hold it: while there are any it must not be dropped
	place   *list.Element
}

// cache holds the counters used last, and all that are being changed.
type cache struct {
	bucket events.Bucket
	size   int
	byKey  map[string]*counter
	recent *list.List // of *counter, the latest used first
}

func newCache(b events.Bucket, size int) *cache {
	return &cache{bucket: b, size: size, byKey: map[string]*counter{}, recent: list.New()}
}

// get returns the counter of key, reading it from the bucket if need be.
func (c *cache) get(ctx context.Context, key string) (*counter, error) {
	if known := c.byKey[key]; known != nil {
		c.recent.MoveToFront(known.place)
		return known, nil
	}
	entry, err := c.bucket.Get(ctx, key)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", key, err)
	}
	n := &counter{key: key, rev: entry.Rev}
	if entry.Value != nil {
		if err := json.Unmarshal(entry.Value, &n.value); err != nil {
			return nil, fmt.Errorf("read %s: %w", key, err)
		}
	}
	n.place = c.recent.PushFront(n)
	c.byKey[key] = n
	c.trim()
	return n, nil
}

// trim drops the counters used longest ago that no batch holds.
func (c *cache) trim() {
	for e := c.recent.Back(); e != nil && len(c.byKey) > c.size; {
		n, before := e.Value.(*counter), e.Prev()
		if n.batches == 0 && before != nil {
			c.recent.Remove(e)
			delete(c.byKey, n.key)
		}
		e = before
	}
}
