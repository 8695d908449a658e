package accounting_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
)

var leaseTerm = accounting.Term{Now: noon, Until: noon.Add(30 * time.Second)}

// unseen is what counters say that have counted nothing.
var unseen = accounting.Seen{By: func(events.Epoch) (int64, bool) { return 0, true }}

func holder(n int) accounting.HolderID {
	return accounting.NewHolderID("n1", events.Epoch(fmt.Sprintf("e%d", n)))
}

func openPool(l *accounting.Leases) *accounting.Pool {
	return l.Open(accounting.OfCost, accounting.Window{Per: accounting.Day, Label: "2026-11-22"})
}

func TestSize(t *testing.T) {
	for _, tt := range []struct {
		name                                   string
		left, holders, want, least, soon, size int64
	}{
		{"what is wanted", 1000, 1, 10, 10, 0, 10},
		{"what is needed soon", 1000, 1, 10, 10, 200, 200},
		{"half of what is left", 1000, 1, 10, 10, 900, 500},
		{"its part of half", 1000, 4, 10, 10, 900, 125},
		{"never less than wanted", 1000, 4, 300, 300, 900, 300},
		{"all there is", 100, 4, 300, 30, 900, 100},
		{"nothing for who cannot be served", 100, 4, 300, 101, 0, 0},
		{"but what is needed soon", 100, 4, 300, 101, 9, 9},
		{"nothing left", 0, 1, 10, 10, 10, 0},
		{"nothing wanted", 1000, 1, 0, 0, 0, 0},
	} {
		got := accounting.Size(tt.left, tt.holders, accounting.Need{Want: tt.want, Least: tt.least, Spare: tt.soon})
		if got != tt.size {
			t.Errorf("%s: %d, want %d", tt.name, got, tt.size)
		}
	}
}

func TestLeaseJSON(t *testing.T) {
	var l accounting.Leases
	p := openPool(&l)
	p.Ask(holder(1), accounting.Need{Max: 100, Want: 40}, leaseTerm)
	p.Ask(holder(1), accounting.Need{Max: 100, Spent: 10}, leaseTerm)
	l.Open(accounting.OfConcurrency, accounting.Window{}).Ask(holder(2), accounting.Need{Max: 7, Want: 2}, leaseTerm)
	value, err := l.Encode()
	if err != nil {
		t.Fatal(err)
	}
	until := leaseTerm.Until.UTC().Format(time.RFC3339)
	want := `{"pools":[{"per":"day","of":"cost","window":"2026-11-22","max":100,"seeded":0,` +
		`"holders":{"n1.e1":{"granted":40,"returned":30,"until":"` + until + `"}}},` +
		`{"of":"concurrency","max":7,"seeded":0,"holders":{"n1.e2":{"granted":2,"until":"` + until + `"}}}]}`
	if diff := cmp.Diff(want, string(value)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	back, err := accounting.DecodeLeases(value)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(l, back); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]accounting.HolderID{"n1.e1", "n1.e2"}, back.Holders()); diff != "" {
		t.Errorf("holders (-want +got):\n%s", diff)
	}
	if e := holder(1).Epoch(); e != "e1" {
		t.Errorf("epoch %q", e)
	}
}

func TestDecodeLeasesRefuses(t *testing.T) {
	for name, value := range map[string]string{
		"no JSON":       `{`,
		"two values":    `{"pools":[]} {}`,
		"of":            `{"pools":[{"per":"day","of":"apples","window":"2026-11-22"}]}`,
		"per":           `{"pools":[{"per":"year","of":"cost","window":"2026"}]}`,
		"max":           `{"pools":[{"per":"life","of":"cost","max":-1}]}`,
		"window":        `{"pools":[{"of":"concurrency","window":"2026-11-22"}]}`,
		"seeded":        `{"pools":[{"per":"life","of":"cost","seeded":-1}]}`,
		"holders":       `{"pools":[{"per":"life","of":"cost","holders":{"a.b":{"granted":1,"returned":2}}}]}`,
		"there twice":   `{"pools":[{"per":"life","of":"cost"},{"per":"life","of":"cost"}]}`,
		"granted below": `{"pools":[{"per":"life","of":"cost","holders":{"a.b":{"granted":-1,"returned":-2}}}]}`,
	} {
		if l, err := accounting.DecodeLeases([]byte(value)); err == nil {
			t.Errorf("%s: %+v", name, l)
		}
	}
	if l, err := accounting.DecodeLeases(nil); err != nil || l.Pools != nil {
		t.Errorf("none: %+v, %v", l, err)
	}
}

