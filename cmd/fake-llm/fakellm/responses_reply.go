package fakellm

import (
	"encoding/json"
	"strings"
)

// Ids of the Responses API: length of the random part.
const responsesIDSize = 48

// thoughtfulCall begins the id of a call that was thought about: the thought must come
// back in front of it.
const thoughtfulCall = "fc_Thought"

// What encrypted thoughts look like, and how much of them is the thought.
const (
	encryptedPrefix = "gAAAAAB"
	encryptedSize   = 16
	sealSize        = 40
)

// encrypt makes what stands for a thought that only the vendor can read.
func (c *call) encrypt() string {
	thought := c.ids.next("", encryptedSize)
	return encryptedPrefix + thought + sign(OpenAI, thought, sealSize)
}

func decrypts(s string) bool {
	rest, ok := strings.CutPrefix(s, encryptedPrefix)
	return ok && len(rest) == encryptedSize+sealSize && rest[encryptedSize:] == sign(OpenAI, rest[:encryptedSize], sealSize)
}

type responsesUsage struct {
	Input   int64 `json:"input_tokens"`
	InputD  any   `json:"input_tokens_details"`
	Output  int64 `json:"output_tokens"`
	OutputD any   `json:"output_tokens_details"`
	Total   int64 `json:"total_tokens"`
}

func responsesUsageOf(u Usage) *responsesUsage {
	return &responsesUsage{
		Input: u.Input, Output: u.Output, Total: u.Input + u.Output,
		InputD:  map[string]int64{"cached_tokens": u.Cached, "cache_write_tokens": u.CacheWrite},
		OutputD: map[string]int64{"reasoning_tokens": u.Reasoning},
	}
}

type responsesAnswer struct {
	ID           string          `json:"id"`
	Object       string          `json:"object"`
	Created      int64           `json:"created_at"`
	Status       string          `json:"status"`
	Background   bool            `json:"background"`
	Completed    *int64          `json:"completed_at"`
	Error        json.RawMessage `json:"error"`
	Incomplete   any             `json:"incomplete_details"`
	Instructions json.RawMessage `json:"instructions"`
	MaxOutput    json.RawMessage `json:"max_output_tokens"`
	Model        string          `json:"model"`
	Output       []any           `json:"output"`
	Parallel     bool            `json:"parallel_tool_calls"`
	Previous     json.RawMessage `json:"previous_response_id"`
	Reasoning    json.RawMessage `json:"reasoning"`
	Tier         string          `json:"service_tier"`
	Store        bool            `json:"store"`
	Temperature  float64         `json:"temperature"`
	Text         json.RawMessage `json:"text"`
	ToolChoice   json.RawMessage `json:"tool_choice"`
	Tools        json.RawMessage `json:"tools"`
	TopP         float64         `json:"top_p"`
	Truncation   string          `json:"truncation"`
	Usage        *responsesUsage `json:"usage,omitempty"`
	Metadata     json.RawMessage `json:"metadata"`
}

// responsesHead is an answer before its output.
func responsesHead(c *call) responsesAnswer {
	var echo map[string]json.RawMessage
	_ = json.Unmarshal(c.talk.echo, &echo) // it was read before
	or := func(name, usual string) json.RawMessage {
		if isNull(echo[name]) {
			return json.RawMessage(usual)
		}
		return echo[name]
	}
	return responsesAnswer{
		ID: c.ids.next("resp_", responsesIDSize), Object: "response", Created: c.created.Unix(), Status: "in_progress",
		Instructions: or("instructions", "null"), MaxOutput: or("max_output_tokens", "null"), Model: c.baseModel(), Output: []any{},
		Parallel: !c.serial, Previous: or("previous_response_id", "null"), Reasoning: or("reasoning", `{"effort":null,"summary":null}`),
		Tier: "default", Store: c.talk.store, Temperature: 1, Text: or("text", `{"format":{"type":"text"}}`),
		ToolChoice: or("tool_choice", `"auto"`), Tools: or("tools", "[]"), TopP: 1, Truncation: "disabled", Metadata: or("metadata", "{}"),
	}
}

