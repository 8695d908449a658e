package gemini

import (
	"crypto/rand"
	"slices"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/chat"
)

// An answer as applications get it.
type (
	outAnswer struct {
		Candidates []outCandidate `json:"candidates,omitempty"`
		Feedback   *outFeedback   `json:"promptFeedback,omitempty"`
		Usage      *wireUsage     `json:"usageMetadata,omitempty"`
		Model      string         `json:"modelVersion"`
		ID         string         `json:"responseId"`
	}
	outCandidate struct {
		Content outContent `json:"content"`
		Finish  string     `json:"finishReason,omitempty"`
		Index   int        `json:"index"`
		Probs   *wireProbs `json:"logprobsResult,omitempty"`

		Grounding *wireGrounding `json:"groundingMetadata,omitempty"`
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
		w.Usage = writeUsage(u)
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
