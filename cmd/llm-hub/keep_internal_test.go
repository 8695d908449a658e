package main

import (
	"testing"
	"time"

	"github.com/llm-hub/llm-hub/gateway/control"
)

// TestKeptByTheEarlierClock: of the log's clock and this machine's, that which is ahead
// lets go of nothing.
func TestKeptByTheEarlierClock(t *testing.T) {
	november := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	want := time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC)
	for name, clocks := range map[string][2]time.Time{
		"both right":          {november, november.Add(time.Second)},
		"the log's ahead":     {november.AddDate(10, 0, 0), november},
		"the machine's ahead": {november, november.AddDate(10, 0, 0)},
	} {
		k := keptBy(control.Retention{Usage: 2}, clocks[0], clocks[1])
		if !k.Usage.Equal(want) || !k.Requests.IsZero() || !k.Attempts.IsZero() || !k.RollUps.IsZero() {
			t.Errorf("%s: %+v, want usage from %s", name, k, want)
		}
	}
}
