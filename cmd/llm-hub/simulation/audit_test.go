package simulation_test

import (
	"context"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway/admit"
	"github.com/llm-hub/llm-hub/projector/projectortest"
)

// story is what the log tells of one request, read plainly: no fold, no state
// but this.
type story struct {
	tenant     events.TenantID
	who        events.Principal
	at         time.Time // of admission
	admitted   int
	estimate   events.Charge
	recorded   map[int]events.UsageRecorded
	end        events.Kind // the first
	orphan     *events.RequestOrphaned
	replaced   int               // attempt whose usage came after the orphan's end, 0: none did
	posthumous bool              // it was admitted by a process whose node lived on already
	amended    accounting.Totals // what usage that came after the orphan's end added
}

// booking is usage that counts, and for which target.
type booking struct {
	target events.Target
	charge events.Charge
}

// bookings are what the story comes to: every recorded usage, and an orphan's
// charge unless usage came after it. That usage counts where the charge stood.
func (s *story) bookings() []booking {
	var out []booking
	for n, u := range s.recorded {
		b := booking{u.Target, u.Charge}
		if n == s.replaced && s.orphan.Charge.Usage != (events.Usage{}) {
			b.target = s.orphan.Target
		}
		out = append(out, b)
	}
	if s.orphan != nil && s.replaced == 0 {
		out = append(out, booking{s.orphan.Target, s.orphan.Charge})
	}
	return out
}

// total is usage and cost together.
func (s *story) total() accounting.Totals {
	t := accounting.Totals{Requests: 1}
	for _, b := range s.bookings() {
		t.Usage = t.Usage.Plus(b.charge.Usage)
		t.Cost += *b.charge.CostNanoUSD
	}
	return t
}

// life is where a node has one epoch at a time.
type life struct {
	node      events.NodeID
	partition events.Partition
}

// late is what the log was told when what the dead process held may have been lent
// to others. No lease can know of it.
func (s *story) late() accounting.Totals {
	if s.posthumous {
		return s.total()
	}
	return s.amended
}

// read reads the log, every message once.
func (w *world) read() map[events.RequestID]*story {
	ctx := context.Background()
	info, err := w.log.Info(ctx)
	if err != nil {
		w.t.Fatal(err)
	}
	stories := map[events.RequestID]*story{}
	seen := map[events.MessageID]bool{}
	lives := map[life]events.Epoch{}
	for seq := uint64(1); seq <= info.Last; seq++ {
		m, err := w.log.At(ctx, seq)
		if err != nil {
			w.t.Fatal(err)
		}
		if seen[m.ID] {
			continue
		}
		seen[m.ID] = true
		lines, err := m.Lines()
		if err != nil {
			w.t.Fatal(err)
		}
		for _, line := range lines {
			e, err := events.Decode(line)
			if err != nil {
				w.t.Fatal(err)
			}
			l := life{m.ID.Node, m.ID.Partition}
			if e.Kind == events.NodeStartedKind {
				lives[l] = m.ID.Epoch
			}
			if e.Request != "" && e.Kind != events.RequestRejectedKind {
				w.tell(stories, e, lives[l] != m.ID.Epoch)
			}
		}
	}
	return stories
}

// tell adds one event to its request's story. It is late if the node of the process
// that said it had begun another life before.
func (w *world) tell(stories map[events.RequestID]*story, e events.Event, late bool) {
	s := stories[e.Request]
	if s == nil {
		s = &story{tenant: e.Tenant, at: e.WindowAt, recorded: map[int]events.UsageRecorded{}}
		stories[e.Request] = s
	}
	switch e.Kind {
	case events.RequestAdmittedKind:
		b := body[events.RequestAdmitted](w, e)
		s.admitted++
		s.who, s.estimate = b.Principal, b.Estimate
		s.posthumous = late
	case events.UsageRecordedKind:
		b := body[events.UsageRecorded](w, e)
		if _, twice := s.recorded[b.Attempt]; twice {
			w.errorf("usage of attempt %d of %s is in the log twice", b.Attempt, e.Request)
		}
		s.recorded[b.Attempt] = b
		if s.orphan != nil {
			s.amended = s.amended.Plus(accounting.Totals{Usage: b.Charge.Usage, Cost: *b.Charge.CostNanoUSD})
		}
		if s.orphan != nil && s.replaced == 0 {
			s.replaced = b.Attempt
			s.amended = s.amended.Minus(accounting.Totals{Usage: s.orphan.Charge.Usage, Cost: *s.orphan.Charge.CostNanoUSD})
		}
	case events.RequestFinishedKind, events.RequestOrphanedKind:
		if s.end != "" {
			return // the first counts
		}
		if s.end = e.Kind; e.Kind == events.RequestOrphanedKind {
			b := body[events.RequestOrphaned](w, e)
			s.orphan = &b
		}
	default: // adds nothing
	}
}