// finish is an answer as it is in the end.
func (a responsesAnswer) finish(c *call, r *reply, output []any) responsesAnswer {
	a.Output, a.Status = output, "completed"
	switch r.finish {
	case finishLength:
		a.Status, a.Incomplete = "incomplete", map[string]string{"reason": "max_output_tokens"}
	case finishFilter:
		a.Status, a.Incomplete = "incomplete", map[string]string{"reason": "content_filter"}
	default:
		at := c.created.Unix()
		a.Completed = &at
	}
	if !r.noUsage {
		a.Usage = responsesUsageOf(r.usage)
	}
	return a
}

type responsesPart struct {
	Type        string  `json:"type"`
	Text        *string `json:"text,omitempty"`
	Refusal     *string `json:"refusal,omitempty"`
	Annotations *[]any  `json:"annotations,omitempty"`
	Logprobs    *[]any  `json:"logprobs,omitempty"`
}

type responsesOut struct {
	ID        string           `json:"id"`
	Type      string           `json:"type"`
	Status    string           `json:"status,omitempty"`
	Role      string           `json:"role,omitempty"`
	Content   *[]responsesPart `json:"content,omitempty"`
	Summary   *[]responsesPart `json:"summary,omitempty"`
	Encrypted string           `json:"encrypted_content,omitempty"`
	Arguments *string          `json:"arguments,omitempty"`
	CallID    string           `json:"call_id,omitempty"`
	Name      string           `json:"name,omitempty"`
}

// segmentsOf is what the reply says, with a thought that is not shown in front.
func segmentsOf(r *reply) []segment {
	if r.hidden == 0 {
		return r.segments
	}
	return append([]segment{{kind: segmentThought}}, r.segments...)
}

// responsesPartOf is the part that a segment is.
func responsesPartOf(r *reply, s segment, text string) responsesPart {
	switch {
	case s.kind == segmentThought:
		return responsesPart{Type: "summary_text", Text: &text}
	case r.finish == finishRefusal:
		return responsesPart{Type: "refusal", Refusal: &text}
	}
	return responsesPart{Type: "output_text", Text: &text, Annotations: &[]any{}, Logprobs: &[]any{}}
}

// responsesItemOf is the item that a segment becomes, without its text.
func responsesItemOf(c *call, r *reply, s segment) responsesOut {
	switch s.kind {
	case segmentThought:
		item := responsesOut{ID: c.ids.next("rs_", responsesIDSize), Type: "reasoning", Summary: &[]responsesPart{}}
		if c.talk.encrypted {
			item.Encrypted = c.encrypt()
		}
		return item
	case segmentTool:
		prefix, empty := "fc_", ""
		if segmentsOf(r)[0].kind == segmentThought {
			prefix = thoughtfulCall
		}
		return responsesOut{
			ID: c.ids.next(prefix, responsesIDSize), Type: "function_call", Status: "in_progress", Arguments: &empty,
			CallID: c.ids.next("call_", openaiCallIDSize), Name: s.name,
		}
	}
	return responsesOut{
		ID: c.ids.next("msg_", responsesIDSize), Type: "message", Status: "in_progress", Role: "assistant", Content: &[]responsesPart{},
	}
}

// said is the item with its text.
func (o responsesOut) said(r *reply, s segment) responsesOut {
	if o.Status != "" {
		o.Status = "completed"
	}
	switch {
	case s.kind == segmentTool:
		o.Arguments = &s.text
	case s.kind == segmentThought && s.text != "":
		o.Summary = &[]responsesPart{responsesPartOf(r, s, s.text)}
	case s.kind == segmentText:
		o.Content = &[]responsesPart{responsesPartOf(r, s, s.text)}
		if r.finish == finishLength || r.finish == finishFilter {
			o.Status = "incomplete"
		}
	}
	return o
}

func responsesUnary(c *call, r *reply) []byte {
	head := responsesHead(c)
	output := []any{}
	for _, s := range segmentsOf(r) {
		output = append(output, responsesItemOf(c, r, s).said(r, s))
	}
	body := indentedJSON(head.finish(c, r, output))
	c.memory.keep(c, head.ID, body, output)
	return body
}

func responsesCount(tokens int64) []byte {
	return indentedJSON(map[string]any{"object": "response.input_tokens", "input_tokens": tokens})
}
