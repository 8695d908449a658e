package responses

import (
	"encoding/json"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/provider/chat"
)

// What a client gets.
type (
	responseOut struct {
		ID           string            `json:"id"`
		Object       string            `json:"object"` // response
		CreatedAt    int64             `json:"created_at"`
		Status       string            `json:"status"`
		Background   bool              `json:"background"`
		CompletedAt  *int64            `json:"completed_at"`
		Error        *errorOut         `json:"error"`
		Incomplete   *incompleteOut    `json:"incomplete_details"`
		Instructions json.RawMessage   `json:"instructions"`
		MaxOutput    json.RawMessage   `json:"max_output_tokens"`
		MaxToolCalls json.RawMessage   `json:"max_tool_calls"`
		Model        string            `json:"model"`
		Output       []any             `json:"output"`
		Parallel     json.RawMessage   `json:"parallel_tool_calls"`
		Previous     *string           `json:"previous_response_id"`
		CacheKey     json.RawMessage   `json:"prompt_cache_key,omitempty"`
		Reasoning    json.RawMessage   `json:"reasoning"`
		SafetyID     json.RawMessage   `json:"safety_identifier,omitempty"`
		ServiceTier  json.RawMessage   `json:"service_tier"`
		Store        bool              `json:"store"`
		Temperature  json.RawMessage   `json:"temperature"`
		Text         json.RawMessage   `json:"text"`
		ToolChoice   json.RawMessage   `json:"tool_choice"`
		Tools        []json.RawMessage `json:"tools"`
		TopLogprobs  json.RawMessage   `json:"top_logprobs"`
		TopP         json.RawMessage   `json:"top_p"`
		Truncation   json.RawMessage   `json:"truncation"`
		Usage        *usageOut         `json:"usage,omitempty"`
		User         json.RawMessage   `json:"user,omitempty"`
		Metadata     json.RawMessage   `json:"metadata"`
	}
	errorOut struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	}
	incompleteOut struct {
		Reason string `json:"reason"`
	}
	usageOut struct {
		Input        int64           `json:"input_tokens"`
		InputDetail  inputDetailOut  `json:"input_tokens_details"`
		Output       int64           `json:"output_tokens"`
		OutputDetail outputDetailOut `json:"output_tokens_details"`
		Total        int64           `json:"total_tokens"`
	}
	inputDetailOut struct {
		Cached     int64 `json:"cached_tokens"`
		CacheWrite int64 `json:"cache_write_tokens"`
	}
	outputDetailOut struct {
		Reasoning int64 `json:"reasoning_tokens"`
	}

	messageOut struct {
		ID      string    `json:"id"`
		Type    string    `json:"type"` // message
		Status  string    `json:"status"`
		Role    chat.Role `json:"role"`
		Content []any     `json:"content"`
	}
	textOut struct {
		Type        string          `json:"type"` // output_text
		Annotations []annotationOut `json:"annotations"`
		Logprobs    []logprobOut    `json:"logprobs"`
		Text        string          `json:"text"`
	}
	refusalOut struct {
		Type    string `json:"type"` // refusal
		Refusal string `json:"refusal"`
	}
	thoughtOut struct {
		Type string `json:"type"` // summary_text or reasoning_text
		Text string `json:"text"`
	}
	reasoningOut struct {
		ID        string       `json:"id"`
		Type      string       `json:"type"` // reasoning
		Status    string       `json:"status,omitempty"`
		Summary   []thoughtOut `json:"summary"`
		Content   []thoughtOut `json:"content,omitempty"`
		Encrypted *string      `json:"encrypted_content,omitempty"`
	}
	callOut struct {
		ID        string `json:"id"`
		Type      string `json:"type"` // function_call
		Status    string `json:"status"`
		Arguments string `json:"arguments"`
		CallID    string `json:"call_id"`
		Name      string `json:"name"`
	}
	customOut struct {
		ID     string `json:"id"`
		Type   string `json:"type"` // custom_tool_call
		Status string `json:"status"`
		CallID string `json:"call_id"`
		Input  string `json:"input"`
		Name   string `json:"name"`
	}
	logprobOut struct {
		Token   string          `json:"token"`
		Logprob float64         `json:"logprob"`
		Bytes   []int           `json:"bytes"`
		Top     []topLogprobOut `json:"top_logprobs"`
	}
	topLogprobOut struct {
		Token   string  `json:"token"`
		Logprob float64 `json:"logprob"`
		Bytes   []int   `json:"bytes"`
	}
)

// The states of a response and of an item.
const (
	inProgress = "in_progress"
	completed  = "completed"
	incomplete = "incomplete"
	failed     = "failed"
)

// The types of parts.
const (
	outputText    = "output_text"
	refusalText   = "refusal"
	summaryText   = "summary_text"
	reasoningText = "reasoning_text"
)

func usageOf(u events.Usage) *usageOut {
	return &usageOut{
		Input: u.InputTotal(), InputDetail: inputDetailOut{Cached: u.CacheRead, CacheWrite: u.CacheWrite + u.CacheWrite1h},
		Output: u.OutputTotal(), OutputDetail: outputDetailOut{Reasoning: u.Reasoning}, Total: u.Total(),
	}
}

func logprobsOf(l *chat.Logprobs) []logprobOut {
	out := []logprobOut{}
	if l == nil {
		return out
	}
	for _, t := range l.Tokens {
		w := logprobOut{Token: t.Token, Logprob: t.Logprob, Bytes: bytesOf(t.Token), Top: []topLogprobOut{}}
		for _, top := range t.Top {
			w.Top = append(w.Top, topLogprobOut{Token: top.Token, Logprob: top.Logprob, Bytes: bytesOf(top.Token)})
		}
		out = append(out, w)
	}
	return out
}

func bytesOf(token string) []int {
	out := make([]int, len(token))
	for i := range len(token) {
		out[i] = int(token[i])
	}
	return out
}

// end is the state that an answer ends in. Unless it was cut short it is completed,
// with calls or without.
func (r *responseOut) end(f chat.Finish, at int64) {
	switch f {
	case chat.Length:
		r.Status, r.Incomplete = incomplete, &incompleteOut{"max_output_tokens"}
	case chat.ContentFilter:
		r.Status, r.Incomplete = incomplete, &incompleteOut{"content_filter"}
	default:
		r.Status, r.CompletedAt = completed, &at
	}
}

// fail is the state of an answer that broke. There are few codes to choose from.
func (r *responseOut) fail(e *gateway.Error) {
	code := "server_error"
	switch e.Kind {
	case gateway.UpstreamLimited, gateway.RateLimited, gateway.OverBudget:
		code = "rate_limit_exceeded"
	case gateway.Invalid, gateway.ContextLength, gateway.ContentPolicy:
		code = "invalid_prompt"
	default:
	}
	r.Status, r.Error = failed, &errorOut{code, e.Public}
}
