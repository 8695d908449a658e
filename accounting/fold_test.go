package accounting_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
)

func TestFoldProducers(t *testing.T) {
	tp, f := newTape(t), accounting.NewFold(accounting.Snapshot{})
	one := tp.say("e1", of("r1", admitted()))
	two := tp.say("e1", of("r1", finished()))
	three := tp.say("e1", of("r2", admitted()))
	other := tp.say("e2", of("r3", admitted()))

	if a := mustApply(t, f, one); a.Duplicate || len(a.Entries) != 1 {
		t.Fatalf("first message: %+v", a)
	}
	again := one
	again.Seq = 2
	if a := mustApply(t, f, again); !a.Duplicate || len(a.Entries) != 0 {
		t.Errorf("repeated message: %+v, want a duplicate", a)
	}
	if got, want := f.At(), (accounting.Position{Seq: 3}); got != want {
		t.Errorf("at %v after a duplicate, want %v", got, want)
	}
	before := f.Snapshot()
	_, err := f.Apply(three)
	var gap *accounting.GapError
	if !errors.As(err, &gap) || gap.Want != 2 || gap.ID != three.ID {
		t.Errorf("jump: %v, want a gap at counter 2", err)
	}
	if diff := cmp.Diff(before, f.Snapshot()); diff != "" {
		t.Errorf("a gap changed the fold:\n%s", diff)
	}
	mustApply(t, f, two)
	mustApply(t, f, three)
	if a := mustApply(t, f, other); a.Duplicate {
		t.Error("the counter of another epoch is not its own")
	}
	unheard := other
	unheard.ID.Epoch, unheard.ID.Counter = "e3", 2
	if _, err := f.Apply(unheard); !errors.As(err, &gap) || gap.Want != 1 {
		t.Errorf("unknown epoch at counter 2: %v, want a gap at 1", err)
	}
}

func TestFoldForgetsClosedEpochs(t *testing.T) {
	tp, f := newTape(t), accounting.NewFold(accounting.Snapshot{})
	old := tp.say("e1", started("e1"))
	idle := tp.say("f1", of("r1", admitted()))
	for _, m := range []events.Stored{old, idle, tp.say("e2", started("e2"))} {
		mustApply(t, f, m)
	}
	tp.clock = tp.clock.Add(30*24*time.Hour - time.Minute)
	mustApply(t, f, tp.say("e2", of("r2", admitted())))
	if a := mustApply(t, f, tp.append(old.Message)); !a.Duplicate {
		t.Error("an epoch is forgotten before 30 days")
	}
	tp.clock = tp.clock.Add(2 * time.Minute)
	mustApply(t, f, tp.say("e2", of("r3", admitted())))
	var epochs []events.Epoch
	s := f.Snapshot()
	for _, p := range slices.Concat(s.Producers, s.Past.Producers) {
		epochs = append(epochs, p.Epoch)
	}
	if diff := cmp.Diff([]events.Epoch{"e2", "f1"}, epochs); diff != "" {
		t.Errorf("epochs remembered (-want +got):\n%s", diff)
	}
	if a := mustApply(t, f, tp.append(idle.Message)); !a.Duplicate {
		t.Error("an epoch that was never closed is forgotten")
	}
}

