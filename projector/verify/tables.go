package verify

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/projector"
	"github.com/llm-hub/llm-hub/projector/tables"
)

// maxOwed bounds the blocks that wait until the tables have come to their end.
const maxOwed = 24

// tableBooks is what the tables have to hold: for each group of equal labels the
// number of rows, every sum, and a digest that ties the amounts of each row to its
// place in the log.
type tableBooks struct {
	generation int            // of the tables that were compared
	kept       projector.Kept // what was folded begins with these horizons
	compared   uint64         // everything up to here was
	all        groups         // of that
	older      groups         // of that, what only the roll-ups still have
	owed       []*block
	at         uint64 // the checkpoint of the tables, where a block has to end
	suspect    bool   // everything has to be compared: something differs, or the tables are others
	rotation   rotation
}

// block is what some messages have to have put into the tables.
type block struct {
	to       uint64 // the last of them, 0 while there is none
	groups   groups
	older    groups   // what only goes into the roll-ups
	quarters quarters // of its usage
}

// groups are the sums of each group.
type groups map[group]*sums

// group is a table and the labels that its rows are summed by; the first is the tenant.
type group struct{ table, labels string }

func (g group) tenant() string {
	tenant, _, _ := strings.Cut(g.labels, "|")
	return tenant
}

// sums adds up rows. The digest is arithmetic modulo 2^64, here and in the store.
type sums struct {
	rows   uint64
	digest uint64
	totals accounting.Totals
}

func (s sums) String() string {
	return fmt.Sprintf("%d rows, %+v, digest %x", s.rows, s.totals, s.digest)
}

// at gives the sums of a group.
func (g groups) at(table string, labels ...string) *sums {
	key := group{table, strings.Join(labels, "|")}
	if g[key] == nil {
		g[key] = &sums{}
	}
	return g[key]
}

func (s *sums) add(at accounting.Position, weight int64, t accounting.Totals) {
	s.rows++
	s.digest += (at.Seq*placeFactor + uint64(at.Index) + 1) * uint64(weight)
	s.totals = s.totals.Plus(t)
}

// placeFactor spreads the places of rows in a digest.
const placeFactor = 1000003

func (g groups) merge(o groups) {
	for key, s := range o {
		sum := g.at(key.table, key.labels)
		sum.rows += s.rows
		sum.digest += s.digest
		sum.totals = sum.totals.Plus(s.totals)
	}
}

// quarters is a span of window_at, in seconds, both ends included; the zero
// quarters is none.
type quarters struct{ from, to int64 }

const quarter = 15 * 60 // seconds

func (q quarters) with(second int64) quarters {
	start := second - second%quarter
	return q.and(quarters{start, min(start+quarter-1, math.MaxUint32)})
}

func (q quarters) and(o quarters) quarters {
	switch {
	case q == quarters{}:
		return o
	case o == quarters{}:
		return q
	}
	return quarters{min(q.from, o.from), max(q.to, o.to)}
}

func newTableBooks(shares int) *tableBooks {
	return &tableBooks{all: groups{}, older: groups{}, rotation: rotation{shares: shares}}
}

// begin opens a block for a run in which the tables stand at seq.
func (t *tableBooks) begin(seq uint64) {
	t.at = seq
	if n := len(t.owed); n == 0 || t.owed[n-1].to > 0 {
		t.open()
	}
}

// open opens a block. The last two become one if there are too many.
func (t *tableBooks) open() {
	if n := len(t.owed); n >= maxOwed {
		last, before := t.owed[n-1], t.owed[n-2]
		before.to = last.to
		before.groups.merge(last.groups)
		before.older.merge(last.older)
		before.quarters = before.quarters.and(last.quarters)
		t.owed = t.owed[:n-1]
	}
	t.owed = append(t.owed, &block{groups: groups{}, older: groups{}})
}

