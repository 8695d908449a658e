package events

// Usage counts what a vendor bills, by class. The classes are disjoint, so that
// each has one price. Those up to ImageOutput are tokens, and their sum is the
// total; [Classes] describes each.
type Usage struct {
	Input          int64 `json:"input,omitempty"`            // prompt tokens of none of the classes below
	CacheRead      int64 `json:"cache_read,omitempty"`       // prompt tokens served from the vendor's cache
	CacheWrite     int64 `json:"cache_write,omitempty"`      // prompt tokens written to a short-lived cache (5 min)
	CacheWrite1h   int64 `json:"cache_write_1h,omitempty"`   // prompt tokens written to a one-hour cache
	AudioInput     int64 `json:"audio_input,omitempty"`      // prompt tokens of sound, not from a cache
	AudioCacheRead int64 `json:"audio_cache_read,omitempty"` // prompt tokens of sound served from the vendor's cache
	ImageInput     int64 `json:"image_input,omitempty"`      // prompt tokens of images, where the vendor tells them apart

	Output      int64 `json:"output,omitempty"`       // visible answer tokens
	Reasoning   int64 `json:"reasoning,omitempty"`    // answer tokens spent on reasoning
	AudioOutput int64 `json:"audio_output,omitempty"` // answer tokens of sound
	ImageOutput int64 `json:"image_output,omitempty"` // answer tokens of images

	Images       int64 `json:"images,omitempty"`        // images made and billed by the piece
	WebSearches  int64 `json:"web_searches,omitempty"`  // searches of the web by the vendor's own tools
	FileSearches int64 `json:"file_searches,omitempty"` // searches of stored files by the vendor's own tools
	ToolCalls    int64 `json:"tool_calls,omitempty"`    // other calls of the vendor's own tools that are billed each
	SearchUnits  int64 `json:"search_units,omitempty"`  // rerank searches: a query with up to 100 documents
	AudioMS      int64 `json:"audio_ms,omitempty"`      // milliseconds of sound billed by its length
	Characters   int64 `json:"characters,omitempty"`    // characters of text billed by its length, as for speech
}

// InputTotal is all prompt tokens.
func (u Usage) InputTotal() int64 {
	return u.Input + u.CacheRead + u.CacheWrite + u.CacheWrite1h + u.AudioInput + u.AudioCacheRead + u.ImageInput
}

// OutputTotal is all answer tokens.
func (u Usage) OutputTotal() int64 { return u.Output + u.Reasoning + u.AudioOutput + u.ImageOutput }

// Total is every token.
func (u Usage) Total() int64 { return u.InputTotal() + u.OutputTotal() }

// Plus adds two amounts class by class.
func (u Usage) Plus(v Usage) Usage {
	add := v.Refs()
	for i, amount := range u.Refs() {
		*amount += *add[i]
	}
	return u
}

// Minus subtracts v class by class.
func (u Usage) Minus(v Usage) Usage {
	less := v.Refs()
	for i, amount := range u.Refs() {
		*amount -= *less[i]
	}
	return u
}

// PriceLine is the price of one class of usage.
type PriceLine struct {
	Class          string `json:"class"` // its name
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
	// Priced: the delta is the price of what was recorded without one, so that one
	// record less is unpriced.
	Priced bool `json:"priced,omitempty"`
}

// Kind implements [Body].
func (UsageCheckpoint) Kind() Kind { return UsageCheckpointKind }

// Kind implements [Body].
func (UsageRecorded) Kind() Kind { return UsageRecordedKind }

// Kind implements [Body].
func (UsageCorrected) Kind() Kind { return UsageCorrectedKind }
