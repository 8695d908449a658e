package ownership_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/llm-hub/llm-hub/events/memlog"
	"github.com/llm-hub/llm-hub/projector/ownership"
)

const campaignSeeds = 25

// TestCampaign lets projectors join, leave, die and lose the bucket at random. By
// clocks that run alike no item ever has two owners; and once it is calm, every
// item has one.
func TestCampaign(t *testing.T) {
	for seed := range uint64(campaignSeeds) {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				(&campaign{T: t, rng: rand.New(rand.NewPCG(seed, 1)), nodes: memlog.New().Nodes()}).run()
			})
		})
	}
}

type campaign struct {
	*testing.T
	rng   *rand.Rand
	nodes memlog.Bucket
	live  []*projector
	names int
}

func (c *campaign) run() {
	for range 60 {
		c.disturb()
		for end := time.Now().Add(time.Duration(c.rng.IntN(4000)) * time.Millisecond); time.Now().Before(end); {
			pass(100 * time.Millisecond)
			c.check()
		}
	}
	for _, p := range c.live {
		p.link.away.Store(false)
		p.link.hangs.Store(false)
		p.link.deaf.Store(false)
	}
	if len(c.live) == 0 {
		c.join()
	}
	pass(4 * ttl)
	n := len(c.live)
	settled(c.T, (len(ownership.Items())+n-1)/n, c.live...)
	for _, p := range c.live {
		p.leave()
	}
}

func (c *campaign) join() {
	c.names++
	c.live = append(c.live, join(c.T, c.nodes, fmt.Sprintf("n%d.e1", c.names), ttl))
}

// disturb does one thing at random.
func (c *campaign) disturb() {
	what := c.rng.IntN(7)
	if len(c.live) == 0 || what == 0 && len(c.live) < 6 {
		c.join()
		return
	}
	i := c.rng.IntN(len(c.live))
	p := c.live[i]
	flip := c.rng.IntN(2) == 0
	switch what {
	case 1:
		p.leave()
	case 2:
		p.die()
	case 3:
		p.link.away.Store(flip)
	case 4:
		p.link.hangs.Store(flip)
	case 5:
		p.link.deaf.Store(flip)
	}
	if what == 1 || what == 2 {
		c.live = append(c.live[:i], c.live[i+1:]...)
	}
}

// check looks for items with two owners.
func (c *campaign) check() {
	owner := map[string]string{}
	for _, p := range c.live {
		for _, item := range p.holds() {
			if other, taken := owner[item]; taken {
				c.Fatalf("%s is owned by %s and %s", item, other, p.name)
			}
			owner[item] = p.name
		}
	}
}
