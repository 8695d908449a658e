package accounting_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
)

// TestPastIsBounded says that neither restarts nor the requests they cut make a
// fold grow for ever, and that what it forgets depends on the log alone.
func TestPastIsBounded(t *testing.T) {
	const rounds, epochs, cut = 2, 2100, 6200 // together more than is remembered
	tp, f := newTape(t), accounting.NewFold(accounting.Snapshot{})
	var restarted *accounting.Fold
	fold := func(m events.Stored) {
		mustApply(t, f, m)
		if restarted != nil {
			mustApply(t, restarted, m)
		}
	}
	n, run := 0, 0
	start := func() events.Epoch {
		run++
		e := events.Epoch(fmt.Sprintf("e%d", run))
		fold(tp.say(e, started(e)))
		tp.clock = tp.clock.Add(time.Second)
		return e
	}
	for i := range rounds {
		if i > 0 {
			restarted = accounting.NewFold(f.Snapshot())
		}
		for range epochs {
			start()
		}
		e := start()
		for range cut {
			n++
			fold(tp.say(e, of(fmt.Sprintf("r%d", n), admitted())))
		}
		start()
		for _, c := range f.Orphans(node2, day) {
			fold(tp.say("f1", fact{c.Head, c.Body}))
		}
	}
	past := f.Snapshot().Past
	closed := slices.DeleteFunc(slices.Clone(past.Producers), func(p accounting.Producer) bool { return !p.Closed })
	if n := len(closed); n != 4096 {
		t.Errorf("%d closed epochs remembered, want 4096", n)
	}
	newest := events.RequestID(fmt.Sprintf("r%d", n))
	if n := len(past.Orphans); n != 12288 || past.Orphans[n-1].Request != newest {
		t.Errorf("%d orphans remembered, want the newest 12288", n)
	}
	if diff := cmp.Diff(f.Snapshot(), restarted.Snapshot()); diff != "" {
		t.Errorf("(-never restarted +restarted):\n%s", diff)
	}
}

// TestPastIsShared says that a snapshot copies only what has changed.
func TestPastIsShared(t *testing.T) {
	tp, f := die(t)
	c := f.Orphans(node2, day)[0]
	mustApply(t, f, tp.say("f1", fact{c.Head, c.Body}))
	before := f.Snapshot().Past
	mustApply(t, f, tp.say("e2", of("r2", admitted())))
	if f.Snapshot().Past != before {
		t.Error("copied, although nothing ended")
	}
	for _, next := range []struct {
		what  string
		facts events.Stored
	}{
		{"a closed epoch speaks", tp.say("e1", of("r3", admitted()))},
		{"an orphan's usage is known", tp.say("f1", of("r1", recorded(1, first, tokens(1, 2, 3))))},
		{"an epoch is closed", tp.say("e3", started("e3"))},
		{"an event dies", tp.say("e3", of("r4", admitted()), of("r4", admitted()))},
	} {
		mustApply(t, f, next.facts)
		after := f.Snapshot().Past
		if after == before || cmp.Equal(after, before) {
			t.Errorf("%s: the past is the same", next.what)
		}
		before = after
	}
}
