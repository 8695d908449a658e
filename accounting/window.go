package accounting

import (
	"fmt"
	"time"
)

// Per is a span of the calendar that limits and counters are kept for.
type Per string

// The spans, from the shortest.
const (
	Minute Per = "minute"
	Hour   Per = "hour"
	Day    Per = "day"
	Week   Per = "week" // ISO 8601: starts on Monday
	Month  Per = "month"
	Life   Per = "life" // never ends
)

// ParsePer reads a Per.
func ParsePer(s string) (Per, error) {
	switch p := Per(s); p {
	case Minute, Hour, Day, Week, Month, Life:
		return p, nil
	}
	return "", fmt.Errorf("%q is not minute, hour, day, week, month or life", s)
}

// Window is one span of the calendar. Its label says when it starts: a minute
// or an hour as an instant in UTC (`2026-10-25T00:30Z`), which tells the two hours
// apart that are called alike when clocks go back; a day (`2026-10-25`), a week
// (`2026-W43`) or a month (`2026-10`) as the calendar on the wall has it. Labels of
// one span sort in the order of time. Life has no label.
type Window struct {
	Per   Per    `json:"per"`
	Label string `json:"label"`
}

// WindowAt is the window t falls in, in the zone t carries.
func WindowAt(t time.Time, per Per) Window {
	return Window{Per: per, Label: string(appendLabel(nil, t, per))}
}

func appendLabel(b []byte, t time.Time, per Per) []byte {
	switch per {
	case Minute:
		return startOf(t, per).UTC().AppendFormat(b, "2006-01-02T15:04Z")
	case Hour:
		return startOf(t, per).UTC().AppendFormat(b, "2006-01-02T15:04Z")
	case Day:
		return t.AppendFormat(b, time.DateOnly)
	case Week:
		year, week := t.ISOWeek()
		return fmt.Appendf(b, "%04d-W%02d", year, week)
	case Month:
		return t.AppendFormat(b, "2006-01")
	default:
		return b
	}
}

// startOf is the start of the minute or hour of t on the wall clock.
func startOf(t time.Time, per Per) time.Time {
	into := time.Duration(t.Second())*time.Second + time.Duration(t.Nanosecond())
	if per == Hour {
		into += time.Duration(t.Minute()) * time.Minute
	}
	return t.Add(-into)
}

// Reset is the instant at which the window of now ends in loc: the first that
// has another label. For Life it is the zero time: never.
func Reset(now time.Time, per Per, loc *time.Location) time.Time {
	now = now.In(loc)
	year, month, day := now.Date()
	switch per {
	case Minute:
		return startOf(now, per).Add(time.Minute)
	case Hour:
		return startOf(now, per).Add(time.Hour)
	case Day:
		return startOfDay(year, month, day+1, loc)
	case Week:
		const week = 7
		sinceMonday := (int(now.Weekday()) + week - int(time.Monday)) % week
		return startOfDay(year, month, day+week-sinceMonday, loc)
	case Month:
		return startOfDay(year, month+1, 1, loc)
	default:
		return time.Time{}
	}
}

// startOfDay is the first instant of a day. Where clocks skip midnight that is
// the moment of the change.
func startOfDay(year int, month time.Month, day int, loc *time.Location) time.Time {
	t := time.Date(year, month, day, 0, 0, 0, 0, loc)
	if t.Hour() == 0 {
		return t
	}
	start, end := t.ZoneBounds()
	if t.Hour() < 12 { // just after the gap
		return start
	}
	return end
}
