package accounting_test

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
)

func TestCounterAdd(t *testing.T) {
	var c accounting.Counter
	one := accounting.Totals{Requests: 1, Usage: events.Usage{Input: 2}, Cost: 3}
	pos := func(seq uint64, index int) accounting.Position { return accounting.Position{Seq: seq, Index: index} }
	steps := []struct {
		at   accounting.Position
		want bool
	}{
		{pos(1, 0), true}, {pos(1, 0), false}, {pos(1, 1), true}, {pos(1, 0), false}, {pos(3, 0), true}, {pos(2, 9), false},
	}
	for _, s := range steps {
		if got := c.Add(&accounting.Entry{At: s.at, WindowAt: noon, Totals: one}); got != s.want {
			t.Errorf("add at %v: %v, want %v", s.at, got, s.want)
		}
	}
	three := one.Plus(one).Plus(one)
	for _, per := range []accounting.Per{
		accounting.Minute, accounting.Hour, accounting.Day, accounting.Week, accounting.Month, accounting.Life,
	} {
		if diff := cmp.Diff(three, c.In(accounting.WindowAt(noon, per))); diff != "" {
			t.Errorf("in the %s (-want +got):\n%s", per, diff)
		}
		if per == accounting.Life {
			continue
		}
		if got := c.In(accounting.WindowAt(noon.AddDate(0, 2, 0), per)); got != (accounting.Totals{}) {
			t.Errorf("in another %s: %+v, want nothing", per, got)
		}
	}
	if c.At != pos(3, 0) {
		t.Errorf("at %v, want 3", c.At)
	}
}

// TestLastMinute: what comes late does not make it earlier.
func TestLastMinute(t *testing.T) {
	var c accounting.Counter
	if !c.LastMinute().IsZero() {
		t.Errorf("of nothing: %s", c.LastMinute())
	}
	at := time.Date(2026, 11, 29, 23, 59, 42, 7, time.FixedZone("east", 5400))
	for i, when := range []time.Time{at, at.Add(-time.Minute), at.AddDate(0, 0, -40)} {
		c.Add(&accounting.Entry{At: accounting.Position{Seq: uint64(i + 1)}, WindowAt: when, Totals: accounting.Totals{Requests: 1}})
		if want := at.Truncate(time.Minute); !c.LastMinute().Equal(want) {
			t.Errorf("after %s: %s, want %s", when, c.LastMinute(), want)
		}
	}
}

