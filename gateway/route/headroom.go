package route

import (
	"sync"
	"time"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway/control"
	"github.com/llm-hub/llm-hub/gateway/provider"
)

// sameReset is how far two times of reset may lie apart and mean the same: they
// are told as rounded spans, and take a moment to arrive.
const sameReset = time.Second

// Need is what a request takes of a vendor's rate limits, by estimate, in tokens.
type Need struct{ Input, Output int64 }

// Short is a candidate whose vendor has said that its limits leave too little,
// and until when.
type Short struct {
	events.Target
	Until time.Time
}

// Headroom keeps what vendors say of their rate limits, by credential and model,
// and what is on its way to them and not in their word yet. So a credential is
// spared before it is refused.
type Headroom struct {
	now     func() time.Time
	mu      sync.Mutex
	targets map[events.Target]*room
}

// room is what is known of one target.
type room struct {
	said   provider.RateLimits
	calls  int64 // sent, and not answered yet
	needed Need  // of those
}

// NewHeadroom starts with nothing known.
func NewHeadroom(now func() time.Time) *Headroom {
	return &Headroom{now: now, targets: map[events.Target]*room{}}
}

// Short gives those candidates of a model that have too little room for n.
func (h *Headroom) Short(m *control.Model, n Need) []Short {
	var out []Short
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.targets) == 0 {
		return nil
	}
	now := h.now()
	for _, t := range m.Targets {
		for _, c := range t.Provider.Credentials {
			at := events.Target{Provider: t.Provider.Name, Credential: c.Name, Model: t.Model}
			r := h.targets[at]
			if r == nil {
				continue
			}
			if until, short := r.short(n, now); short {
				out = append(out, Short{Target: at, Until: until})
			}
		}
	}
	return out
}

// Take notes that a call is about to go to t, unless its limits leave too little:
// then it tells until when, and false. Forced, it goes in any case. Every call
// that was taken must be [Headroom.Answered].
func (h *Headroom) Take(t events.Target, n Need, forced bool) (until time.Time, taken bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	r := h.targets[t]
	if r == nil {
		r = &room{}
		h.targets[t] = r
	}
	if until, short := r.short(n, h.now()); short && !forced {
		return until, false
	}
	r.calls++
	r.needed = Need{r.needed.Input + n.Input, r.needed.Output + n.Output}
	return time.Time{}, true
}

// Answered notes what the vendor said of its limits beside its answer to a call
// that was taken with n; zero if it said nothing or gave no answer.
func (h *Headroom) Answered(t events.Target, n Need, said provider.RateLimits) {
	h.mu.Lock()
	defer h.mu.Unlock()
	r := h.targets[t]
	if r == nil {
		return
	}
	r.calls--
	r.needed = Need{r.needed.Input - n.Input, r.needed.Output - n.Output}
	now := h.now()
	r.said = provider.RateLimits{
		Requests: latest(r.said.Requests, said.Requests, now), Tokens: latest(r.said.Tokens, said.Tokens, now),
		Input: latest(r.said.Input, said.Input, now), Output: latest(r.said.Output, said.Output, now),
	}
	if r.calls == 0 && r.said == (provider.RateLimits{}) {
		delete(h.targets, t)
	}
}

// short tells whether the limits leave too little for n beside what is on its
// way, and until when. A vendor may have counted some of that already; then this
// errs to the safe side until its answer is here.
func (r *room) short(n Need, now time.Time) (until time.Time, short bool) {
	input, output := r.needed.Input+n.Input, r.needed.Output+n.Output
	for _, l := range [...]struct {
		room provider.Room
		want int64
	}{{r.said.Requests, r.calls + 1}, {r.said.Tokens, input + output}, {r.said.Input, input}, {r.said.Output, output}} {
		if l.room.ResetAt.After(now) && l.room.Remaining < l.want && l.room.ResetAt.After(until) {
			until = l.room.ResetAt
		}
	}
	return until, !until.IsZero()
}

// latest is the later word of a vendor on one limit. Answers may overtake each
// other: of those that speak of the same reset, the one that leaves less is later.
func latest(known, said provider.Room, now time.Time) provider.Room {
	switch apart := said.ResetAt.Sub(known.ResetAt); {
	case !said.ResetAt.After(now): // nothing said, or filled up already
		said = known
	case !known.ResetAt.After(now) || apart > sameReset || said.Remaining < known.Remaining:
	default:
		said = known
	}
	if !said.ResetAt.After(now) {
		return provider.Room{}
	}
	return said
}
