package accounting_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
)

func TestLimitUsed(t *testing.T) {
	totals := accounting.Totals{
		Requests: 1, Attempts: 2, Failures: 3, Cost: 4, Unpriced: 5,
		Usage: events.Usage{Input: 10, CacheRead: 20, CacheWrite: 40, CacheWrite1h: 80, Output: 160, Reasoning: 320},
	}
	want := map[accounting.Of]int64{
		accounting.OfRequests: 1, accounting.OfTokens: 630, accounting.OfInputTokens: 150,
		accounting.OfOutputTokens: 480, accounting.OfCost: 4, accounting.OfConcurrency: 0,
	}
	for of, n := range want {
		if got := (accounting.Limit{Of: of}).Used(totals); got != n {
			t.Errorf("used %s: %d, want %d", of, got, n)
		}
	}
}

func TestLimitCheck(t *testing.T) {
	now := time.Date(2026, 11, 22, 23, 36, 20, 0, time.UTC)
	reset := time.Date(2026, 11, 22, 23, 37, 0, 0, time.UTC)
	limit := accounting.Limit{Per: accounting.Minute, Of: accounting.OfTokens, Max: 100, Mode: accounting.Hard}
	with := func(edit func(*accounting.Limit)) accounting.Limit {
		l := limit
		edit(&l)
		return l
	}
	soft := with(func(l *accounting.Limit) { l.Mode = accounting.Soft })
	shadow := with(func(l *accounting.Limit) { l.Mode = accounting.Shadow })
	life := with(func(l *accounting.Limit) { l.Per = accounting.Life })
	atOnce := with(func(l *accounting.Limit) { l.Of = accounting.OfConcurrency })
	huge := with(func(l *accounting.Limit) { l.Max = math.MaxInt64 })
	tests := []struct {
		name       string
		limit      accounting.Limit
		used, want int64
		verdict    accounting.Verdict
	}{
		{"nothing used", limit, 0, 1, accounting.Verdict{Left: 100, ResetAt: reset}},
		{"just enough left", limit, 90, 10, accounting.Verdict{Used: 90, Left: 10, ResetAt: reset}},
		{"one too many", limit, 90, 11, accounting.Verdict{Exceeded: true, Refuse: true, Used: 90, Left: 10, ResetAt: reset}},
		{"full, nothing wanted", limit, 100, 0, accounting.Verdict{Used: 100, ResetAt: reset}},
		{"overdrawn", limit, 150, 0, accounting.Verdict{Exceeded: true, Refuse: true, Used: 150, ResetAt: reset}},
		{"soft", soft, 100, 1, accounting.Verdict{Exceeded: true, Used: 100, ResetAt: reset}},
		{"shadow", shadow, 100, 1, accounting.Verdict{Exceeded: true, Used: 100, ResetAt: reset}},
		{"life", life, 1, 1, accounting.Verdict{Used: 1, Left: 99}},
		{"concurrency", atOnce, 100, 1, accounting.Verdict{Exceeded: true, Refuse: true, Used: 100}},
		{"huge", huge, 1, math.MaxInt64, accounting.Verdict{
			Exceeded: true, Refuse: true, Used: 1, Left: math.MaxInt64 - 1, ResetAt: reset,
		}},
		{"less than nothing used", huge, math.MinInt64, math.MaxInt64, accounting.Verdict{
			Used: math.MinInt64, Left: math.MaxInt64, ResetAt: reset,
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.verdict, tt.limit.Check(tt.used, tt.want, now)); diff != "" {
				t.Errorf("verdict (-want +got):\n%s", diff)
			}
		})
	}
}

func TestLimitValidate(t *testing.T) {
	good := accounting.Limit{Per: accounting.Day, Of: accounting.OfCost, Max: 1, Mode: accounting.Soft}
	tests := []struct {
		field string // named by the error, empty: valid
		edit  func(*accounting.Limit)
	}{
		{"", func(*accounting.Limit) {}},
		{"", func(l *accounting.Limit) { l.Per, l.Of = "", accounting.OfConcurrency }},
		{"per", func(l *accounting.Limit) { l.Per = "year" }},
		{"of", func(l *accounting.Limit) { l.Of = "sheep" }},
		{"mode", func(l *accounting.Limit) { l.Mode = "" }},
		{"max", func(l *accounting.Limit) { l.Max = -1 }},
	}
	for _, tt := range tests {
		l := good
		tt.edit(&l)
		err := l.Validate()
		if (err == nil) != (tt.field == "") || err != nil && !strings.HasPrefix(err.Error(), tt.field+": ") {
			t.Errorf("%+v: %v, want an error that names %q", l, err, tt.field)
		}
	}
}