// TestFoldForgottenEpochSpeaks: a node that comes back after so long, with messages
// in its outbox, does not stop its partition. What it kept can be applied again.
func TestFoldForgottenEpochSpeaks(t *testing.T) {
	tp, f := newTape(t), accounting.NewFold(accounting.Snapshot{})
	ms := noon.UnixMilli()
	old := events.Epoch(fmt.Sprintf("%08x-%04x-7000-8000-000000000001", ms>>16, ms&0xffff))
	fresh := "f" + old[1:] // minted later
	mustApply(t, f, tp.say(old, started(old)))
	mustApply(t, f, tp.say("e2", started("e2")))
	tp.clock = tp.clock.Add(31 * 24 * time.Hour)
	mustApply(t, f, tp.say("e2", of("r2", admitted())))
	before := f.Snapshot()
	late := tp.say(old, of("r1", recorded(1, first, tokens(7, 8, 90))), of("r1", finished()))
	a := mustApply(t, f, late)
	if len(a.Dead) != 2 || len(a.Entries) != 0 || a.Dead[1].At != (accounting.Position{Seq: late.Seq, Index: 1}) {
		t.Fatalf("applied %+v, want two dead events", a)
	}
	mend := tp.say("e2", fact{
		events.Head{At: noon, Node: node1, Tenant: events.NoTenant, Epoch: "e2", N: 1},
		events.DeadReapplied{Seq: late.Seq, Index: 0, Raw: string(a.Dead[0].Raw)},
	})
	restarted := accounting.NewFold(before)
	mustApply(t, restarted, late)
	for _, f := range []*accounting.Fold{f, restarted} {
		again := mustApply(t, f, mend)
		if len(again.Entries) != 1 || again.Entries[0].Epoch != old || again.Entries[0].Totals.Cost != 90 {
			t.Errorf("applied again: %+v, want the bill on %s", again, old)
		}
	}
	var gap *accounting.GapError
	unheard := late
	unheard.ID.Epoch = fresh
	if _, err := f.Apply(unheard); !errors.As(err, &gap) {
		t.Errorf("an epoch of these days at counter %d: %v, want a gap", unheard.ID.Counter, err)
	}
}

func TestFoldEntries(t *testing.T) {
	principal := []accounting.Scope{
		{Kind: accounting.TenantScope, ID: "acme"}, {Kind: accounting.UserScope, ID: "acme/ann"},
		{Kind: accounting.KeyScope, ID: "acme/ci"}, {Kind: accounting.TenantModelScope, ID: "acme/smart"}, {Kind: accounting.ModelScope, ID: "smart"},
	}
	with := func(credential string) []accounting.Scope {
		return append(slices.Clone(principal), accounting.Scope{Kind: accounting.CredentialScope, ID: credential})
	}
	charge, unknown, delta := tokens(7, 5, 70), unpriced(7, 5), tokens(-2, 0, -20)
	tests := []struct {
		name string
		body events.Body
		want accounting.Entry // what differs between kinds
	}{
		{"admitted", admitted(), accounting.Entry{Scopes: principal, Totals: accounting.Totals{Requests: 1}}},
		{"failed", failed(1), accounting.Entry{
			Scopes: with("openai/main"), Target: first, Attempt: 1, Class: "server_error",
			Totals: accounting.Totals{Attempts: 1, Failures: 1},
		}},
		{"recorded", recorded(2, next, charge), accounting.Entry{
			Scopes: with("anthropic/spare"), Target: next, Attempt: 2, Charge: &charge, Source: events.FromVendor,
			Totals: accounting.Totals{Attempts: 1, Usage: charge.Usage, Cost: 70},
		}},
		{"recorded without price", recorded(1, first, unknown), accounting.Entry{
			Scopes: with("openai/main"), Target: first, Attempt: 1, Charge: &unknown, Source: events.FromVendor,
			Totals: accounting.Totals{Attempts: 1, Usage: unknown.Usage, Unpriced: 1},
		}},
		{"corrected", events.UsageCorrected{Principal: who, Attempt: 1, N: 1, Target: first, Reason: "bill", Delta: delta},
			accounting.Entry{
				Scopes: with("openai/main"), Target: first, Attempt: 1, Charge: &delta,
				Totals: accounting.Totals{Usage: delta.Usage, Cost: -20},
			}},
		{"priced", events.UsageCorrected{Principal: who, Attempt: 1, N: 1, Target: first, Reason: "priced", Delta: delta, Priced: true},
			accounting.Entry{
				Scopes: with("openai/main"), Target: first, Attempt: 1, Charge: &delta,
				Totals: accounting.Totals{Usage: delta.Usage, Cost: -20, Unpriced: -1},
			}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tp, f := newTape(t), accounting.NewFold(accounting.Snapshot{})
			a := mustApply(t, f, tp.say("e1", of("r1", tt.body)))
			if len(a.Entries) != 1 || len(a.Dead) != 0 {
				t.Fatalf("applied %+v, want one entry", a)
			}
			want := tt.want
			want.At, want.Event = accounting.Position{Seq: 1}, a.Entries[0].Event
			want.Kind, want.Time, want.WindowAt = tt.body.Kind(), noon.UTC(), noon
			want.Node, want.Tenant, want.Request, want.Principal = node1, acme, "r1", who
			if want.Kind != events.UsageCorrectedKind { // a correction is nobody's spending
				want.Epoch = "e1"
			}
			if diff := cmp.Diff(want, a.Entries[0]); diff != "" {
				t.Errorf("entry (-want +got):\n%s", diff)
			}
		})
	}
}

