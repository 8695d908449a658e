package openai

import (
	"encoding/json"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway/provider/rawjson"
)

// wireUsage is usage in OpenAI's words. Prompt tokens include the cached ones,
// completion tokens the reasoning ones.
type wireUsage struct {
	PromptTokens     int64            `json:"prompt_tokens"`
	CompletionTokens int64            `json:"completion_tokens"`
	TotalTokens      int64            `json:"total_tokens"`
	Prompt           *promptDetail    `json:"prompt_tokens_details,omitempty"`
	Completion       *completionSplit `json:"completion_tokens_details,omitempty"`
	CacheHit         int64            `json:"prompt_cache_hit_tokens,omitempty"` // DeepSeek's word
}

type promptDetail struct {
	Cached     int64 `json:"cached_tokens"`
	CacheWrite int64 `json:"cache_write_tokens,omitempty"`
}

type completionSplit struct {
	Reasoning int64 `json:"reasoning_tokens"`
}

// readUsage turns the vendor's count into disjoint classes; nil if there is none
// to be read. Some vendors (xAI among them) leave reasoning out of completion
// tokens; their total tells.
func readUsage(value []byte) *events.Usage {
	var w wireUsage
	if rawjson.TypeOf(value) != rawjson.ObjectType || json.Unmarshal(value, &w) != nil {
		return nil
	}
	var prompt promptDetail
	if w.Prompt != nil {
		prompt = *w.Prompt
	}
	if prompt.Cached == 0 {
		prompt.Cached = w.CacheHit
	}
	var reasoning int64
	if w.Completion != nil {
		reasoning = w.Completion.Reasoning
	}
	if w.PromptTokens < 0 || w.CompletionTokens < 0 || prompt.Cached < 0 || prompt.CacheWrite < 0 || reasoning < 0 {
		return nil
	}
	output := w.CompletionTokens
	if reasoning == 0 || w.TotalTokens != w.PromptTokens+w.CompletionTokens+reasoning {
		reasoning = min(reasoning, output)
		output -= reasoning
	}
	read := min(prompt.Cached, w.PromptTokens)
	write := min(prompt.CacheWrite, w.PromptTokens-read)
	return &events.Usage{
		Input: w.PromptTokens - read - write, CacheRead: read, CacheWrite: write,
		Output: output, Reasoning: reasoning,
	}
}

// writeUsage is the inverse, for answers of other vendors.
func writeUsage(u events.Usage) *wireUsage {
	return &wireUsage{
		PromptTokens: u.InputTotal(), CompletionTokens: u.OutputTotal(), TotalTokens: u.Total(),
		Prompt:     &promptDetail{Cached: u.CacheRead, CacheWrite: u.CacheWrite + u.CacheWrite1h},
		Completion: &completionSplit{Reasoning: u.Reasoning},
	}
}
