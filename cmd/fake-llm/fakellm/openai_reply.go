package fakellm

import (
	"encoding/json"
	"net/http"
	"strconv"
)

const openaiFingerprint = "fp_44709d6fcb"

// Ids of the OpenAI API: prefix and length of the random part.
const (
	openaiChatIDSize = 29
	openaiCallIDSize = 24
	requestIDSize    = 32
)

type openaiUsage struct {
	Prompt     int64                   `json:"prompt_tokens"`
	Completion int64                   `json:"completion_tokens"`
	Total      int64                   `json:"total_tokens"`
	PromptD    openaiPromptDetails     `json:"prompt_tokens_details"`
	CompletD   openaiCompletionDetails `json:"completion_tokens_details"`
}

type openaiPromptDetails struct {
	Cached     int64 `json:"cached_tokens"`
	CacheWrite int64 `json:"cache_write_tokens,omitempty"`
	Audio      int64 `json:"audio_tokens"`
	Image      int64 `json:"image_tokens,omitempty"`
}

type openaiCompletionDetails struct {
	Reasoning int64 `json:"reasoning_tokens"`
	Audio     int64 `json:"audio_tokens"`
	Accepted  int64 `json:"accepted_prediction_tokens"`
	Rejected  int64 `json:"rejected_prediction_tokens"`
}

type openaiCompletion struct {
	ID                string         `json:"id"`
	Object            string         `json:"object"`
	Created           int64          `json:"created"`
	Model             string         `json:"model"`
	Choices           []openaiChoice `json:"choices"`
	Usage             *openaiUsage   `json:"usage,omitempty"`
	ServiceTier       string         `json:"service_tier"`
	SystemFingerprint string         `json:"system_fingerprint"`

	PromptFilter json.RawMessage `json:"prompt_filter_results,omitempty"` // Azure's
}

type openaiChoice struct {
	Index    int             `json:"index"`
	Message  openaiAnswer    `json:"message"`
	Logprobs json.RawMessage `json:"logprobs"`
	Finish   string          `json:"finish_reason"`
	Filter   json.RawMessage `json:"content_filter_results,omitempty"` // Azure's
}

type openaiAnswer struct {
	Role        string           `json:"role"`
	Content     *string          `json:"content"`
	ToolCalls   []openaiToolCall `json:"tool_calls,omitempty"`
	Refusal     *string          `json:"refusal"`
	Annotations []string         `json:"annotations"`
}

type openaiChunk struct {
	ID                string              `json:"id"`
	Object            string              `json:"object"`
	Created           int64               `json:"created"`
	Model             string              `json:"model"`
	ServiceTier       string              `json:"service_tier"`
	SystemFingerprint string              `json:"system_fingerprint"`
	Choices           []openaiChunkChoice `json:"choices"`
	Usage             json.RawMessage     `json:"usage,omitempty"` // absent, null, or the usage
	Obfuscation       string              `json:"obfuscation"`
}

type openaiChunkChoice struct {
	Index    int             `json:"index"`
	Delta    openaiDelta     `json:"delta"`
	Logprobs json.RawMessage `json:"logprobs"`
	Finish   *string         `json:"finish_reason"`
	Filter   json.RawMessage `json:"content_filter_results,omitempty"` // Azure's
}

// openaiDelta has raw texts, because null and absent differ.
type openaiDelta struct {
	Role      string           `json:"role,omitempty"`
	Content   json.RawMessage  `json:"content,omitempty"`
	ToolCalls []openaiToolCall `json:"tool_calls,omitempty"`
	Refusal   json.RawMessage  `json:"refusal,omitempty"`
}

func openaiFinish(f finish) string {
	switch f {
	case finishLength:
		return "length"
	case finishTools:
		return "tool_calls"
	case finishFilter:
		return "content_filter"
	default:
		return "stop"
	}
}

func openaiUsageOf(u Usage) *openaiUsage {
	return &openaiUsage{
		Prompt: u.Input, Completion: u.Output, Total: u.Input + u.Output,
		PromptD:  openaiPromptDetails{Cached: u.Cached, CacheWrite: u.CacheWrite, Audio: u.AudioInput, Image: u.ImageInput},
		CompletD: openaiCompletionDetails{Reasoning: u.Reasoning},
	}
}

func openaiUnary(c *call, r *reply) []byte { return indentedJSON(openaiCompletionOf(c, r)) }

func openaiCompletionOf(c *call, r *reply) openaiCompletion {
	out := openaiCompletion{
		ID: c.ids.next("chatcmpl-", openaiChatIDSize), Object: "chat.completion",
		Created: c.created.Unix(), Model: c.baseModel(),
		ServiceTier: "default", SystemFingerprint: openaiFingerprint,
	}
	for i := range c.choices {
		out.Choices = append(out.Choices, openaiChoice{
			Index: i, Message: openaiMessageOf(c, r), Finish: openaiFinish(r.finish),
		})
	}
	if !r.noUsage {
		out.Usage = openaiUsageOf(r.usage)
	}
	return out
}

func openaiMessageOf(c *call, r *reply) openaiAnswer {
	m := openaiAnswer{Role: "assistant", Annotations: []string{}}
	for _, s := range r.segments {
		switch {
		case s.kind == segmentTool:
			m.ToolCalls = append(m.ToolCalls, openaiToolCall{
				ID: c.ids.next("call_", openaiCallIDSize), Type: "function",
				Function: openaiFunction{Name: s.name, Arguments: s.text},
			})
		case r.finish == finishRefusal:
			m.Refusal = &s.text
		default:
			m.Content = &s.text
		}
	}
	return m
}

