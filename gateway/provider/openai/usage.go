package openai

import (
	"encoding/json"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway/provider/rawjson"
)

// wireUsage is usage in OpenAI's words. Prompt tokens include the cached ones and
// those of sound and images, completion tokens those of sound and the reasoning ones.
type wireUsage struct {
	PromptTokens     int64            `json:"prompt_tokens"`
	CompletionTokens int64            `json:"completion_tokens"`
	TotalTokens      int64            `json:"total_tokens"`
	Prompt           *promptDetail    `json:"prompt_tokens_details,omitempty"`
	Completion       *completionSplit `json:"completion_tokens_details,omitempty"`
	CacheHit         int64            `json:"prompt_cache_hit_tokens,omitempty"` // DeepSeek's word
	Searches         int64            `json:"num_search_queries,omitempty"`      // Perplexity's
	Sources          int64            `json:"num_sources_used,omitempty"`        // xAI's, which bills each source
}

type promptDetail struct {
	Cached     int64 `json:"cached_tokens"`
	CacheWrite int64 `json:"cache_write_tokens,omitempty"`
	Audio      int64 `json:"audio_tokens,omitempty"`
	Image      int64 `json:"image_tokens,omitempty"`
	// CachedSplit tells which of the cached tokens are of sound, as far as a vendor says so.
	CachedSplit *cachedSplit `json:"cached_tokens_details,omitempty"`
}

type cachedSplit struct {
	Audio int64 `json:"audio_tokens"`
}

type completionSplit struct {
	Reasoning int64 `json:"reasoning_tokens"`
	Audio     int64 `json:"audio_tokens,omitempty"`
	Image     int64 `json:"image_tokens,omitempty"`
}

// readUsage turns the vendor's count into disjoint classes; nil if there is none
// to be read.
func readUsage(value []byte) *events.Usage {
	var w wireUsage
	if rawjson.TypeOf(value) != rawjson.ObjectType || json.Unmarshal(value, &w) != nil {
		return nil
	}
	if w.Prompt == nil {
		w.Prompt = &promptDetail{}
	}
	if w.Completion == nil {
		w.Completion = &completionSplit{}
	}
	u := w.prompt()
	w.completion(&u)
	u.WebSearches = w.Searches + w.Sources
	for _, n := range u.Amounts() {
		if n < 0 {
			return nil
		}
	}
	return &u
}

// prompt parts the prompt. What is said to be cached is of text unless it is said to
// be of sound; no part is larger than what the others leave.
func (w *wireUsage) prompt() (u events.Usage) {
	d, left := w.Prompt, w.PromptTokens
	cached := d.Cached
	if cached == 0 {
		cached = w.CacheHit
	}
	var cachedAudio int64
	if d.CachedSplit != nil {
		cachedAudio = min(d.CachedSplit.Audio, cached)
	}
	share(&u.AudioCacheRead, cachedAudio, &left)
	share(&u.CacheRead, cached-u.AudioCacheRead, &left)
	share(&u.CacheWrite, d.CacheWrite, &left)
	share(&u.AudioInput, max(d.Audio-cachedAudio, min(d.Audio, 0)), &left)
	share(&u.ImageInput, d.Image, &left)
	u.Input = left
	return u
}

// completion parts the answer. Some vendors (xAI among them) leave reasoning out of
// completion tokens; their total tells.
func (w *wireUsage) completion(u *events.Usage) {
	d, left := w.Completion, w.CompletionTokens
	if d.Reasoning > 0 && w.TotalTokens == w.PromptTokens+w.CompletionTokens+d.Reasoning {
		u.Reasoning = d.Reasoning
	} else {
		share(&u.Reasoning, d.Reasoning, &left)
	}
	share(&u.AudioOutput, d.Audio, &left)
	share(&u.ImageOutput, d.Image, &left)
	u.Output = left
}

// share takes n of what is left for a class, or as much as there is. A negative n
// stays, for the whole count to be refused.
func share(class *int64, n int64, left *int64) {
	*class = min(n, max(*left, 0))
	*left -= *class
}

// writeUsage is the inverse, for answers of other vendors.
func writeUsage(u events.Usage) *wireUsage {
	w := &wireUsage{
		PromptTokens: u.InputTotal(), CompletionTokens: u.OutputTotal(), TotalTokens: u.Total(),
		Prompt: &promptDetail{
			Cached: u.CacheRead + u.AudioCacheRead, CacheWrite: u.CacheWrite + u.CacheWrite1h,
			Audio: u.AudioInput + u.AudioCacheRead, Image: u.ImageInput,
		},
		Completion: &completionSplit{Reasoning: u.Reasoning, Audio: u.AudioOutput, Image: u.ImageOutput},
	}
	if u.AudioCacheRead > 0 {
		w.Prompt.CachedSplit = &cachedSplit{Audio: u.AudioCacheRead}
	}
	return w
}