func TestFoldEnds(t *testing.T) {
	tp, f := newTape(t), accounting.NewFold(accounting.Snapshot{})
	limit := &events.Limit{Scope: "key", Per: "minute", Of: "requests", Max: 1, Used: 1}
	a := mustApply(t, f, tp.say("e1",
		of("r1", admitted()), of("r1", finished()), of("r1", finished()), of("r9", finished()),
		of("r1", events.RequestOrphaned{Principal: who}),
		of("r2", events.RequestRejected{Principal: who, Endpoint: "chat.completions", Reason: "limit", Limit: limit, Count: 3}),
	))
	if len(a.Ends) != 2 || len(a.Late) != 3 || len(a.Dead) != 0 || len(a.Entries) != 1 {
		t.Fatalf("applied %+v, want 2 ends and 3 late", a)
	}
	refused := accounting.End{
		At: accounting.Position{Seq: 1, Index: 5}, Event: "r2:request.rejected", Time: noon.UTC(), WindowAt: noon, Node: node1,
		Tenant: acme, Request: "r2", Outcome: events.Rejected, Reason: "limit", Limit: limit, Count: 3,
		Finished: events.RequestFinished{Principal: who, Endpoint: "chat.completions", Outcome: events.Rejected},
	}
	if diff := cmp.Diff(refused, a.Ends[1]); diff != "" {
		t.Errorf("refusal (-want +got):\n%s", diff)
	}
	if got := a.Ends[0]; got.Outcome != events.Completed || got.Finished != finished() || got.Count != 1 {
		t.Errorf("end %+v", got)
	}
	if f.Open() != 0 {
		t.Errorf("%d requests open, want 0", f.Open())
	}
}

