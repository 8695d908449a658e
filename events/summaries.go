package events

import "time"

// SummariesKey is the key of [Summaries] in the bucket of nodes. It lapses when no
// projector renews it.
const SummariesKey = "targets"

// Summaries is how vendors' targets did of late, as the log tells it: what routing may
// go by, besides what a node has seen itself.
type Summaries struct {
	At      time.Time       `json:"at"`  // when they were made, by the projector's clock
	Seq     uint64          `json:"seq"` // of the log: everything up to it is in them
	Targets []TargetSummary `json:"targets"`
}

// TargetSummary is one target over three spans, each of whole minutes up to now.
type TargetSummary struct {
	Target
	Minutes5 SpanSummary `json:"last_5m"`
	Hour     SpanSummary `json:"last_1h"`
	Day      SpanSummary `json:"last_24h"`
}

// SpanSummary is what happened in a span. Percentiles are exact within 6 %, and 0 where
// nothing was measured.
type SpanSummary struct {
	Attempts    int64            `json:"attempts"`         // that ended
	Failures    int64            `json:"failures"`         // of these, without an answer
	Errors      map[string]int64 `json:"errors,omitempty"` // failures by class
	RateLimited int64            `json:"rate_limited"`     // 429s
	Cost        int64            `json:"cost_nano_usd"`
	Unpriced    int64            `json:"unpriced"`          // records without a price
	FirstByte   Spread           `json:"first_byte_ns"`     // of requests it answered, from admission
	Total       Spread           `json:"total_ns"`          // likewise
	Speed       Spread           `json:"tokens_per_second"` // of answers, from first to last byte
}

// Spread is the middle and the worse end of some values.
type Spread struct {
	P50 int64 `json:"p50"`
	P95 int64 `json:"p95"`
}
