package accounting_test

import (
	"fmt"
	"testing"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
)

// BenchmarkFold folds packed messages of whole requests as a gateway writes them.
func BenchmarkFold(b *testing.B) {
	const messages, requests = 64, 42
	tp := newTape(b)
	size := 0
	for i := range messages {
		facts := make([]fact, 0, 3*requests)
		for j := range requests {
			id := fmt.Sprintf("0193a5c8-7d1e-7%03x-8%03x-0123456789ab", i, j)
			r := recorded(1, first, events.Charge{
				Usage: events.Usage{Input: 1200, CacheRead: 300, Output: 250, Reasoning: 90}, CostNanoUSD: nano(7_000_000),
				PriceVersion: "43a75244bd760c7a", Lines: []events.PriceLine{
					{Class: "input", Units: 1200, NanoPerMillion: 2_500_000_000, CostNanoUSD: 3_000_000},
					{Class: "cache_read", Units: 300, NanoPerMillion: 1_250_000_000, CostNanoUSD: 375_000},
					{Class: "output", Units: 250, NanoPerMillion: 10_000_000_000, CostNanoUSD: 2_500_000},
					{Class: "reasoning", Units: 90, NanoPerMillion: 10_000_000_000, CostNanoUSD: 900_000},
				},
			})
			facts = append(facts, of(id, admitted()), of(id, r), of(id, finished()))
		}
		size += len(tp.say("e1", facts...).Data)
	}
	b.ReportAllocs()
	b.SetBytes(int64(size))
	for b.Loop() {
		f := accounting.NewFold(accounting.Snapshot{})
		for _, m := range tp.messages {
			a, err := f.Apply(m)
			if err != nil || len(a.Entries) != 2*requests || len(a.Ends) != requests {
				b.Fatal(a.Dead, err)
			}
			f.Mark(f.At())
		}
	}
	events := float64(messages * requests * 3)
	b.ReportMetric(events*float64(b.N)/b.Elapsed().Seconds(), "events/s")
	b.ReportMetric(float64(size)/events, "B/event")
}