func TestFoldDead(t *testing.T) {
	inWindow := func(b events.Body) fact { return of("r1", b) }
	noWindow := inWindow(finished())
	noWindow.head.WindowAt = time.Time{}
	noRequest := inWindow(finished())
	noRequest.head.Request = ""
	elsewhere := inWindow(finished())
	elsewhere.head.Tenant = "other"
	nobody := admitted()
	nobody.Key = ""
	tests := []struct {
		name string
		fact fact
		raw  string // instead of fact
		want string // in the reason, empty: not dead
	}{
		{"not json", fact{}, `{"id":"x"`, "decode event"},
		{"no id", fact{}, `{"kind":"request.finished"}`, "id and kind"},
		{"body of another shape", fact{}, `{"id":"x","kind":"request.finished","body":{"status":"ok"}}`, "status"},
		{"body missing", fact{}, `{"id":"x","kind":"node.heartbeat"}`, "body"},
		{"unknown kind", fact{}, `{"id":"x","kind":"request.teleported","body":7}`, ""},
		{"control kind", fact{}, `{"id":"x","kind":"hub.created","body":{}}`, ""},
		{"without window", noWindow, "", "window_at"},
		{"without request", noRequest, "", "request is empty"},
		{"wrong partition", elsewhere, "", `tenant "other" does not belong`},
		{"without key", inWindow(nobody), "", "key and model"},
		{"attempt zero", inWindow(recorded(0, first, tokens(1, 1, 1))), "", "attempt is 0"},
		{"negative usage", inWindow(recorded(1, first, tokens(-1, 1, 1))), "", "-1 input"},
		{"endless usage", inWindow(recorded(1, first, tokens(1<<62, 1, 1))), "", "input is out of range"},
		{"negative cost", inWindow(recorded(1, first, tokens(1, 1, -1))), "", "-1 nano-USD"},
		{"endless correction", inWindow(events.UsageCorrected{Principal: who, Delta: tokens(0, 0, -1<<62)}), "", "nano-USD is out of range"},
		{"refusal of none", inWindow(events.RequestRejected{}), "", "count is 0"},
		{"foreign epoch", started("e7"), "", `starts epoch "e7"`},
		{"foreign stop", stopped("e7"), "", `stops epoch "e7"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tp, f := newTape(t), accounting.NewFold(accounting.Snapshot{})
			line := []byte(tt.raw)
			if tt.raw == "" {
				line, _, _ = cutLine(tp.say("e0", tt.fact).Data)
			}
			good, _, _ := cutLine(tp.say("e0", of("r2", admitted())).Data)
			m := tp.sayRaw("e1", line, good)
			a := mustApply(t, f, m)
			if len(a.Entries) != 1 || a.Entries[0].Request != "r2" || len(a.Ends) != 0 {
				t.Errorf("applied %+v, want just the good event", a)
			}
			if tt.want == "" {
				if len(a.Dead) != 0 {
					t.Errorf("dead: %s, want it skipped", a.Dead[0].Reason)
				}
				return
			}
			if len(a.Dead) != 1 || !strings.Contains(a.Dead[0].Reason, tt.want) {
				t.Fatalf("dead %+v, want a reason with %q", a.Dead, tt.want)
			}
			want := accounting.Dead{At: accounting.Position{Seq: m.Seq}, Raw: line, Reason: a.Dead[0].Reason}
			if diff := cmp.Diff(want, a.Dead[0]); diff != "" {
				t.Errorf("dead (-want +got):\n%s", diff)
			}
		})
	}
}

func TestFoldDeadMessage(t *testing.T) {
	tp, f := newTape(t), accounting.NewFold(accounting.Snapshot{})
	m := tp.say("e1", of("r1", admitted()))
	m.Count = 2
	a := mustApply(t, f, m)
	if len(a.Dead) != 1 || len(a.Entries) != 0 || string(a.Dead[0].Raw) != string(m.Data) {
		t.Errorf("applied %+v, want the whole message dead", a)
	}
	if a := mustApply(t, f, tp.say("e1", of("r1", admitted()))); len(a.Entries) != 1 {
		t.Errorf("the message after a dead one: %+v", a)
	}
}

func TestFoldRecordsAnAttemptOnce(t *testing.T) {
	tp, f := newTape(t), accounting.NewFold(accounting.Snapshot{})
	a := mustApply(t, f, tp.say("e1", of("r1", admitted()), of("r1", admitted()),
		of("r1", recorded(1, first, tokens(1, 1, 1))), of("r1", recorded(1, first, tokens(1, 1, 1))),
		of("r1", fellBack()), of("r1", recorded(2, next, tokens(1, 1, 1)))))
	if len(a.Entries) != 3 || len(a.Dead) != 2 {
		t.Fatalf("applied %+v, want 3 entries and 2 dead", a)
	}
	for i, want := range []string{"admitted before", "attempt 1 was recorded before"} {
		if !strings.Contains(a.Dead[i].Reason, want) {
			t.Errorf("dead because %q, want %q", a.Dead[i].Reason, want)
		}
	}
}

func cutLine(data []byte) (line, rest []byte, found bool) {
	for i, c := range data {
		if c == '\n' {
			return data[:i], data[i+1:], true
		}
	}
	return data, nil, false
}

// TestFoldCountsAnAttemptOnce: a stream that broke after it was billed leaves a
// usage record and a failure of one and the same attempt.
func TestFoldCountsAnAttemptOnce(t *testing.T) {
	tp, f := newTape(t), accounting.NewFold(accounting.Snapshot{})
	a := mustApply(t, f, tp.say("e1",
		of("r1", admitted()), of("r1", failed(1)), of("r1", fellBack()), of("r1", recorded(2, next, tokens(10, 3, 100))),
		of("r1", failed(2)), of("r1", finished())))
	sum := accounting.Totals{}
	for _, e := range a.Entries {
		sum = sum.Plus(e.Totals)
	}
	if sum.Attempts != 2 || sum.Failures != 2 {
		t.Errorf("%d attempts, %d failures, want 2 and 2", sum.Attempts, sum.Failures)
	}
}
