package fakellm

import (
	"encoding/json"
	"net/http"
)

// Lengths of random parts in Gemini responses.
const (
	geminiResponseIDSize = 22
	geminiSignatureSize  = 44
)

// geminiEOL is how the vendor ends the lines of its event streams.
const geminiEOL = "\r\n"

type geminiAnswer struct {
	Candidates []geminiCandidate `json:"candidates,omitempty"`
	Feedback   *geminiFeedback   `json:"promptFeedback,omitempty"`
	Usage      *geminiUsage      `json:"usageMetadata,omitempty"`
	Model      string            `json:"modelVersion"`
	ID         string            `json:"responseId"`
}

type geminiCandidate struct {
	Content geminiOutContent `json:"content"`
	Finish  string           `json:"finishReason,omitempty"`
	Index   int              `json:"index"`
}

type geminiFeedback struct {
	BlockReason string `json:"blockReason"`
}

type geminiOutContent struct {
	Parts []geminiOutPart `json:"parts"`
	Role  string          `json:"role"`
}

type geminiOutPart struct {
	Text      *string        `json:"text,omitempty"`
	Thought   bool           `json:"thought,omitempty"`
	Call      *geminiOutCall `json:"functionCall,omitempty"`
	Signature string         `json:"thoughtSignature,omitempty"`
}

type geminiOutCall struct {
	Name string          `json:"name"`
	Args json.RawMessage `json:"args"`
}

type geminiUsage struct {
	Prompt     int64           `json:"promptTokenCount"`
	Candidates int64           `json:"candidatesTokenCount,omitempty"`
	Total      int64           `json:"totalTokenCount"`
	Cached     int64           `json:"cachedContentTokenCount,omitempty"`
	Details    []geminiDetails `json:"promptTokensDetails"`
	Thoughts   int64           `json:"thoughtsTokenCount,omitempty"`
}

type geminiDetails struct {
	Modality string `json:"modality"`
	Tokens   int64  `json:"tokenCount"`
}

func geminiFinish(f finish) string {
	switch f {
	case finishLength:
		return "MAX_TOKENS"
	case finishFilter:
		return "SAFETY"
	default: // tool calls end with STOP, too
		return "STOP"
	}
}

func geminiUsageOf(u Usage) *geminiUsage {
	out := &geminiUsage{
		Prompt: u.Input, Candidates: u.Output - u.Reasoning, Total: u.Input + u.Output,
		Cached: u.Cached, Thoughts: u.Reasoning,
		Details: []geminiDetails{{Modality: "TEXT", Tokens: u.Input - u.AudioInput - u.ImageInput}},
	}
	for _, d := range []geminiDetails{{"AUDIO", u.AudioInput}, {"IMAGE", u.ImageInput}} {
		if d.Tokens > 0 {
			out.Details = append(out.Details, d)
		}
	}
	return out
}

func geminiHead(c *call) geminiAnswer {
	return geminiAnswer{Model: c.baseModel(), ID: c.ids.next("", geminiResponseIDSize)}
}

func geminiUnary(c *call, r *reply) []byte {
	out := geminiHead(c)
	if !r.noUsage {
		out.Usage = geminiUsageOf(r.usage)
	}
	if r.finish == finishRefusal {
		out.Feedback = &geminiFeedback{BlockReason: "PROHIBITED_CONTENT"}
		return indentedJSON(out)
	}
	content := geminiOutContent{Role: "model", Parts: []geminiOutPart{}}
	signed := false
	for _, s := range r.segments {
		content.Parts = append(content.Parts, geminiPart(s, &signed))
	}
	out.Candidates = []geminiCandidate{{Content: content, Finish: geminiFinish(r.finish)}}
	return indentedJSON(out)
}

