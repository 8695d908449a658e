package route_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/route"
)

func at(p, credential string) events.Target {
	return events.Target{Provider: p, Credential: credential, Model: "m"}
}

// TestShortCandidatesAreLast: one that is short of room is used when nothing else
// is left, and the record says all that is needed to decide so again.
func TestShortCandidatesAreLast(t *testing.T) {
	now := newClock().now()
	short := func(targets ...events.Target) []route.Short {
		var out []route.Short
		for _, t := range targets {
			out = append(out, route.Short{Target: t, Until: now.Add(time.Minute)})
		}
		return out
	}
	two := model(target(vendor("p", 1, 1), 1), target(vendor("q", 1), 2))
	many := model(target(vendor("p", 1, 1, 1, 1), 1), target(vendor("q", 1), 2))
	tests := map[string]struct {
		in      route.Inputs
		want    string
		last    int // of the steps are a last resort
		skipped int
	}{
		"none":                     {route.Inputs{Model: two, Seed: 1}, "p/k2 p/k1 q/k1", 0, 0},
		"the other credential":     {route.Inputs{Model: two, Seed: 1, Short: short(at("p", "k1"))}, "p/k2 q/k1 p/k1", 1, 1},
		"the next priority":        {route.Inputs{Model: two, Seed: 1, Short: short(at("p", "k1"), at("p", "k2"))}, "q/k1 p/k2 p/k1", 2, 2},
		"nothing else":             {route.Inputs{Model: two, Seed: 1, Short: short(at("p", "k1"), at("p", "k2"), at("q", "k1"))}, "p/k2 p/k1 q/k1", 3, 3},
		"no place is left for it":  {route.Inputs{Model: many, Seed: 1, Short: short(at("p", "k2"))}, "p/k3 p/k1 q/k1", 0, 1},
		"of another model or none": {route.Inputs{Model: two, Seed: 1, Short: short(at("p", "k9"))}, "p/k2 p/k1 q/k1", 0, 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			test.in.Catalog, test.in.Now = "v", now
			p := decide(t, test.in)
			var got []string
			last := 0
			for _, s := range p.Steps {
				got = append(got, s.Provider.Name+"/"+s.Credential.Name)
				if s.LastResort {
					last++
				}
			}
			if strings.Join(got, " ") != test.want || last != test.last || len(p.Decision.Skipped) != test.skipped {
				t.Errorf("plan %v, %d last, skipped %v", got, last, p.Decision.Skipped)
			}
			for _, s := range p.Decision.Skipped {
				if s.Reason != route.ReasonHeadroom || !s.Until.Equal(now.Add(time.Minute)) {
					t.Errorf("skipped %+v", s)
				}
			}
			if diff := cmp.Diff(p.Decision, decide(t, route.Again(p.Decision, test.in.Model, now)).Decision); diff != "" {
				t.Errorf("decided again: %s", diff)
			}
		})
	}
}

func requests(left int64, reset time.Time) provider.RateLimits {
	return provider.RateLimits{Requests: provider.Room{Remaining: left, ResetAt: reset}}
}

func isShort(h *route.Headroom, n route.Need) bool {
	return len(h.Short(model(target(vendor("p", 1), 1)), n)) > 0
}

// TestHeadroomOfRequests: what is on its way counts before the vendor says so.
func TestHeadroomOfRequests(t *testing.T) {
	c := newClock()
	h := route.NewHeadroom(c.now)
	k, n := at("p", "k1"), route.Need{Input: 1, Output: 1}
	take := func(want bool) {
		t.Helper()
		if _, taken := h.Take(k, n, false); taken != want {
			t.Fatalf("taken: %t", taken)
		}
	}
	take(true) // nothing is known
	reset := c.now().Add(time.Minute)
	h.Answered(k, n, requests(2, reset))
	take(true)
	take(true)
	take(false)
	if got := h.Short(model(target(vendor("p", 1), 1)), n); len(got) != 1 || got[0].Target != k || !got[0].Until.Equal(reset) {
		t.Errorf("short: %v", got)
	}
	if _, taken := h.Take(k, n, true); !taken {
		t.Error("a forced call was not taken")
	}
	h.Answered(k, n, requests(0, reset))
	h.Answered(k, n, requests(1, reset.Add(300*time.Millisecond))) // was overtaken
	h.Answered(k, n, provider.RateLimits{})                        // broke
	take(false)
	c.add(61 * time.Second)
	take(true)
	h.Answered(k, n, requests(9, c.now().Add(time.Minute)))
	if isShort(h, n) {
		t.Error("short after the reset")
	}
}

func TestHeadroomOfTokens(t *testing.T) {
	c := newClock()
	room := func(left int64) provider.Room {
		return provider.Room{Remaining: left, ResetAt: c.now().Add(time.Minute)}
	}
	tests := map[string]struct {
		said  provider.RateLimits
		fits  route.Need
		short route.Need
	}{
		"both":   {provider.RateLimits{Tokens: room(100)}, route.Need{Input: 40, Output: 60}, route.Need{Input: 41, Output: 60}},
		"input":  {provider.RateLimits{Input: room(100)}, route.Need{Input: 100, Output: 900}, route.Need{Input: 101}},
		"output": {provider.RateLimits{Output: room(100)}, route.Need{Input: 900, Output: 100}, route.Need{Output: 101}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			h := route.NewHeadroom(c.now)
			k := at("p", "k1")
			h.Take(k, test.fits, false)
			h.Answered(k, test.fits, test.said)
			if isShort(h, test.fits) || !isShort(h, test.short) {
				t.Errorf("what fits is short: %t, what does not: %t", isShort(h, test.fits), isShort(h, test.short))
			}
			h.Take(k, test.fits, false)
			if !isShort(h, test.fits) {
				t.Error("tokens on their way do not count")
			}
		})
	}
}

// TestHeadroomFollowsTheVendor: of two answers the later one holds, whichever
// comes first.
func TestHeadroomFollowsTheVendor(t *testing.T) {
	c := newClock()
	soon, later := c.now().Add(time.Second), c.now().Add(time.Minute)
	tests := map[string]struct {
		words []provider.RateLimits
		short bool
	}{
		"a new window":          {[]provider.RateLimits{requests(0, soon), requests(5, later)}, false},
		"an older word is less": {[]provider.RateLimits{requests(1, later), requests(0, later)}, true},
		"an older word is more": {[]provider.RateLimits{requests(0, later), requests(1, later)}, true},
		"filled up already":     {[]provider.RateLimits{requests(0, later), requests(0, c.now())}, true},
		"nothing said":          {[]provider.RateLimits{requests(0, later), {}}, true},
		"long ago":              {[]provider.RateLimits{requests(0, c.now())}, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			h := route.NewHeadroom(c.now)
			for range test.words {
				h.Take(at("p", "k1"), route.Need{}, true)
			}
			for _, w := range test.words {
				h.Answered(at("p", "k1"), route.Need{}, w)
			}
			if got := isShort(h, route.Need{}); got != test.short {
				t.Errorf("short: %t", got)
			}
		})
	}
}

func BenchmarkHeadroom(b *testing.B) {
	h := route.NewHeadroom(time.Now)
	m := model(target(vendor("p", 1, 1), 1))
	n := route.Need{Input: 10, Output: 1000}
	said := requests(1<<40, time.Now().Add(time.Hour))
	b.ReportAllocs()
	for b.Loop() {
		h.Short(m, n)
		h.Take(at("p", "k1"), n, false)
		h.Answered(at("p", "k1"), n, said)
	}
}
