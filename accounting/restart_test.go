package accounting_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
)

// history makes a random log: two nodes that start, stop and die, requests in
// every state, repeated messages, and orphans that are ended by whoever is alive.
type history struct {
	*tape
	rng   *rand.Rand
	fold  *accounting.Fold // of the log so far
	epoch [2]events.Epoch  // current, by node
	runs  int
	next  int
	open  []events.RequestID // perhaps open
	lost  []accounting.Loss  // to be published at some time
	seen  seen
}

// seen counts what histories are about.
type seen struct{ orphans, replaced, duplicates, lost, over, reapplied, failed int }

func (s *seen) add(o seen) {
	s.orphans, s.replaced, s.duplicates = s.orphans+o.orphans, s.replaced+o.replaced, s.duplicates+o.duplicates
	s.lost, s.over, s.reapplied, s.failed = s.lost+o.lost, s.over+o.over, s.reapplied+o.reapplied, s.failed+o.failed
}

func newHistory(t testing.TB, rng *rand.Rand, messages int) *history {
	h := &history{tape: newTape(t), rng: rng, fold: accounting.NewFold(accounting.Snapshot{})}
	h.start(0)
	h.start(1)
	for len(h.messages) < messages {
		h.step()
	}
	return h
}

// add folds the last message of the tape, or takes it off: an epoch that is
// forgotten says nothing more.
func (h *history) add(m events.Stored) {
	a, err := h.fold.Apply(m)
	if err != nil {
		h.messages = h.messages[:len(h.messages)-1]
		return
	}
	for _, x := range a.Ends {
		if x.Outcome == events.Orphaned {
			h.seen.orphans++
		}
		if x.Reason == "node_lost" {
			h.seen.lost++
		}
	}
	for _, x := range a.Entries {
		if x.Kind == events.UsageRecordedKind && x.Totals.Attempts == 0 {
			h.seen.replaced++
		}
	}
	if a.Duplicate {
		h.seen.duplicates++
	}
}

func (h *history) start(node int) {
	h.runs++
	h.epoch[node] = events.Epoch(fmt.Sprintf("%c%d", "ef"[node], h.runs))
	h.add(h.say(h.epoch[node], started(h.epoch[node])))
}

func (h *history) step() {
	h.clock = h.clock.Add(time.Duration(h.rng.IntN(1500)) * time.Millisecond)
	switch n := h.rng.IntN(100); {
	case n < 4:
		h.start(h.rng.IntN(2))
	case n < 5:
		node := h.rng.IntN(2)
		h.add(h.say(h.epoch[node], stopped(h.epoch[node])))
		h.start(node)
	case n < 6:
		h.clock = h.clock.Add(time.Duration(h.rng.IntN(20)) * 24 * time.Hour)
	case n < 14:
		h.add(h.append(h.messages[h.rng.IntN(len(h.messages))].Message))
	case n < 22:
		h.endOrphans()
	case n < 26:
		h.lose()
	case n < 34:
		h.reapply()
	default:
		facts := make([]fact, 1+h.rng.IntN(6))
		for i := range facts {
			facts[i] = h.fact()
		}
		h.add(h.say(h.speaker(), facts...))
	}
}

// speaker is mostly a current epoch, at times one that still has something to say.
func (h *history) speaker() events.Epoch {
	if h.rng.IntN(10) > 0 {
		return h.epoch[h.rng.IntN(2)]
	}
	s := h.fold.Snapshot()
	producers := s.Producers
	if s.Past != nil {
		producers = append(producers, s.Past.Producers...)
	}
	return producers[h.rng.IntN(len(producers))].Epoch
}

func (h *history) fact() fact {
	if len(h.open) == 0 || h.rng.IntN(4) == 0 {
		h.next++
		id := events.RequestID(fmt.Sprintf("r%d", h.next))
		h.open = append(h.open, id)
		return of(string(id), admitted())
	}
	i := h.rng.IntN(len(h.open))
	id := string(h.open[i])
	charge := tokens(h.rng.Int64N(100), 1+h.rng.Int64N(100), h.rng.Int64N(1000))
	switch h.rng.IntN(12) {
	case 0:
		return of(id, failed(1))
	case 1:
		return of(id, fellBack())
	case 2, 3:
		return of(id, checkpoint(1+h.rng.IntN(2), 1, charge))
	case 4, 5, 6:
		return of(id, recorded(1+h.rng.IntN(2), first, charge))
	case 7:
		return of(id, unusable{})
	case 8:
		return of(id, admitted())
	default:
		if h.rng.IntN(4) > 0 { // else it may be spoken of again
			h.open = slices.Delete(h.open, i, i+1)
		}
		return of(id, finished())
	}
}