// geminiPart renders a segment; only the first call of a turn is signed.
func geminiPart(s segment, signed *bool) geminiOutPart {
	if s.kind != segmentTool {
		return geminiOutPart{Text: &s.text, Thought: s.kind == segmentThought}
	}
	part := geminiOutPart{Call: &geminiOutCall{Name: s.name, Args: json.RawMessage(s.text)}}
	if !*signed {
		part.Signature, *signed = sign(Gemini, s.name, geminiSignatureSize), true
	}
	return part
}

// geminiStream writes the chunks of one stream.
type geminiStream struct {
	call    *call
	reply   *reply
	head    geminiAnswer
	sofar   Usage // cumulative, as every chunk says it
	pending int64 // hidden reasoning tokens not yet billed
	signed  bool  // a call was signed
	frames  []frame
}

func geminiFrames(c *call, r *reply) []frame {
	s := &geminiStream{call: c, reply: r, head: geminiHead(c), sofar: r.usage, pending: r.hidden}
	s.sofar.Output, s.sofar.Reasoning = 0, 0
	if r.finish == finishRefusal {
		s.blocked()
		return s.frames
	}
	for _, seg := range r.segments {
		s.segment(seg)
	}
	s.add(s.bill(0, segmentText, frame{end: true}), nil, geminiFinish(r.finish))
	if r.twice {
		s.add(frame{end: true}, nil, geminiFinish(r.finish))
	}
	s.close()
	return s.frames
}

// blocked is a prompt that got no candidates.
func (s *geminiStream) blocked() {
	s.head.Feedback = &geminiFeedback{BlockReason: "PROHIBITED_CONTENT"}
	s.add(frame{content: true}, nil, "")
	s.close()
}

func (s *geminiStream) segment(seg segment) {
	if seg.kind == segmentTool { // calls come whole
		f := s.bill(Tokens(seg.text), seg.kind, frame{content: true})
		s.add(f, []geminiOutPart{geminiPart(seg, &s.signed)}, "")
		return
	}
	for _, p := range s.reply.pieces(seg.text) {
		f := s.bill(p.tokens, seg.kind, frame{content: true})
		s.add(f, []geminiOutPart{geminiPart(segment{kind: seg.kind, text: p.text}, &s.signed)}, "")
	}
}

// bill adds tokens, and hidden reasoning not yet billed, to the frame and the running usage.
func (s *geminiStream) bill(tokens int64, kind segmentKind, f frame) frame {
	f.output, f.reasoning = tokens+s.pending, s.pending
	if kind == segmentThought {
		f.reasoning += tokens
	}
	s.pending = 0
	s.sofar.Output += f.output
	s.sofar.Reasoning += f.reasoning
	return f
}

func (s *geminiStream) add(f frame, parts []geminiOutPart, reason string) {
	chunk := s.head
	if !s.reply.noUsage {
		chunk.Usage = geminiUsageOf(s.sofar)
	}
	if chunk.Feedback == nil {
		if parts == nil {
			empty := ""
			parts = []geminiOutPart{{Text: &empty}}
		}
		chunk.Candidates = []geminiCandidate{{
			Content: geminiOutContent{Parts: parts, Role: "model"}, Finish: reason,
		}}
	}
	f.data = geminiChunk(s.call, chunk, len(s.frames) == 0)
	s.frames = append(s.frames, f)
}

// geminiChunk is one chunk of a stream: an event, or an element of the array.
func geminiChunk(c *call, v any, first bool) []byte {
	if !c.array {
		return sseData(compactJSON(v), geminiEOL)
	}
	opening := ",\r\n"
	if first {
		opening = "["
	}
	return append([]byte(opening), indentedJSON(v)...)
}

func (s *geminiStream) close() {
	if s.call.array {
		s.frames = append(s.frames, frame{data: []byte("]"), end: true})
	}
}

func geminiHeaders(_ *call, h http.Header) {
	h.Set("Server-Timing", "gfet4t7; dur=12")
	h.Set("X-Content-Type-Options", "nosniff")
}