// openaiStream writes the chunks of one stream.
type openaiStream struct {
	call    *call
	reply   *reply
	chunk   openaiChunk // what all chunks share
	pending []int64     // hidden reasoning tokens not yet billed, by choice
	frames  []frame
}

func openaiFrames(c *call, r *reply) []frame {
	s := &openaiStream{call: c, reply: r, pending: make([]int64, c.choices)}
	s.chunk = openaiChunk{
		ID: c.ids.next("chatcmpl-", openaiChatIDSize), Object: "chat.completion.chunk",
		Created: c.created.Unix(), Model: c.baseModel(),
		ServiceTier: "default", SystemFingerprint: openaiFingerprint,
	}
	if c.includeUsage {
		s.chunk.Usage = json.RawMessage("null")
	}
	for i := range c.choices {
		s.pending[i] = r.hidden
	}
	s.opening()
	calls := 0
	for _, seg := range r.segments {
		if seg.kind == segmentTool {
			s.tool(seg, calls)
			calls++
		} else {
			s.text(seg)
		}
	}
	s.ending()
	return s.frames
}

func (s *openaiStream) opening() {
	delta := openaiDelta{Role: "assistant", Content: json.RawMessage(`""`), Refusal: json.RawMessage("null")}
	if len(s.reply.segments) > 0 && s.reply.segments[0].kind == segmentTool {
		delta.Content = json.RawMessage("null")
	}
	for i := range s.call.choices {
		s.add(frame{}, openaiChunkChoice{Index: i, Delta: delta})
	}
}

func (s *openaiStream) text(seg segment) {
	for _, p := range s.reply.pieces(seg.text) {
		delta := openaiDelta{Content: jsonString(p.text)}
		if s.reply.finish == finishRefusal {
			delta = openaiDelta{Refusal: jsonString(p.text)}
		}
		s.content(delta, p.tokens)
	}
}

func (s *openaiStream) tool(seg segment, index int) {
	start := openaiToolCall{
		Index: &index, ID: s.call.ids.next("call_", openaiCallIDSize), Type: "function",
		Function: openaiFunction{Name: seg.name},
	}
	for i := range s.call.choices {
		s.add(frame{}, openaiChunkChoice{Index: i, Delta: openaiDelta{ToolCalls: []openaiToolCall{start}}})
	}
	for _, p := range s.reply.pieces(seg.text) {
		next := openaiToolCall{Index: &index, Function: openaiFunction{Arguments: p.text}}
		s.content(openaiDelta{ToolCalls: []openaiToolCall{next}}, p.tokens)
	}
}

// content sends one delta to every choice, and bills it.
func (s *openaiStream) content(delta openaiDelta, tokens int64) {
	for i := range s.call.choices {
		f := frame{output: tokens + s.pending[i], reasoning: s.pending[i], content: true}
		s.pending[i] = 0
		choice := openaiChunkChoice{Index: i, Delta: delta}
		if s.call.filtered {
			choice.Filter = json.RawMessage(azureFilter)
		}
		s.add(f, choice)
	}
}

func (s *openaiStream) ending() {
	reason := openaiFinish(s.reply.finish)
	for i := range s.call.choices {
		f := frame{output: s.pending[i], reasoning: s.pending[i], end: true}
		s.add(f, openaiChunkChoice{Index: i, Finish: &reason})
	}
	if s.call.includeUsage && !s.reply.noUsage {
		s.chunk.Usage = compactJSON(openaiUsageOf(s.reply.usage))
		s.add(frame{end: true})
		if s.reply.twice {
			s.add(frame{end: true})
		}
	}
	s.frames = append(s.frames, frame{data: []byte("data: [DONE]\n\n"), end: true})
}

func (s *openaiStream) add(f frame, choices ...openaiChunkChoice) {
	s.chunk.Choices = append([]openaiChunkChoice{}, choices...)
	s.chunk.Obfuscation = s.call.ids.next("", 1+len(s.frames)%8)
	f.data = sseData(compactJSON(s.chunk), "\n")
	s.frames = append(s.frames, f)
}

// sseData is one event of a stream without event names.
func sseData(data []byte, eol string) []byte {
	out := make([]byte, 0, len("data: ")+len(data)+2*len(eol))
	out = append(out, "data: "...)
	out = append(out, data...)
	out = append(out, eol...)
	return append(out, eol...)
}

func openaiHeaders(c *call, h http.Header) {
	h.Set("X-Request-Id", c.ids.next("req_", requestIDSize))
	h.Set("Openai-Processing-Ms", "12")
	h.Set("Openai-Version", "2020-10-01")
	h.Set("X-Ratelimit-Limit-Requests", "10000")
	h.Set("X-Ratelimit-Remaining-Requests", "9999")
	h.Set("X-Ratelimit-Reset-Requests", "6ms")
	h.Set("X-Ratelimit-Limit-Tokens", "2000000")
	h.Set("X-Ratelimit-Remaining-Tokens", strconv.FormatInt(max(0, 2_000_000-c.promptTokens()), 10))
	h.Set("X-Ratelimit-Reset-Tokens", "0s")
}
