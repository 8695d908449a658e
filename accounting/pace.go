package accounting

import (
	"math"
	"time"
)

// Pace is how fast a limit is used up in its window, and where that leads.
type Pace struct {
	Start    time.Time // of the window; zero: it has none
	End      time.Time // first instant after it; zero: never
	PerDay   int64     // used in a day, on average since the start; 0 without one
	Forecast int64     // used at the end, if it goes on like that; without an end what is used now
	EmptyAt  time.Time // when it is used up, if it goes on like that; zero: not in this window
}

// PaceAt tells the pace of a limit of which used is used in the window of now, in
// whose time zone windows are counted.
func (l Limit) PaceAt(used int64, now time.Time) Pace {
	p := Pace{Start: Begin(now, l.Per), End: Reset(now, l.Per, now.Location()), Forecast: used}
	passed := now.Sub(p.Start)
	if p.End.IsZero() || passed <= 0 || used <= 0 {
		return p
	}
	p.PerDay = scale(used, int64(24*time.Hour), int64(passed))
	p.Forecast = scale(used, int64(p.End.Sub(p.Start)), int64(passed))
	switch left := l.Max - used; {
	case left <= 0:
		p.EmptyAt = now
	case p.Forecast >= l.Max:
		p.EmptyAt = now.Add(time.Duration(scale(left, int64(passed), used)))
	}
	return p
}

// Begin is the first instant of the window of now, in the zone that now carries.
// For Life it is the zero time.
func Begin(now time.Time, per Per) time.Time {
	year, month, day := now.Date()
	switch per {
	case Minute, Hour:
		return startOf(now, per)
	case Day:
		return startOfDay(year, month, day, now.Location())
	case Week:
		const week = 7
		return startOfDay(year, month, day-(int(now.Weekday())+week-int(time.Monday))%week, now.Location())
	case Month:
		return startOfDay(year, month, 1, now.Location())
	default:
		return time.Time{}
	}
}

// scale is a times b over c, rounded half up; the largest number where it would be
// larger. None may be negative.
func scale(a, b, c int64) int64 {
	if n, fits := ratio(a, b, c); fits {
		return n
	}
	return math.MaxInt64
}
