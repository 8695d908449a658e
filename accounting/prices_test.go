package accounting_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
)

func shipped(t testing.TB) *accounting.Book {
	t.Helper()
	b, err := accounting.ShippedBook()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestBookIsWhatItSays(t *testing.T) {
	b := shipped(t)
	if _, err := time.Parse(time.DateOnly, b.Date); err != nil {
		t.Errorf("date %q: %v", b.Date, err)
	}
	manifest, err := os.ReadFile("prices/package.json")
	if err != nil {
		t.Fatal(err)
	}
	var packages struct {
		DevDependencies map[string]string `json:"devDependencies"`
	}
	if err := json.Unmarshal(manifest, &packages); err != nil {
		t.Fatal(err)
	}
	name, version, _ := strings.Cut(b.Source, " ")
	if packages.DevDependencies[name] != version || version == "" {
		t.Errorf("source %q is not the pinned %q", b.Source, packages.DevDependencies[name])
	}
	data, err := os.ReadFile("prices/book.json")
	if err != nil {
		t.Fatal(err)
	}
	forged := strings.Replace(string(data), `"input":`, `"input":1`, 1)
	if _, err := accounting.ParseBook([]byte(forged)); err == nil || !strings.Contains(err.Error(), "version") {
		t.Errorf("a book with another price under the same version: %v, want an error", err)
	}
}

func TestParseBookErrors(t *testing.T) {
	for _, data := range []string{``, `{}`, `{"version":"e3b0c44298fc1c14"}`, `{"version":"x","vendors":[]}`} {
		if _, err := accounting.ParseBook([]byte(data)); err == nil {
			t.Errorf("ParseBook(%q) is not refused", data)
		}
	}
}

var day = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// TestPrice prices by hand against a few rates as vendors publish them.
func TestPrice(t *testing.T) {
	deepseekPeak := time.Date(2026, 11, 23, 1, 0, 0, 0, time.UTC)
	tests := []struct {
		name        string
		kind, model string
		at          time.Time
		usage       events.Usage
		want        int64
		lines       string
	}{
		{"exact id", "openai", "gpt-4o", day, events.Usage{Input: 1000, CacheRead: 200, Output: 10}, 2_850_000,
			"input 1000*2500000000=2500000, cache_read 200*1250000000=250000, output 10*10000000000=100000"},
		{"dated snapshot", "openai", "gpt-4o-2024-11-20", day, events.Usage{Input: 1}, 2_500, "input 1*2500000000=2500"},
		{"vendor before the name", "openai", "openai/gpt-4o", day, events.Usage{Input: 1}, 2_500, "input 1*2500000000=2500"},
		{"name in capitals", "OpenAI", "GPT-4o", day, events.Usage{Input: 1}, 2_500, "input 1*2500000000=2500"},
		{"rule by prefix", "anthropic", "claude-sonnet-4-5-20250929", day, events.Usage{CacheWrite: 2, CacheWrite1h: 2}, 19_500,
			"cache_write 2*3750000000=7500, cache_write_1h 2*6000000000=12000"},
		{"reasoning as output", "openai", "o3", day, events.Usage{Output: 1, Reasoning: 2}, 24_000,
			"output 1*8000000000=8000, reasoning 2*8000000000=16000"},
		{"before a price change", "openai", "o3", time.Date(2025, 6, 9, 23, 59, 59, 0, time.UTC), events.Usage{Output: 1}, 40_000,
			"output 1*40000000000=40000"},
		{"gemini with models/", "gemini", "models/gemini-2.5-pro", day, events.Usage{Input: 200_000}, 250_000_000,
			"input 200000*1250000000=250000000"},
		{"larger prompt", "gemini", "gemini-2.5-pro", day, events.Usage{Input: 200_000, CacheRead: 1, Output: 1}, 500_015_250,
			"input 200000*2500000000=500000000, cache_read 1*250000000=250, output 1*15000000000=15000"},
		{"off peak", "deepseek", "deepseek-v4-flash", day, events.Usage{Output: 100}, 66_000, "output 100*660000000=66000"},
		{"peak", "deepseek", "deepseek-v4-flash", deepseekPeak, events.Usage{Output: 100}, 132_000, "output 100*1320000000=132000"},
		{"slash in the id", "openrouter", "openai/gpt-4o", day, events.Usage{Input: 1}, 2_500, "input 1*2500000000=2500"},
		{"resold", "azure", "claude-sonnet-4-5", day, events.Usage{Input: 1}, 3_000, "input 1*3000000000=3000"},
		{"no discount for cached", "deepseek", "deepseek-v3.2", day, events.Usage{CacheRead: 1000}, 228_800,
			"cache_read 1000*228800000=228800"},
		{"cached sound, and images without a rate", "gemini", "gemini-2.5-flash", day,
			events.Usage{AudioInput: 10, AudioCacheRead: 10, ImageInput: 10}, 14_000,
			"audio_input 10*1000000000=10000, audio_cache_read 10*100000000=1000, image_input 10*300000000=3000"},
		{"cached sound without a rate", "gemini", "gemini-2.5-pro", day, events.Usage{AudioInput: 10, AudioCacheRead: 10}, 13_750,
			"audio_input 10*1250000000=12500, audio_cache_read 10*125000000=1250"},
		{"images", "openai", "gpt-image-1", day, events.Usage{Input: 10, ImageInput: 100, ImageOutput: 1000}, 41_050_000,
			"input 10*5000000000=50000, image_input 100*10000000000=1000000, image_output 1000*40000000000=40000000"},
		{"sound by its length", "openai", "whisper-1", day, events.Usage{AudioMS: 61_500}, 6_150_000, "audio_ms 61500*100000000=6150000"},
		{"searches", "anthropic", "claude-sonnet-4-5", day, events.Usage{WebSearches: 3}, 30_000_000, "web_searches 3*10000000000000=30000000"},
		{"nothing used", "openai", "gpt-4o", day, events.Usage{}, 0, ""},
	}
	b := shipped(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := b.Price(accounting.Item{Kind: tt.kind, Model: tt.model, At: tt.at}, tt.usage)
			if c.CostNanoUSD == nil {
				t.Fatal("cost is null")
			}
			if *c.CostNanoUSD != tt.want || c.PriceVersion != b.Version || c.Usage != tt.usage {
				t.Errorf("charge %+v costs %d, want %d", c, *c.CostNanoUSD, tt.want)
			}
			var lines []string
			for _, l := range c.Lines {
				lines = append(lines, fmt.Sprintf("%s %d*%d=%d", l.Class, l.Units, l.NanoPerMillion, l.CostNanoUSD))
			}
			if got := strings.Join(lines, ", "); got != tt.lines {
				t.Errorf("lines %s\nwant  %s", got, tt.lines)
			}
		})
	}
}

