package accounting_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
)

// die admits r1 in epoch e1, folds what else it said, and starts e2.
func die(t *testing.T, facts ...fact) (*tape, *accounting.Fold) {
	t.Helper()
	tp, f := newTape(t), accounting.NewFold(accounting.Snapshot{})
	mustApply(t, f, tp.say("e1", append([]fact{started("e1"), of("r1", admitted())}, facts...)...))
	if got := f.Orphans(node2, day); got != nil {
		t.Fatalf("orphans of a living node: %+v", got)
	}
	mustApply(t, f, tp.say("e2", started("e2")))
	return tp, f
}

func TestOrphans(t *testing.T) {
	early, late := tokens(3, 10, 100), tokens(3, 20, 200)
	tests := []struct {
		name     string
		facts    []fact
		basis    string
		charge   events.Charge
		target   events.Target
		attempts int
	}{
		{"nothing heard", nil, "estimate", admitted().Estimate, first, 1},
		{"checkpoints", []fact{of("r1", checkpoint(1, 1, early)), of("r1", checkpoint(1, 2, late))}, "checkpoint", late, first, 1},
		{"recorded", []fact{of("r1", recorded(1, first, late))}, "recorded", events.Charge{CostNanoUSD: nano(0)}, first, 1},
		{"failed", []fact{of("r1", failed(1))}, "estimate", admitted().Estimate, first, 1},
		{"fell back", []fact{of("r1", fellBack())}, "estimate", admitted().Estimate, next, 2},
		{"fell back from a checkpoint", []fact{of("r1", checkpoint(1, 1, early)), of("r1", fellBack())},
			"estimate", admitted().Estimate, next, 2},
		{"fell back from a billed attempt", []fact{of("r1", recorded(1, first, early)), of("r1", fellBack())},
			"estimate", admitted().Estimate, next, 2},
		{"checkpoint of an attempt left behind", []fact{of("r1", fellBack()), of("r1", checkpoint(1, 1, early))},
			"estimate", admitted().Estimate, next, 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, f := die(t, tt.facts...)
			want := []accounting.Closing{{
				Head: events.Head{At: day, Node: node2, Tenant: acme, Request: "r1", WindowAt: noon},
				Body: events.RequestOrphaned{
					Principal: who, Endpoint: "chat.completions", Stream: true, Reason: "epoch_closed", Epoch: "e1",
					Target: tt.target, Attempts: tt.attempts, Charge: tt.charge, Basis: tt.basis,
				},
			}}
			if diff := cmp.Diff(want, f.Orphans(node2, day)); diff != "" {
				t.Errorf("orphans (-want +got):\n%s", diff)
			}
		})
	}
}

func TestOrphansOfManyEpochs(t *testing.T) {
	tp, f := newTape(t), accounting.NewFold(accounting.Snapshot{})
	mustApply(t, f, tp.say("e1", of("r2", admitted()), of("r1", admitted()), of("r3", admitted())))
	mustApply(t, f, tp.say("f1", of("s1", admitted())))
	mustApply(t, f, tp.say("e2", started("e2"), of("t1", admitted())))
	mustApply(t, f, tp.say("e1", of("r3", finished()), of("r4", admitted())))
	ids := func() []events.RequestID {
		var out []events.RequestID
		for _, c := range f.Orphans(node2, day) {
			out = append(out, c.Head.Request)
		}
		return out
	}
	if diff := cmp.Diff([]events.RequestID{"r2", "r1", "r4"}, ids()); diff != "" {
		t.Errorf("orphans in order of admission (-want +got):\n%s", diff)
	}
	mustApply(t, f, tp.say("e2", stopped("e2")))
	if diff := cmp.Diff([]events.RequestID{"r2", "r1", "t1", "r4"}, ids()); diff != "" {
		t.Errorf("orphans after a stop (-want +got):\n%s", diff)
	}
}

