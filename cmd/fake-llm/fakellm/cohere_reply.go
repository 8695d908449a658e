package fakellm

import (
	"encoding/json"
	"net/http"
	"strings"
	"unicode/utf8"
)

// Lengths of random parts in Cohere responses.
const (
	cohereIDSize     = 32
	cohereCallIDSize = 12
)

// coherePlan is what the model says before it calls.
const coherePlan = "I will use the tools. "

type cohereAnswer struct {
	ID      string       `json:"id"`
	Message cohereOut    `json:"message"`
	Finish  string       `json:"finish_reason"`
	Usage   *cohereUsage `json:"usage,omitempty"`
}

type cohereOut struct {
	Role      string           `json:"role"`
	ToolPlan  string           `json:"tool_plan,omitempty"`
	ToolCalls []openaiToolCall `json:"tool_calls,omitempty"`
	Content   []cohereOutPart  `json:"content,omitempty"`
	Citations []cohereCitation `json:"citations,omitempty"`
}

type cohereOutPart struct {
	Type     string  `json:"type"`
	Text     *string `json:"text,omitempty"`
	Thinking *string `json:"thinking,omitempty"`
}

type cohereCitation struct {
	Start   int            `json:"start"`
	End     int            `json:"end"`
	Text    string         `json:"text"`
	Sources []cohereSource `json:"sources"`
	Content int            `json:"content_index"`
	Type    string         `json:"type"`
}

type cohereSource struct {
	Type     string         `json:"type"`
	ID       string         `json:"id"`
	Document map[string]any `json:"document"`
}

// cohereUsage is what is billed, and all that was counted.
type cohereUsage struct {
	Billed cohereTokens `json:"billed_units"`
	Tokens cohereTokens `json:"tokens"`
	Cached float64      `json:"cached_tokens,omitempty"`
}

type cohereTokens struct {
	Input  float64 `json:"input_tokens"`
	Output float64 `json:"output_tokens"`
}

func cohereUsageOf(u Usage) *cohereUsage {
	in, out := float64(u.Input), float64(u.Output)
	return &cohereUsage{
		Billed: cohereTokens{in, out}, Tokens: cohereTokens{in + cohereOverhead, out}, Cached: float64(u.Cached),
	}
}

func cohereFinish(f finish) string {
	switch f {
	case finishStopSequence:
		return "STOP_SEQUENCE"
	case finishLength:
		return "MAX_TOKENS"
	case finishTools:
		return "TOOL_CALL"
	case finishFilter:
		return "ERROR_TOXIC"
	default:
		return "COMPLETE"
	}
}

// cohereCite cites the first word of a text, if there is anything to be cited.
func cohereCite(c *call, text string, content int) []cohereCitation {
	word, _, _ := strings.Cut(text, " ")
	if !c.cited || word == "" {
		return nil
	}
	return []cohereCitation{{
		End: utf8.RuneCountInString(word), Text: word, Content: content, Type: "TEXT_CONTENT",
		Sources: []cohereSource{{Type: "document", ID: "doc:0", Document: map[string]any{
			"id": "doc:0", "title": "A document", "url": "https://docs.example/0",
		}}},
	}}
}

func cohereUnary(c *call, r *reply) []byte {
	out := cohereAnswer{ID: c.ids.next("", cohereIDSize), Finish: cohereFinish(r.finish), Message: cohereOut{Role: "assistant"}}
	m := &out.Message
	for _, s := range r.segments {
		switch s.kind {
		case segmentThought:
			m.Content = append(m.Content, cohereOutPart{Type: "thinking", Thinking: &s.text})
		case segmentTool:
			m.ToolPlan = coherePlan
			m.ToolCalls = append(m.ToolCalls, openaiToolCall{
				ID: c.ids.next(s.name+"_", cohereCallIDSize), Type: "function", Function: openaiFunction{Name: s.name, Arguments: s.text},
			})
		default:
			m.Citations = cohereCite(c, s.text, len(m.Content))
			m.Content = append(m.Content, cohereOutPart{Type: "text", Text: &s.text})
		}
	}
	if !r.noUsage {
		out.Usage = cohereUsageOf(r.usage)
	}
	return compactJSON(out)
}

// cohereStream writes the events of one stream.
type cohereStream struct {
	call    *call
	reply   *reply
	pending int64 // hidden reasoning tokens not yet billed
	parts   int   // of the content
	calls   int
	frames  []frame
}

