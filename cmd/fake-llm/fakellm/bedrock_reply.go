package fakellm

import (
	"encoding/json"
	"net/http"
	"strings"
)

// Ids of Bedrock: what begins that of a call which was thought about, and lengths of
// random parts.
const (
	bedrockThoughtful = "tooluse_Thought"
	bedrockIDSize     = 22
)

type bedrockUsage struct {
	Input      int64                `json:"inputTokens"`
	Output     int64                `json:"outputTokens"`
	Total      int64                `json:"totalTokens"`
	CacheRead  int64                `json:"cacheReadInputTokens"`
	CacheWrite int64                `json:"cacheWriteInputTokens"`
	Details    []bedrockCacheDetail `json:"cacheDetails,omitempty"`
}

type bedrockCacheDetail struct {
	TTL    string `json:"ttl"`
	Tokens int64  `json:"inputTokens"`
}

// bedrockUsageOf is the usage in the vendor's terms: input without what the cache
// served or took. Reasoning is not told apart.
func bedrockUsageOf(u Usage) *bedrockUsage {
	out := &bedrockUsage{
		Input: u.Input - u.Cached - u.CacheWrite, Output: u.Output, Total: u.Input + u.Output,
		CacheRead: u.Cached, CacheWrite: u.CacheWrite,
	}
	if u.CacheWrite1h > 0 {
		out.Details = append(out.Details, bedrockCacheDetail{"1h", u.CacheWrite1h})
	}
	if short := u.CacheWrite - u.CacheWrite1h; short > 0 {
		out.Details = append(out.Details, bedrockCacheDetail{"5m", short})
	}
	return out
}

func bedrockStop(f finish) string {
	switch f {
	case finishStopSequence:
		return "stop_sequence"
	case finishLength:
		return "max_tokens"
	case finishTools:
		return "tool_use"
	case finishFilter:
		return "content_filtered"
	case finishRefusal:
		return "guardrail_intervened"
	default:
		return "end_turn"
	}
}

type bedrockOutBlock struct {
	Text      *string           `json:"text,omitempty"`
	ToolUse   *bedrockToolUse   `json:"toolUse,omitempty"`
	Reasoning *bedrockReasoning `json:"reasoningContent,omitempty"`
}

type bedrockToolUse struct {
	ID    string          `json:"toolUseId,omitempty"`
	Name  string          `json:"name,omitempty"`
	Input json.RawMessage `json:"input,omitempty"`
}

type bedrockReasoning struct {
	Text struct {
		Text      string `json:"text"`
		Signature string `json:"signature"`
	} `json:"reasoningText"`
}

func bedrockCallID(c *call) string {
	if c.thought {
		return c.ids.next(bedrockThoughtful, bedrockIDSize-len("Thought"))
	}
	return c.ids.next("tooluse_", bedrockIDSize)
}

// bedrockSequence is what a model says of itself beyond the API.
func bedrockSequence(r *reply) json.RawMessage {
	if r.stop == "" {
		return nil
	}
	return compactJSON(map[string]string{"stop_sequence": r.stop})
}

func bedrockUnary(c *call, r *reply) []byte {
	blocks := []bedrockOutBlock{}
	for _, s := range r.segments {
		switch s.kind {
		case segmentTool:
			blocks = append(blocks, bedrockOutBlock{ToolUse: &bedrockToolUse{ID: bedrockCallID(c), Name: s.name, Input: json.RawMessage(s.text)}})
		case segmentThought:
			var reasoning bedrockReasoning
			reasoning.Text.Text, reasoning.Text.Signature = s.text, sign(Bedrock, s.text, anthropicSignatureSize)
			blocks = append(blocks, bedrockOutBlock{Reasoning: &reasoning})
		default:
			blocks = append(blocks, bedrockOutBlock{Text: &s.text})
		}
	}
	out := struct {
		Metrics    map[string]int  `json:"metrics"`
		Output     map[string]any  `json:"output"`
		StopReason string          `json:"stopReason"`
		Additional json.RawMessage `json:"additionalModelResponseFields,omitempty"`
		Usage      *bedrockUsage   `json:"usage,omitempty"`
	}{
		Metrics:    map[string]int{"latencyMs": 12},
		Output:     map[string]any{"message": map[string]any{"role": "assistant", "content": blocks}},
		StopReason: bedrockStop(r.finish), Additional: bedrockSequence(r),
	}
	if !r.noUsage {
		out.Usage = bedrockUsageOf(r.usage)
	}
	return compactJSON(out)
}

