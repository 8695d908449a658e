package gemini

import (
	"crypto/rand"
	"encoding/json"
	"slices"
	"strings"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/chat"
	"github.com/llm-hub/llm-hub/gateway/provider/rawjson"
)

// An answer as applications get it.
type (
	outAnswer struct {
		Candidates []outCandidate `json:"candidates,omitempty"`
		Feedback   *outFeedback   `json:"promptFeedback,omitempty"`
		Usage      *outUsage      `json:"usageMetadata,omitempty"`
		Model      string         `json:"modelVersion"`
		ID         string         `json:"responseId"`
	}
	outCandidate struct {
		Content outContent `json:"content"`
		Finish  string     `json:"finishReason,omitempty"`
		Index   int        `json:"index"`
		Probs   *wireProbs `json:"logprobsResult,omitempty"`
	}
	outContent struct {
		Parts []outPart `json:"parts"`
		Role  string    `json:"role"`
	}
	outPart struct {
		Text      *string   `json:"text,omitempty"`
		Thought   bool      `json:"thought,omitempty"`
		Call      *wireCall `json:"functionCall,omitempty"`
		Signature string    `json:"thoughtSignature,omitempty"`
	}
	outFeedback struct {
		BlockReason string `json:"blockReason"`
	}
	outUsage struct {
		Prompt     int64 `json:"promptTokenCount"`
		Candidates int64 `json:"candidatesTokenCount"`
		Total      int64 `json:"totalTokenCount"`
		Cached     int64 `json:"cachedContentTokenCount,omitempty"`
		Thoughts   int64 `json:"thoughtsTokenCount,omitempty"`
	}
)

// Encoder implements [chat.Client].
func (c Client) Encoder(in *provider.Inbound) chat.Encoder {
	e := &encoder{newID: c.NewID, frames: frames{array: in.Array}, shown: showsThoughts(in.Body)}
	if e.newID == nil {
		e.newID = rand.Text
	}
	return e
}

// showsThoughts tells whether the client wants to see what the model thinks. The
// body was found good before.
func showsThoughts(body []byte) bool {
	shown := false
	_ = eachMember(body, "", func(name string, value []byte) error {
		if name != "generationConfig" {
			return nil
		}
		return eachMember(value, name, func(name string, value []byte) error {
			if name != "thinkingConfig" {
				return nil
			}
			return eachMember(value, name, func(name string, value []byte) error {
				shown = shown || name == "includeThoughts" && string(value) == "true"
				return nil
			})
		})
	})
	return shown
}

// encoder writes one answer.
type encoder struct {
	newID   func() string
	frames  frames
	shown   bool // the client wants to see thoughts
	id      string
	model   string
	choices []*choice // by index
	usage   *events.Usage
	begun   bool // a chunk was written
}

// choice is a candidate under way. Its finish reason waits for the last chunk,
// which has the usage too.
type choice struct {
	said    bool
	stretch strings.Builder // of thinking, whose signature may come
	token   token           // for the next part
	call    *chat.Call      // whose arguments are coming in
	args    strings.Builder // of it
	broken  bool            // a call's arguments were no JSON object
	probs   chat.Logprobs   // for the next chunk
	finish  chat.Finish
}

// Reply implements [chat.Encoder]. An answer that was refused before it began is a
// prompt that was blocked.
func (e *encoder) Reply(r *chat.Reply) []byte {
	e.id, e.model, e.usage = r.ID, r.Model, r.Usage
	w := outAnswer{}
	for i, a := range r.Choices {
		c := e.choice(i)
		parts := c.whole(a, e.shown)
		w.Candidates = append(w.Candidates, c.last(i, parts, a.Logprobs))
	}
	if len(e.choices) > 0 && !slices.ContainsFunc(e.choices, func(c *choice) bool { return !c.blocked() }) {
		w.Candidates, w.Feedback = nil, &outFeedback{BlockReason: "SAFETY"}
	}
	return marshal(e.frame(w))
}

// whole gives the parts of a whole answer.
func (c *choice) whole(a chat.Answer, shown bool) []outPart {
	var parts []outPart
	if shown && a.Reasoning != "" {
		parts = append(parts, outPart{Text: &a.Reasoning, Thought: true})
	}
	for _, t := range a.Thinking {
		if t.Signature != "" || t.Data != "" {
			c.token.Thinking = append(c.token.Thinking, thought{t.Text, t.Signature, t.Data})
		}
	}
	parts = c.text(parts, a.Text)
	parts = c.text(parts, a.Refusal)
	for _, call := range a.Calls {
		parts = c.piece(chat.CallDelta{ID: call.ID, Name: call.Name, Arguments: call.Arguments, Signature: call.Signature}, parts)
	}
	c.finish = a.Finish
	return c.flush(parts)
}

func (c *choice) text(parts []outPart, text string) []outPart {
	if text == "" {
		return parts
	}
	c.said = true
	return append(parts, outPart{Text: &text, Signature: c.sign("")})
}

// sign gives the signature of the next part: a call's own, and the thinking before it.
func (c *choice) sign(call string) string {
	c.token.Call = call
	s := c.token.encode()
	c.token = token{}
	return s
}

