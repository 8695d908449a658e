package simulate_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway/control"
	"github.com/llm-hub/llm-hub/gateway/simulate"
)

// catalog is a configuration of one tenant, key and logical model with some targets.
func catalog(t *testing.T, prices []accounting.Override, targets ...string) *control.Catalog {
	t.Helper()
	book, err := (&accounting.Book{}).With(prices)
	if err != nil {
		t.Fatal(err)
	}
	c := &control.Catalog{
		Version: "draft", Location: time.UTC, Prices: book, Providers: map[string]*control.Provider{},
		Models: map[string]*control.Model{}, Tenants: map[events.TenantID]*control.Tenant{},
	}
	m := &control.Model{Name: "smart", Strategy: "priority"}
	for i, name := range targets {
		p := &control.Provider{Name: name, Kind: name, Credentials: []*control.Credential{{Provider: name, Name: "main", Weight: 1}}}
		c.Providers[name] = p
		m.Targets = append(m.Targets, control.Target{Provider: p, Model: name + "-x", Priority: i})
	}
	c.Models["smart"] = m
	acme := &control.Tenant{ID: "acme"}
	acme.Keys = []*control.Key{{Tenant: acme, Name: "ci", State: "active"}}
	c.Tenants["acme"] = acme
	return c
}

func target(name string) events.Target {
	return events.Target{Provider: name, Credential: "main", Model: name + "-x"}
}

// prices are $1 a million tokens of one vendor's model, and $2 of the other's.
func prices() []accounting.Override {
	return []accounting.Override{
		{Model: "one-x", USD: map[string]string{"input": "1", "output": "1"}}, {Model: "two-x", USD: map[string]string{"input": "2", "output": "2"}},
	}
}

// recorded are requests that went to a target, each of 100 estimated prompt tokens.
func recorded(n int, to string, input int64) (out []*simulate.Request) {
	for i := range n {
		out = append(out, &simulate.Request{
			ID: events.RequestID(to + string(rune('a'+i))), Tenant: "acme", Principal: events.Principal{Key: "ci", Model: "smart"},
			At: time.Date(2026, 11, 29, 12, i, 0, 0, time.UTC), Estimate: events.Charge{Usage: events.Usage{Input: 100, Output: 50}},
			Attempts: []simulate.Attempt{{Target: target(to), Recorded: true, Usage: events.Usage{Input: input, Output: 10}}},
			Billed:   (input + 10) * 1000,
		})
	}
	return out
}

func simulated(draft *control.Catalog, list []*simulate.Request, before func(accounting.Scope, accounting.Window) accounting.Totals) simulate.Report {
	var ratios simulate.Ratios
	for _, r := range list {
		ratios.Measure(r)
	}
	s := simulate.New(simulate.Config{Draft: draft, Ratios: &ratios, Before: before})
	for _, r := range list {
		s.Take(r)
	}
	return s.Report()
}

// TestSameConfiguration: the configuration that was in force gives what was billed.
func TestSameConfiguration(t *testing.T) {
	list := recorded(4, "one", 120)
	failed := &simulate.Request{ // the first target failed after it had used something
		ID: "f", Tenant: "acme", Principal: events.Principal{Key: "ci", Model: "smart"}, At: list[0].At,
		Attempts: []simulate.Attempt{
			{Target: target("one"), Failed: true, Recorded: true, Usage: events.Usage{Input: 7}},
			{Target: target("two"), Recorded: true, Usage: events.Usage{Input: 5, Output: 5}},
		}, Billed: 7*1000 + 10*2000,
	}
	torn := &simulate.Request{ // the answer broke off, so no other target was asked
		ID: "t", Tenant: "acme", Principal: events.Principal{Key: "ci", Model: "smart"}, At: list[0].At,
		Attempts: []simulate.Attempt{{Target: target("one"), Failed: true, Final: true, Recorded: true, Usage: events.Usage{Input: 9, Output: 1}}},
		Billed:   10 * 1000,
	}
	r := simulated(catalog(t, prices(), "one", "two"), append(list, failed, torn), nil)
	if r.Requests != 6 || r.Exact != 6 || r.Moved != 0 || r.Least != r.Billed || r.Most != r.Billed || len(r.RefusedBy) > 0 {
		t.Errorf("%+v", r)
	}
}

// TestNobodyAnswered: a request that every target failed moved nowhere if they fail again.
func TestNobodyAnswered(t *testing.T) {
	lost := &simulate.Request{
		ID: "l", Tenant: "acme", Principal: events.Principal{Key: "ci", Model: "smart"}, At: time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC),
		Attempts: []simulate.Attempt{{Target: target("one"), Failed: true, Recorded: true, Usage: events.Usage{Input: 7}}}, Billed: 7 * 1000,
	}
	r := simulated(catalog(t, prices(), "one"), []*simulate.Request{lost}, nil)
	if diff := cmp.Diff([]simulate.Refusal{{"failed", 1, 1}}, r.RefusedBy); diff != "" || r.Moved != 0 || r.Exact != 1 || r.Least != r.Billed || r.Most != r.Billed {
		t.Errorf("%+v\n%s", r, diff)
	}
	r = simulated(catalog(t, prices(), "one", "two"), []*simulate.Request{lost}, nil)
	if r.Moved != 1 || r.Exact != 0 {
		t.Errorf("with a second target: %+v", r)
	}
}