func body[B events.Body](w *world, e events.Event) B {
	b, err := events.As[B](e)
	if err != nil {
		w.errorf("%v", err)
	}
	return b
}

// audit holds the invariants, once everything is at rest.
func (w *world) audit() {
	stories := w.read()
	books, err := projectortest.Fold(context.Background(), w.log)
	if err != nil {
		w.t.Fatal(err)
	}
	w.auditVendors(stories)
	w.auditEnds(stories, books)
	w.auditBooks(stories, books)
	w.auditCounters(stories, books)
	w.auditTables(books)
	w.auditLimits(stories)
	w.auditLeases(stories)
}

// auditVendors holds I1 and I6: what is recorded as the vendor's count is what
// the vendor bills, and what a client has is on the books.
func (w *world) auditVendors(stories map[events.RequestID]*story) {
	for id, b := range w.vendor.bills {
		s := stories[id]
		_, died := b.gateway.wire.state()
		if s == nil || s.admitted == 0 {
			if !died || b.delivered > 0 {
				w.errorf("%s is not in the log: process died %t, client has the answer of attempt %d", id, died, b.delivered)
			}
			continue
		}
		for n, u := range b.attempts {
			recorded, ok := s.recorded[n]
			switch {
			case !ok && !died:
				w.errorf("attempt %d of %s is billed %+v and not recorded", n, id, u)
			case ok && recorded.Source == events.FromVendor && recorded.Charge.Usage != u:
				w.errorf("attempt %d of %s is billed %+v and recorded as %+v", n, id, u, recorded.Charge.Usage)
			}
		}
		if _, ok := s.recorded[b.delivered]; b.delivered > 0 && !ok {
			w.errorf("the client has the answer of %s, and its usage is not on the books", id)
		}
	}
}

// auditEnds holds I2: every admitted request has one end.
func (w *world) auditEnds(stories map[events.RequestID]*story, books projectortest.Books) {
	ends := map[events.RequestID]int{}
	for _, e := range books.Ends {
		if e.Outcome != events.Rejected {
			ends[e.Request]++
		}
	}
	for id, s := range stories {
		if s.admitted != 1 || ends[id] != 1 || s.end == "" {
			w.errorf("%s was admitted %d times, has %d ends in the books, in the log %q", id, s.admitted, ends[id], s.end)
		}
	}
	if len(ends) != len(stories) || books.Open != 0 {
		w.errorf("%d requests in the log, %d ended, %d open", len(stories), len(ends), books.Open)
	}
	if len(books.Dead) > 0 {
		w.errorf("dead: %s: %s", books.Dead[0].Reason, books.Dead[0].Raw)
	}
}

// auditBooks holds I1 for the ledger: of each request it has what the story says.
func (w *world) auditBooks(stories map[events.RequestID]*story, books projectortest.Books) {
	booked := map[events.RequestID]accounting.Totals{}
	for _, e := range books.Entries {
		booked[e.Request] = booked[e.Request].Plus(e.Totals)
	}
	for id, s := range stories {
		got, want := booked[id], s.total()
		if got.Requests != want.Requests || got.Usage != want.Usage || got.Cost != want.Cost {
			w.errorf("%s is booked as %+v, the log says %+v", id, got, want)
		}
	}
}

