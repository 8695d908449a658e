package admin

import (
	"sync"

	"github.com/llm-hub/llm-hub/events"
)

// places bounds how many tails are open, of all askers together and of each tenant's, so
// that no tenant takes all of them. The zero places has none open. Safe for concurrent use.
type places struct {
	mu       sync.Mutex
	all      int
	byTenant map[events.TenantID]int
}

// take takes a place, for one of a tenant or, without one, of the installation; false if
// there is none left.
func (p *places) take(tenant events.TenantID) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.all == maxTails || tenant != "" && p.byTenant[tenant] == maxTailsEach {
		return false
	}
	if p.byTenant == nil {
		p.byTenant = map[events.TenantID]int{}
	}
	p.all++
	p.byTenant[tenant]++
	return true
}

// free gives it back.
func (p *places) free(tenant events.TenantID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.all--
	if p.byTenant[tenant]--; p.byTenant[tenant] == 0 {
		delete(p.byTenant, tenant)
	}
}
