package route_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway/control"
	"github.com/llm-hub/llm-hub/gateway/route"
)

// TestForced: what operators say of a credential or a target is a reason of its own,
// ends by itself, and comes out the same when the decision is taken again.
func TestForced(t *testing.T) {
	c := newClock()
	cool := route.NewCooldowns(c.now)
	m := model(target(vendor("p", 1, 1), 1), target(vendor("q", 1), 2))
	until := c.now().Add(time.Minute)
	all, one := events.Target{Provider: "p", Credential: "k1"}, events.Target{Provider: "q", Credential: "k1", Model: "m"}
	said := &control.Cooldowns{Until: map[events.Target]time.Time{all: until, one: until, {Provider: "p", Credential: "k2", Model: "another"}: until}}
	p := decide(t, route.Inputs{Model: m, State: cool.Under(said), Now: c.now()})
	want := []events.Skipped{
		{Target: events.Target{Provider: "p", Credential: "k1", Model: "m"}, Reason: "forced", Until: until},
		{Target: one, Reason: "forced", Until: until},
	}
	if diff := cmp.Diff(want, p.Decision.Skipped); diff != "" || len(p.Steps) != 1 || p.Steps[0].Credential.Name != "k2" {
		t.Errorf("%+v: %s", p.Decision, diff)
	}
	if diff := cmp.Diff(p.Decision, decide(t, route.Again(p.Decision, m, c.now())).Decision); diff != "" {
		t.Errorf("again: %s", diff)
	}
	c.add(time.Minute)
	if p := decide(t, route.Inputs{Model: m, State: cool.Under(said), Now: c.now()}); len(p.Steps) != 3 {
		t.Errorf("at its end: %+v", p.Decision)
	}
}

// TestReleased: what vendors said before a release is forgotten, what they say after it
// is not.
func TestReleased(t *testing.T) {
	c := newClock()
	cool := route.NewCooldowns(c.now)
	k1, k2 := events.Target{Provider: "p", Credential: "k1", Model: "m"}, events.Target{Provider: "p", Credential: "k2", Model: "m"}
	cool.Limited(k1, time.Hour)
	cool.Refused(k2)
	blocked := func(said *control.Cooldowns) (n int) {
		for _, k := range []events.Target{k1, k2} {
			if _, b := cool.Under(said).Blocked(k, c.now()); b {
				n++
			}
		}
		return n
	}
	if n := blocked(nil); n != 2 {
		t.Fatalf("%d are blocked", n)
	}
	said := &control.Cooldowns{Released: map[events.Target]time.Time{k1: c.now(), {Provider: "p", Credential: "k2"}: c.now()}}
	if n := blocked(said); n != 0 {
		t.Errorf("%d are blocked after the release", n)
	}
	c.add(time.Second)
	if until := cool.Limited(k1, time.Minute); !until.Equal(c.now().Add(time.Minute)) {
		t.Errorf("cools down until %s", until)
	}
	cool.Refused(k2)
	again := *said // as the next catalog has it
	if n := blocked(&again); n != 2 {
		t.Errorf("%d are blocked by what came after the release", n)
	}
}
