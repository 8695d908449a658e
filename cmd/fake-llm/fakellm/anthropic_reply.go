package fakellm

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"
)

// Ids of the Anthropic API: length of the random part.
const (
	anthropicIDSize        = 22
	anthropicRequestIDSize = 22
	anthropicSignatureSize = 64
)

type anthropicUsage struct {
	Input      int64                   `json:"input_tokens"`
	CacheWrite int64                   `json:"cache_creation_input_tokens"`
	CacheRead  int64                   `json:"cache_read_input_tokens"`
	Creation   *anthropicCacheCreation `json:"cache_creation,omitempty"`
	Output     int64                   `json:"output_tokens"`
	Details    *anthropicOutputDetails `json:"output_tokens_details,omitempty"`
	Tools      *anthropicServerTools   `json:"server_tool_use,omitempty"`
	Tier       string                  `json:"service_tier,omitempty"`
}

type anthropicServerTools struct {
	WebSearches int64 `json:"web_search_requests"`
}

type anthropicCacheCreation struct {
	FiveMinutes int64 `json:"ephemeral_5m_input_tokens"`
	OneHour     int64 `json:"ephemeral_1h_input_tokens"`
}

type anthropicOutputDetails struct {
	Thinking int64 `json:"thinking_tokens"`
}

type anthropicAnswer struct {
	ID           string                `json:"id"`
	Type         string                `json:"type"`
	Role         string                `json:"role"`
	Model        string                `json:"model"`
	Content      []any                 `json:"content"`
	StopReason   *string               `json:"stop_reason"`
	StopSequence *string               `json:"stop_sequence"`
	StopDetails  *anthropicStopDetails `json:"stop_details,omitempty"`
	Usage        *anthropicUsage       `json:"usage,omitempty"`
}

type anthropicStopDetails struct {
	Type     string  `json:"type"`
	Category *string `json:"category"`
}

type anthropicTextBlock struct {
	Type string `json:"type"`
	Text string `json:"text"`
}

type anthropicThinkingBlock struct {
	Type      string `json:"type"`
	Thinking  string `json:"thinking"`
	Signature string `json:"signature"`
}

type anthropicToolBlock struct {
	Type  string          `json:"type"`
	ID    string          `json:"id"`
	Name  string          `json:"name"`
	Input json.RawMessage `json:"input"`
}

func anthropicStop(f finish) string {
	switch f {
	case finishStopSequence:
		return "stop_sequence"
	case finishLength:
		return "max_tokens"
	case finishTools:
		return "tool_use"
	case finishFilter, finishRefusal:
		return "refusal"
	default:
		return "end_turn"
	}
}

func anthropicStopDetailsOf(r *reply) *anthropicStopDetails {
	if anthropicStop(r.finish) != "refusal" {
		return nil
	}
	return &anthropicStopDetails{Type: "refusal"}
}

// anthropicUsageOf is the usage in the vendor's terms: input without what the cache served or took.
func anthropicUsageOf(u Usage) *anthropicUsage {
	out := &anthropicUsage{
		Input: u.Input - u.Cached - u.CacheWrite, CacheWrite: u.CacheWrite, CacheRead: u.Cached,
		Creation: &anthropicCacheCreation{FiveMinutes: u.CacheWrite - u.CacheWrite1h, OneHour: u.CacheWrite1h},
		Output:   u.Output, Tier: "standard",
	}
	if u.Reasoning > 0 {
		out.Details = &anthropicOutputDetails{Thinking: u.Reasoning}
	}
	if u.WebSearches > 0 {
		out.Tools = &anthropicServerTools{WebSearches: u.WebSearches}
	}
	return out
}

func anthropicHead(c *call) anthropicAnswer {
	return anthropicAnswer{
		ID: c.ids.next("msg_01", anthropicIDSize), Type: "message", Role: "assistant",
		Model: c.baseModel(), Content: []any{},
	}
}

func anthropicUnary(c *call, r *reply) []byte {
	out := anthropicHead(c)
	for _, s := range r.segments {
		out.Content = append(out.Content, anthropicBlock(c, s))
	}
	reason := anthropicStop(r.finish)
	out.StopReason, out.StopSequence, out.StopDetails = &reason, optional(r.stop), anthropicStopDetailsOf(r)
	if !r.noUsage {
		out.Usage = anthropicUsageOf(r.usage)
	}
	return compactJSON(out)
}

func anthropicBlock(c *call, s segment) any {
	switch s.kind {
	case segmentThought:
		return anthropicThinkingBlock{Type: "thinking", Thinking: s.text, Signature: sign(Anthropic, s.text, anthropicSignatureSize)}
	case segmentTool:
		return anthropicToolBlock{
			Type: "tool_use", ID: anthropicCallID(c),
			Name: s.name, Input: json.RawMessage(s.text),
		}
	default:
		return anthropicTextBlock{Type: "text", Text: s.text}
	}
}

// anthropicCallID is the id of a call, which tells whether it was thought about.
func anthropicCallID(c *call) string {
	const plain = "toolu_01"
	if c.thought {
		return c.ids.next(thoughtful, len(plain)+anthropicIDSize-len(thoughtful))
	}
	return c.ids.next(plain, anthropicIDSize)
}

// anthropicStream writes the events of one stream.
type anthropicStream struct {
	call    *call
	reply   *reply
	pending int64 // hidden reasoning tokens not yet billed
	frames  []frame
}