// TestOtherTarget: what was never asked costs an interval, that of the tokens both
// models make of the same estimates; where the model is the same it is exact.
func TestOtherTarget(t *testing.T) {
	var list []*simulate.Request
	list = append(list, recorded(1, "one", 100)...)
	list = append(list, recorded(1, "one", 125)...)
	list = append(list, recorded(1, "two", 150)...)
	list = append(list, recorded(1, "two", 200)...)
	r := simulated(catalog(t, prices(), "two"), list, nil)
	// one makes 1.0 to 1.25 tokens of an estimated one, two 1.5 to 2: of 100 and 10 at
	// least 120 and 12, at most 200 and 20; of 125 and 10 from 150 and 12 to 250 and 20.
	least, most := int64(120+12+150+12+150+10+200+10)*2000, int64(200+20+250+20+150+10+200+10)*2000
	if r.Least != least || r.Most != most || r.Exact != 2 || r.Moved != 2 {
		t.Errorf("%d to %d, want %d to %d: %+v", r.Least, r.Most, least, most, r)
	}
	want := map[string]simulate.Range{
		"one-x": {Least: 1_000_000, Most: 1_250_000, Samples: 2, Measured: true}, "two-x": {Least: 1_500_000, Most: 2_000_000, Samples: 2, Measured: true},
	}
	if diff := cmp.Diff(want, r.Ratios); diff != "" {
		t.Error(diff)
	}
}

// TestRefusals: the draft's keys, lists and limits refuse; a limit goes on from what
// was used before, and a credential's leads to the next target.
func TestRefusals(t *testing.T) {
	limit := func(n int64) []accounting.Limit {
		return []accounting.Limit{{Per: accounting.Day, Of: accounting.OfRequests, Max: n, Mode: accounting.Hard}}
	}
	tests := []struct {
		name   string
		change func(*control.Catalog)
		want   []simulate.Refusal
		two    int // that go to the second target
	}{
		{"as it is", func(*control.Catalog) {}, []simulate.Refusal{}, 0},
		{"no such key", func(c *control.Catalog) { c.Tenants["acme"].Keys[0].Name = "other" }, []simulate.Refusal{{"unknown_key", 4, 4}}, 0},
		{"paused", func(c *control.Catalog) { c.Tenants["acme"].Keys[0].State = "paused" }, []simulate.Refusal{{"unknown_key", 4, 4}}, 0},
		{"no such model", func(c *control.Catalog) { delete(c.Models, "smart") }, []simulate.Refusal{{"unknown_model", 4, 4}}, 0},
		{"not on the list", func(c *control.Catalog) { c.Tenants["acme"].Keys[0].Models = map[string]bool{"fast": true} }, []simulate.Refusal{{"not_allowed", 4, 4}}, 0},
		{"limit", func(c *control.Catalog) { c.Tenants["acme"].Limits = limit(3) }, []simulate.Refusal{{"limit: tenant acme requests per day", 2, 2}}, 0},
		{"credential", func(c *control.Catalog) {
			c.Providers["one"].Credentials[0].Limits = []accounting.Limit{
				{Per: accounting.Day, Of: accounting.OfInputTokens, Max: 250, Mode: accounting.Hard},
			}
		}, []simulate.Refusal{}, 2},
	}
	before := func(s accounting.Scope, _ accounting.Window) accounting.Totals {
		if s.Kind == accounting.TenantScope {
			return accounting.Totals{Requests: 1}
		}
		return accounting.Totals{}
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			draft := catalog(t, prices(), "one", "two")
			test.change(draft)
			r := simulated(draft, recorded(4, "one", 100), before)
			if diff := cmp.Diff(test.want, r.RefusedBy); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			two := 0
			for _, c := range r.Targets {
				if c.Target == target("two") {
					two = c.Would
				}
			}
			if two != test.two {
				t.Errorf("%d go to the second target: %+v", two, r.Targets)
			}
		})
	}
}

// TestUnmeasured: of a model that nobody has asked the range is that of all others, and
// it says so.
func TestUnmeasured(t *testing.T) {
	var none simulate.Ratios
	if got := none.Of("x"); got != (simulate.Range{Least: 1_000_000, Most: 1_000_000}) {
		t.Errorf("nothing measured: %+v", got)
	}
	var some simulate.Ratios
	for _, r := range append(recorded(3, "one", 50), recorded(3, "two", 300)...) {
		some.Measure(r)
	}
	if got := some.Of("x"); got != (simulate.Range{Least: 500_000, Most: 3_000_000, Samples: 6}) {
		t.Errorf("of others: %+v", got)
	}
}
