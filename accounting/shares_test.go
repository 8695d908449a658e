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

var exposeShares = cmp.AllowUnexported(accounting.Share{})

// epochOf is the i-th epoch of a hub.
func epochOf(i int) events.Epoch {
	return events.Epoch(fmt.Sprintf("0193a5c8-7d1e-7000-8000-%012d", i))
}

// spender keeps every share for ever, as the measure of what a counter says.
type spender struct {
	spent  map[accounting.Window]map[events.Epoch]accounting.Spent
	latest map[accounting.Per]string
	epochs map[events.Epoch]bool
}

var spans = []accounting.Per{accounting.Hour, accounting.Day, accounting.Week, accounting.Month, accounting.Life}

func (s *spender) add(e *accounting.Entry) {
	s.epochs[e.Epoch] = true
	for _, per := range spans {
		w := accounting.WindowAt(e.WindowAt, per)
		if s.spent[w] == nil {
			s.spent[w] = map[events.Epoch]accounting.Spent{}
		}
		s.spent[w][e.Epoch] = s.spent[w][e.Epoch].Plus(e.Totals.Spent())
		s.latest[per] = max(s.latest[per], w.Label)
	}
}

// TestShares books the spending of many epochs, some of which speak again after
// they were forgotten, and compares each share that is known.
func TestShares(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	for range 30 {
		var c accounting.Counter
		all := &spender{map[accounting.Window]map[events.Epoch]accounting.Spent{}, map[accounting.Per]string{}, map[events.Epoch]bool{}}
		now, live := noon, 0
		for seq := range uint64(300) {
			now = now.Add(time.Duration(rng.ExpFloat64() * float64(3*time.Hour)))
			if seq%8 == 0 {
				live++
			}
			e := &accounting.Entry{
				At: accounting.Position{Seq: seq + 1}, WindowAt: now.Add(-time.Duration(rng.Int64N(int64(2 * time.Hour)))),
				Epoch: epochOf(max(0, live-rng.IntN(4))),
				Totals: accounting.Totals{
					Requests: 1, Attempts: rng.Int64N(3), Cost: rng.Int64N(100) - 20,
					Usage: events.Usage{Input: 5, CacheRead: 2, Output: rng.Int64N(9), Reasoning: 1},
				},
			}
			if rng.IntN(20) == 0 {
				e.Epoch = epochOf(rng.IntN(live + 1))
			}
			c.Add(e)
			all.add(e)
			if rng.IntN(20) == 0 {
				c = reload(t, c)
			}
		}
		all.compare(t, &c, live)
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

// compare checks every share there may be, and that the latest are known.
func (s *spender) compare(t *testing.T, c *accounting.Counter, live int) {
	t.Helper()
	if len(c.Shares) != 24 || c.Forgotten == "" || c.Forgotten >= c.Shares[0].Epoch {
		t.Errorf("%d shares, forgotten up to %q", len(c.Shares), c.Forgotten)
	}
	for i := range live + 2 {
		e := epochOf(i)
		for _, per := range spans {
			w := accounting.Window{Per: per, Label: s.latest[per]}
			got, known := c.Share(e, w)
			if want := s.spent[w][e]; known && got != want {
				t.Errorf("share of %s in %v is %+v, want %+v", e, w, got, want)
			}
			if want := e > c.Forgotten; known != want {
				t.Errorf("share of %s in %v: known %v, want %v", e, w, known, want)
			}
		}
	}
}

func TestShareOfOtherWindows(t *testing.T) {
	var c accounting.Counter
	c.Add(&accounting.Entry{At: accounting.Position{Seq: 1}, WindowAt: noon, Epoch: "e2", Totals: accounting.Totals{Requests: 7}})
	spent := accounting.Spent{Requests: 7}
	tests := []struct {
		name  string
		epoch events.Epoch
		w     accounting.Window
		want  accounting.Spent
		known bool
	}{
		{"latest hour", "e2", accounting.WindowAt(noon, accounting.Hour), spent, true},
		{"hour before", "e2", accounting.WindowAt(noon.Add(-time.Hour), accounting.Hour), accounting.Spent{}, false},
		{"hour to come", "e2", accounting.WindowAt(noon.Add(time.Hour), accounting.Hour), accounting.Spent{}, true},
		{"life", "e2", accounting.Window{Per: accounting.Life}, spent, true},
		{"minute", "e2", accounting.WindowAt(noon, accounting.Minute), accounting.Spent{}, false},
		{"epoch that spent nothing", "e1", accounting.WindowAt(noon, accounting.Day), accounting.Spent{}, true},
		{"epoch that spent nothing, day before", "e1", accounting.WindowAt(noon.AddDate(0, 0, -1), accounting.Day), accounting.Spent{}, false},
	}
	for _, tt := range tests {
		if got, known := c.Share(tt.epoch, tt.w); got != tt.want || known != tt.known {
			t.Errorf("%s: %+v %v, want %+v %v", tt.name, got, known, tt.want, tt.known)
		}
	}
	var none accounting.Counter
	if got, known := none.Share("e1", accounting.WindowAt(noon, accounting.Day)); got != (accounting.Spent{}) || !known {
		t.Errorf("a counter of nothing: %+v %v", got, known)
	}
}

// TestSharesJSON: what is written can be read, whatever an epoch is called, and
// what cannot be meant is refused.
func TestSharesJSON(t *testing.T) {
	var c accounting.Counter
	for i, epoch := range []events.Epoch{`a"b`, `a\`, "a<b", "e1"} {
		c.Add(&accounting.Entry{
			At: accounting.Position{Seq: uint64(i + 1)}, WindowAt: noon.Add(time.Duration(i) * 20 * time.Hour), Epoch: epoch,
			Totals: accounting.Totals{Requests: 1, Cost: int64(i)},
		})
	}
	if diff := cmp.Diff(c, reload(t, c), exposeShares); diff != "" {
		t.Errorf("after decoding (-want +got):\n%s", diff)
	}
	raw, err := json.Marshal(c.Shares[2])
	if err == nil {
		raw, err = json.Marshal(c.Shares)
	}
	if want := `[["a\"b",0,0,0,[1,0,0,0,0]]`; err != nil || !slices.Equal(raw[:len(want)], []byte(want)) {
		t.Errorf("shares %s, %v, want them to begin with %s", raw, err, want)
	}
	for _, bad := range []string{
		`{}`, `[1]`, `[["e1",[1,2,3,4]]]`, `[["e1",[1,2,3,4,5]]`, `[["e1",0,0,0,0,0,0]]`, `[["e2"],["e1"]]`, `[["e1",[1,2,3,4,5.5]]]`, `[["e1]]`,
	} {
		var s accounting.Shares
		if err := json.Unmarshal([]byte(bad), &s); err == nil {
			t.Errorf("%s is read as %v", bad, s)
		}
	}
}

func TestOverHas(t *testing.T) {
	o := accounting.Over{Epochs: []events.Epoch{"a", "c", "d"}}
	for e, want := range map[events.Epoch]bool{"a": true, "b": false, "c": true, "d": true, "e": false, "": false} {
		if o.Has(e) != want {
			t.Errorf("has %q: %v", e, !want)
		}
	}
}
