package accounting_test

import (
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/accounting"
)

func TestPace(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 10, 25, 12, 0, 0, 0, berlin) // a day of 25 hours, 13 of which have passed
	midnight := time.Date(2026, 10, 25, 0, 0, 0, 0, berlin)
	noon := time.Date(2026, 11, 16, 0, 0, 0, 0, time.UTC) // half of a month
	month := accounting.Pace{Start: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC), End: time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)}
	with := func(p accounting.Pace, change func(*accounting.Pace)) accounting.Pace { change(&p); return p }
	tests := []struct {
		name  string
		limit accounting.Limit
		used  int64
		now   time.Time
		want  accounting.Pace
	}{
		{"half of the month, a third of the money", accounting.Limit{Per: accounting.Month, Max: 300}, 100, noon,
			with(month, func(p *accounting.Pace) { p.PerDay, p.Forecast = 7, 200 })},
		{"half of the month, three quarters of the money", accounting.Limit{Per: accounting.Month, Max: 400}, 300, noon,
			with(month, func(p *accounting.Pace) { p.PerDay, p.Forecast, p.EmptyAt = 20, 600, noon.AddDate(0, 0, 5) })},
		{"used up", accounting.Limit{Per: accounting.Month, Max: 300}, 301, noon,
			with(month, func(p *accounting.Pace) { p.PerDay, p.Forecast, p.EmptyAt = 20, 602, noon })},
		{"nothing used", accounting.Limit{Per: accounting.Month, Max: 300}, 0, noon, month},
		{"given back", accounting.Limit{Per: accounting.Month, Max: 300}, -4, noon, with(month, func(p *accounting.Pace) { p.Forecast = -4 })},
		{"beyond all numbers", accounting.Limit{Per: accounting.Month, Max: 1}, math.MaxInt64 - 1, noon,
			with(month, func(p *accounting.Pace) { p.PerDay, p.Forecast, p.EmptyAt = 614891469123651720, math.MaxInt64, noon })},
		{"the first instant", accounting.Limit{Per: accounting.Month, Max: 300}, 5, month.Start, with(month, func(p *accounting.Pace) { p.Forecast = 5 })},
		{"a day of 25 hours", accounting.Limit{Per: accounting.Day, Max: 1300}, 1300 / 2, now,
			accounting.Pace{Start: midnight, End: midnight.Add(25 * time.Hour), PerDay: 1200, Forecast: 1250}},
		{"for life", accounting.Limit{Per: accounting.Life, Max: 300}, 100, noon, accounting.Pace{Forecast: 100}},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, tt.limit.PaceAt(tt.used, tt.now)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

// TestBegin: a window begins where it has its label and the instant before has not.
func TestBegin(t *testing.T) {
	for _, name := range []string{"UTC", "America/Havana", "Africa/Cairo", "Asia/Kathmandu", "Pacific/Apia"} {
		zone, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		for now := time.Date(2026, 10, 20, 3, 17, 5, 0, zone); now.Month() < time.December; now = now.Add(7 * time.Hour) {
			for _, per := range []accounting.Per{accounting.Minute, accounting.Hour, accounting.Day, accounting.Week, accounting.Month} {
				begin, label := accounting.Begin(now, per), accounting.WindowAt(now, per)
				if begin.After(now) || accounting.WindowAt(begin, per) != label || accounting.WindowAt(begin.Add(-1), per) == label {
					t.Errorf("%s: the %s of %s begins at %s", name, per, now, begin)
				}
			}
		}
	}
}
