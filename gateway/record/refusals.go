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
	scope, per, of string // of the limit, if one refused
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
	info   Info
	reason string
	limit  *events.Limit
	count  int
}

// add publishes r now, or counts it.
func (c *refusals) add(r rejection) {
	if c.tell(r) {
		c.publish(r)
	}
}

// tell is true if r is to leave on its own.
func (c *refusals) tell(r rejection) bool {
	k := cause{tenant: r.info.Tenant, key: r.info.Principal.Key, reason: r.reason}
	if r.limit != nil {
		k.scope, k.per, k.of = r.limit.Scope, r.limit.Per, r.limit.Of
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