// flush adds the call that has come in, if there is one.
func (c *choice) flush(parts []outPart) []outPart {
	if c.call == nil {
		return parts
	}
	call := *c.call
	c.call = nil
	args := json.RawMessage(strings.TrimSpace(c.args.String()))
	c.args.Reset()
	if len(args) == 0 {
		args = json.RawMessage("{}")
	}
	if !json.Valid(args) || rawjson.TypeOf(args) != rawjson.ObjectType {
		c.broken = true
		return parts
	}
	c.said = true
	return append(parts, outPart{
		Call: &wireCall{ID: call.ID, Name: call.Name, Args: args}, Signature: c.sign(call.Signature),
	})
}

// last is the candidate with its finish reason. It has a part even where nothing is
// left to say: some applications count on one.
func (c *choice) last(index int, parts []outPart, probs *chat.Logprobs) outCandidate {
	parts = c.flush(parts)
	if len(parts) == 0 {
		parts = nothing(c.sign(""))
	}
	w := candidateOf(index, parts)
	w.Finish, w.Probs = c.reason(), writeProbs(probs)
	return w
}

// nothing is the part of a candidate that says nothing.
func nothing(signature string) []outPart {
	empty := ""
	return []outPart{{Text: &empty, Signature: signature}}
}

func (c *choice) reason() string {
	switch {
	case c.broken:
		return malformedCall
	case c.finish == chat.Length:
		return "MAX_TOKENS"
	case c.finish == chat.ContentFilter:
		return "SAFETY"
	}
	return "STOP"
}

// blocked tells whether the answer was refused before anything was said.
func (c *choice) blocked() bool { return !c.said && c.finish == chat.ContentFilter }

// Step implements [chat.Encoder].
func (e *encoder) Step(dst []byte, s *chat.Step) []byte {
	e.model = s.Model
	if s.ID != "" && e.id == "" {
		e.id = s.ID
	}
	if s.Usage != nil {
		e.usage = s.Usage
	}
	parts := make(map[*choice][]outPart)
	for _, d := range s.Deltas {
		c := e.choice(d.Choice)
		parts[c] = c.take(d, parts[c], e.shown)
		if d.Finish != "" && !e.begun && len(parts[c]) == 0 {
			parts[c] = nothing("") // a stream must begin before its end
		}
	}
	var w outAnswer
	for i, c := range e.choices {
		if len(parts[c]) > 0 {
			candidate := candidateOf(i, parts[c])
			candidate.Probs = writeProbs(&c.probs)
			c.probs = chat.Logprobs{}
			w.Candidates = append(w.Candidates, candidate)
		}
	}
	if w.Candidates == nil {
		return dst
	}
	e.begun = true
	return e.frames.chunk(dst, marshal(e.frame(w)))
}

// take adds what a delta brought to the parts of the chunk.
func (c *choice) take(d chat.Delta, parts []outPart, shown bool) []outPart {
	if d.Logprobs != nil {
		c.probs.Tokens = append(c.probs.Tokens, d.Logprobs.Tokens...)
	}
	if d.Reasoning != "" {
		c.stretch.WriteString(d.Reasoning)
		if shown {
			parts = append(parts, outPart{Text: &d.Reasoning, Thought: true})
		}
	}
	if d.Signature != "" {
		c.token.Thinking = append(c.token.Thinking, thought{Text: c.stretch.String(), Signature: d.Signature})
		c.stretch.Reset()
	}
	if d.Redacted != "" {
		c.token.Thinking = append(c.token.Thinking, thought{Data: d.Redacted})
	}
	if d.Text+d.Refusal != "" {
		parts = c.text(c.text(c.flush(parts), d.Text), d.Refusal)
	}
	if d.Call != nil {
		parts = c.piece(*d.Call, parts)
	}
	if d.Finish != "" {
		parts = c.flush(parts)
		c.finish = d.Finish
	}
	return parts
}

// piece adds to the call that is coming in, or begins the next.
func (c *choice) piece(d chat.CallDelta, parts []outPart) []outPart {
	if d.ID != "" || c.call == nil {
		parts = c.flush(parts)
		c.call = &chat.Call{ID: d.ID, Name: d.Name, Signature: d.Signature}
	}
	c.args.WriteString(d.Arguments)
	return parts
}

func candidateOf(index int, parts []outPart) outCandidate {
	return outCandidate{Index: index, Content: outContent{Parts: parts, Role: modelRole}}
}

// choice finds a choice; new ones begin as they are named. Those beyond any sense
// share the last place.
func (e *encoder) choice(index int) *choice {
	index = min(max(index, 0), maxCandidates)
	for len(e.choices) <= index {
		e.choices = append(e.choices, &choice{})
	}
	return e.choices[index]
}

// frame completes a chunk.
func (e *encoder) frame(w outAnswer) outAnswer {
	if e.id == "" {
		e.id = e.newID()
	}
	w.ID, w.Model = e.id, e.model
	if u := e.usage; u != nil {
		w.Usage = &outUsage{
			Prompt: u.InputTotal(), Candidates: u.Output, Total: u.Total(), Cached: u.CacheRead, Thoughts: u.Reasoning,
		}
	}
	return w
}

// Trailer implements [chat.Encoder].
func (e *encoder) Trailer(dst []byte, u *events.Usage, b provider.Bill) []byte {
	e.usage = u
	var w outAnswer
	for i, c := range e.choices {
		w.Candidates = append(w.Candidates, c.last(i, nil, &c.probs))
	}
	return e.frames.last(dst, marshal(e.frame(w)), b)
}

// Abort implements [chat.Encoder].
func (e *encoder) Abort(dst []byte, err *gateway.Error) []byte { return e.frames.abort(dst, err) }
