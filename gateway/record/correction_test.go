package record_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway/record"
)

func correction() record.Correction {
	return record.Correction{
		Tenant: "acme", Request: "r1", Admitted: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC),
		Principal: events.Principal{User: "u1", Key: "ci", Model: "smart"}, Target: target(), Attempt: 2, N: 1,
		Reason: "vendor_invoice", Delta: events.Charge{Usage: events.Usage{Output: -7}, CostNanoUSD: new(int64(-70))},
	}
}

func TestCorrect(t *testing.T) {
	c := correction()
	e, err := c.Event("node-1", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if e.ID != "r1:usage.corrected:2:1" || e.Tenant != "acme" || !e.WindowAt.Equal(c.Admitted) || e.Node != "node-1" {
		t.Errorf("event %+v", e)
	}
	got, err := events.As[events.UsageCorrected](e)
	want := events.UsageCorrected{Principal: c.Principal, Attempt: 2, N: 1, Target: c.Target, Reason: c.Reason, Delta: c.Delta}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v %s", err, diff)
	}
}

// TestCorrectionIsCounted: the fold takes the event.
func TestCorrectionIsCounted(t *testing.T) {
	e, err := correction().Event("node-1", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	line, err := e.Encode()
	if err != nil {
		t.Fatal(err)
	}
	out, err := accounting.NewFold(accounting.Snapshot{}).Apply(events.Stored{
		Seq: 1, Time: time.Now(), Message: events.Message{
			ID:    events.MessageID{Node: "node-1", Epoch: "epoch-1", Partition: events.PartitionOf("acme"), Counter: 1},
			Count: 1, Data: append(line, '\n'),
		},
	})
	if err != nil || len(out.Dead) != 0 || len(out.Entries) != 1 || out.Entries[0].Totals.Cost != -70 {
		t.Errorf("folded to %+v: %v", out, err)
	}
}

func TestCorrectNamesTheMistake(t *testing.T) {
	tests := map[string]func(c *record.Correction){
		"tenant:":                 func(c *record.Correction) { c.Tenant = "_" },
		"request:":                func(c *record.Correction) { c.Request = "" },
		"admitted:":               func(c *record.Correction) { c.Admitted = time.Time{} },
		"principal:":              func(c *record.Correction) { c.Principal.Model = "" },
		"target:":                 func(c *record.Correction) { c.Target.Credential = "" },
		"attempt:":                func(c *record.Correction) { c.Attempt = 0 },
		"n:":                      func(c *record.Correction) { c.N = 0 },
		"reason:":                 func(c *record.Correction) { c.Reason = "Told by Jane Doe" },
		"delta.cost_nano_usd:":    func(c *record.Correction) { c.Delta.CostNanoUSD = nil },
		"delta: changes":          func(c *record.Correction) { c.Delta = events.Charge{CostNanoUSD: new(int64)} },
		"is beyond":               func(c *record.Correction) { c.Delta.CostNanoUSD = new(int64(1 << 60)) },
		"delta.usage.cache_read:": func(c *record.Correction) { c.Delta.Usage.CacheRead = -1 << 40 },
	}
	for want, spoil := range tests {
		t.Run(want, func(t *testing.T) {
			c := correction()
			spoil(&c)
			if _, err := c.Event("node-1", time.Now()); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("got %v", err)
			}
		})
	}
}
