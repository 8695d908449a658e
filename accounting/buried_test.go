package accounting_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
)

// upgrade makes two logs that differ in one event: an old version meets something
// it cannot apply where the new one finds the usage of r1. It returns the event.
func upgrade(t *testing.T, long bool) (old, tp *tape, line []byte) {
	t.Helper()
	old, tp = newTape(t), newTape(t)
	say := func(e events.Epoch, facts ...fact) {
		old.say(e, facts...)
		tp.say(e, facts...)
	}
	say("e1", started("e1"))
	if long { // it keeps the checkpoint from moving on
		say("e1", of("r0", admitted()))
	}
	say("e1", of("r1", admitted()))
	e, err := events.New(of("r1", recorded(1, first, tokens(7, 8, 90))).head, recorded(1, first, tokens(7, 8, 90)))
	if err != nil {
		t.Fatal(err)
	}
	if line, err = e.Encode(); err != nil {
		t.Fatal(err)
	}
	good, _, _ := cutLine(newTape(t).say("e1", of("r1", failed(2))).Data)
	old.sayRaw("e1", []byte(`{"a better":"world"}`), good)
	tp.sayRaw("e1", line, good)
	for range 5 {
		say("e1", of("r1", finished()))
	}
	return old, tp, line
}

// TestReapply: a dead event that a newer version applies again counts once, and a
// rebuild by that version comes to the same, wherever its fold was restarted from.
func TestReapply(t *testing.T) {
	for _, long := range []bool{false, true} {
		t.Run(fmt.Sprint(long), func(t *testing.T) {
			old, tp, line := upgrade(t, long)
			f, live := accounting.NewFold(accounting.Snapshot{}), books{}
			var dead accounting.Dead
			for _, m := range old.messages {
				a := mustApply(t, f, m)
				live.add(t, a)
				for _, d := range a.Dead {
					dead = d
				}
				f.Mark(f.At())
			}
			at := f.At()
			f = restarted(t, f, at)
			if again := tp.messages[f.At().Seq-1:]; len(again) > 0 != long {
				t.Fatalf("%d messages are folded again", len(again))
			}
			again := events.DeadReapplied{Seq: dead.At.Seq, Index: dead.At.Index, Raw: string(line)}
			tp.say("f1", reapplied(again))
			tp.say("f1", reapplied(again), of("r2", recorded(1, first, tokens(1, 1, 1))))
			for _, m := range tp.messages[f.At().Seq-1:] {
				live.add(t, mustApply(t, f, m).From(at))
			}
			rebuilt, whole := books{}, accounting.NewFold(accounting.Snapshot{})
			for _, m := range tp.messages {
				rebuilt.add(t, mustApply(t, whole, m))
			}
			if diff := cmp.Diff(rebuilt, live, exposeShares); diff != "" {
				t.Errorf("books (-rebuilt +live):\n%s", diff)
			}
			key := live[accounting.Scope{Kind: accounting.KeyScope, ID: "acme/ci"}]
			spent, known := key.Share("e1", accounting.Window{Per: accounting.Life})
			if key.Life.Cost != 91 || spent.Cost != 90 || !known {
				t.Errorf("cost %d, of e1 %d, want 91 and 90", key.Life.Cost, spent.Cost)
			}
		})
	}
}

// restarted is f after a checkpoint at p was stored and read back.
func restarted(t *testing.T, f *accounting.Fold, p accounting.Position) *accounting.Fold {
	t.Helper()
	raw, err := json.Marshal(f.Resume(p))
	if err != nil {
		t.Fatal(err)
	}
	var s accounting.Snapshot
	if err := json.Unmarshal(raw, &s); err != nil {
		t.Fatal(err)
	}
	return accounting.NewFold(s)
}

// bury lets an event of e1 die: the second admission of r1.
func bury(t *testing.T) (tp *tape, f *accounting.Fold, dead accounting.Dead) {
	t.Helper()
	tp, f = newTape(t), accounting.NewFold(accounting.Snapshot{})
	a := mustApply(t, f, tp.say("e1", of("r1", admitted()), of("r1", admitted())))
	if len(a.Dead) != 1 {
		t.Fatalf("applied %+v, want one dead", a)
	}
	return tp, f, a.Dead[0]
}