// TestPoolsDieWithTheirWindows: of every kind of limit the two latest windows are
// kept, whichever order they come in.
func TestPoolsDieWithTheirWindows(t *testing.T) {
	var l accounting.Leases
	day := func(label string) *accounting.Pool {
		return l.Open(accounting.OfCost, accounting.Window{Per: accounting.Day, Label: label})
	}
	day("2026-11-20").Seeded = 20
	day("2026-11-19").Seeded = 19
	l.Open(accounting.OfTokens, accounting.Window{Per: accounting.Day, Label: "2026-11-10"}).Seeded = 10
	day("2026-11-21").Seeded = 21
	if day("2026-11-19") != nil {
		t.Error("a window that is over is opened again")
	}
	if day("2026-11-20").Seeded != 20 || day("2026-11-21").Seeded != 21 || len(l.Pools) != 3 {
		t.Errorf("%+v", l)
	}
}

// TestCoverAndJoin: what was spent past a pool is taken in once, whoever spent it.
func TestCoverAndJoin(t *testing.T) {
	spent := map[events.Epoch]int64{"e1": 30, "e2": 50, "e9": 5}
	view := func(total int64) accounting.Seen {
		return accounting.Seen{Total: total, By: func(e events.Epoch) (int64, bool) { s, known := spent[e]; return s, known }}
	}
	var l accounting.Leases
	p := openPool(&l)
	p.Cover(view(100)) // 15 of them by nobody known
	if p.Seeded != 100 {
		t.Fatalf("seeded %d, want 100", p.Seeded)
	}
	p.Join(holder(1), view(100))
	p.Ask(holder(1), accounting.Need{Max: 1000, Spent: 33, Want: 7, Least: 7}, leaseTerm)
	p.Cover(view(100))
	if p.Seeded != 70 || p.Claimed() != 110 {
		t.Errorf("joined: seeded %d, claimed %d, want 70 and 110", p.Seeded, p.Claimed())
	}
	p.Join(holder(1), view(100))
	p.Cover(view(125)) // a correction
	if p.Seeded != 95 {
		t.Errorf("corrected: seeded %d, want 95", p.Seeded)
	}
	p.Join(holder(3), view(125)) // not known: stays seeded
	p.Ask(holder(3), accounting.Need{Max: 1000, Spent: 4}, leaseTerm)
	p.Cover(view(125))
	if p.Seeded != 95 || p.Claimed() != 139 {
		t.Errorf("unknown joined: seeded %d, claimed %d, want 95 and 139", p.Seeded, p.Claimed())
	}
	p.Cover(view(145)) // 20 more of the unknown holder, who has not told yet
	if p.Seeded != 95 {
		t.Errorf("what a holder spent is seeded as well: %d, want 95", p.Seeded)
	}
	if !p.Reclaim(holder(1), 30, true) || !p.Reclaim(holder(3), 0, false) || p.Reclaim(holder(3), 0, false) {
		t.Error("reclaim")
	}
	if p.Seeded != 129 || p.Claimed() != 129 {
		t.Errorf("reclaimed: seeded %d, claimed %d, want 129", p.Seeded, p.Claimed())
	}
}

func TestGrantsDoNotOverflow(t *testing.T) {
	var l accounting.Leases
	p := openPool(&l)
	for range 3 {
		p.Ask(holder(1), accounting.Need{Max: math.MaxInt64, Want: math.MaxInt64}, leaseTerm)
		if p.Claimed() != math.MaxInt64 {
			t.Fatalf("claimed %d", p.Claimed())
		}
		p.Ask(holder(1), accounting.Need{Max: math.MaxInt64, Spent: 1}, leaseTerm)
		if p.Claimed() != 1 {
			t.Fatalf("claimed %d, want 1", p.Claimed())
		}
	}
	p.Ask(holder(2), accounting.Need{Max: math.MaxInt64, Spent: math.MaxInt64}, leaseTerm)
	if free := p.Ask(holder(3), accounting.Need{Max: math.MaxInt64, Want: 1}, leaseTerm); free != 0 {
		t.Errorf("granted %d of nothing", free)
	}
}

// borrower is a holder as the property knows it.
type borrower struct {
	id          accounting.HolderID
	spent, held int64
	counted     int64 // of spent, by the counters
}

// lending is one pool, those who spend from it, and what is true.
type lending struct {
	t         *testing.T
	rng       *rand.Rand
	leases    accounting.Leases
	most      int64
	living    []*borrower
	buried    map[events.Epoch]int64 // spent by the dead
	overspent int64                  // beyond what was held
}

