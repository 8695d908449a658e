package accounting_test

import (
	"math/rand/v2"
	"testing"
	"time"
	_ "time/tzdata" // the zones of this test, wherever it runs

	"github.com/llm-hub/llm-hub/accounting"
)

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

func at(t testing.TB, s string) time.Time {
	t.Helper()
	out, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestWindowAt(t *testing.T) {
	tests := []struct {
		at   string
		per  accounting.Per
		want string
	}{
		{"2026-11-22T23:36:59+01:00", accounting.Minute, "2026-11-22T22:36Z"},
		{"2026-11-22T23:36:59+01:00", accounting.Hour, "2026-11-22T22:00Z"},
		{"2026-11-22T23:36:59+05:30", accounting.Hour, "2026-11-22T17:30Z"},
		{"2026-10-25T02:30:00+02:00", accounting.Hour, "2026-10-25T00:00Z"},
		{"2026-10-25T02:30:00+01:00", accounting.Hour, "2026-10-25T01:00Z"},
		{"2026-11-22T23:36:59+01:00", accounting.Day, "2026-11-22"},
		{"2026-11-23T00:36:59+02:00", accounting.Day, "2026-11-23"},
		{"2026-11-22T23:36:59+01:00", accounting.Week, "2026-W47"},
		{"2026-11-23T00:00:00+01:00", accounting.Week, "2026-W48"},
		{"2027-01-03T23:59:59Z", accounting.Week, "2026-W53"},
		{"2025-12-29T00:00:00Z", accounting.Week, "2026-W01"},
		{"2026-11-22T23:36:59+01:00", accounting.Month, "2026-11"},
		{"2026-11-22T23:36:59+01:00", accounting.Life, ""},
	}
	for _, tt := range tests {
		want := accounting.Window{Per: tt.per, Label: tt.want}
		if got := accounting.WindowAt(at(t, tt.at), tt.per); got != want {
			t.Errorf("%s per %s: %+v, want %+v", tt.at, tt.per, got, want)
		}
	}
}

func TestWindowReset(t *testing.T) {
	tests := []struct {
		zone, now string
		per       accounting.Per
		want      string // empty: never
	}{
		{"UTC", "2026-11-22T23:36:59Z", accounting.Minute, "2026-11-22T23:37:00Z"},
		{"UTC", "2026-11-22T23:36:59Z", accounting.Hour, "2026-11-23T00:00:00Z"},
		{"Asia/Kolkata", "2026-11-22T23:36:59+05:30", accounting.Hour, "2026-11-23T00:00:00+05:30"},
		{"Europe/Berlin", "2026-11-22T22:59:59Z", accounting.Day, "2026-11-23T00:00:00+01:00"},
		{"Europe/Berlin", "2026-11-22T23:00:00Z", accounting.Day, "2026-11-24T00:00:00+01:00"},
		{"UTC", "2026-11-22T23:36:59Z", accounting.Week, "2026-11-23T00:00:00Z"},
		{"UTC", "2026-11-23T00:00:00Z", accounting.Week, "2026-11-30T00:00:00Z"},
		{"UTC", "2026-12-31T23:59:59Z", accounting.Month, "2027-01-01T00:00:00Z"},
		{"UTC", "2027-01-31T12:00:00Z", accounting.Month, "2027-02-01T00:00:00Z"},
		{"UTC", "2026-11-22T23:36:59Z", accounting.Life, ""},
		// Clocks go back in Berlin: a day of 25 hours, and the hour from 2 to 3 twice.
		{"Europe/Berlin", "2026-10-25T00:00:00+02:00", accounting.Day, "2026-10-26T00:00:00+01:00"},
		{"Europe/Berlin", "2026-10-25T02:10:00+02:00", accounting.Hour, "2026-10-25T02:00:00+01:00"},
		// They go forward: 23 hours.
		{"Europe/Berlin", "2026-03-29T01:59:59+01:00", accounting.Hour, "2026-03-29T03:00:00+02:00"},
		// Midnight is skipped in Cairo and, from the west, in Santiago.
		{"Africa/Cairo", "2026-04-23T12:00:00+02:00", accounting.Day, "2026-04-24T01:00:00+03:00"},
		{"America/Santiago", "2026-09-05T12:00:00-04:00", accounting.Day, "2026-09-06T01:00:00-03:00"},
		// A whole day is skipped in Apia.
		{"Pacific/Apia", "2011-12-29T12:00:00-10:00", accounting.Day, "2011-12-31T00:00:00+14:00"},
	}
	for _, tt := range tests {
		got := accounting.Reset(at(t, tt.now), tt.per, zone(t, tt.zone))
		if tt.want == "" {
			if !got.IsZero() {
				t.Errorf("%s: %s resets at %v, want never", tt.now, tt.per, got)
			}
			continue
		}
		if !got.Equal(at(t, tt.want)) {
			t.Errorf("%s in %s: %s resets at %v, want %s", tt.now, tt.zone, tt.per, got, tt.want)
		}
	}
}

// TestWindowsTile walks from reset to reset: until one the label stays, at it the
// label changes, and labels never come back nor go back.
func TestWindowsTile(t *testing.T) {
	zones := []string{
		"UTC", "Europe/Berlin", "America/New_York", "America/Santiago", "America/Havana", "Asia/Beirut", "Africa/Cairo",
		"Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Apia", "America/Sao_Paulo", "Asia/Tehran",
	}
	spans := map[accounting.Per]int{accounting.Hour: 200, accounting.Day: 400, accounting.Week: 100, accounting.Month: 40}
	rng := rand.New(rand.NewPCG(1, 2))
	for _, name := range zones {
		loc := zone(t, name)
		for per, steps := range spans {
			for _, start := range []string{"2011-12-20T00:00:00Z", "2018-02-10T00:00:00Z", "2026-10-20T00:00:00Z"} {
				now := at(t, start).In(loc)
				for range steps {
					now = tile(t, now, per, rng)
				}
			}
		}
	}
}

func tile(t *testing.T, now time.Time, per accounting.Per, rng *rand.Rand) time.Time {
	t.Helper()
	label := func(u time.Time) string { return accounting.WindowAt(u, per).Label }
	reset := accounting.Reset(now, per, now.Location())
	if !reset.After(now) {
		t.Fatalf("%s of %v resets at %v", per, now, reset)
	}
	inside := now.Add(time.Duration(rng.Int64N(int64(reset.Sub(now)))))
	for _, u := range []time.Time{inside, reset.Add(-1)} {
		if label(u) != label(now) {
			t.Errorf("%s of %v resets at %v, but %v is %s already", per, now, reset, u, label(u))
		}
	}
	if label(reset) <= label(now) {
		t.Errorf("%s of %v resets at %v, but that is %s", per, now, reset, label(reset))
	}
	return reset
}

func TestParsePer(t *testing.T) {
	for _, per := range []string{"minute", "hour", "day", "week", "month", "life"} {
		if got, err := accounting.ParsePer(per); err != nil || string(got) != per {
			t.Errorf("ParsePer(%q) = %q, %v", per, got, err)
		}
	}
	if _, err := accounting.ParsePer("year"); err == nil {
		t.Error("ParsePer(year) is not refused")
	}
}