func TestCounterJSON(t *testing.T) {
	var c accounting.Counter
	c.Add(&accounting.Entry{
		At: accounting.Position{Seq: 7, Index: 2}, WindowAt: noon, Epoch: "e1",
		Totals: accounting.Totals{Requests: 1, Usage: events.Usage{Output: 4}},
	})
	const totals = `"requests":1,"usage":{"output":4}`
	want := `{"at":{"seq":7,"index":2},"life":{` + totals + `},"windows":[` +
		`{"per":"minute","label":"2026-11-22T11:00Z",` + totals + `},` +
		`{"per":"hour","label":"2026-11-22T11:00Z",` + totals + `},` +
		`{"per":"day","label":"2026-11-22",` + totals + `},` +
		`{"per":"week","label":"2026-W47",` + totals + `},` +
		`{"per":"month","label":"2026-11",` + totals + `}],` +
		`"shares":[["e1",[1,0,0,4,0]]]}`
	raw, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	if string(raw) != want {
		t.Errorf("counter %s\nwant    %s", raw, want)
	}
	var back accounting.Counter
	if err := json.Unmarshal(raw, &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(c, back, exposeShares); diff != "" {
		t.Errorf("after decoding (-want +got):\n%s", diff)
	}
}

// TestCounterProperty adds usage of random times in random order, with
// repetitions and restarts, and compares with a sum that keeps everything.
func TestCounterProperty(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	keep := map[accounting.Per]int{
		accounting.Minute: 3, accounting.Hour: 2, accounting.Day: 2, accounting.Week: 2, accounting.Month: 2,
	}
	entry := func(seq uint64, windowAt time.Time, add accounting.Totals) *accounting.Entry {
		return &accounting.Entry{At: accounting.Position{Seq: seq}, WindowAt: windowAt, Totals: add}
	}
	for range 50 {
		var c accounting.Counter
		all := map[accounting.Window]accounting.Totals{}
		var life accounting.Totals
		now := noon
		for seq := range uint64(200) {
			now = now.Add(time.Duration(rng.ExpFloat64() * float64(5*time.Minute)))
			windowAt := now.Add(-time.Duration(rng.Int64N(int64(10 * time.Minute))))
			add := accounting.Totals{Requests: rng.Int64N(3), Cost: rng.Int64N(100) - 20}
			if !c.Add(entry(seq+1, windowAt, add)) {
				t.Fatalf("seed %d: entry %d is refused", seed, seq)
			}
			life = life.Plus(add)
			for per := range keep {
				w := accounting.WindowAt(windowAt, per)
				all[w] = all[w].Plus(add)
			}
			if rng.IntN(10) == 0 && c.Add(entry(rng.Uint64N(seq+2), windowAt, add)) {
				t.Fatalf("seed %d: an entry before %d is added again", seed, seq)
			}
			if rng.IntN(20) == 0 {
				c = reload(t, c)
			}
		}
		if c.Life != life {
			t.Fatalf("seed %d: life %+v, want %+v", seed, c.Life, life)
		}
		if diff := cmp.Diff(latest(all, keep), c.Windows); diff != "" {
			t.Fatalf("seed %d: windows (-want +got):\n%s", seed, diff)
		}
	}
}

func reload(t *testing.T, c accounting.Counter) (out accounting.Counter) {
	t.Helper()
	raw, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// latest lists the last windows of each span, oldest first.
func latest(all map[accounting.Window]accounting.Totals, keep map[accounting.Per]int) []accounting.Used {
	var out []accounting.Used
	for _, per := range []accounting.Per{
		accounting.Minute, accounting.Hour, accounting.Day, accounting.Week, accounting.Month,
	} {
		var labels []string
		for w := range all {
			if w.Per == per {
				labels = append(labels, w.Label)
			}
		}
		slices.Sort(labels)
		for _, label := range labels[max(0, len(labels)-keep[per]):] {
			w := accounting.Window{Per: per, Label: label}
			out = append(out, accounting.Used{Window: w, Totals: all[w]})
		}
	}
	return out
}

func BenchmarkCounterAdd(b *testing.B) {
	var c accounting.Counter
	epochs := [...]events.Epoch{epochOf(0), epochOf(1), epochOf(2), epochOf(3)}
	b.ReportAllocs()
	for i := uint64(1); b.Loop(); i++ {
		c.Add(&accounting.Entry{
			At: accounting.Position{Seq: i}, WindowAt: noon.Add(time.Duration(i) * time.Millisecond), Epoch: epochs[i%4],
			Totals: accounting.Totals{Requests: 1},
		})
	}
}

// BenchmarkCounterJSON writes and reads a counter with as many shares as there
// may be, of epochs that took turns.
func BenchmarkCounterJSON(b *testing.B) {
	var c accounting.Counter
	for i := range 24 * 100 {
		c.Add(&accounting.Entry{
			At: accounting.Position{Seq: uint64(i + 1)}, WindowAt: noon.Add(time.Duration(i) * 5 * time.Minute), Epoch: epochOf(i / 100),
			Totals: accounting.Totals{Requests: 1, Attempts: 1, Usage: events.Usage{Input: 1234, Output: 321}, Cost: 7_654_321},
		})
	}
	raw, _ := json.Marshal(c)
	without := c
	without.Shares = nil
	bare, _ := json.Marshal(without)
	for _, bb := range []struct {
		name string
		c    *accounting.Counter
		raw  []byte
	}{{"shares", &c, raw}, {"bare", &without, bare}} {
		b.Run("write "+bb.name, func(b *testing.B) {
			b.ReportAllocs()
			b.ReportMetric(float64(len(bb.raw)), "B")
			for b.Loop() {
				if _, err := json.Marshal(bb.c); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("read "+bb.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				var back accounting.Counter
				if err := json.Unmarshal(bb.raw, &back); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