// unusable is a body that says nothing of what its kind must.
type unusable struct{}

func (unusable) Kind() events.Kind { return events.UsageRecordedKind }

func (h *history) endOrphans() {
	var facts []fact
	for _, c := range h.fold.Orphans(node2, h.clock) {
		facts = append(facts, fact{c.Head, c.Body})
	}
	if len(facts) > 0 {
		h.add(h.say(h.epoch[1], facts[:1+h.rng.IntN(len(facts))]...))
	}
}

// lose notes who has been silent for a moment, and says so of one noted before.
func (h *history) lose() {
	const after = 3 * time.Second
	if h.lost = append(h.lost, h.fold.Lost(after)...); len(h.lost) == 0 {
		return
	}
	loss := h.lost[h.rng.IntN(len(h.lost))]
	h.add(h.say(h.epoch[1], fact{events.Head{At: h.clock, Node: node2, Tenant: events.NoTenant, Epoch: loss.Body.Epoch}, loss.Body}))
}

// reapply applies a dead event again, at times one that is not dead any more.
func (h *history) reapply() {
	dead := h.buried()
	if len(dead) == 0 {
		return
	}
	b := dead[h.rng.IntN(len(dead))]
	lines, err := h.messages[b.Seq-1].Lines()
	if err != nil {
		h.t.Fatal(err)
	}
	again := events.DeadReapplied{Seq: b.Seq, Index: b.Index, Raw: string(lines[b.Index])}
	h.add(h.say(h.speaker(), reapplied(again), reapplied(again), h.fact()))
	if slices.Contains(h.buried(), b) {
		h.seen.failed++
	} else {
		h.seen.reapplied++
	}
}

func (h *history) buried() []accounting.Buried {
	if past := h.fold.Snapshot().Past; past != nil {
		return past.Buried
	}
	return nil
}

// effects is what was committed.
type effects struct {
	Entries []accounting.Entry
	Ends    []accounting.End
	Dead    []accounting.Dead
	Late    []accounting.Late
}

func (x *effects) add(a accounting.Applied) {
	x.Entries, x.Ends = append(x.Entries, a.Entries...), append(x.Ends, a.Ends...)
	x.Dead, x.Late = append(x.Dead, a.Dead...), append(x.Late, a.Late...)
}

// until gives what of x is before p, and the rest.
func (x effects) until(p accounting.Position) (done accounting.Applied, rest effects) {
	all := accounting.Applied{Entries: x.Entries, Ends: x.Ends, Dead: x.Dead, Late: x.Late}
	after := all.From(p)
	return accounting.Applied{
		Entries: all.Entries[:len(all.Entries)-len(after.Entries)], Ends: all.Ends[:len(all.Ends)-len(after.Ends)],
		Dead: all.Dead[:len(all.Dead)-len(after.Dead)], Late: all.Late[:len(all.Late)-len(after.Late)],
	}, effects{after.Entries, after.Ends, after.Dead, after.Late}
}

// projector commits behind its fold, at times inside a message, and crashes.
type projector struct {
	t         testing.TB
	rng       *rand.Rand
	log       []events.Stored
	fold      *accounting.Fold
	position  accounting.Position // committed
	stored    []byte              // the snapshot committed with it
	pending   effects
	committed effects
	crashes   int
	reread    int // messages folded again
}

// maxCrashes bounds them, because each may lead back to the start of the log.
const maxCrashes = 12

func (p *projector) run() {
	p.fold = accounting.NewFold(accounting.Snapshot{})
	p.position = accounting.Position{Seq: 1}
	p.stored = []byte(`{}`)
	for next := uint64(1); next <= uint64(len(p.log)); next = max(p.fold.At().Seq, 1) {
		p.pending.add(mustApply(p.t, p.fold, p.log[next-1]).From(p.position))
		if p.rng.IntN(3) == 0 && !p.fold.At().Less(p.position) {
			p.commit(p.somewhere())
		}
		if p.crashes < maxCrashes && p.rng.IntN(25) == 0 {
			p.crash()
		}
	}
	p.commit(p.fold.At())
}

// somewhere is a random position after what is committed and up to what is folded.
func (p *projector) somewhere() accounting.Position {
	at := p.fold.At()
	if at.Seq <= p.position.Seq || p.rng.IntN(2) == 0 {
		return at
	}
	seq := p.position.Seq + p.rng.Uint64N(at.Seq-p.position.Seq)
	mid := accounting.Position{Seq: seq, Index: p.rng.IntN(p.log[seq-1].Count)}
	if mid.Less(p.position) {
		return p.position
	}
	return mid
}