// auditCounters holds I3: the counters are the fold of the log, and its stories.
func (w *world) auditCounters(stories map[events.RequestID]*story, books projectortest.Books) {
	list, err := w.log.List(context.Background(), events.CounterPrefix)
	if err != nil {
		w.t.Fatal(err)
	}
	got := map[string]accounting.Counter{}
	sums := map[accounting.Scope]accounting.Totals{}
	for _, e := range list {
		var c accounting.Counter
		if err := json.Unmarshal(e.Value, &c); err != nil {
			w.errorf("%s: %v", e.Key, err)
		}
		got[e.Key] = c
		_, kind, id, err := events.ParseCounterKey(e.Key)
		if err != nil {
			w.errorf("%v", err)
		}
		scope := accounting.Scope{Kind: accounting.ScopeKind(kind), ID: id}
		sums[scope] = sums[scope].Plus(c.Life)
	}
	if !maps.EqualFunc(books.Counters, got, func(a, b accounting.Counter) bool { return reflect.DeepEqual(a, b) }) {
		w.errorf("counters differ from the fold of the log (-want +got):\n%s", cmp.Diff(plainly(w, books.Counters), plainly(w, got)))
	}
	for scope, want := range told(stories) {
		if got := sums[scope]; got.Requests != want.Requests || got.Usage != want.Usage || got.Cost != want.Cost {
			w.errorf("%s %s is counted as %+v, the log says %+v", scope.Kind, scope.ID, got, want)
		}
	}
}

// plainly is v as its JSON says it.
func plainly(w *world, v any) (out any) {
	raw, err := json.Marshal(v)
	if err == nil {
		err = json.Unmarshal(raw, &out)
	}
	if err != nil {
		w.errorf("%v", err)
	}
	return out
}

// told adds up the stories by scope.
func told(stories map[events.RequestID]*story) map[accounting.Scope]accounting.Totals {
	out := map[accounting.Scope]accounting.Totals{}
	for _, s := range stories {
		for _, scope := range accounting.PrincipalScopes(s.tenant, s.who) {
			out[scope] = out[scope].Plus(s.total())
		}
		for _, b := range s.bookings() {
			scope := accounting.TargetScope(b.target)
			out[scope] = out[scope].Plus(accounting.Totals{Usage: b.charge.Usage, Cost: *b.charge.CostNanoUSD})
		}
	}
	return out
}