func (w *lending) seen() accounting.Seen {
	s := accounting.Seen{By: func(e events.Epoch) (int64, bool) {
		for _, h := range w.living {
			if h.id.Epoch() == e {
				return h.counted, true
			}
		}
		return w.buried[e], true
	}}
	for _, h := range w.living {
		s.Total += h.counted
	}
	for _, spent := range w.buried {
		s.Total += spent
	}
	return s
}

func (w *lending) ask(p *accounting.Pool, h *borrower) {
	n := accounting.Need{Max: w.most, Spent: h.spent}
	if w.rng.IntN(3) > 0 {
		n.Least = 1 + w.rng.Int64N(40)
		n.Want, n.Spare = n.Least*(1+w.rng.Int64N(3)), w.rng.Int64N(100)
	}
	p.Cover(w.seen())
	p.Join(h.id, w.seen())
	free := p.Ask(h.id, n, leaseTerm)
	h.held = h.spent + free
	if free > 0 && p.Claimed() > w.most {
		w.t.Fatalf("lent %d though %d of %d are claimed", free, p.Claimed(), w.most)
	}
}

func (w *lending) step(i int) {
	p := openPool(&w.leases)
	n := w.rng.IntN(len(w.living))
	h := w.living[n]
	switch w.rng.IntN(8) {
	case 0, 1, 2:
		w.ask(p, h)
	case 3, 4:
		h.spent += w.rng.Int64N(max(0, h.held-h.spent) + 1)
	case 5:
		more := w.rng.Int64N(5)
		w.overspent += max(0, h.spent+more-max(h.held, h.spent))
		h.spent += more
	case 6:
		h.counted += w.rng.Int64N(h.spent - h.counted + 1)
	case 7:
		if w.rng.IntN(4) > 0 {
			return
		}
		w.buried[h.id.Epoch()] = h.spent
		w.living[n] = &borrower{id: holder(100 + i)}
		p.Reclaim(h.id, h.spent, true)
	}
}

// TestPoolHolds lets holders ask, spend, overspend, die and be counted late at
// random: together they never spend more than the limit and what was overspent,
// and when all are dead exactly what they spent is left.
func TestPoolHolds(t *testing.T) {
	for seed := range uint64(200) {
		w := &lending{t: t, rng: rand.New(rand.NewPCG(seed, 7)), most: 1000, buried: map[events.Epoch]int64{}}
		for i := range 4 {
			w.living = append(w.living, &borrower{id: holder(i)})
		}
		for i := range 400 {
			w.step(i)
			spent := int64(0)
			for _, h := range w.living {
				spent += h.spent
			}
			for _, s := range w.buried {
				spent += s
			}
			if spent > w.most+w.overspent {
				t.Fatalf("seed %d, step %d: spent %d of %d, overspent only %d", seed, i, spent, w.most, w.overspent)
			}
		}
		p, want := openPool(&w.leases), int64(0)
		for _, h := range w.living {
			w.buried[h.id.Epoch()] = h.spent
			p.Reclaim(h.id, h.spent, true)
		}
		w.living = nil
		for _, s := range w.buried {
			want += s
		}
		p.Cover(w.seen())
		if p.Seeded != want || len(p.Holders) != 0 {
			t.Fatalf("seed %d: seeded %d, want %d; holders %v", seed, p.Seeded, want, p.Holders)
		}
	}
}

// FuzzDecodeLeases: what decodes can be worked with, and encodes to what decodes again.
func FuzzDecodeLeases(f *testing.F) {
	f.Add([]byte(`{"pools":[{"per":"day","of":"cost","window":"2026-11-22","max":100,"seeded":3,"holders":{"n1.e1":{"granted":40,"until":"2026-11-22T12:00:00Z"}}}]}`))
	f.Add([]byte(`{"pools":[{"of":"concurrency","max":9,"seeded":0,"holders":{"x":{"granted":9223372036854775807}}},{"per":"life","of":"tokens"}]}`))
	f.Fuzz(func(t *testing.T, value []byte) {
		l, err := accounting.DecodeLeases(value)
		if err != nil {
			return
		}
		for i := range l.Pools {
			p := &l.Pools[i]
			free := p.Ask("n1.e1", accounting.Need{Max: 1000, Spent: 10, Want: 5, Least: 5}, leaseTerm)
			if free > 0 && p.Claimed() > 1000 {
				t.Errorf("lent %d with %d of 1000 claimed", free, p.Claimed())
			}
			p.Cover(unseen)
			p.Reclaim("n1.e1", 10, true)
		}
		again, err := l.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := accounting.DecodeLeases(again); err != nil {
			t.Fatalf("%s: %v", again, err)
		}
	})
}
