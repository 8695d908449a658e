package route_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway/route"
)

// TestKept: only the credential that keeps what a request goes on from is asked, with
// whatever model.
func TestKept(t *testing.T) {
	m := model(target(vendor("p", 1, 1), 1), target(vendor("q", 1), 2))
	kept := &events.Target{Provider: "p", Credential: "k2", Model: "an older model"}
	c := newClock()
	cool := route.NewCooldowns(c.now)
	for _, cooling := range []bool{false, true} { // a cooldown once begun stays
		name := fmt.Sprintf("cooling down %t", cooling)
		if cooling {
			cool.Limited(events.Target{Provider: "p", Credential: "k2", Model: "m"}, time.Minute)
		}
		p := decide(t, route.Inputs{Model: m, Kept: kept, State: cool.State(), Now: c.now()})
		if steps := len(p.Steps); (steps == 0) != cooling || steps > 0 && p.Steps[0].Credential.Name != "k2" || len(p.Decision.Skipped)+steps != 3 || p.Elsewhere() {
			t.Errorf("%s: %+v", name, p.Decision)
		}
		if diff := cmp.Diff(p.Decision, decide(t, route.Again(p.Decision, m, c.now())).Decision); diff != "" {
			t.Errorf("%s, again: %s", name, diff)
		}
		if _, waits := p.RetryAt(); waits != cooling {
			t.Errorf("%s: waits %t", name, waits)
		}
	}
	gone := decide(t, route.Inputs{Model: m, Kept: &events.Target{Provider: "p", Credential: "k9"}})
	if !gone.Elsewhere() || len(gone.Steps) != 0 || gone.Hopeless() {
		t.Errorf("of a credential that is gone: %+v", gone.Decision)
	}
	if diff := cmp.Diff(gone.Decision, decide(t, route.Again(gone.Decision, m, time.Time{})).Decision); diff != "" {
		t.Errorf("again: %s", diff)
	}
	if _, waits := gone.RetryAt(); waits {
		t.Error("waiting brings no credential back")
	}
}