// message books the rows of one message.
func (t *tableBooks) message(m events.Stored, a accounting.Applied) {
	b := t.owed[len(t.owed)-1]
	if b.to > 0 && b.to <= t.at && m.Seq > t.at {
		t.open()
		b = t.owed[len(t.owed)-1]
	}
	b.to = m.Seq
	var rows tables.Rows
	rows.Add(m, a)
	rows = rows.Inserted(t.kept)
	for _, e := range rows.Usage {
		labels := []string{
			string(e.Tenant), e.Principal.Team, e.Principal.User, e.Principal.Key, e.Principal.Model, e.Principal.Tags,
			e.Target.Provider, e.Target.Credential, e.Target.Model,
		}
		if before(e.WindowAt, t.kept.Usage) {
			b.older.at("usage_15m", labels...).add(e.At, 0, e.Totals)
			continue
		}
		b.quarters = b.quarters.with(second(e.WindowAt))
		b.groups.at("usage", labels...).add(e.At, usageWeight(e), e.Totals)
	}
	for _, e := range rows.Requests {
		labels := []string{string(e.Tenant), e.Finished.Team, e.Finished.Key, e.Finished.Model, e.Finished.Tags, string(e.Outcome)}
		count := accounting.Totals{Requests: int64(e.Count)}
		if before(e.WindowAt, t.kept.Requests) {
			b.older.at("requests_15m", labels...).add(e.At, 0, count)
			continue
		}
		weight := 1 + 3*second(e.WindowAt) + 5*int64(e.Finished.Attempts) + 7*int64(e.Count) + 11*e.Finished.TotalNS
		b.groups.at("requests", labels...).add(e.At, weight, count)
	}
	for _, e := range rows.Attempts {
		b.groups.at("attempts", string(e.Tenant), e.Principal.Team, string(e.Kind), e.Principal.Tags, e.Target.Provider).
			add(e.At, 1+3*second(e.WindowAt)+5*int64(e.Attempt)+7*int64(e.Status), accounting.Totals{})
	}
}

// before tells whether something was admitted before a horizon.
func before(windowAt, horizon time.Time) bool { return tables.Instant(windowAt).Before(horizon) }

func second(t time.Time) int64 { return tables.Instant(t).Unix() }

func usageWeight(e accounting.Entry) int64 {
	t := e.Totals
	weight := 1 + 3*second(e.WindowAt) + 5*t.Requests + 7*t.Attempts + 11*t.Failures + 13*t.Cost + 17*t.Unpriced
	for i, amount := range t.Usage.Amounts() {
		weight += classWeight(i) * amount
	}
	return weight
}

// classWeight is what a class of usage weighs in a digest.
func classWeight(i int) int64 { return 19 + 2*int64(i) }

// due takes the blocks that the tables hold whole.
func (t *tableBooks) due() []*block {
	n := 0
	for n < len(t.owed) && t.owed[n].to > 0 && t.owed[n].to <= t.at {
		n++
	}
	return t.owed[:n]
}

// settle takes note that the blocks that were due were compared.
func (t *tableBooks) settle() {
	due := t.due()
	for _, b := range due {
		t.compared = b.to
		t.all.merge(b.groups)
		t.older.merge(b.older)
	}
	t.owed = slices.Delete(t.owed, 0, len(due))
}

// turn gives the tenants of which older rows are compared this time: all of them as long
// as nothing was compared, or something differs.
func (t *tableBooks) turn() (of tenants, some bool) {
	if t.compared == 0 {
		return everyone(), true
	}
	of, some = t.rotation.share(t.all)
	if t.suspect {
		return everyone(), true
	}
	return of, some
}

// rotation parts the tenants into ranges, and goes from one to the next.
type rotation struct {
	shares int
	begins []string // of the ranges of this turn; the first is before every tenant
	next   int
}

// tenants is a range of tenants, from included, before not; an empty before is beyond all.
type tenants struct{ from, before string }

func (t tenants) has(tenant string) bool {
	return tenant >= t.from && (t.before == "" || tenant < t.before)
}

// everyone is every tenant.
func everyone() tenants { return tenants{} }

// share gives the range whose turn it is. It is false if that has no tenant, as
// where there are fewer tenants than shares.
func (r *rotation) share(all groups) (t tenants, some bool) {
	if r.next == len(r.begins) {
		r.begin(all)
	}
	t.from = r.begins[r.next]
	if r.next == len(r.begins)-1 {
		return t, true
	}
	t.before = r.begins[r.next+1]
	return t, t.from < t.before
}

// begin begins a turn.
func (r *rotation) begin(all groups) {
	names := map[string]struct{}{}
	for g := range all {
		names[g.tenant()] = struct{}{}
	}
	sorted := make([]string, 0, len(names))
	for name := range names {
		sorted = append(sorted, name)
	}
	slices.Sort(sorted)
	r.begins, r.next = make([]string, r.shares), 0
	for i := range r.begins {
		if i > 0 && len(sorted) > 0 {
			r.begins[i] = sorted[i*len(sorted)/r.shares]
		}
	}
}

// done goes to the next range.
func (r *rotation) done() { r.next++ }
