package admit

import (
	"sync/atomic"
	"time"

	"github.com/llm-hub/llm-hub/accounting"
)

// windows are those that one minute falls in.
type windows struct {
	from, until time.Time // the minute
	minute      accounting.Window
	hour        accounting.Window
	day         accounting.Window
	week        accounting.Window
	month       accounting.Window
}

func newWindows(t time.Time) *windows {
	until := accounting.Reset(t, accounting.Minute, t.Location())
	return &windows{
		from: until.Add(-time.Minute), until: until,
		minute: accounting.WindowAt(t, accounting.Minute), hour: accounting.WindowAt(t, accounting.Hour),
		day: accounting.WindowAt(t, accounting.Day), week: accounting.WindowAt(t, accounting.Week),
		month: accounting.WindowAt(t, accounting.Month),
	}
}

func (w *windows) of(per accounting.Per) accounting.Window {
	switch per {
	case accounting.Minute:
		return w.minute
	case accounting.Hour:
		return w.hour
	case accounting.Day:
		return w.day
	case accounting.Week:
		return w.week
	case accounting.Month:
		return w.month
	default:
		return accounting.Window{Per: accounting.Life}
	}
}

// same tells whether v is the same minute. The zone matters: days differ by it.
func (w *windows) same(v *windows) bool {
	return w == v || w.from.Equal(v.from) && w.day == v.day && w.hour == v.hour
}

// calendar remembers the windows of the present minute: making their labels
// costs more than an admission.
type calendar struct{ present atomic.Pointer[windows] }

func (c *calendar) at(t time.Time) *windows {
	if w := c.present.Load(); w != nil && !t.Before(w.from) && t.Before(w.until) && t.Location() == w.from.Location() {
		return w
	}
	w := newWindows(t)
	c.present.Store(w)
	return w
}