func (p *projector) commit(at accounting.Position) {
	var err error
	if p.stored, err = json.Marshal(p.fold.Resume(at)); err != nil {
		p.t.Fatal(err)
	}
	done, rest := p.pending.until(at)
	p.committed.add(done)
	p.pending, p.position = rest, at
	p.fold.Mark(at)
}

func (p *projector) crash() {
	var s accounting.Snapshot
	if err := json.Unmarshal(p.stored, &s); err != nil {
		p.t.Fatal(err)
	}
	if p.position.Less(s.At) {
		p.t.Fatalf("snapshot at %v is later than the position %v", s.At, p.position)
	}
	p.crashes++
	p.reread += int(p.position.Seq - max(s.At.Seq, 1))
	p.fold, p.pending = accounting.NewFold(s), effects{}
}

func TestRestartGivesTheSameFold(t *testing.T) {
	const histories, most, messages = 6, 100, 200
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	var crashes, reread int
	var all seen
	shown := func() bool {
		return crashes > 0 && reread > 0 && all.orphans > 0 && all.replaced > 0 && all.duplicates > 0 && all.lost > 0 &&
			all.over > 0 && all.reapplied > 0 && all.failed > 0
	}
	for i := 0; i < histories || !shown() && i < most; i++ { // chance may leave something out of few
		h := newHistory(t, rng, messages)
		var want effects
		whole := accounting.NewFold(accounting.Snapshot{})
		for _, m := range h.messages {
			want.add(mustApply(t, whole, m))
		}
		p := &projector{t: t, rng: rng, log: h.messages}
		p.run()
		if diff := sameJSON(t, want, p.committed); diff != "" {
			t.Fatalf("seed %d, history %d: committed (-whole +restarted):\n%s", seed, i, diff)
		}
		if diff := sameJSON(t, whole.Snapshot(), p.fold.Snapshot()); diff != "" {
			t.Fatalf("seed %d, history %d: state (-whole +restarted):\n%s", seed, i, diff)
		}
		if diff := sameJSON(t, whole.Orphans(node1, day), p.fold.Orphans(node1, day)); diff != "" {
			t.Fatalf("seed %d, history %d: orphans (-whole +restarted):\n%s", seed, i, diff)
		}
		if diff := sameJSON(t, whole.Lost(time.Second), p.fold.Lost(time.Second)); diff != "" {
			t.Fatalf("seed %d, history %d: lost (-whole +restarted):\n%s", seed, i, diff)
		}
		if diff := sameJSON(t, whole.Over(home), p.fold.Over(home)); diff != "" {
			t.Fatalf("seed %d, history %d: over (-whole +restarted):\n%s", seed, i, diff)
		}
		h.seen.over = len(whole.Over(home))
		if whole.Open() != p.fold.Open() {
			t.Fatalf("seed %d, history %d: %d open, want %d", seed, i, p.fold.Open(), whole.Open())
		}
		crashes, reread = crashes+p.crashes, reread+p.reread
		all.add(h.seen)
	}
	t.Logf("%d crashes, %d messages folded again; %+v", crashes, reread, all)
	if !shown() {
		t.Error("the histories leave out what the test is about")
	}
}

// sameJSON compares by encoding, which is fast while all is well.
func sameJSON(t *testing.T, want, got any) string {
	t.Helper()
	a, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	if string(a) == string(b) {
		return ""
	}
	return cmp.Diff(want, got)
}

// TestResumeMovesOn says that a restart reads little of a long log, and that the
// memory for it stays bounded while a request stays open.
func TestResumeMovesOn(t *testing.T) {
	tp, f := newTape(t), accounting.NewFold(accounting.Snapshot{})
	mustApply(t, f, tp.say("e1", of("long", admitted())))
	const messages = 3000
	for range messages {
		mustApply(t, f, tp.say("e1", of("short", admitted()), of("short", finished())))
		if got := f.Resume(f.At()).At; got.Seq > 1 {
			t.Fatalf("resumes at %v, after the admission of an open request", got)
		}
		f.Mark(f.At())
	}
	if n := accounting.Remembered(f); n > 1500 {
		t.Errorf("%d admissions and marks remembered for one open request", n)
	}
	mustApply(t, f, tp.say("e1", of("long", finished())))
	f.Mark(f.At())
	if back := f.At().Seq - f.Resume(f.At()).At.Seq; back > messages/10 {
		t.Errorf("resumes %d messages back once nothing is open", back)
	}
	for range 3 {
		mustApply(t, f, tp.say("e1", of("short", admitted()), of("short", finished())))
		f.Mark(f.At())
	}
	if back := f.At().Seq - f.Resume(f.At()).At.Seq; back > 2 {
		t.Errorf("resumes %d messages back, want marks every second again", back)
	}
}
