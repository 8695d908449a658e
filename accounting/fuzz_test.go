package accounting_test

import (
	"bytes"
	"testing"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
)

// FuzzFold feeds a fold arbitrary lines: each is applied, dead, late or skipped,
// nothing stops it, and the next message counts as ever.
func FuzzFold(f *testing.F) {
	tp := newTape(f)
	for _, m := range []fact{
		of("r1", admitted()), of("r1", failed(1)), of("r1", fellBack()), of("r1", checkpoint(1, 1, tokens(1, 2, 3))),
		of("r1", recorded(1, first, unpriced(1, 2))), of("r1", finished()), started("e1"), stopped("e1"),
		lost("e1", day), reapplied(events.DeadReapplied{Seq: 1, Index: 0, Raw: "{}"}),
	} {
		f.Add(tp.say("e1", m).Data)
	}
	again, _, _ := cutLine(tp.say("e1", reapplied(events.DeadReapplied{
		Seq: 1, Raw: `{"id":"x","kind":"request.finished","request":"r1","window_at":"2026-11-22T11:00:00Z","tenant":"acme","body":{}}`,
	})).Data)
	f.Add(append(append([]byte("{}\n"), again...), '\n'))
	f.Add([]byte("{}\n[]\nnull\n\n{\"id\":\"x\",\"kind\":\"request.admitted\",\"body\":null}\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		tp, fold := newTape(t), accounting.NewFold(accounting.Snapshot{})
		lines := bytes.Split(bytes.TrimSuffix(data, []byte{'\n'}), []byte{'\n'})
		a := mustApply(t, fold, tp.sayRaw("e1", lines...))
		for _, d := range a.Dead {
			if d.Reason == "" {
				t.Errorf("dead without a reason: %+v", d)
			}
		}
		books{}.add(t, a)
		if len(a.Entries)+len(a.Dead) > len(lines) || len(a.Ends)+len(a.Late) > len(lines) {
			t.Errorf("%d lines did %+v", len(lines), a)
		}
		good := mustApply(t, fold, tp.say("e1", of("another", admitted())))
		if len(good.Entries) != 1 && len(good.Dead) != 1 {
			t.Errorf("the message after: %+v", good)
		}
		fold.Mark(fold.At())
		fold.Orphans(node1, day)
		fold.Snapshot()
	})
}