func TestPriceUnknown(t *testing.T) {
	tests := []struct {
		name, kind, model string
		usage             events.Usage
	}{
		{"unknown vendor", "acme-cloud", "gpt-4o", events.Usage{Input: 1}},
		{"demo models", "openai", "gpt-fake", events.Usage{Input: 1}},
		{"demo models", "anthropic", "claude-fake", events.Usage{Input: 1}},
		{"demo models", "gemini", "gemini-fake", events.Usage{Input: 1}},
		{"another vendor before the name", "openai", "anthropic/claude-sonnet-4-5", events.Usage{Input: 1}},
		{"class without a rate", "openai", "text-embedding-3-small", events.Usage{Input: 1, Output: 1}},
		{"tool without a rate", "gemini", "gemini-2.5-pro", events.Usage{Input: 1, ToolCalls: 1}},
		{"speech without a rate", "openai", "gpt-4o-audio-preview", events.Usage{Input: 1}},
		{"hour of cache without a rate", "aws", "global.anthropic.claude-opus-5", events.Usage{CacheWrite1h: 1}},
		{"excluded by a rule", "gemini", "gemini-2.5-pro-exp-tts", events.Usage{Input: 1}},
		{"negative usage", "openai", "gpt-4o", events.Usage{Input: -1}},
		{"beyond money", "openai", "gpt-4o", events.Usage{Input: math.MaxInt64}},
		{"sum beyond money", "openai", "gpt-4o", events.Usage{Input: 3e15, Output: 9e14}},
	}
	b := shipped(t)
	for _, tt := range tests {
		t.Run(tt.name+" "+tt.model, func(t *testing.T) {
			got := b.Price(accounting.Item{Kind: tt.kind, Model: tt.model, At: day}, tt.usage)
			if diff := cmp.Diff(events.Charge{Usage: tt.usage, PriceVersion: b.Version}, got); diff != "" {
				t.Errorf("charge (-want +got):\n%s", diff)
			}
		})
	}
}