// bedrockStream writes the frames of one stream.
type bedrockStream struct {
	call    *call
	reply   *reply
	pending int64 // hidden reasoning tokens not yet billed
	frames  []frame
}

func bedrockFrames(c *call, r *reply) []frame {
	s := &bedrockStream{call: c, reply: r, pending: r.hidden}
	s.event(frame{}, "messageStart", map[string]any{"role": "assistant"})
	for i, seg := range r.segments {
		s.segment(seg, i)
	}
	stop := map[string]any{"stopReason": bedrockStop(r.finish)}
	if sequence := bedrockSequence(r); sequence != nil {
		stop["additionalModelResponseFields"] = sequence
	}
	s.event(frame{output: s.pending, reasoning: s.pending, end: true}, "messageStop", stop)
	for range 2 {
		metadata := map[string]any{"metrics": map[string]int{"latencyMs": 12}}
		if !r.noUsage {
			metadata["usage"] = bedrockUsageOf(r.usage)
		}
		s.event(frame{end: true}, "metadata", metadata)
		if !r.twice {
			break
		}
	}
	return s.frames
}

func (s *bedrockStream) segment(seg segment, index int) {
	if seg.kind == segmentTool {
		start := map[string]any{"toolUse": bedrockToolUse{ID: bedrockCallID(s.call), Name: seg.name}}
		s.event(frame{}, "contentBlockStart", map[string]any{"start": start, "contentBlockIndex": index})
	}
	for _, p := range s.reply.pieces(seg.text) {
		f := frame{output: p.tokens + s.pending, reasoning: s.pending, content: true}
		if seg.kind == segmentThought {
			f.reasoning += p.tokens
		}
		s.pending = 0
		s.delta(f, index, bedrockDelta(seg.kind, p.text))
	}
	if seg.kind == segmentThought {
		signature := sign(Bedrock, seg.text, anthropicSignatureSize)
		s.delta(frame{}, index, map[string]any{"reasoningContent": map[string]string{"signature": signature}})
	}
	s.event(frame{}, "contentBlockStop", map[string]any{"contentBlockIndex": index})
}

func bedrockDelta(kind segmentKind, text string) map[string]any {
	switch kind {
	case segmentTool:
		return map[string]any{"toolUse": map[string]string{"input": text}}
	case segmentThought:
		return map[string]any{"reasoningContent": map[string]string{"text": text}}
	default:
		return map[string]any{"text": text}
	}
}

func (s *bedrockStream) delta(f frame, index int, delta map[string]any) {
	s.event(f, "contentBlockDelta", map[string]any{"contentBlockIndex": index, "delta": delta})
}

// event adds a frame. p pads it to a length that tells nothing of the text.
func (s *bedrockStream) event(f frame, name string, payload map[string]any) {
	payload["p"] = strings.Repeat("abcdefgh", 4)[:1+len(s.frames)%32]
	f.data = eventFrame([]eventHeader{
		{":event-type", name}, {":content-type", "application/json"}, {messageHeader, "event"},
	}, compactJSON(payload))
	s.frames = append(s.frames, f)
}

func bedrockHeaders(c *call, h http.Header) {
	h.Set("X-Amzn-Requestid", c.ids.next("", requestIDSize))
}

func bedrockCount(tokens int64) []byte {
	return compactJSON(map[string]int64{"inputTokens": tokens})
}
