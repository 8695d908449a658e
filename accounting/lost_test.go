package accounting_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
)

const deadAfter = 15 * time.Minute

// fallSilent admits r1 in e1 of node1, which says nothing more while node2 is heard
// every minute for so long.
func fallSilent(t *testing.T, silence time.Duration) (*tape, *accounting.Fold) {
	t.Helper()
	tp, f := newTape(t), accounting.NewFold(accounting.Snapshot{})
	mustApply(t, f, tp.say("f1", heartbeat("f1")))
	mustApply(t, f, tp.say("e1", started("e1"), of("r1", admitted())))
	until := tp.clock.Add(silence)
	for tp.clock.Before(until) {
		tp.clock = tp.clock.Add(min(time.Minute, until.Sub(tp.clock)) - time.Second)
		mustApply(t, f, tp.say("f1", heartbeat("f1")))
	}
	return tp, f
}

func TestLost(t *testing.T) {
	if _, f := fallSilent(t, deadAfter); f.Lost(deadAfter) != nil {
		t.Error("lost before the time is over")
	}
	tp, f := fallSilent(t, deadAfter+time.Second)
	heard := tp.messages[1].Time
	want := []accounting.Loss{{Partition: home, Body: events.NodeLost{Node: node1, Epoch: "e1", Heard: heard}}}
	got := f.Lost(deadAfter)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("lost (-want +got):\n%s", diff)
	}
	if f.Orphans(node2, day) != nil || len(f.Over(home)) != 0 {
		t.Error("over before the log says so")
	}
	mustApply(t, f, tp.say("f1", lost("e1", heard)))
	mustApply(t, f, tp.say("f1", lost("e1", heard)))
	if f.Lost(deadAfter) != nil {
		t.Error("lost, although it is closed")
	}
	ends := f.Orphans(node2, day)
	if len(ends) != 1 || ends[0].Body.Reason != "node_lost" || ends[0].Body.Epoch != "e1" {
		t.Fatalf("orphans %+v, want r1 of e1", ends)
	}
	if len(f.Over(home)) != 0 {
		t.Error("over with an open request")
	}
	end := mustApply(t, f, tp.say("f1", fact{ends[0].Head, ends[0].Body}))
	if len(end.Entries) != 1 || end.Entries[0].Epoch != "e1" || end.Ends[0].Reason != "node_lost" {
		t.Errorf("end %+v, want the estimate on e1", end)
	}
	if diff := cmp.Diff([]events.Epoch{"e1"}, f.Over(home)); diff != "" {
		t.Errorf("over (-want +got):\n%s", diff)
	}
}

// TestLostSpeaksAgain: what an epoch says after it was lost counts.
func TestLostSpeaksAgain(t *testing.T) {
	tp, f := fallSilent(t, deadAfter+time.Second)
	mustApply(t, f, tp.say("f1", lost("e1", tp.messages[1].Time)))
	c := f.Orphans(node2, day)[0]
	mustApply(t, f, tp.say("f1", fact{c.Head, c.Body}))
	bill := tokens(7, 8, 90)
	a := mustApply(t, f, tp.say("e1", of("r1", recorded(1, first, bill)), of("r1", finished()), of("r2", admitted())))
	if len(a.Entries) != 2 || len(a.Late) != 1 || len(a.Dead) != 0 {
		t.Fatalf("applied %+v, want a difference, a late end and an admission", a)
	}
	if got, want := a.Entries[0].Totals.Cost, int64(90-1000); got != want || a.Entries[0].Epoch != "e1" {
		t.Errorf("a difference of %d on %s, want %d on e1", got, a.Entries[0].Epoch, want)
	}
	if len(f.Over(home)) != 0 || len(f.Orphans(node2, day)) != 1 {
		t.Error("r2 is not an orphan")
	}
	mustApply(t, f, tp.say("e1", of("r2", finished())))
	if len(f.Over(home)) != 1 {
		t.Error("not over after its last end")
	}
}

// TestLostNeedsListeners: while nobody was heard nobody is missed.
func TestLostNeedsListeners(t *testing.T) {
	tp, f := fallSilent(t, 10*time.Minute)
	tp.clock = tp.clock.Add(time.Hour) // the log is out of reach
	for range 14 {
		mustApply(t, f, tp.say("f1", heartbeat("f1")))
		tp.clock = tp.clock.Add(time.Minute)
		if lost := f.Lost(deadAfter); lost != nil {
			t.Fatalf("lost %+v right after the log was out of reach", lost)
		}
	}
	restarted := accounting.NewFold(f.Snapshot())
	tp.clock = tp.clock.Add(time.Minute)
	m := tp.say("f1", heartbeat("f1"))
	for what, f := range map[string]*accounting.Fold{"fold": f, "restarted": restarted} {
		if mustApply(t, f, m); len(f.Lost(deadAfter)) != 1 {
			t.Errorf("%s: not lost after all", what)
		}
	}
}

func TestLostIsRefused(t *testing.T) {
	early := func(tp *tape) time.Time { return tp.messages[1].Time }
	tests := []struct {
		name   string
		before []fact // said by e1 after its silence
		lost   func(tp *tape) fact
		dead   string // in the reason; empty: it is ignored
	}{
		{"has spoken since", []fact{of("r2", failed(1))}, func(tp *tape) fact { return lost("e1", early(tp)) }, ""},
		{"has stopped", []fact{stopped("e1")}, func(tp *tape) fact { return lost("e1", tp.clock) }, ""},
		{"was never heard of", nil, func(tp *tape) fact { return lost("e9", tp.clock) }, ""},
		{"of another node", nil, func(tp *tape) fact { return lost("f1", tp.clock.Add(time.Hour)) }, `epoch "f1" is of node "n2"`},
		{"heard at no time", nil, func(*tape) fact { return lost("e1", time.Time{}) }, "heard is missing"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tp, f := fallSilent(t, deadAfter+time.Second)
			if tt.before != nil {
				mustApply(t, f, tp.say("e1", tt.before...))
			}
			a := mustApply(t, f, tp.say("f1", tt.lost(tp)))
			if tt.dead == "" && len(a.Dead) > 0 || tt.dead != "" && (len(a.Dead) != 1 || !strings.Contains(a.Dead[0].Reason, tt.dead)) {
				t.Errorf("dead %+v, want a reason with %q", a.Dead, tt.dead)
			}
			for _, c := range f.Orphans(node2, day) {
				if c.Body.Reason == "node_lost" {
					t.Errorf("%s is an orphan of a lost node", c.Head.Request)
				}
			}
		})
	}
}

// TestOverForgets: an epoch is listed as over as long as it is remembered.
func TestOverForgets(t *testing.T) {
	tp, f := newTape(t), accounting.NewFold(accounting.Snapshot{})
	for _, e := range []events.Epoch{"e1", "e2", "e3"} {
		mustApply(t, f, tp.say(e, started(e)))
		tp.clock = tp.clock.Add(24 * time.Hour)
	}
	if diff := cmp.Diff([]events.Epoch{"e1", "e2"}, f.Over(home)); diff != "" {
		t.Errorf("over (-want +got):\n%s", diff)
	}
	tp.clock = tp.clock.Add(27*24*time.Hour + 12*time.Hour)
	mustApply(t, f, tp.say("e3", heartbeat("e3")))
	if diff := cmp.Diff([]events.Epoch{"e2"}, f.Over(home)); diff != "" {
		t.Errorf("over a month later (-want +got):\n%s", diff)
	}
	if other := f.Over(home + 1); len(other) != 0 {
		t.Errorf("over in a partition without messages: %v", other)
	}
}
