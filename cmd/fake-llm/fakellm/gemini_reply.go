package fakellm

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"
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
	return &geminiUsage{
		Prompt: u.Input, Candidates: u.Output - u.Reasoning, Total: u.Input + u.Output,
		Cached: u.Cached, Thoughts: u.Reasoning,
		Details: []geminiDetails{{Modality: "TEXT", Tokens: u.Input}},
	}
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
	for _, s := range r.segments {
		content.Parts = append(content.Parts, geminiPart(c, s))
	}
	out.Candidates = []geminiCandidate{{Content: content, Finish: geminiFinish(r.finish)}}
	return indentedJSON(out)
}

func geminiPart(c *call, s segment) geminiOutPart {
	if s.kind == segmentTool {
		return geminiOutPart{
			Call:      &geminiOutCall{Name: s.name, Args: json.RawMessage(s.text)},
			Signature: c.ids.next("", geminiSignatureSize),
		}
	}
	return geminiOutPart{Text: &s.text, Thought: s.kind == segmentThought}
}

// geminiStream writes the chunks of one stream.
type geminiStream struct {
	call    *call
	reply   *reply
	head    geminiAnswer
	sofar   Usage // cumulative, as every chunk says it
	pending int64 // hidden reasoning tokens not yet billed
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

// blocked is a prompt that got no candidates; its refusal is billed like an answer.
func (s *geminiStream) blocked() {
	s.head.Feedback = &geminiFeedback{BlockReason: "PROHIBITED_CONTENT"}
	s.sofar = s.reply.usage
	s.add(frame{output: s.sofar.Output, reasoning: s.sofar.Reasoning, content: true}, nil, "")
	s.close()
}

func (s *geminiStream) segment(seg segment) {
	if seg.kind == segmentTool { // calls come whole
		f := s.bill(Tokens(seg.text), seg.kind, frame{content: true})
		s.add(f, []geminiOutPart{geminiPart(s.call, seg)}, "")
		return
	}
	for _, p := range s.reply.pieces(seg.text) {
		f := s.bill(p.tokens, seg.kind, frame{content: true})
		s.add(f, []geminiOutPart{geminiPart(s.call, segment{kind: seg.kind, text: p.text})}, "")
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

type geminiError struct {
	Error struct {
		Code    int              `json:"code"`
		Message string           `json:"message"`
		Status  string           `json:"status"`
		Details []map[string]any `json:"details,omitempty"`
	} `json:"error"`
}

func geminiFail(c *call, f *failure, _ http.Header) []byte {
	body := indentedJSON(geminiErrorOf(c, f))
	if c.array {
		return append(append([]byte("["), body...), ']')
	}
	return body
}

func geminiFault(c *call, f *failure) []byte {
	if !c.array {
		return sseData(compactJSON(geminiErrorOf(c, f)), geminiEOL)
	}
	return append(append([]byte(",\r\n"), indentedJSON(geminiErrorOf(c, f))...), ']')
}

func geminiErrorOf(c *call, f *failure) geminiError {
	var out geminiError
	e := &out.Error
	e.Code = geminiHTTPStatus(f)
	e.Status, e.Message = geminiStatus(e.Code), geminiMessage(c, f)
	const domain = "type.googleapis.com/google.rpc."
	if f.reason == reasonBadKey {
		e.Details = []map[string]any{{
			"@type": domain + "ErrorInfo", "reason": "API_KEY_INVALID", "domain": "googleapis.com",
			"metadata": map[string]string{"service": "generativelanguage.googleapis.com"},
		}, {
			"@type": domain + "LocalizedMessage", "locale": "en-US", "message": e.Message,
		}}
	}
	if f.status == http.StatusTooManyRequests {
		e.Details = append(e.Details, map[string]any{
			"@type":      domain + "QuotaFailure",
			"violations": []map[string]string{{"quotaId": "GenerateRequestsPerMinutePerProjectPerModel"}},
		})
	}
	if f.after > 0 {
		e.Details = append(e.Details, map[string]any{
			"@type": domain + "RetryInfo", "retryDelay": strconv.FormatInt(int64(f.after/time.Second), 10) + "s",
		})
	}
	return out
}

// geminiHTTPStatus: a missing key is 403 here, and a bad one 400.
func geminiHTTPStatus(f *failure) int {
	switch f.reason {
	case reasonNoKey:
		return http.StatusForbidden
	case reasonBadKey:
		return http.StatusBadRequest
	}
	return f.status
}

func geminiStatus(status int) string {
	switch status {
	case http.StatusBadRequest:
		return "INVALID_ARGUMENT"
	case http.StatusUnauthorized:
		return "UNAUTHENTICATED"
	case http.StatusForbidden:
		return "PERMISSION_DENIED"
	case http.StatusNotFound:
		return "NOT_FOUND"
	case http.StatusConflict:
		return "ABORTED"
	case http.StatusTooManyRequests:
		return "RESOURCE_EXHAUSTED"
	case http.StatusInternalServerError:
		return "INTERNAL"
	case http.StatusServiceUnavailable:
		return "UNAVAILABLE"
	case http.StatusRequestTimeout, http.StatusGatewayTimeout:
		return "DEADLINE_EXCEEDED"
	}
	return "UNKNOWN"
}

func geminiMessage(c *call, f *failure) string {
	switch {
	case f.message != "":
		return f.message
	case f.reason == reasonNoKey:
		return "Method doesn't allow unregistered callers (callers without established identity). Please use API Key or other form of API consumer identity to call this API."
	case f.reason == reasonBadKey:
		return "API key not valid. Please pass a valid API key."
	case f.reason == reasonContext:
		return fmt.Sprintf("The input token count (%d) exceeds the maximum number of tokens allowed (%d).", contextAsked, contextLimit)
	}
	switch f.status {
	case http.StatusNotFound:
		return "models/" + c.baseModel() + " is not found for API version v1beta, or is not supported for generateContent."
	case http.StatusTooManyRequests:
		return "You exceeded your current quota, please check your plan and billing details."
	case http.StatusInternalServerError:
		return "An internal error has occurred. Please retry."
	case http.StatusServiceUnavailable:
		return "The model is overloaded. Please try again later."
	}
	return http.StatusText(f.status)
}

type geminiModelObject struct {
	Name        string   `json:"name"`
	Version     string   `json:"version"`
	DisplayName string   `json:"displayName"`
	InputLimit  int64    `json:"inputTokenLimit"`
	OutputLimit int64    `json:"outputTokenLimit"`
	Methods     []string `json:"supportedGenerationMethods"`
}

func geminiModelOf(name string) geminiModelObject {
	return geminiModelObject{
		Name: "models/" + name, Version: "001", DisplayName: name,
		InputLimit: 1 << 20, OutputLimit: 1 << 16,
		Methods: []string{"generateContent", "streamGenerateContent"},
	}
}

func geminiModel(name string) []byte { return indentedJSON(geminiModelOf(name)) }

func geminiModels(names []string) []byte {
	var list struct {
		Models []geminiModelObject `json:"models"`
	}
	for _, n := range names {
		list.Models = append(list.Models, geminiModelOf(n))
	}
	return indentedJSON(list)
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
