package estimate_test

import (
	"strings"
	"sync"
	"testing"

	"github.com/llm-hub/llm-hub/gateway/estimate"
	"github.com/llm-hub/llm-hub/gateway/provider"
)

func whole(s string) provider.Excerpt {
	return provider.Excerpt{Text: []byte(s), Bytes: int64(len(s))}
}

// TestTokens: counts of known families are those of their own vocabulary, checked
// with another implementation of it.
func TestTokens(t *testing.T) {
	const english = "The quick brown fox jumps over the lazy dog."
	tests := map[string]struct {
		model string
		text  provider.Excerpt
		want  int64
	}{
		"english":                   {"gpt-4o", whole(english), 10},
		"a dated name":              {"gpt-5-mini-2026-01-01", whole(english), 10},
		"with its maker":            {"openai/GPT-4o", whole(english), 10},
		"another tokenizer":         {"claude-sonnet-4-5", whole(english), 12},
		"not english":               {"gpt-4o", whole("日本語のテキスト"), 6},
		"a part":                    {"gpt-4o", provider.Excerpt{Text: []byte(english), Bytes: 10 * int64(len(english))}, 100},
		"nothing":                   {"gpt-4o", whole(""), 0},
		"nothing kept":              {"gpt-4o", provider.Excerpt{Bytes: 9}, 3},
		"an unknown model":          {"gpt-fake", whole(english), 11},
		"a family's name elsewhere": {"my-gpt-4o", whole(english), 11},
		"not UTF-8":                 {"gpt-4o", whole("\xff\xfe"), 1},
	}
	c := estimate.New()
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := c.Tokens(test.model, test.text); got != test.want {
				t.Errorf("%d tokens, want %d", got, test.want)
			}
		})
	}
}

func TestPrompt(t *testing.T) {
	p := provider.Prompt{Excerpt: whole("Say something."), Messages: 2, Media: 1000}
	c := estimate.New()
	if got := c.Prompt("gpt-4o", p); got != 3+2*4+3+1000 {
		t.Errorf("%d tokens", got)
	}
	if got := c.Prompt("unknown", p); got != 4+1000 {
		t.Errorf("of an unknown model %d tokens", got)
	}
}

// TestAtOnce: the first use loads the vocabulary, whoever it is.
func TestAtOnce(t *testing.T) {
	c := estimate.New()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if got := c.Tokens("gpt-4o", whole(strings.Repeat("word ", 100))); got < 100 || got > 102 {
				t.Errorf("%d tokens", got)
			}
		})
	}
	wg.Go(c.Warm)
	wg.Wait()
}

func BenchmarkTokens(b *testing.B) {
	text := "The quick brown fox jumps over the lazy dog. In 2026, it's 42 degrees; func main() { fmt.Println(\"hello\") }\n"
	c := estimate.New()
	c.Warm()
	for name, size := range map[string]int{"1KiB": 1 << 10, "4KiB": estimate.MaxExcerpt} {
		x := whole(strings.Repeat(text, size/len(text)+1)[:size])
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				c.Tokens("gpt-4o", x)
			}
		})
	}
	b.Run("4KiB of one rune", func(b *testing.B) {
		x := whole(strings.Repeat(" ", estimate.MaxExcerpt))
		for b.Loop() {
			c.Tokens("gpt-4o", x)
		}
	})
}
