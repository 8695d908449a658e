package alerts

import (
	"slices"
	"time"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
)

// Catalog says what is limited.
type Catalog interface {
	// Limits are those in force of a scope.
	Limits(s accounting.Scope) []accounting.Limit
	// Location is where windows are counted in.
	Location() *time.Location
}

// thresholds are the percentages that are told, the highest first.
var thresholds = [...]int{100, 80, 50} //nolint:gochecknoglobals // a constant table

// reached is the highest threshold that used has come to, 0 for none.
func reached(used, limit int64) int {
	for _, percent := range thresholds {
		p := int64(percent)
		if least := limit/100*p + (limit%100*p+99)/100; limit > 0 && used >= least {
			return percent
		}
	}
	return 0
}

// limitKey names a limit of a scope.
type limitKey struct {
	scope accounting.Scope
	per   accounting.Per
	of    accounting.Of
}

// mark is what was told of a limit last.
type mark struct {
	window  string
	percent int
}

// limits compares counters with limits. It keeps the shards of scopes that cross
// tenants, which are few, and what was told last of each limit.
type limits struct {
	catalog Catalog
	shards  map[accounting.Scope]map[events.Partition]accounting.Counter
	told    map[limitKey]mark
}

func newLimits(c Catalog) *limits {
	return &limits{catalog: c, shards: map[accounting.Scope]map[events.Partition]accounting.Counter{}, told: map[limitKey]mark{}}
}

// changed takes a new value of a counter and gives the limits that have come to
// a threshold, each once.
func (l *limits) changed(s accounting.Scope, p events.Partition, c accounting.Counter, now time.Time) []alert {
	counters := []accounting.Counter{c}
	if s.Sharded() {
		if l.shards[s] == nil {
			l.shards[s] = map[events.Partition]accounting.Counter{}
		}
		c.Shares = nil
		l.shards[s][p] = c
		counters = counters[:0]
		for _, shard := range l.shards[s] {
			counters = append(counters, shard)
		}
	}
	now = now.In(l.catalog.Location())
	var out []alert
	for _, limit := range l.catalog.Limits(s) {
		if a, tell := l.check(s, limit, counters, now); tell {
			out = append(out, a)
		}
	}
	return out
}

// check compares one limit. Requests at once are not in counters.
func (l *limits) check(s accounting.Scope, limit accounting.Limit, counters []accounting.Counter, now time.Time) (a alert, tell bool) {
	if limit.Of == accounting.OfConcurrency {
		return a, false
	}
	window := accounting.WindowAt(now, limit.Per)
	var used int64
	for _, c := range counters {
		used += limit.Used(c.In(window))
	}
	percent := reached(used, limit.Max)
	key := limitKey{s, limit.Per, limit.Of}
	if last := l.told[key]; percent == 0 || last.window == window.Label && last.percent >= percent {
		return a, false
	}
	l.told[key] = mark{window.Label, percent}
	a = limitAlert(s, limit, window, used, percent)
	a.body.Limit.ResetAt = accounting.Reset(now, limit.Per, now.Location()).UTC()
	return a, true
}

// concerns tells whether a counter has to be looked at.
func (l *limits) concerns(s accounting.Scope) bool {
	return s.Sharded() || len(l.catalog.Limits(s)) > 0
}

// forget drops what was told in windows that are over, so that memory follows the
// limits there are.
func (l *limits) forget(now time.Time) {
	now = now.In(l.catalog.Location())
	for key, m := range l.told {
		held := slices.ContainsFunc(l.catalog.Limits(key.scope), func(x accounting.Limit) bool { return x.Per == key.per && x.Of == key.of })
		if !held || m.window != accounting.WindowAt(now, key.per).Label {
			delete(l.told, key)
		}
	}
}
