package accounting

import (
	"slices"
	"time"

	"github.com/llm-hub/llm-hub/events"
)

// kept says how many of the latest windows a counter keeps for each span: the
// current one, those before it that late usage and readers near a boundary may
// still ask for, and no more, because every commit writes them.
var kept = [...]struct { //nolint:gochecknoglobals // a constant table
	per     Per
	windows int
}{{Minute, 3}, {Hour, 2}, {Day, 2}, {Week, 2}, {Month, 2}}

// Counter is what a scope has used: for life, and in its latest windows. It is
// the value of a key of the counters bucket. The zero Counter has counted nothing.
type Counter struct {
	At      Position `json:"at"`      // of the last entry added, zero for none
	Life    Totals   `json:"life"`    // complete
	Windows []Used   `json:"windows"` // complete each; by span, oldest first

	Shares    Shares       `json:"shares,omitempty"`    // who spent it; of the latest epochs
	Forgotten events.Epoch `json:"forgotten,omitempty"` // the highest whose share is not kept any more
}

// Used is what was used in one window.
type Used struct {
	Window
	Totals
}

// Add books e. It returns false, and changes nothing, if the counter has been at
// its position already. Usage of a window older than those kept counts for life only.
func (c *Counter) Add(e *Entry) bool {
	if !c.At.Less(e.At) {
		return false
	}
	c.At = e.At
	c.Life = c.Life.Plus(e.Totals)
	var current [len(sharedSpans)]bool
	current[len(current)-1] = true // life
	for i, label := range labelsOf(e.WindowAt) {
		if shared := i - firstShared; shared >= 0 {
			latest := c.latest(kept[i].per)
			if label > latest {
				c.begin(shared)
			}
			current[shared] = label >= latest
		}
		c.addTo(Window{kept[i].per, label}, kept[i].windows, e.Totals)
	}
	c.share(e.Epoch, current, e.Totals)
	return true
}

// labelsOf gives the labels of the windows t falls in, in the order of kept, all
// in one string.
func labelsOf(t time.Time) (labels [len(kept)]string) {
	var buf [len(kept) * len("2006-01-02T15:04Z")]byte
	var ends [len(kept)]int
	b := buf[:0]
	for i, k := range kept {
		b = appendLabel(b, t, k.per)
		ends[i] = len(b)
	}
	all, start := string(b), 0
	for i, end := range ends {
		labels[i], start = all[start:end], end
	}
	return labels
}

// addTo books t in window w, of whose span at most n windows are kept.
func (c *Counter) addTo(w Window, n int, t Totals) {
	lo, hi := c.span(w.Per)
	i := hi
	for i > lo && c.Windows[i-1].Label > w.Label {
		i--
	}
	switch {
	case i > lo && c.Windows[i-1].Label == w.Label:
		c.Windows[i-1].Totals = c.Windows[i-1].Plus(t)
	case hi-lo < n:
		c.Windows = slices.Insert(c.Windows, i, Used{w, t})
	case i > lo:
		copy(c.Windows[lo:i-1], c.Windows[lo+1:i])
		c.Windows[i-1] = Used{w, t}
	}
}

// span finds the windows of one span, [lo, hi). A span without any belongs where
// its turn in the order of kept comes.
func (c *Counter) span(per Per) (lo, hi int) {
	for _, k := range kept {
		lo = hi
		for hi < len(c.Windows) && c.Windows[hi].Per == k.per {
			hi++
		}
		if k.per == per {
			break
		}
	}
	return lo, hi
}

// LastMinute is the start of the last minute that something was used in; zero: never.
func (c *Counter) LastMinute() time.Time {
	lo, hi := c.span(Minute)
	if lo == hi {
		return time.Time{}
	}
	t, _ := time.Parse("2006-01-02T15:04Z", c.Windows[hi-1].Label) // as labels of minutes are written
	return t
}

// In is what was used in one window, as far as it is kept. Of [Life] the label
// does not matter.
func (c *Counter) In(w Window) Totals {
	if w.Per == Life {
		return c.Life
	}
	for _, u := range c.Windows {
		if u.Window == w {
			return u.Totals
		}
	}
	return Totals{}
}
