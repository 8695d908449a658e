package estimate

import (
	"sync"

	"github.com/tiktoken-go/tokenizer/codec"

	"github.com/llm-hub/llm-hub/gateway/provider"
)

// MaxExcerpt bounds what is counted of a prompt, in bytes; the rest is
// extrapolated. It bounds the time to about half a millisecond.
const MaxExcerpt = 4 << 10

// What a chat adds around its texts, in tokens of o200k: who speaks, where a
// message ends, and where the answer begins.
const (
	aroundMessage = 4
	aroundChat    = 3
)

// Counter counts tokens. Its vocabulary takes some 40 ms and 7 MB to load, once,
// from the program itself. All its methods may be called at once.
type Counter struct {
	codec func() *codec.Codec
}

// New makes a counter that loads its vocabulary when it is first needed.
func New() *Counter { return &Counter{codec: sync.OnceValue(codec.NewO200kBase)} }

// Warm loads the vocabulary, so that no request waits for it.
func (c *Counter) Warm() { c.codec() }

// Tokens tells how many tokens the text of x is for a vendor's model.
func (c *Counter) Tokens(model string, x provider.Excerpt) int64 {
	f, known := familyOf(model)
	if !known || len(x.Text) == 0 {
		return provider.EstimateTokens(x.Bytes)
	}
	return c.count(f, x)
}

// Prompt tells how many tokens a prompt is for a vendor's model.
func (c *Counter) Prompt(model string, p provider.Prompt) int64 {
	f, known := familyOf(model)
	if !known {
		return provider.EstimateTokens(p.Bytes) + p.Media
	}
	tokens := c.count(f, p.Excerpt) + p.Media
	if p.Messages > 0 {
		tokens += p.Messages*aroundMessage + aroundChat
	}
	return tokens
}

// count scales the tokens of the excerpt to the whole text and to the family.
func (c *Counter) count(f family, x provider.Excerpt) int64 {
	const whole = 100 // percent
	if len(x.Text) == 0 {
		return 0
	}
	n, err := c.codec().Count(string(x.Text))
	if err != nil { // the expression that splits words gave up
		return provider.EstimateTokens(x.Bytes)
	}
	size := int64(len(x.Text))
	return ceil(ceil(int64(n)*max(x.Bytes, size), size)*f.percent, whole)
}

func ceil(n, d int64) int64 { return (n + d - 1) / d }