// TestReapplyFails: what still cannot be applied stays dead, and so does the event
// that tried; later it may succeed, once, for the epoch that said it.
func TestReapplyFails(t *testing.T) {
	tp, f, dead := bury(t)
	again := reapplied(events.DeadReapplied{Seq: 1, Index: 1, Raw: string(dead.Raw)})
	a := mustApply(t, f, tp.say("f1", again))
	if len(a.Dead) != 1 || !strings.Contains(a.Dead[0].Reason, "dead event at 1.1: event r1:request.admitted: the request was admitted before") {
		t.Fatalf("applied %+v, want it dead with its reason", a)
	}
	mustApply(t, f, tp.say("e1", of("r1", finished())))
	mustApply(t, f, tp.say("e2", started("e2")))
	a = mustApply(t, f, tp.say("f1", again, again))
	if len(a.Entries) != 1 || len(a.Dead) != 0 || a.Entries[0].Epoch != "e1" || a.Entries[0].At != (accounting.Position{Seq: 5}) {
		t.Fatalf("applied %+v, want one entry of e1, here", a)
	}
	if ends := f.Orphans(node2, day); len(ends) != 1 || ends[0].Body.Epoch != "e1" {
		t.Errorf("orphans %+v, want r1 of e1, which is closed", ends)
	}
	if n := len(f.Snapshot().Past.Buried); n != 1 {
		t.Errorf("%d dead remembered, want the event that failed", n)
	}
}

func TestReapplyRefuses(t *testing.T) {
	line := func(f fact) string {
		l, _, _ := cutLine(newTape(t).say("e1", f).Data)
		return string(l)
	}
	elsewhere := of("r1", admitted())
	elsewhere.head.Tenant = "other"
	tests := []struct {
		name string
		body events.DeadReapplied
		want string // in the reason; empty: it is ignored
	}{
		{"never dead", events.DeadReapplied{Seq: 1, Index: 0, Raw: line(of("r2", admitted()))}, ""},
		{"no such place", events.DeadReapplied{Seq: 9, Index: 1, Raw: line(of("r2", admitted()))}, ""},
		{"not an event", events.DeadReapplied{Seq: 1, Index: 1, Raw: "{"}, "decode event"},
		{"nothing", events.DeadReapplied{Seq: 1, Index: 1}, "decode event"},
		{"itself", events.DeadReapplied{Seq: 1, Index: 1, Raw: line(reapplied(events.DeadReapplied{Seq: 1, Index: 1}))},
			"dead.reapplied cannot be applied again"},
		{"a start", events.DeadReapplied{Seq: 1, Index: 1, Raw: line(started("e1"))}, "node.started cannot be applied again"},
		{"a loss", events.DeadReapplied{Seq: 1, Index: 1, Raw: line(lost("e1", day))}, "node.lost cannot be applied again"},
		{"another partition", events.DeadReapplied{Seq: 1, Index: 1, Raw: line(elsewhere)}, "does not belong"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tp, f, _ := bury(t)
			a := mustApply(t, f, tp.say("f1", reapplied(tt.body)))
			if len(a.Entries)+len(a.Ends)+len(a.Late) > 0 {
				t.Errorf("applied %+v", a)
			}
			if tt.want == "" && len(a.Dead) > 0 || tt.want != "" && (len(a.Dead) != 1 || !strings.Contains(a.Dead[0].Reason, tt.want)) {
				t.Errorf("dead %+v, want a reason with %q", a.Dead, tt.want)
			}
			if past := f.Snapshot().Past; past.Buried[0].Position != (accounting.Position{Seq: 1, Index: 1}) {
				t.Errorf("remembered %+v, want the one that died first", past.Buried)
			}
		})
	}
}

// TestReapplyOfTheForgotten: what an epoch said that is forgotten is applied as
// what a closed one said.
func TestReapplyOfTheForgotten(t *testing.T) {
	tp, f, dead := bury(t)
	mustApply(t, f, tp.say("e1", of("r1", finished()), stopped("e1")))
	tp.clock = tp.clock.Add(31 * 24 * time.Hour)
	a := mustApply(t, f, tp.say("f1", reapplied(events.DeadReapplied{Seq: 1, Index: 1, Raw: string(dead.Raw)})))
	if len(a.Entries) != 1 || a.Entries[0].Epoch != "e1" || f.Open() != 1 {
		t.Fatalf("applied %+v, want the admission of r1 by e1", a)
	}
	c := f.Orphans(node2, day)
	if len(c) != 1 {
		t.Fatalf("orphans %+v, want r1", c)
	}
	if a = mustApply(t, f, tp.say("f1", fact{c[0].Head, c[0].Body})); len(a.Ends) != 1 || a.Ends[0].Node != node1 {
		t.Errorf("ended %+v, want an orphan of %s", a, node1)
	}
}

func TestBuriedIsBounded(t *testing.T) {
	tp, f := newTape(t), accounting.NewFold(accounting.Snapshot{})
	lines := make([][]byte, 100)
	for i := range lines {
		lines[i] = []byte("no event")
	}
	for range 101 {
		mustApply(t, f, tp.sayRaw("e1", lines...))
	}
	buried := f.Snapshot().Past.Buried
	if n := len(buried); n != 10_000 || buried[0].Position != (accounting.Position{Seq: 2}) {
		t.Errorf("%d dead remembered from %v on, want the latest 10000", n, buried[0].Position)
	}
}
