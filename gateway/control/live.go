package control

import "sync/atomic"

// Live holds the catalog that is in force. A request takes [Live.Current] once
// and keeps to it, so that it sees one configuration from its admission to its end.
type Live struct{ current atomic.Pointer[Catalog] }

// NewLive puts c in force.
func NewLive(c *Catalog) *Live {
	l := &Live{}
	l.Replace(c)
	return l
}

// Current is the catalog in force.
func (l *Live) Current() *Catalog { return l.current.Load() }

// Replace puts c in force for requests that come from now on.
func (l *Live) Replace(c *Catalog) { l.current.Store(c) }
