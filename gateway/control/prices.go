package control

import (
	"reflect"
	"strings"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
)

// priceDoc is the price of a model: of each class of usage, under the class's name.
type priceDoc struct {
	Model          vendorModel `yaml:"model" required:"true" doc:"The vendor's name of the model."`
	Provider       vendorKind  `yaml:"provider" doc:"Kind of the vendor, where models of several are called alike. Default: any."`
	Input          *money      `yaml:"input" doc:"US dollars for a million prompt tokens."`
	CacheRead      *money      `yaml:"cache_read" doc:"US dollars for a million prompt tokens read from the vendor's cache. Default: as input."`
	CacheWrite     *money      `yaml:"cache_write" doc:"US dollars for a million prompt tokens written to the vendor's cache. Default: as input."`
	CacheWrite1h   *money      `yaml:"cache_write_1h" doc:"US dollars for a million prompt tokens written to the vendor's cache of one hour. Default: as input, if cache_write is not given."`
	AudioInput     *money      `yaml:"audio_input" doc:"US dollars for a million prompt tokens of sound. Default: as input."`
	AudioCacheRead *money      `yaml:"audio_cache_read" doc:"US dollars for a million prompt tokens of sound read from the vendor's cache. Default: as audio_input, else as cache_read."`
	ImageInput     *money      `yaml:"image_input" doc:"US dollars for a million prompt tokens of images. Default: as input."`
	Output         *money      `yaml:"output" doc:"US dollars for a million answer tokens."`
	Reasoning      *money      `yaml:"reasoning" doc:"US dollars for a million answer tokens of reasoning. Default: as output."`
	AudioOutput    *money      `yaml:"audio_output" doc:"US dollars for a million answer tokens of sound. Default: as output."`
	ImageOutput    *money      `yaml:"image_output" doc:"US dollars for a million answer tokens of images. Default: as output."`
	Images         *money      `yaml:"images" doc:"US dollars for one image that is billed by the piece."`
	WebSearches    *money      `yaml:"web_searches" doc:"US dollars for one search of the web by the vendor's own tool."`
	FileSearches   *money      `yaml:"file_searches" doc:"US dollars for one search of stored files by the vendor's own tool."`
	ToolCalls      *money      `yaml:"tool_calls" doc:"US dollars for one other call of a tool of the vendor's own."`
	SearchUnits    *money      `yaml:"search_units" doc:"US dollars for one rerank search."`
	AudioMS        *money      `yaml:"audio_ms" doc:"US dollars for a minute of sound."`
	Characters     *money      `yaml:"characters" doc:"US dollars for a million characters of text that is spoken."`
}

// usd is what the file says of each class.
func (p *priceDoc) usd() map[string]string {
	out := map[string]string{}
	for f, v := range reflect.ValueOf(p).Elem().Fields() {
		if m, ok := v.Interface().(*money); ok && m != nil {
			out[f.Tag.Get("yaml")] = accounting.FormatUSD(int64(*m))
		}
	}
	return out
}

// prices finds what has no price, or two.
func (c *checker) prices(path string, docs []priceDoc) {
	seen := map[string]int{}
	for i := range docs {
		p, where := &docs[i], at(path, i)
		if p.Provider != "" {
			c.priced(in(where, "provider"), string(p.Provider))
		}
		if len(p.usd()) == 0 {
			c.mistake(where, "has none of %s", strings.Join(events.ClassNames(), ", "))
		}
		key := strings.ToLower(string(p.Provider) + " " + string(p.Model))
		if first, twice := seen[key]; twice && p.Model != "" {
			c.mistake(where, "prices the same model as %s", at(path, first))
			continue
		}
		seen[key] = i
	}
}

func (c *checker) priced(path, kind string) {
	if _, known := findKind(c.kinds, kind); !known {
		c.mistake(path, "no kind of vendor %s%s", c.show(path, kind), c.suggest(path, kind, kindNames(c.kinds)))
	}
}
