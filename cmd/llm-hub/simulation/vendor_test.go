package simulation_test

import (
	"sync"

	"github.com/llm-hub/llm-hub/events"
)

// vendor is all vendors: what each really bills.
type vendor struct {
	mu    sync.Mutex
	bills map[events.RequestID]*bill
}

// bill is what one request comes to.
type bill struct {
	vendor    *vendor
	gateway   *gateway
	attempts  map[int]events.Usage
	delivered int // attempt whose whole answer the client has, 0: it has none
}

func (v *vendor) open(r *request) *bill {
	v.mu.Lock()
	defer v.mu.Unlock()
	b := &bill{vendor: v, gateway: r.gateway, attempts: map[int]events.Usage{}}
	v.bills[r.info.ID] = b
	return b
}

// comesTo says what an attempt has used by now.
func (b *bill) comesTo(attempt int, u events.Usage) {
	b.vendor.mu.Lock()
	defer b.vendor.mu.Unlock()
	b.attempts[attempt] = u
}

// deliver says that the client has the whole answer of an attempt.
func (b *bill) deliver(attempt int) {
	b.vendor.mu.Lock()
	defer b.vendor.mu.Unlock()
	b.delivered = attempt
}
