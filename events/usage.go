package events

// Usage counts tokens by class. The classes are disjoint, so that each has one
// price and their sum is the total.
type Usage struct {
	Input        int64 `json:"input,omitempty"`          // prompt tokens neither read from nor written to a cache
	CacheRead    int64 `json:"cache_read,omitempty"`     // prompt tokens served from the vendor's cache
	CacheWrite   int64 `json:"cache_write,omitempty"`    // prompt tokens written to a short-lived cache (5 min)
	CacheWrite1h int64 `json:"cache_write_1h,omitempty"` // prompt tokens written to a one-hour cache
	Output       int64 `json:"output,omitempty"`         // visible answer tokens
	Reasoning    int64 `json:"reasoning,omitempty"`      // answer tokens spent on reasoning
}

// InputTotal is all prompt tokens.
func (u Usage) InputTotal() int64 { return u.Input + u.CacheRead + u.CacheWrite + u.CacheWrite1h }

// OutputTotal is all answer tokens.
func (u Usage) OutputTotal() int64 { return u.Output + u.Reasoning }

// Total is every token.
func (u Usage) Total() int64 { return u.InputTotal() + u.OutputTotal() }

// Plus adds two amounts class by class.
func (u Usage) Plus(v Usage) Usage {
	return Usage{
		Input: u.Input + v.Input, CacheRead: u.CacheRead + v.CacheRead, CacheWrite: u.CacheWrite + v.CacheWrite,
		CacheWrite1h: u.CacheWrite1h + v.CacheWrite1h, Output: u.Output + v.Output, Reasoning: u.Reasoning + v.Reasoning,
	}
}

// Minus subtracts v class by class.
func (u Usage) Minus(v Usage) Usage {
	return Usage{
		Input: u.Input - v.Input, CacheRead: u.CacheRead - v.CacheRead, CacheWrite: u.CacheWrite - v.CacheWrite,
		CacheWrite1h: u.CacheWrite1h - v.CacheWrite1h, Output: u.Output - v.Output, Reasoning: u.Reasoning - v.Reasoning,
	}
}

// PriceLine is the price of one class of usage.
type PriceLine struct {
	Class          string `json:"class"` // the JSON name of the field of [Usage]
	Units          int64  `json:"units"`
	NanoPerMillion int64  `json:"nano_per_million"` // nano-USD per million units
	CostNanoUSD    int64  `json:"cost_nano_usd"`
}

// Source says where an amount of usage comes from.
type Source string

// Sources of usage.
const (
	FromVendor Source = "vendor"    // the vendor's own count
	Estimated  Source = "estimated" // counted by the gateway or the fold
)

// UsageCheckpoint says how far a long stream has come, cumulatively.
type UsageCheckpoint struct {
	Principal
	Attempt int    `json:"attempt"`
	N       int    `json:"n"` // 1-based
	Target  Target `json:"target"`
	Charge  Charge `json:"charge"`
}

// UsageRecorded is the usage of one attempt that the vendor bills, recorded once.
type UsageRecorded struct {
	Principal
	Attempt int    `json:"attempt"`
	Target  Target `json:"target"`
	Source  Source `json:"source"`
	Charge  Charge `json:"charge"`
}

// UsageCorrected adjusts what was recorded before; it never overwrites it.
type UsageCorrected struct {
	Principal
	Attempt int    `json:"attempt"`
	N       int    `json:"n"` // 1-based
	Target  Target `json:"target"`
	Reason  string `json:"reason"`
	Delta   Charge `json:"delta"` // what is added; negative takes away
}

// Kind implements [Body].
func (UsageCheckpoint) Kind() Kind { return UsageCheckpointKind }

// Kind implements [Body].
func (UsageRecorded) Kind() Kind { return UsageRecordedKind }

// Kind implements [Body].
func (UsageCorrected) Kind() Kind { return UsageCorrectedKind }
