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
	case Minute, Hour:
		t = startOf(t, per).UTC()
		b = append(appendTwo(append(appendDate(b, t), 'T'), t.Hour()), ':')
		return append(appendTwo(b, t.Minute()), 'Z')
	case Day:
		return appendDate(b, t)
	case Week:
		year, week := t.ISOWeek()
		return appendTwo(append(appendYear(b, year), '-', 'W'), week)
	case Month:
		return appendTwo(append(appendYear(b, t.Year()), '-'), int(t.Month()))
	default:
		return b
	}
}

// The parts of labels are written by hand, because a counter makes all of them
// for every entry it adds.
func appendDate(b []byte, t time.Time) []byte {
	year, month, day := t.Date()
	b = append(appendTwo(append(appendYear(b, year), '-'), int(month)), '-')
	return appendTwo(b, day)
}

func appendYear(b []byte, year int) []byte { return appendTwo(appendTwo(b, year/100%100), year%100) }

func appendTwo(b []byte, n int) []byte { return append(b, byte('0'+n/10), byte('0'+n%10)) }

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

// startOfDay is the first instant of a day, or of the next one where clocks skip
// the whole day. Where they skip midnight that is the moment of the change.
func startOfDay(year int, month time.Month, day int, loc *time.Location) time.Time {
	t := time.Date(year, month, day, 0, 0, 0, 0, loc)
	wall := time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), 0, 0, time.UTC)
	start, end := t.ZoneBounds()
	switch midnight := time.Date(year, month, day, 0, 0, 0, 0, time.UTC); {
	case wall.Before(midnight):
		return end
	case wall.After(midnight):
		return start
	default:
		return t
	}
}
