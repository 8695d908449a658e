package cohere

import "github.com/llm-hub/llm-hub/events"

// wireUsage is both of the vendor's counts. As the meta of embeddings and of
// rankings it has the same members.
type wireUsage struct {
	Billed wireTokens `json:"billed_units"`
	Tokens wireTokens `json:"tokens"`
	Cached *float64   `json:"cached_tokens"` // of the prompt
}

// wireTokens are numbers that some answers write with a fraction.
type wireTokens struct {
	Input  *float64 `json:"input_tokens"`
	Output *float64 `json:"output_tokens"`
}

// classes is what is billed; nil if nothing is told.
func (u *wireUsage) classes() *events.Usage {
	if u == nil {
		return nil
	}
	for _, t := range []wireTokens{u.Billed, u.Tokens} {
		if t.Input != nil || t.Output != nil {
			input := count(t.Input)
			cached := min(count(u.Cached), input)
			return &events.Usage{Input: input - cached, CacheRead: cached, Output: count(t.Output)}
		}
	}
	return nil
}

func count(n *float64) int64 {
	if n == nil || !(*n > 0) {
		return 0
	}
	return int64(*n)
}