type cohereEvent struct {
	Type  string          `json:"type"`
	ID    string          `json:"id,omitempty"`
	Index *int            `json:"index,omitempty"`
	Delta json.RawMessage `json:"delta,omitempty"`
}

func cohereFrames(c *call, r *reply) []frame {
	s := &cohereStream{call: c, reply: r, pending: r.hidden}
	s.event(frame{}, cohereEvent{
		Type: "message-start", ID: c.ids.next("", cohereIDSize),
		Delta: json.RawMessage(`{"message":{"role":"assistant","content":[],"tool_plan":"","tool_calls":[],"citations":[]}}`),
	})
	for _, seg := range r.segments {
		if seg.kind == segmentTool {
			s.tool(seg)
		} else {
			s.part(seg)
		}
	}
	s.ending()
	return s.frames
}

// cohereDelta is the delta of an event with one member of the message.
func cohereDelta(name string, value any) json.RawMessage {
	return compactJSON(map[string]any{"message": map[string]any{name: value}})
}

func (s *cohereStream) part(seg segment) {
	index := s.parts
	s.parts++
	word := "text"
	if seg.kind == segmentThought {
		word = "thinking"
	}
	s.event(frame{}, cohereEvent{Type: "content-start", Index: &index, Delta: cohereDelta("content", map[string]any{"type": word, word: ""})})
	for _, p := range s.reply.pieces(seg.text) {
		f := frame{output: p.tokens + s.pending, reasoning: s.pending, content: true}
		s.pending = 0
		if seg.kind == segmentThought {
			f.reasoning = p.tokens
		}
		s.event(f, cohereEvent{Type: "content-delta", Index: &index, Delta: cohereDelta("content", map[string]any{word: p.text})})
	}
	if seg.kind == segmentText {
		for i, c := range cohereCite(s.call, seg.text, index) {
			s.event(frame{}, cohereEvent{Type: "citation-start", Index: &i, Delta: cohereDelta("citations", c)})
			s.event(frame{}, cohereEvent{Type: "citation-end", Index: &i})
		}
	}
	s.event(frame{}, cohereEvent{Type: "content-end", Index: &index})
}

func (s *cohereStream) tool(seg segment) {
	if s.calls == 0 {
		s.event(frame{}, cohereEvent{Type: "tool-plan-delta", Delta: cohereDelta("tool_plan", coherePlan)})
	}
	index := s.calls
	s.calls++
	s.event(frame{}, cohereEvent{Type: "tool-call-start", Index: &index, Delta: cohereDelta("tool_calls", openaiToolCall{
		ID: s.call.ids.next(seg.name+"_", cohereCallIDSize), Type: "function", Function: openaiFunction{Name: seg.name},
	})})
	for _, p := range s.reply.pieces(seg.text) {
		f := frame{output: p.tokens + s.pending, reasoning: s.pending, content: true}
		s.pending = 0
		s.event(f, cohereEvent{Type: "tool-call-delta", Index: &index, Delta: cohereDelta("tool_calls", map[string]any{
			"function": openaiFunction{Arguments: p.text},
		})})
	}
	s.event(frame{}, cohereEvent{Type: "tool-call-end", Index: &index})
}

func (s *cohereStream) ending() {
	last := map[string]any{"finish_reason": cohereFinish(s.reply.finish)}
	if !s.reply.noUsage {
		last["usage"] = cohereUsageOf(s.reply.usage)
	}
	s.event(frame{output: s.pending, reasoning: s.pending, end: true}, cohereEvent{Type: "message-end", Delta: compactJSON(last)})
	if s.reply.twice {
		s.event(frame{end: true}, cohereEvent{Type: "message-end", Delta: compactJSON(last)})
	}
	s.frames = append(s.frames, frame{data: sseData([]byte("[DONE]"), "\n"), end: true})
}

func (s *cohereStream) event(f frame, e cohereEvent) {
	f.data = anthropicEvent(e.Type, e)
	s.frames = append(s.frames, f)
}

func cohereHeaders(c *call, h http.Header) {
	h.Set("X-Debug-Trace-Id", c.ids.next("", cohereIDSize))
	h.Set("X-Endpoint-Monthly-Call-Limit", "1000")
	h.Set("X-Trial-Endpoint-Call-Limit", "40")
	h.Set("X-Trial-Endpoint-Call-Remaining", "39")
}
