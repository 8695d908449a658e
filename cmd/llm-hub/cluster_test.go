package main_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/llm-hub/llm-hub/events"
)

// Kills of TestClusterKills: in every run, and in the long campaign.
const (
	clusterKills     = 5
	clusterKillsFull = 300
)

// takeover bounds how long work waits for another owner: the owner's entry must
// lapse first, after two seconds here.
const takeover = 10 * time.Second

// clusterTenants are enough tenants to fill several partitions.
func clusterTenants() (docs []tenantDoc, names []string) {
	for i := range 8 {
		names = append(names, fmt.Sprintf("tenant-%d", i))
		docs = append(docs, tenantDoc{name: names[i]})
	}
	return docs, names
}

// owners are the processes that own work at present, by the name of the work.
func (f *fleet) owners() (map[string]*node, error) {
	list, err := f.log.Nodes().List(f.t.Context(), events.OwnerPrefix)
	if err != nil {
		return nil, err
	}
	owners := map[string]*node{}
	for _, e := range list {
		owners[e.Key] = nil
		for _, n := range f.nodes {
			if strings.Contains(string(e.Value), n.id()) {
				owners[e.Key] = n
			}
		}
	}
	return owners, nil
}

// works waits until each of the nodes owns something and nobody else anything.
func (f *fleet) works(what string, nodes ...*node) {
	f.t.Helper()
	eventually(f.t, promptly(takeover), what, func() error {
		owners, err := f.owners()
		if err != nil {
			return err
		}
		share := map[*node]int{}
		for _, n := range owners {
			share[n]++
		}
		for _, n := range nodes {
			if share[n] == 0 {
				return fmt.Errorf("%s owns nothing of %d", n.id(), len(owners))
			}
		}
		if len(share) != len(nodes) {
			return errors.New("somebody else owns something")
		}
		return nil
	})
}

// TestCluster runs two gateways and two projectors on three NATS servers: the
// projectors share the work, a dead one's work is taken over within seconds, a
// dead server is not noticed, and the books are exact.
func TestCluster(t *testing.T) {
	t.Parallel()
	rng := campaignRand(t)
	docs, tenants := clusterTenants()
	f := startFleet(t, "", docs...)
	gateways := []*node{f.add("gateway"), f.add("gateway")}
	first, second := f.add("projector"), f.add("projector")
	f.ready()
	f.works("the projectors share the work", first, second)

	c := gather(6, rng.Uint64(), &crowd{gateways: gateways, tenants: tenants, models: []string{"fake-openai", "fake-anthropic", "fake-gemini"}})
	dead := time.Now()
	first.kill()
	f.works("the work is taken over", second)
	took := time.Since(dead)
	f.counts("the work that was taken over is done", promptly(takeover), tenants)
	first.start()
	f.works("the work is shared again", first, second)

	dead = time.Now()
	f.nats.Kill(rng.IntN(f.nats.Nodes()))
	eventually(t, settleTimeout, "requests are served by two servers of three", func() error {
		if n := complete(c.since(dead)); n < 50 {
			return fmt.Errorf("%d answers since one died", n)
		}
		return nil
	})
	f.counts("two servers of three count", settleTimeout, tenants)
	f.nats.Revive()
	f.checkBooks(c.disperse(), first)
	t.Logf("taken over after %s", took.Round(time.Millisecond))
}

// counts waits until the counters of all tenants have moved.
func (f *fleet) counts(what string, within time.Duration, tenants []string) {
	f.t.Helper()
	before := map[string]spent{}
	eventually(f.t, within, what, func() error {
		for _, name := range tenants {
			now, err := f.counted(events.TenantID(name))
			if err != nil {
				return err
			}
			if old, seen := before[name]; !seen {
				before[name] = now
			} else if now.requests > old.requests {
				continue
			}
			return fmt.Errorf("the counter of %s has not moved", name)
		}
		return nil
	})
}

// TestClusterKills kills gateways, projectors and NATS servers at random moments
// under load, each being back before long, and then asks for every request.
func TestClusterKills(t *testing.T) {
	t.Parallel()
	rng := campaignRand(t)
	docs, tenants := clusterTenants()
	f := startFleet(t, "delay=2ms", docs...)
	gateways := []*node{f.add("gateway"), f.add("gateway")}
	projectors := []*node{f.add("projector"), f.add("projector")}
	f.ready()
	c := gather(6, rng.Uint64(), &crowd{gateways: gateways, tenants: tenants, models: []string{"fake-openai", "fake-anthropic", "fake-gemini"}})
	victims := []func() (back func()){
		func() func() { n := gateways[rng.IntN(2)]; n.kill(); return n.start },
		func() func() { n := projectors[rng.IntN(2)]; n.kill(); return n.start },
		func() func() { f.nats.Kill(rng.IntN(f.nats.Nodes())); return f.nats.Revive },
	}
	for i := range sized(clusterKills, clusterKillsFull) {
		<-time.After(time.Duration(50+rng.IntN(700)) * time.Millisecond)
		back := victims[(i+rng.IntN(2))%len(victims)]() // each kind about equally often
		<-time.After(time.Duration(rng.IntN(500)) * time.Millisecond)
		back()
		f.ready()
	}
	f.checkBooks(c.disperse(), projectors[0])
}
