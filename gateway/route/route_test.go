package route_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway/control"
	"github.com/llm-hub/llm-hub/gateway/route"
)

// clock is a time that only the test moves.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

func vendor(name string, weights ...int) *control.Provider {
	p := &control.Provider{Name: name}
	for i, w := range weights {
		p.Credentials = append(p.Credentials, &control.Credential{Provider: name, Name: fmt.Sprint("k", i+1), Weight: w})
	}
	return p
}

func model(targets ...control.Target) *control.Model {
	return &control.Model{Name: "smart", Strategy: route.Priority, Targets: targets}
}

func target(p *control.Provider, priority int) control.Target {
	return control.Target{Provider: p, Model: "m", Priority: priority, Weight: 1}
}

func decide(t *testing.T, in route.Inputs) route.Plan {
	t.Helper()
	p, err := route.Decide(in)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestPriority(t *testing.T) {
	m := model(target(vendor("third", 1), 3), target(vendor("first", 1, 1), 1), target(vendor("second", 1), 2))
	for seed := range uint64(50) {
		p := decide(t, route.Inputs{Model: m, Seed: seed})
		var got []string
		for _, s := range p.Steps {
			got = append(got, s.Provider.Name)
		}
		if diff := cmp.Diff([]string{"first", "first", "second"}, got); diff != "" {
			t.Fatal(diff)
		}
	}
}

func TestWeights(t *testing.T) {
	const draws = 20_000
	m := model(target(vendor("p", 7, 2, 1), 1))
	first := map[string]int{}
	for seed := range uint64(draws) {
		p := decide(t, route.Inputs{Model: m, Seed: seed})
		if len(p.Steps) != 3 {
			t.Fatalf("%d steps, want every credential once", len(p.Steps))
		}
		first[p.Steps[0].Credential.Name]++
	}
	for name, want := range map[string]int{"k1": draws * 7 / 10, "k2": draws * 2 / 10, "k3": draws / 10} {
		if got := first[name]; got < want*95/100 || got > want*105/100 {
			t.Errorf("%s is first %d times, want about %d", name, got, want)
		}
	}
}

// TestWeightsOfTheRest: leaving one out does not change the odds of the others.
func TestWeightsOfTheRest(t *testing.T) {
	const draws = 20_000
	m := model(target(vendor("p", 7, 2, 1), 1))
	c := newClock()
	cool := route.NewCooldowns(c.now)
	cool.Limited(events.Target{Provider: "p", Credential: "k1", Model: "m"}, time.Minute)
	first := map[string]int{}
	for seed := range uint64(draws) {
		first[decide(t, route.Inputs{Model: m, Seed: seed, State: cool.State(), Now: c.now()}).Steps[0].Credential.Name]++
	}
	if got, want := first["k2"], draws*2/3; first["k1"] != 0 || got < want*97/100 || got > want*103/100 {
		t.Errorf("first: %v, want k2 about %d times", first, want)
	}
}

// TestSeedIsForEver pins the drawing itself: a decision on the log must come out
// the same in every later version.
func TestSeedIsForEver(t *testing.T) {
	m := model(target(vendor("p", 5, 3, 2, 1), 1), target(vendor("q", 1, 1), 1))
	var got []string
	for _, seed := range []uint64{0, 1, 42, 1 << 63} {
		for _, s := range decide(t, route.Inputs{Model: m, Seed: seed}).Steps {
			got = append(got, s.Provider.Name+"/"+s.Credential.Name)
		}
	}
	want := []string{
		"q/k1", "q/k2", "p/k1", "q/k2", "q/k1", "p/k1", "q/k2", "q/k1", "p/k1", "q/k1", "q/k2", "p/k2",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestSkipped(t *testing.T) {
	c := newClock()
	cool := route.NewCooldowns(c.now)
	m := model(target(vendor("p", 1), 1), target(vendor("q", 1), 2))
	p1, q1 := events.Target{Provider: "p", Credential: "k1", Model: "m"}, events.Target{Provider: "q", Credential: "k1", Model: "m"}
	until := cool.Limited(p1, 7*time.Second)
	cool.Refused(q1)
	p := decide(t, route.Inputs{Catalog: "v", Model: m, State: cool.State(), Now: c.now()})
	want := events.Decision{Catalog: "v", Strategy: "priority", Plan: []events.Target{}, Skipped: []events.Skipped{
		{Target: p1, Reason: "cooldown", Until: until},
		{Target: q1, Reason: "disabled", Until: c.now().Add(10 * time.Minute)},
	}}
	if diff := cmp.Diff(want, p.Decision); diff != "" {
		t.Error(diff)
	}
	if at, ok := p.RetryAt(); !ok || !at.Equal(until) || len(p.Steps) != 0 {
		t.Errorf("retry at %s, %t; %d steps", at, ok, len(p.Steps))
	}
	c.add(7 * time.Second)
	if p := decide(t, route.Inputs{Model: m, State: cool.State(), Now: c.now()}); len(p.Steps) != 1 || p.Steps[0].Provider.Name != "p" {
		t.Errorf("when the cooldown has ended: %+v", p.Decision)
	}
}

func TestAgain(t *testing.T) {
	c := newClock()
	cool := route.NewCooldowns(c.now)
	m := model(target(vendor("p", 3, 2, 1, 1, 1), 1), target(vendor("q", 1, 4), 1))
	cool.Limited(events.Target{Provider: "p", Credential: "k1", Model: "m"}, time.Minute)
	cool.Refused(events.Target{Provider: "q", Credential: "k2", Model: "m"})
	for seed := range uint64(500) {
		recorded := decide(t, route.Inputs{Catalog: "v", Model: m, State: cool.State(), Seed: seed, Now: c.now()}).Decision
		again := decide(t, route.Again(recorded, m, c.now())).Decision
		if diff := cmp.Diff(recorded, again); diff != "" {
			t.Fatalf("seed %d: %s", seed, diff)
		}
	}
}

func TestUnable(t *testing.T) {
	m := model(target(vendor("p", 1), 1), target(vendor("q", 1), 2))
	p := decide(t, route.Inputs{Model: m, Unable: map[string]bool{"p": true}})
	if len(p.Steps) != 1 || p.Steps[0].Provider.Name != "q" || p.Hopeless() || p.Decision.Skipped[0].Reason != route.ReasonUnable {
		t.Errorf("plan %+v", p.Decision)
	}
	if diff := cmp.Diff(p.Decision, decide(t, route.Again(p.Decision, m, time.Time{})).Decision); diff != "" {
		t.Error(diff)
	}
	if p := decide(t, route.Inputs{Model: m, Unable: map[string]bool{"p": true, "q": true}}); !p.Hopeless() {
		t.Error("there is hope where no vendor is able")
	} else if _, cooling := p.RetryAt(); cooling {
		t.Error("waiting makes no vendor able")
	}
	c := newClock()
	cool := route.NewCooldowns(c.now)
	cool.Limited(events.Target{Provider: "q", Credential: "k1", Model: "m"}, time.Minute)
	if p := decide(t, route.Inputs{Model: m, Unable: map[string]bool{"p": true}, State: cool.State(), Now: c.now()}); p.Hopeless() {
		t.Error("a candidate that cools down is given up")
	}
}

func TestSameTargetTwice(t *testing.T) {
	p := vendor("p", 1)
	if plan := decide(t, route.Inputs{Model: model(target(p, 1), target(p, 2))}); len(plan.Steps) != 1 {
		t.Errorf("%d steps to one credential and model", len(plan.Steps))
	}
}

// TestManyCredentials: they do not keep a request from another target.
func TestManyCredentials(t *testing.T) {
	c := newClock()
	m := model(target(vendor("p", 1, 1, 1, 1, 1), 1), target(vendor("q", 1), 2), target(vendor("r", 1), 3))
	for name, test := range map[string]struct {
		cooling []events.Target
		want    string
	}{
		"all usable":   {nil, "p p q"},
		"next cooling": {[]events.Target{{Provider: "q", Credential: "k1", Model: "m"}}, "p p r"},
		"all others cooling": {
			[]events.Target{{Provider: "q", Credential: "k1", Model: "m"}, {Provider: "r", Credential: "k1", Model: "m"}}, "p p p",
		},
	} {
		cool := route.NewCooldowns(c.now)
		for _, k := range test.cooling {
			cool.Limited(k, time.Minute)
		}
		recorded := decide(t, route.Inputs{Model: m, State: cool.State(), Now: c.now(), Seed: 3}).Decision
		var got []string
		for _, s := range recorded.Plan {
			got = append(got, s.Provider)
		}
		if strings.Join(got, " ") != test.want || len(recorded.Skipped) != len(test.cooling) {
			t.Errorf("%s: %v, skipped %v", name, got, recorded.Skipped)
		}
		again := decide(t, route.Again(recorded, m, c.now())).Decision
		if diff := cmp.Diff(recorded, again); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestUnknownStrategy(t *testing.T) {
	if _, err := route.Decide(route.Inputs{Model: &control.Model{Name: "smart", Strategy: "astrology"}}); err == nil {
		t.Error("an unknown strategy was taken")
	}
}

func TestCooldownLengths(t *testing.T) {
	c := newClock()
	cool := route.NewCooldowns(c.now)
	k := events.Target{Provider: "p", Credential: "k1", Model: "m"}
	for _, want := range []time.Duration{5, 10, 20, 40, 60, 60} {
		until := cool.Limited(k, 0)
		if got := until.Sub(c.now()); got != want*time.Second {
			t.Errorf("cooldown of %s, want %ds", got, want)
		}
		if again := cool.Limited(k, 0); !again.Equal(until) {
			t.Errorf("a second answer during the cooldown moved its end by %s", again.Sub(until))
		}
		c.add(until.Sub(c.now()))
	}
	cool.Served(k)
	if got := cool.Limited(k, 0).Sub(c.now()); got != 5*time.Second {
		t.Errorf("after an answer the next is %s", got)
	}
}

func TestCooldownIsNeverShortened(t *testing.T) {
	c := newClock()
	cool := route.NewCooldowns(c.now)
	k := events.Target{Provider: "p", Credential: "k1", Model: "m"}
	long := cool.Limited(k, 5*time.Minute)
	if got := cool.Limited(k, time.Second); !got.Equal(long) {
		t.Errorf("ends at %s, want %s", got, long)
	}
	cool.Served(k) // an answer to a call made before
	if b, blocked := cool.State().Blocked(k, c.now()); !blocked || !b.Until.Equal(long) {
		t.Errorf("an answer ended the cooldown: %+v", b)
	}
	if got := cool.Limited(k, 24*time.Hour).Sub(c.now()); got != time.Hour {
		t.Errorf("a vendor may ask for %s", got)
	}
}

func TestCooldownIsOfOneModel(t *testing.T) {
	c := newClock()
	cool := route.NewCooldowns(c.now)
	k := events.Target{Provider: "p", Credential: "k1", Model: "m"}
	other := k
	other.Model = "n"
	cool.Limited(k, time.Minute)
	if _, blocked := cool.State().Blocked(other, c.now()); blocked {
		t.Error("another model of the credential is blocked")
	}
	cool.Refused(k)
	if b, _ := cool.State().Blocked(other, c.now()); b.Reason != route.ReasonDisabled {
		t.Error("a refused credential serves another model")
	}
	if n := cool.State().Blocking(c.now()); n != 2 {
		t.Errorf("blocking %d", n)
	}
}

// TestMissingModel: a wrong name of a model does not take the credential's others away.
func TestMissingModel(t *testing.T) {
	c := newClock()
	cool := route.NewCooldowns(c.now)
	p := vendor("p", 1)
	wrong := control.Target{Provider: p, Model: "wrong", Priority: 1, Weight: 1}
	m := model(wrong, target(p, 2))
	cool.Missing(events.Target{Provider: "p", Credential: "k1", Model: "wrong"})
	plan := decide(t, route.Inputs{Catalog: "v", Model: m, State: cool.State(), Now: c.now()})
	if len(plan.Steps) != 1 || plan.Steps[0].Model != "m" || len(plan.Decision.Skipped) != 1 || plan.Decision.Skipped[0].Reason != route.ReasonDisabled {
		t.Errorf("got %+v", plan.Decision)
	}
	again := decide(t, route.Again(plan.Decision, m, c.now())).Decision
	if diff := cmp.Diff(plan.Decision, again); diff != "" {
		t.Error(diff)
	}
	c.add(10 * time.Minute)
	if _, blocked := cool.State().Blocked(events.Target{Provider: "p", Credential: "k1", Model: "wrong"}, c.now()); blocked {
		t.Error("it is left alone for ever")
	}
}

func TestCooldownsAtOnce(t *testing.T) {
	cool := route.NewCooldowns(time.Now)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for range 200 {
				k := events.Target{Provider: "p", Credential: fmt.Sprint(i % 3), Model: "m"}
				cool.Limited(k, 0)
				cool.Served(k)
				cool.Refused(k)
				cool.State().Blocked(k, time.Now())
			}
		})
	}
	wg.Wait()
	if n := cool.State().Blocking(time.Now()); n != 6 {
		t.Errorf("blocking %d, want 3 credentials and 3 cooldowns", n)
	}
}

func BenchmarkDecide(b *testing.B) {
	in := route.Inputs{Model: model(target(vendor("p", 1, 1), 1), target(vendor("q", 1, 1), 2), target(vendor("r", 1), 3))}
	b.ReportAllocs()
	for b.Loop() {
		in.Seed++
		if _, err := route.Decide(in); err != nil {
			b.Fatal(err)
		}
	}
}