// TestFoldOrphans plays what may follow the end of an orphan.
func TestFoldOrphans(t *testing.T) {
	type want struct {
		total    accounting.Totals // of the tenant: all that was booked
		main     accounting.Totals // of the first credential
		spare    accounting.Totals // of the second
		dead     int
		late     int
		lastCost *int64 // in the charge of the last entry
	}
	used := func(c events.Charge, attempts int64) accounting.Totals {
		out := accounting.Totals{Attempts: attempts, Usage: c.Usage}
		if c.CostNanoUSD == nil {
			out.Unpriced = 1
		} else {
			out.Cost = *c.CostNanoUSD
		}
		return out
	}
	bill, more, free := tokens(7, 8, 90), tokens(1, 2, 3), unpriced(7, 8)
	estimate := admitted().Estimate
	tests := []struct {
		name   string
		before []fact // said by the node that dies
		after  []fact // said once the orphan is ended
		want   want
	}{
		{"nothing", nil, nil, want{total: used(estimate, 1), main: used(estimate, 1), lastCost: nano(1000)}},
		{"a record replaces the estimate", nil, []fact{of("r1", recorded(1, first, bill))},
			want{total: used(bill, 1), main: used(bill, 1), lastCost: nano(-910)}},
		{"only once", nil, []fact{of("r1", recorded(1, first, bill)), of("r1", recorded(1, first, bill))},
			want{total: used(bill, 1), main: used(bill, 1), lastCost: nano(-910), dead: 1}},
		{"a later attempt is booked whole", nil, []fact{of("r1", recorded(1, first, bill)), of("r1", recorded(2, next, more))},
			want{total: used(bill, 1).Plus(used(more, 1)), main: used(bill, 1), spare: used(more, 1), lastCost: nano(3)}},
		{"the difference stays where the estimate is", nil, []fact{of("r1", recorded(2, next, bill))},
			want{total: used(bill, 1), main: used(bill, 1), lastCost: nano(-910)}},
		{"a record without price", nil, []fact{of("r1", recorded(1, first, free))},
			want{total: used(free, 1), main: used(free, 1), lastCost: nano(-1000)}},
		{"recorded before", []fact{of("r1", recorded(1, first, bill))}, []fact{of("r1", recorded(1, first, bill))},
			want{total: used(bill, 1), main: used(bill, 1), dead: 1}},
		{"recorded before, a later attempt after", []fact{of("r1", recorded(1, first, bill))},
			[]fact{of("r1", recorded(2, next, more))},
			want{total: used(bill, 1).Plus(used(more, 1)), main: used(bill, 1), spare: used(more, 1), lastCost: nano(3)}},
		{"late ends", nil, []fact{of("r1", finished()), of("r1", events.RequestOrphaned{Principal: who, Charge: bill})},
			want{total: used(estimate, 1), main: used(estimate, 1), late: 2, lastCost: nano(1000)}},
		{"admitted again", nil, []fact{of("r1", admitted())},
			want{total: used(estimate, 1), main: used(estimate, 1), dead: 1, lastCost: nano(1000)}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tp, f := die(t, tt.before...)
			b := books{}
			replay := accounting.NewFold(accounting.Snapshot{})
			for _, m := range tp.messages {
				b.add(t, mustApply(t, replay, m))
			}
			c := f.Orphans(node2, day)[0]
			end := mustApply(t, replay, tp.say("f1", fact{c.Head, c.Body}))
			if len(end.Ends) != 1 || end.Ends[0].Outcome != events.Orphaned || end.Ends[0].Node != node1 {
				t.Fatalf("end of the orphan: %+v", end)
			}
			b.add(t, end)
			after := accounting.Applied{}
			if len(tt.after) > 0 {
				after = mustApply(t, replay, tp.say("e1", tt.after...))
				b.add(t, after)
			}
			got := want{dead: len(after.Dead), late: len(after.Late)}
			if entries := append(end.Entries, after.Entries...); len(entries) > 0 {
				got.lastCost = entries[len(entries)-1].Charge.CostNanoUSD
			}
			life := func(kind accounting.ScopeKind, id string) accounting.Totals {
				if c := b[accounting.Scope{Kind: kind, ID: id}]; c != nil {
					return c.Life
				}
				return accounting.Totals{}
			}
			got.total = life(accounting.TenantScope, "acme").Minus(accounting.Totals{Requests: 1})
			got.main, got.spare = life(accounting.CredentialScope, "openai/main"), life(accounting.CredentialScope, "anthropic/spare")
			if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(want{})); diff != "" {
				t.Errorf("booked (-want +got):\n%s", diff)
			}
		})
	}
}

func TestFoldUnpriced(t *testing.T) {
	free, priced := unpriced(7, 8), tokens(7, 8, 90)
	for _, tt := range []struct {
		name string
		then events.Charge
		want accounting.Totals // of the difference
		cost *int64
	}{
		{"still unknown", free, accounting.Totals{}, nil},
		{"known now", priced, accounting.Totals{Cost: 90, Unpriced: -1}, nano(90)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tp, f := die(t, of("r1", checkpoint(1, 1, free)))
			c := f.Orphans(node2, day)[0]
			end := mustApply(t, f, tp.say("f1", fact{c.Head, c.Body}))
			if got := end.Entries[0].Totals; got.Unpriced != 1 || got.Cost != 0 || end.Entries[0].Charge.CostNanoUSD != nil {
				t.Errorf("orphan without a price: %+v", end.Entries[0])
			}
			x := mustApply(t, f, tp.say("e1", of("r1", recorded(1, first, tt.then)))).Entries[0]
			if diff := cmp.Diff(tt.want, x.Totals); diff != "" {
				t.Errorf("difference (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.cost, x.Charge.CostNanoUSD); diff != "" {
				t.Errorf("cost of the difference (-want +got):\n%s", diff)
			}
		})
	}
}

func TestOrphansAreForgotten(t *testing.T) {
	tp, f := die(t)
	c := f.Orphans(node2, day)[0]
	mustApply(t, f, tp.say("f1", fact{c.Head, c.Body}))
	if n := len(f.Snapshot().Past.Orphans); n != 1 {
		t.Fatalf("%d orphans remembered, want 1", n)
	}
	tp.clock = tp.clock.Add(30*24*time.Hour + time.Second)
	mustApply(t, f, tp.say("e2", of("r2", admitted())))
	if n := len(f.Snapshot().Past.Orphans); n != 0 {
		t.Errorf("%d orphans remembered after 30 days, want 0", n)
	}
}
