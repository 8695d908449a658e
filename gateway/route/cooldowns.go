package route

import (
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway/control"
)

// How long a credential is left alone.
const (
	minCooldown = 5 * time.Second  // the first without a Retry-After; doubles with each in a row
	maxCooldown = 60 * time.Second // without a Retry-After
	maxAsked    = time.Hour        // the longest Retry-After that is honoured
	disabledFor = 10 * time.Minute // after the vendor refused the credential itself
	forgetAfter = 10 * time.Minute // since a cooldown ended; the next one starts small again
)

// Block says why a candidate must not be used.
type Block struct {
	Reason string
	Until  time.Time
}

// State is what is known of every credential at one moment. It is immutable;
// the zero State blocks nothing.
type State struct {
	cooling  map[events.Target]cooling
	disabled map[events.Target]disabled  // without a model: the credential for every model
	forced   map[events.Target]time.Time // by operators, until when; likewise
}

type cooling struct {
	since, until time.Time // since: the last refusal
	row          int       // cooldowns in a row, at least 1
}

type disabled struct{ since, until time.Time }

// everyModel is the credential of t whatever the model.
func everyModel(t events.Target) events.Target {
	t.Model = ""
	return t
}

// Blocked tells whether t must not be used at now, and why.
func (s State) Blocked(t events.Target, now time.Time) (Block, bool) {
	for _, t := range [...]events.Target{everyModel(t), t} {
		if until := s.forced[t]; until.After(now) {
			return Block{ReasonForced, until}, true
		}
	}
	for _, refused := range [...]events.Target{everyModel(t), t} {
		if d := s.disabled[refused]; d.until.After(now) {
			return Block{ReasonDisabled, d.until}, true
		}
	}
	if c := s.cooling[t]; c.until.After(now) {
		return Block{ReasonCooldown, c.until}, true
	}
	return Block{}, false
}

// Blocking counts what is blocked at now.
func (s State) Blocking(now time.Time) int {
	n := 0
	for _, d := range s.disabled {
		if d.until.After(now) {
			n++
		}
	}
	for _, c := range s.cooling {
		if c.until.After(now) {
			n++
		}
	}
	return n
}

// stateOf rebuilds as much of a state as a decision saw.
func stateOf(skipped []events.Skipped) State {
	s := State{cooling: map[events.Target]cooling{}, disabled: map[events.Target]disabled{}, forced: map[events.Target]time.Time{}}
	for _, k := range skipped {
		switch k.Reason {
		case ReasonForced:
			s.forced[k.Target] = k.Until
		case ReasonDisabled:
			s.disabled[k.Target] = disabled{until: k.Until}
		case ReasonCooldown:
			s.cooling[k.Target] = cooling{until: k.Until, row: 1}
		}
	}
	return s
}

// Cooldowns keeps the state of one node. Reading it takes no lock; it changes
// only when a vendor refuses, or serves again after a refusal.
type Cooldowns struct {
	now   func() time.Time
	mu    sync.Mutex // held by writers
	state atomic.Pointer[State]
	under atomic.Pointer[control.Cooldowns] // whose releases are done
}

// NewCooldowns starts with nothing blocked.
func NewCooldowns(now func() time.Time) *Cooldowns {
	c := &Cooldowns{now: now}
	c.state.Store(&State{})
	return c
}

// State is the present state.
func (c *Cooldowns) State() State { return *c.state.Load() }

// Under is the present state beneath what operators have said. What they have released
// since is forgotten.
func (c *Cooldowns) Under(said *control.Cooldowns) State {
	if said == nil {
		return c.State()
	}
	if c.under.Load() != said {
		c.release(said)
	}
	s := c.State()
	s.forced = said.Until
	return s
}

// release forgets what vendors said of targets before they were released.
func (c *Cooldowns) release(said *control.Cooldowns) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.under.Store(said)
	if len(said.Released) == 0 {
		return
	}
	released := func(t events.Target, since time.Time) bool {
		return !since.After(said.Released[t]) || !since.After(said.Released[everyModel(t)])
	}
	next := c.copyState(c.now())
	maps.DeleteFunc(next.cooling, func(t events.Target, k cooling) bool { return released(t, k.since) })
	maps.DeleteFunc(next.disabled, func(t events.Target, d disabled) bool { return released(t, d.since) })
	c.state.Store(&next)
}

// Limited notes a vendor's 429 for t and returns the end of the cooldown. asked
// is the vendor's Retry-After, 0 for none: then it is 5 s, doubling with each
// cooldown in a row up to 60 s. A shorter cooldown never shortens a longer one,
// and answers that arrive during one do not count as further ones.
func (c *Cooldowns) Limited(t events.Target, asked time.Duration) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	next := c.copyState(now)
	k := next.cooling[t]
	if !k.until.After(now) {
		k.row++
	}
	length := min(asked, maxAsked)
	if asked <= 0 {
		length = backoff(k.row)
	}
	k.since = now
	if until := now.Add(length); until.After(k.until) {
		k.until = until
	}
	next.cooling[t] = k
	c.state.Store(&next)
	return k.until
}

// Refused notes that the vendor does not accept the credential of t.
func (c *Cooldowns) Refused(t events.Target) { c.disable(everyModel(t)) }

// Missing notes that the vendor has no such model for the credential of t. Its
// other models are not touched.
func (c *Cooldowns) Missing(t events.Target) { c.disable(t) }

func (c *Cooldowns) disable(t events.Target) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	next := c.copyState(now)
	next.disabled[t] = disabled{since: now, until: now.Add(disabledFor)}
	c.state.Store(&next)
}

// Served notes that t answered: its next cooldown starts small again. A cooldown
// that another request has brought about meanwhile stays.
func (c *Cooldowns) Served(t events.Target) {
	if _, known := c.state.Load().cooling[t]; !known {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	if k, known := c.state.Load().cooling[t]; !known || k.until.After(now) {
		return
	}
	next := c.copyState(now)
	delete(next.cooling, t)
	c.state.Store(&next)
}

// copyState copies the state without what is long over.
func (c *Cooldowns) copyState(now time.Time) State {
	old := c.state.Load()
	next := State{cooling: maps.Clone(old.cooling), disabled: maps.Clone(old.disabled)}
	if next.cooling == nil {
		next = State{cooling: map[events.Target]cooling{}, disabled: map[events.Target]disabled{}}
	}
	maps.DeleteFunc(next.cooling, func(_ events.Target, k cooling) bool { return now.Sub(k.until) > forgetAfter })
	maps.DeleteFunc(next.disabled, func(_ events.Target, d disabled) bool { return !d.until.After(now) })
	return next
}

func backoff(row int) time.Duration {
	d := minCooldown
	for i := 1; i < row && d < maxCooldown; i++ {
		d *= 2
	}
	return min(d, maxCooldown)
}
