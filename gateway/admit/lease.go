package admit

import (
	"math"
	"slices"
	"time"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
)

// ahead is for how much spending a lease is taken and kept.
const ahead = 2 * time.Second

// freshFor is for how long a limit that had too little left is not asked again.
const freshFor = 200 * time.Millisecond

// moment is an instant by two clocks: one that never jumps, and the one on the
// wall, which goes on while a machine sleeps.
type moment struct {
	since time.Duration // since the admitter was made
	wall  int64         // nanoseconds since 1970
}

func (m moment) plus(d time.Duration) moment { return moment{m.since + d, m.wall + int64(d)} }

// before tells whether m is before o by both clocks.
func (m moment) before(o moment) bool { return m.since < o.since && m.wall < o.wall }

// lease is what this node knows of one hard limit of a scope in one window. What
// it holds here is never more than what the store says it holds: it is lowered
// before the store is told, and raised when the store has agreed.
type lease struct {
	of     accounting.Of
	window accounting.Window // zero of concurrency
	max    int64             // of the limit as a request last brought it

	held   int64  // mine, and what may be spent beyond it
	mine   int64  // spent and reserved here in the window
	until  moment // nothing is admitted from it later
	joined bool   // the store knows us as a holder
	gone   bool   // the store has left the window behind: the counters decide; nothing else is set

	others int64  // what all others had when the store was last asked
	asked  moment // when that was; zero: never

	taken   int64 // by admissions since the last sweep
	spare   int64 // what [ahead] took by the last sweep
	waiting int64 // what requests wait for, beyond mine
	least   int64 // the smallest of these wants
}

// room is what a request may take at once.
func (l *lease) room(most int64, now moment) int64 {
	if !now.before(l.until) {
		return 0
	}
	return min(l.held, most-l.others) - l.mine
}

// left is what the store would have let us have when it was last asked.
func (l *lease) left(most int64) int64 { return most - l.others - l.mine }

// fresh tells whether the store was asked just now.
func (l *lease) fresh(now moment) bool {
	return l.asked != (moment{}) && now.before(l.asked.plus(freshFor))
}

// await notes that a request wants more than there is room for.
func (l *lease) await(want int64) {
	if l.waiting == 0 || want < l.least {
		l.least = want
	}
	l.waiting += want
}

// soon is what will be taken within [ahead], by what was taken in a sweep.
func (l *lease) soon(sweep time.Duration) int64 {
	return max(l.spare, scaled(l.taken, sweep))
}

// scaled is what ahead takes if a sweep took n.
func scaled(n int64, sweep time.Duration) int64 {
	factor := max(1, int64(ahead/sweep))
	if n > math.MaxInt64/factor {
		return math.MaxInt64
	}
	return n * factor
}

// surplus tells whether much more is held than will be needed soon.
func (l *lease) surplus(sweep time.Duration) bool {
	soon := l.soon(sweep)
	return l.held-l.mine > soon+min(soon, math.MaxInt64-soon)
}

// lease finds the lease on a limit in its window of w, or begins it. It is nil if
// the window is older than those that leases are kept for. a.mu is held.
func (a *account) lease(l accounting.Limit, w *windows) *lease {
	window := windowOf(l, w)
	for _, le := range a.leases {
		switch {
		case le.of != l.Of || le.window != window:
		case le.gone:
			return nil
		default:
			le.max = l.Max
			return le
		}
	}
	const kept = 2 // windows of a span, as in the store
	older := -1
	n := 0
	for i, le := range a.leases {
		if le.of != l.Of || le.window.Per != window.Per {
			continue
		}
		if n++; older < 0 || le.window.Label < a.leases[older].window.Label {
			older = i
		}
	}
	if n >= kept {
		if window.Label < a.leases[older].window.Label {
			return nil
		}
		a.leases = slices.Delete(a.leases, older, older+1)
	}
	le := &lease{of: l.Of, window: window, max: l.Max, mine: a.running}
	if l.Of != accounting.OfConcurrency {
		le.mine = 0
		a.catchUp(le, a.seen(le), false)
	}
	a.leases = append(a.leases, le)
	return le
}

func windowOf(l accounting.Limit, w *windows) accounting.Window {
	if l.Of == accounting.OfConcurrency {
		return accounting.Window{}
	}
	return w.of(l.Per)
}

// unfolded is what this node has spent and reserved in the window of a lease and
// no counter holds yet. a.mu is held.
func (a *account) unfolded(l *lease) int64 {
	limit := accounting.Limit{Of: l.of}
	var sum int64
	for i := range a.own {
		if a.own[i].at.of(l.window.Per) == l.window {
			sum += limit.Spent(countable(a.scope.Kind, a.own[i].spent))
		}
	}
	return sum
}

// seen is what the counters show of the window of a lease. a.mu is held.
func (a *account) seen(l *lease) accounting.Seen {
	counters := make([]*accounting.Counter, len(a.shards))
	for i := range a.shards {
		counters[i] = &a.shards[i].counter
	}
	return seen(a.scope.Kind, l.of, l.window, counters)
}

// seen is what the counters of a scope, one for each partition, show of a window.
func seen(kind accounting.ScopeKind, of accounting.Of, w accounting.Window, counters []*accounting.Counter) accounting.Seen {
	limit := accounting.Limit{Of: of}
	var s accounting.Seen
	for _, c := range counters {
		s.Total += limit.Spent(countable(kind, c.In(w).Spent()))
	}
	s.By = func(e events.Epoch) (sum int64, known bool) {
		for _, c := range counters {
			spent, known := c.Share(e, w)
			if !known {
				return 0, false
			}
			sum += limit.Spent(countable(kind, spent))
		}
		return sum, true
	}
	return s
}

// countable is what limits see of s. A credential sees attempts only: each is a
// request to the vendor.
func countable(kind accounting.ScopeKind, s accounting.Spent) accounting.Spent {
	if kind == accounting.CredentialScope {
		s.Requests = s.Attempts
	}
	return s
}

// spend adds to what was spent here in the windows of w, and to what admissions
// took if one does. a.mu is held.
func (a *account) spend(w *windows, spent accounting.Spent, admission bool) {
	spent = countable(a.scope.Kind, spent)
	for _, l := range a.leases {
		if l.gone || l.of == accounting.OfConcurrency || w.of(l.window.Per) != l.window {
			continue
		}
		n := accounting.Limit{Of: l.of}.Spent(spent)
		l.mine += n
		if admission {
			l.taken += n
		}
	}
}

// run adds n to the requests that run. a.mu is held.
func (a *account) run(n int64) {
	a.running += n
	for _, l := range a.leases {
		if l.of == accounting.OfConcurrency {
			l.mine = a.running
			l.taken += max(0, n)
		}
	}
}

// tightest tells whether no other hard limit of the same kind and span is lower
// than limits[i], which is hard: then that one decides for both.
func tightest(limits []accounting.Limit, i int) bool {
	l := &limits[i]
	for j := range limits {
		o := &limits[j]
		if j == i || o.Mode != accounting.Hard || o.Of != l.Of || o.Per != l.Per && o.Of != accounting.OfConcurrency {
			continue
		}
		if o.Max < l.Max || o.Max == l.Max && j < i {
			return false
		}
	}
	return true
}
