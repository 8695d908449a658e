package admit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
)

// followOver takes the entries of a watch of what is over.
func (a *Admitter) followOver(changes <-chan events.Entry) {
	for e := range changes {
		if e.Key == "" {
			continue
		}
		p, err := events.ParsePartition(strings.TrimPrefix(e.Key, events.OverPrefix))
		if err != nil {
			a.cfg.Logger.Error("key of the counters ignored", "key", e.Key, "error", err)
			continue
		}
		var over accounting.Over
		if e.Value != nil {
			if err := json.Unmarshal(e.Value, &over); err != nil {
				a.cfg.Logger.Error("epochs that are over cannot be read", "partition", p, "error", err)
				continue
			}
		}
		a.over[p].Store(&over)
		if over.Has(a.cfg.Epoch) {
			a.lose()
		}
		a.bury.Store(true)
	}
}

// lose ends admission for good.
func (a *Admitter) lose() {
	if a.ended.CompareAndSwap(false, true) {
		a.cfg.Logger.Error("this node is dead to all others: its epoch is over", "node", a.cfg.Node, "epoch", a.cfg.Epoch)
		close(a.lost)
	}
}

// errLost says that whatever this node holds is not its own any more.
var errLost = errors.New("the epoch of this node is over")

// alive asks whether our epoch is over: then others have taken what we held, and
// we may not have it again.
func (a *Admitter) alive(ctx context.Context, s accounting.Scope) error {
	overs, err := a.overs(ctx, s)
	if err != nil {
		return err
	}
	for _, over := range overs {
		if over.Has(a.cfg.Epoch) {
			a.lose()
			return errLost
		}
	}
	return nil
}

// overs reads what is over in the partitions of a scope.
func (a *Admitter) overs(ctx context.Context, s accounting.Scope) ([]accounting.Over, error) {
	partitions := partitionsOf(s)
	out := make([]accounting.Over, len(partitions))
	for i, p := range partitions {
		e, err := a.cfg.Counters.Get(ctx, events.OverKey(p))
		if err == nil && e.Value != nil {
			err = json.Unmarshal(e.Value, &out[i])
		}
		if err != nil {
			return nil, fmt.Errorf("what is over in partition %s: %w", p, err)
		}
	}
	return out, nil
}

// isOver tells whether everything an epoch spent of a scope is counted, and no more can come.
func (a *Admitter) isOver(s accounting.Scope, e events.Epoch) bool {
	for _, p := range partitionsOf(s) {
		if over := a.over[p].Load(); over == nil || !over.Has(e) {
			return false
		}
	}
	return true
}

// partitionsOf are those that hold a counter of the scope.
func partitionsOf(s accounting.Scope) []events.Partition {
	if !s.Sharded() {
		tenant, _, _ := strings.Cut(s.ID, "/")
		return []events.Partition{events.PartitionOf(events.TenantID(tenant))}
	}
	all := make([]events.Partition, events.Partitions)
	for i := range all {
		all[i] = events.Partition(i)
	}
	return all
}

// deceased is a holder whose epoch is over, and the counters as they stand since.
type deceased struct {
	holder   accounting.HolderID
	scope    accounting.Scope
	counters []*accounting.Counter
}

// dead finds the holders of a scope whose epoch is over, and what the counters say
// of them. Both are read anew: the counters that are followed may be behind the news
// of an end, and that news may be of a bucket that has been made anew since. While
// they cannot be read nobody is dead. The exchange of acc runs.
func (a *Admitter) dead(ctx context.Context, acc *account) []deceased {
	holders := slices.DeleteFunc(acc.stored.leases.Holders(), func(h accounting.HolderID) bool {
		return h == a.me || !a.isOver(acc.scope, h.Epoch())
	})
	if len(holders) == 0 {
		return nil
	}
	overs, err := a.overs(ctx, acc.scope) // first: who is over is counted
	var counters []*accounting.Counter
	if err == nil {
		counters, err = a.counters(ctx, acc.scope)
	}
	if err != nil {
		a.bury.Store(true)
		a.cfg.Logger.Warn("leases of dead nodes stay for now", "scope", acc.scope.Kind, "id", acc.scope.ID, "error", err)
		return nil
	}
	var out []deceased
	for _, h := range holders {
		if !slices.ContainsFunc(overs, func(o accounting.Over) bool { return !o.Has(h.Epoch()) }) {
			out = append(out, deceased{h, acc.scope, counters})
		}
	}
	return out
}

// counters reads the counters of a scope.
func (a *Admitter) counters(ctx context.Context, s accounting.Scope) ([]*accounting.Counter, error) {
	var out []*accounting.Counter
	for _, p := range partitionsOf(s) {
		e, err := a.cfg.Counters.Get(ctx, events.CounterKey(p, string(s.Kind), s.ID))
		if err != nil {
			return nil, err
		}
		c := &accounting.Counter{}
		if e.Value != nil {
			if err := json.Unmarshal(e.Value, c); err != nil {
				return nil, err
			}
		}
		out = append(out, c)
	}
	return out, nil
}

// reclaim gives back what the holder had and did not spend.
func (d deceased) reclaim(l *accounting.Leases) (changed bool) {
	for i := range l.Pools {
		p := &l.Pools[i]
		spent, known := int64(0), true // of concurrency: nothing of it runs any more
		if p.Of != accounting.OfConcurrency {
			w := accounting.Window{Per: p.Per, Label: p.Window}
			spent, known = seen(d.scope.Kind, p.Of, w, d.counters).By(d.holder.Epoch())
		}
		changed = p.Reclaim(d.holder, spent, known) || changed
	}
	return changed
}

// buryDead looks through all leases for holders whose epoch is over.
func (a *Admitter) buryDead(ctx context.Context) {
	entries, err := a.cfg.Leases.List(ctx, events.LeasePrefix)
	if err != nil {
		a.bury.Store(true)
		return
	}
	var due []*account
	for _, e := range entries {
		kind, id, err := events.ParseLeaseKey(e.Key)
		if err != nil {
			a.cfg.Logger.Error("leases ignored", "error", err)
			continue
		}
		leases, err := accounting.DecodeLeases(e.Value)
		if err != nil {
			a.cfg.Logger.Error("leases ignored", "key", e.Key, "error", err)
			continue
		}
		s := accounting.Scope{Kind: accounting.ScopeKind(kind), ID: id}
		for _, h := range leases.Holders() {
			if h != a.me && a.isOver(s, h.Epoch()) {
				due = append(due, a.account(s))
				break
			}
		}
	}
	a.exchangeAll(ctx, due)
}
