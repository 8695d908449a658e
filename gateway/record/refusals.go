package record

import (
	"sync"
	"time"

	"github.com/llm-hub/llm-hub/events"
)

// MaxRefusals is how many refusals of one key and cause are events of their own
// in a second.
const MaxRefusals = 10

// refusalSpan is how long refusals beyond [MaxRefusals] are counted before they
// leave in one event.
const refusalSpan = time.Second

// cause is what refusals are counted by.
type cause struct {
	tenant         events.TenantID
	key, reason    string
	status         int
	scope, per, of string // of the limit, if one refused
}

// Refusal is why a request was refused.
type Refusal struct {
	Reason string        // a word of [events.RequestRejected]
	Status int           // HTTP status given to the client
	Limit  *events.Limit // what refused it, nil if no limit did
}

// refusals counts refusals. Its lock is taken by refused requests only.
type refusals struct {
	publish func(rejection)

	mu    sync.Mutex
	spans map[cause]*span
}

// span is the refusals of one cause within a second.
type span struct {
	told    int       // that left on their own
	counted int       // that wait
	last    rejection // of those that wait
}

// rejection is a refused request.
type rejection struct {
	info  Info
	why   Refusal
	count int
}

// add publishes r now, or counts it.
func (c *refusals) add(r rejection) {
	if c.tell(r) {
		c.publish(r)
	}
}

// tell is true if r is to leave on its own.
func (c *refusals) tell(r rejection) bool {
	k := cause{tenant: r.info.Tenant, key: r.info.Principal.Key, reason: r.why.Reason, status: r.why.Status}
	if l := r.why.Limit; l != nil {
		k.scope, k.per, k.of = l.Scope, l.Per, l.Of
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.spans[k]
	if s == nil {
		s = &span{}
		if c.spans == nil {
			c.spans = map[cause]*span{}
		}
		c.spans[k] = s
		time.AfterFunc(refusalSpan, func() { c.end(k, s) })
	}
	if s.told < MaxRefusals {
		s.told++
		return true
	}
	s.counted++
	s.last = r
	return false
}

// end closes a span and publishes what it has counted, as the last one's event.
func (c *refusals) end(k cause, s *span) {
	c.mu.Lock()
	if c.spans[k] != s {
		c.mu.Unlock()
		return
	}
	delete(c.spans, k)
	c.mu.Unlock()
	if s.counted > 0 {
		s.last.count = s.counted
		c.publish(s.last)
	}
}

// flush closes every span.
func (c *refusals) flush() {
	c.mu.Lock()
	open := c.spans
	c.spans = nil
	c.mu.Unlock()
	for _, s := range open {
		if s.counted > 0 {
			s.last.count = s.counted
			c.publish(s.last)
		}
	}
}
