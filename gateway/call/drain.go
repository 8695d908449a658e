package call

import "time"

// How far a call goes on after its client hung up, to learn what it will cost.
const (
	drainTime   = 30 * time.Second
	drainTokens = 4096 // of the answer
	maxDrains   = 64   // at a time on this node
)

// onDisconnectCancel is the tenant's wish that a call ends with its client.
const onDisconnectCancel = "cancel"

// leave decides what becomes of the vendor call whose client hung up. It may be
// called more than once, from any goroutine.
func (a *attempt) leave() {
	a.leaving.Do(func() {
		if a.flight.startDrain() {
			a.patience.shorten(time.Now().Add(drainTime), errDrained)
			return
		}
		a.patience.giveUp(errHungUp)
	})
}

// startDrain takes one of the node's drains, if the tenant wants it and one is free.
func (f *flight) startDrain() bool {
	if f.req.Key.Tenant.OnDisconnect == onDisconnectCancel {
		return false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.draining || f.landed {
		return f.draining
	}
	if f.drains.Add(1) > maxDrains {
		f.drains.Add(-1)
		return false
	}
	f.draining = true
	return true
}

// endDrain gives back what startDrain took, for good.
func (f *flight) endDrain() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.landed = true
	if f.draining {
		f.draining = false
		f.drains.Add(-1)
	}
}
