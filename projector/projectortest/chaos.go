package projectortest

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/llm-hub/llm-hub/events"
)

// Chaos is a bucket that takes its time, fails, and fails after it did what was
// asked: once in Odds calls each.
type Chaos struct {
	events.Bucket
	Odds int
	Slow time.Duration // longest time a commit takes

	mu  sync.Mutex
	rng *rand.Rand
}

// NewChaos wraps b.
func NewChaos(b events.Bucket, seed uint64, odds int, slow time.Duration) *Chaos {
	return &Chaos{Bucket: b, Odds: odds, Slow: slow, rng: rand.New(rand.NewPCG(seed, 2))}
}

func (c *Chaos) roll(n int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.rng.IntN(n)
}

// Get implements [events.Bucket].
func (c *Chaos) Get(ctx context.Context, key string) (events.Entry, error) {
	if c.roll(20*c.Odds) == 0 {
		return events.Entry{}, events.ErrUnavailable
	}
	return c.Bucket.Get(ctx, key)
}

// Commit implements [events.Bucket].
func (c *Chaos) Commit(ctx context.Context, puts []events.Put) (uint64, error) {
	<-time.After(time.Duration(c.roll(int(c.Slow) + 1)))
	what := c.roll(c.Odds)
	if what == 0 {
		return 0, events.ErrUnavailable
	}
	rev, err := c.Bucket.Commit(ctx, puts)
	if what == 1 && err == nil {
		return 0, events.ErrUnavailable
	}
	return rev, err
}