func anthropicFrames(c *call, r *reply) []frame {
	s := &anthropicStream{call: c, reply: r, pending: r.hidden}
	head := anthropicHead(c)
	if !r.noUsage {
		first := r.usage
		first.Output, first.Reasoning = min(1, first.Output), 0
		head.Usage = anthropicUsageOf(first)
	}
	s.event(frame{}, "message_start", struct {
		Type    string          `json:"type"`
		Message anthropicAnswer `json:"message"`
	}{"message_start", head})
	for i, seg := range r.segments {
		s.block(seg, i)
	}
	s.ending()
	return s.frames
}

type anthropicDeltaEvent struct {
	Type  string         `json:"type"`
	Index int            `json:"index"`
	Delta anthropicDelta `json:"delta"`
}

type anthropicDelta struct {
	Type        string  `json:"type"`
	Text        *string `json:"text,omitempty"`
	Thinking    *string `json:"thinking,omitempty"`
	Signature   *string `json:"signature,omitempty"`
	PartialJSON *string `json:"partial_json,omitempty"`
}

func (s *anthropicStream) block(seg segment, index int) {
	s.event(frame{}, "content_block_start", struct {
		Type  string `json:"type"`
		Index int    `json:"index"`
		Block any    `json:"content_block"`
	}{"content_block_start", index, anthropicEmptyBlock(s.call, seg)})
	if index == 0 {
		s.event(frame{}, "ping", struct {
			Type string `json:"type"`
		}{"ping"})
	}
	if seg.kind == segmentTool {
		empty := ""
		s.delta(frame{}, index, anthropicDelta{Type: "input_json_delta", PartialJSON: &empty})
	}
	for _, p := range s.reply.pieces(seg.text) {
		f := frame{output: p.tokens + s.pending, reasoning: s.pending, content: true}
		s.pending = 0
		if seg.kind == segmentThought {
			f.reasoning = p.tokens
		}
		s.delta(f, index, anthropicDeltaOf(seg.kind, p.text))
	}
	if seg.kind == segmentThought {
		signature := sign(Anthropic, seg.text, anthropicSignatureSize)
		s.delta(frame{}, index, anthropicDelta{Type: "signature_delta", Signature: &signature})
	}
	s.event(frame{}, "content_block_stop", struct {
		Type  string `json:"type"`
		Index int    `json:"index"`
	}{"content_block_stop", index})
}

// anthropicEmptyBlock is a block before its deltas.
func anthropicEmptyBlock(c *call, seg segment) any {
	switch seg.kind {
	case segmentThought:
		return anthropicThinkingBlock{Type: "thinking"}
	case segmentTool:
		return anthropicBlock(c, segment{kind: segmentTool, name: seg.name, text: "{}"})
	default:
		return anthropicTextBlock{Type: "text"}
	}
}

func anthropicDeltaOf(kind segmentKind, text string) anthropicDelta {
	switch kind {
	case segmentThought:
		return anthropicDelta{Type: "thinking_delta", Thinking: &text}
	case segmentTool:
		return anthropicDelta{Type: "input_json_delta", PartialJSON: &text}
	default:
		return anthropicDelta{Type: "text_delta", Text: &text}
	}
}

func (s *anthropicStream) delta(f frame, index int, d anthropicDelta) {
	s.event(f, "content_block_delta", anthropicDeltaEvent{Type: "content_block_delta", Index: index, Delta: d})
}

type anthropicMessageDelta struct {
	Type  string `json:"type"`
	Delta struct {
		StopReason   string                `json:"stop_reason"`
		StopSequence *string               `json:"stop_sequence"`
		StopDetails  *anthropicStopDetails `json:"stop_details,omitempty"`
	} `json:"delta"`
	Usage *anthropicUsage `json:"usage,omitempty"`
}

func (s *anthropicStream) ending() {
	last := anthropicMessageDelta{Type: "message_delta"}
	last.Delta.StopReason = anthropicStop(s.reply.finish)
	last.Delta.StopSequence = optional(s.reply.stop)
	last.Delta.StopDetails = anthropicStopDetailsOf(s.reply)
	if !s.reply.noUsage {
		last.Usage = anthropicUsageOf(s.reply.usage)
		last.Usage.Creation, last.Usage.Tier = nil, ""
	}
	s.event(frame{output: s.pending, reasoning: s.pending, end: true}, "message_delta", last)
	if s.reply.twice {
		s.event(frame{end: true}, "message_delta", last)
	}
	s.event(frame{end: true}, "message_stop", struct {
		Type string `json:"type"`
	}{"message_stop"})
}

func (s *anthropicStream) event(f frame, name string, v any) {
	f.data = anthropicEvent(name, v)
	s.frames = append(s.frames, f)
}

func anthropicEvent(name string, v any) []byte {
	return append([]byte("event: "+name+"\n"), sseData(compactJSON(v), "\n")...)
}

func anthropicHeaders(c *call, h http.Header) {
	h.Set("Request-Id", c.ids.next("req_01", anthropicRequestIDSize))
	h.Set("Anthropic-Organization-Id", "00000000-0000-4000-8000-000000000000")
	h.Set("Anthropic-Ratelimit-Requests-Limit", "4000")
	h.Set("Anthropic-Ratelimit-Requests-Remaining", "3999")
	h.Set("Anthropic-Ratelimit-Requests-Reset", c.created.UTC().Format(time.RFC3339))
	h.Set("Anthropic-Ratelimit-Tokens-Limit", "480000")
	h.Set("Anthropic-Ratelimit-Tokens-Remaining", strconv.FormatInt(max(0, 480_000-c.promptTokens()), 10))
	h.Set("Anthropic-Ratelimit-Tokens-Reset", c.created.UTC().Format(time.RFC3339))
}