// auditTables holds I4: the tables have the entries and ends of the log, each once.
func (w *world) auditTables(books projectortest.Books) {
	if !w.shape.tables {
		return
	}
	byPlace := func(a, b accounting.Position) int {
		if a.Less(b) {
			return -1
		}
		return 1
	}
	slices.SortFunc(books.Entries, func(a, b accounting.Entry) int { return byPlace(a.At, b.At) })
	slices.SortFunc(books.Ends, func(a, b accounting.End) int { return byPlace(a.At, b.At) })
	if diff := cmp.Diff(books.Entries, w.rows.Usage); diff != "" {
		w.errorf("usage differs from the fold of the log (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(books.Ends, w.rows.Requests); diff != "" {
		w.errorf("requests differ from the fold of the log (-want +got):\n%s", diff)
	}
}

// auditLimits holds I5: no hard limit is exceeded but by what vendors billed
// beyond what was asked for.
func (w *world) auditLimits(stories map[events.RequestID]*story) {
	for _, s := range w.limited() {
		for _, l := range s.Limits {
			if l.Mode == accounting.Hard && l.Of != accounting.OfConcurrency {
				w.auditLimit(stories, s.Scope, l)
			}
		}
	}
}

// limited are all scopes that have limits.
func (w *world) limited() []admit.Scoped {
	var out []admit.Scoped
	add := func(kind accounting.ScopeKind, id string, limits []accounting.Limit) {
		if len(limits) > 0 {
			out = append(out, admit.Scoped{Scope: accounting.Scope{Kind: kind, ID: id}, Limits: limits})
		}
	}
	for id, t := range w.catalog.Tenants {
		add(accounting.TenantScope, string(id), t.Limits)
		for model, limits := range t.ModelLimits {
			add(accounting.TenantModelScope, string(id)+"/"+model, limits)
		}
		for _, u := range t.Users {
			add(accounting.UserScope, string(id)+"/"+u.ID, u.Limits)
		}
		for _, k := range t.Keys {
			add(accounting.KeyScope, string(id)+"/"+k.Name, k.Limits)
		}
	}
	for name, m := range w.catalog.Models {
		add(accounting.ModelScope, name, m.Limits)
	}
	for _, t := range w.targets {
		add(accounting.CredentialScope, t.Provider+"/"+t.Credential, w.credential(t).Limits)
	}
	return out
}

// auditLimit holds one limit in every window. Beyond it may be what vendors billed
// beyond what was asked for, and what came late.
func (w *world) auditLimit(stories map[events.RequestID]*story, scope accounting.Scope, l accounting.Limit) {
	used, beyond := w.spent(stories, scope, l)
	for window, n := range used {
		if n > l.Max+beyond[window] {
			w.errorf("%s %s: %d %s in %v, the limit is %d and %d were billed beyond what was asked for or came late",
				scope.Kind, scope.ID, n, l.Of, window, l.Max, beyond[window])
		}
	}
}

// spent is what a scope has used of a limit, by window, and how much of it was
// billed beyond what was asked for when it was admitted, or came late.
func (w *world) spent(stories map[events.RequestID]*story, scope accounting.Scope, l accounting.Limit) (used, beyond map[accounting.Window]int64) {
	used, beyond = map[accounting.Window]int64{}, map[accounting.Window]int64{}
	for _, s := range stories {
		if s.admitted == 0 {
			continue // not without a complaint
		}
		window := accounting.WindowAt(s.at.In(w.catalog.Location), l.Per)
		asked := l.Used(accounting.Totals{Requests: 1, Usage: s.estimate.Usage, Cost: *s.estimate.CostNanoUSD})
		if scope.Kind != accounting.CredentialScope {
			if slices.Contains(accounting.PrincipalScopes(s.tenant, s.who), scope) {
				spent := l.Used(s.total())
				used[window] += spent
				beyond[window] += max(0, spent-asked, l.Used(s.late()))
			}
			continue
		}
		for _, b := range s.bookings() {
			if accounting.TargetScope(b.target) != scope || l.Of == accounting.OfRequests {
				continue
			}
			spent := l.Used(accounting.Totals{Usage: b.charge.Usage, Cost: *b.charge.CostNanoUSD})
			used[window] += spent
			beyond[window] += max(0, spent-asked)
			if s.orphan != nil {
				beyond[window] += min(spent, asked) // maybe no attempt had come so far
			}
		}
	}
	return used, beyond
}

// auditLeases holds that nothing is reserved at rest: where no process died,
// exactly what was spent of every limit is gone from it. Where some did, what they
// held is given back; what is booked for their requests after that is taken from
// a limit when it is asked next.
func (w *world) auditLeases(stories map[events.RequestID]*story) {
	for _, s := range w.limited() {
		entry, err := w.log.Leases().Get(context.Background(), events.LeaseKey(string(s.Scope.Kind), s.Scope.ID))
		if err != nil {
			w.t.Fatal(err)
		}
		leases, err := accounting.DecodeLeases(entry.Value)
		if err != nil {
			w.errorf("%s %s: %v", s.Scope.Kind, s.Scope.ID, err)
		}
		for _, pool := range leases.Pools {
			w.auditPool(stories, s.Scope, pool)
		}
	}
}

func (w *world) auditPool(stories map[events.RequestID]*story, scope accounting.Scope, pool accounting.Pool) {
	fail := func(format string, args ...any) {
		w.errorf("%s %s: "+format+" in %+v", append(append([]any{scope.Kind, scope.ID}, args...), pool)...)
	}
	for holder := range pool.Holders {
		if !scope.Sharded() && !w.ended[holder.Epoch()] { // of others the partitions without tenants tell nothing
			fail("%s died and is a holder", holder)
		}
	}
	if scope.Kind == accounting.CredentialScope && pool.Of == accounting.OfRequests {
		return // attempts, of which the stories do not tell
	}
	used, _ := w.spent(stories, scope, accounting.Limit{Per: pool.Per, Of: pool.Of})
	spent := used[accounting.Window{Per: pool.Per, Label: pool.Window}]
	if claimed := pool.Claimed(); claimed != spent && w.shape.crash == 0 {
		fail("%d are spent and %d claimed", spent, claimed)
	}
}
