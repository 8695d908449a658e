package main_test

import (
	"context"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// crowd makes requests at random gateways until it is stopped, and keeps what it gets.
type crowd struct {
	gateways []*node
	tenants  []string
	models   []string

	over    atomic.Bool
	running sync.WaitGroup
	mu      sync.Mutex
	replies []reply
}

// reply is an answer to one of a crowd.
type reply struct {
	answer
	tenant      string
	asked, told time.Time
}

// gather starts a crowd of n clients.
func gather(n int, seed uint64, c *crowd) *crowd {
	for i := range n {
		c.running.Go(func() { c.client(rand.New(rand.NewPCG(seed, uint64(i)))) })
	}
	return c
}

// breath is what a client of a crowd waits after an answer: where other tests run at the
// same time, crowds would take all the time of the processors.
func breath() time.Duration { return sized(30*time.Millisecond, 0) }

func (c *crowd) client(rng *rand.Rand) {
	for !c.over.Load() {
		r := reply{tenant: c.tenants[rng.IntN(len(c.tenants))], asked: time.Now()}
		h := c.gateways[rng.IntN(len(c.gateways))].hub.Load()
		var err error
		r.answer, err = h.chatAs(context.Background(), keyOf(r.tenant), map[string]any{
			"model": c.models[rng.IntN(len(c.models))], "stream": rng.IntN(2) == 0, "max_tokens": 100,
			"messages": []map[string]string{{"role": "user", "content": "please echo " + strings.Repeat("this ", rng.IntN(60))}},
		})
		r.told = time.Now()
		if err == nil || r.request != "" {
			c.mu.Lock()
			c.replies = append(c.replies, r)
			c.mu.Unlock()
		}
		if pause := breath(); !r.complete { // the gateway is dead for the moment, or refuses
			<-time.After(max(pause, pollEvery))
		} else if pause > 0 {
			<-time.After(pause)
		}
	}
}

// disperse stops the crowd, and returns when each has the end of its request.
func (c *crowd) disperse() []reply {
	c.over.Store(true)
	c.running.Wait()
	return c.replies
}

// since returns what the crowd has got since a moment.
func (c *crowd) since(moment time.Time) []reply {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []reply
	for _, r := range c.replies {
		if r.asked.After(moment) {
			out = append(out, r)
		}
	}
	return out
}

// complete is how many of the replies are whole answers to one of the tenants,
// to any if none is named.
func complete(replies []reply, tenants ...string) int {
	n := 0
	for _, r := range replies {
		if r.complete && (len(tenants) == 0 || slices.Contains(tenants, r.tenant)) {
			n++
		}
	}
	return n
}