func TestBookWith(t *testing.T) {
	base := shipped(t)
	b, err := base.With([]accounting.Override{
		{Model: "gpt-fake", USD: map[string]string{"input": "0.15", "output": "0.60"}},
		{Kind: "groq", Model: "gpt-4o", USD: map[string]string{"input": "1", "output": "2", "cache_read": "0.1", "cache_write": "3"}},
		{Model: "draws", USD: map[string]string{"images": "0.04", "audio_ms": "0.0043", "characters": "15", "search_units": "0.002"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if b.Version == base.Version {
		t.Error("the version does not tell that prices differ")
	}
	tests := []struct {
		kind, model string
		usage       events.Usage
		want        int64
	}{
		{"openai", "gpt-fake", events.Usage{Input: 1000, CacheRead: 1000, Output: 1000}, 900_000},
		{"anything", "openai/gpt-fake", events.Usage{Input: 1}, -1},
		{"anything", "GPT-fake", events.Usage{Input: 1}, 150},
		{"groq", "gpt-4o", events.Usage{CacheRead: 10, CacheWrite: 10}, 31_000},
		{"openai", "gpt-4o", events.Usage{Input: 1}, 2_500},
		{"openai", "draws", events.Usage{Images: 3}, 120_000_000},
		{"openai", "draws", events.Usage{AudioMS: 60_000}, 4_300_000},
		{"openai", "draws", events.Usage{Characters: 11, SearchUnits: 2}, 4_165_000},
		{"openai", "draws", events.Usage{Output: 1}, -1},
	}
	for _, tt := range tests {
		c := b.Price(accounting.Item{Kind: tt.kind, Model: tt.model, At: day}, tt.usage)
		got := int64(-1)
		if c.CostNanoUSD != nil {
			got = *c.CostNanoUSD
		}
		if got != tt.want || c.PriceVersion != b.Version {
			t.Errorf("%s %s costs %d, want %d", tt.kind, tt.model, got, tt.want)
		}
	}
	if c := base.Price(accounting.Item{Kind: "openai", Model: "gpt-fake", At: day}, events.Usage{Input: 1}); c.CostNanoUSD != nil {
		t.Error("With changed the book it was made from")
	}
	for _, bad := range []struct {
		want     string
		override accounting.Override
	}{
		{"prices[1]: model: must not be empty", accounting.Override{USD: map[string]string{"input": "1"}}},
		{"prices[1]: model: \"x\" needs a price of at least one of input, ", accounting.Override{Model: "x"}},
		{"prices[1]: sound: is no class", accounting.Override{Model: "x", USD: map[string]string{"input": "1", "sound": "1"}}},
		{"prices[1]: images: 9223372036 dollars are beyond", accounting.Override{Model: "x", USD: map[string]string{"images": "9223372036"}}},
		{"prices[1]: output: \"-1\"", accounting.Override{Model: "x", USD: map[string]string{"input": "1", "output": "-1"}}},
		{"prices[1]: model: \"ok\" has a price already", accounting.Override{Model: "ok", USD: map[string]string{"input": "2"}}},
	} {
		_, err := base.With([]accounting.Override{{Model: "ok", USD: map[string]string{"input": "1"}}, bad.override})
		if err == nil || !strings.HasPrefix(err.Error(), bad.want) {
			t.Errorf("With(%+v): %v, want %s", bad.override, err, bad.want)
		}
	}
}

// FuzzPrice compares with arbitrary precision.
func FuzzPrice(f *testing.F) {
	f.Add(int64(1), int64(1))
	f.Add(int64(500_000), int64(1))
	f.Add(int64(499_999), int64(1))
	f.Add(int64(math.MaxInt64), int64(1_000_000))
	f.Add(int64(math.MaxInt64), int64(1_000_001))
	f.Add(int64(math.MaxInt64), int64(math.MaxInt64))
	base := shipped(f)
	f.Fuzz(func(t *testing.T, units, rate int64) {
		if units <= 0 || rate < 0 {
			return
		}
		b, err := base.With([]accounting.Override{{Model: "x", USD: map[string]string{"input": accounting.FormatUSD(rate)}}})
		if err != nil {
			t.Fatal(err)
		}
		c := b.Price(accounting.Item{Model: "x"}, events.Usage{Input: units})
		const million = 1_000_000
		want := new(big.Int).Mul(big.NewInt(units), big.NewInt(rate))
		want.Add(want, big.NewInt(million/2)).Quo(want, big.NewInt(million))
		switch {
		case !want.IsInt64() && c.CostNanoUSD != nil:
			t.Fatalf("%d * %d costs %d, want none", units, rate, *c.CostNanoUSD)
		case want.IsInt64() && (c.CostNanoUSD == nil || *c.CostNanoUSD != want.Int64()):
			t.Fatalf("%d * %d: %+v, want a cost of %s", units, rate, c, want)
		}
	})
}

func BenchmarkPrice(b *testing.B) {
	book := shipped(b)
	for _, model := range []string{"gpt-4o", "claude-sonnet-4-5-20250929"} {
		b.Run(model, func(b *testing.B) {
			kind := "openai"
			if strings.HasPrefix(model, "claude") {
				kind = "anthropic"
			}
			b.ReportAllocs()
			for b.Loop() {
				book.Price(accounting.Item{Kind: kind, Model: model, At: day}, events.Usage{Input: 1000, Output: 100})
			}
		})
	}
}
