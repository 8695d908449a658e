package chat

import (
	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway/provider"
)

// Finish is why an answer ended.
type Finish string

// The reasons, in OpenAI's words.
const (
	Stop          Finish = "stop"
	Length        Finish = "length"
	ToolCalls     Finish = "tool_calls"
	ContentFilter Finish = "content_filter"
)

// Reply is a whole answer.
type Reply struct {
	ID      string // the vendor's, may be empty
	Model   string // what the vendor says answered
	Choices []Answer
	Usage   *events.Usage // nil: the vendor gave none
}

// Answer is one choice of a reply.
type Answer struct {
	Text      string
	Reasoning string
	Refusal   string
	Calls     []Call
	Finish    Finish
	Thinking  []Part    // of kind ThinkingPart: Reasoning with its signatures, where the vendor signs
	StopText  string    // the stop sequence that ended the answer, if the vendor says which
	Logprobs  *Logprobs // nil: none
	Citations []Citation
}

// Logprobs is how likely the tokens of a text were.
type Logprobs struct{ Tokens []Logprob }

// Logprob is a token of an answer and how likely it was.
type Logprob struct {
	Token   string
	Logprob float64   // natural logarithm of the probability
	Top     []Logprob // the most likely tokens at its place, without Top of their own
}

// Size is how many bytes of answer it holds.
func (a Answer) Size() int64 {
	n := len(a.Text) + len(a.Reasoning) + len(a.Refusal)
	for _, c := range a.Calls {
		n += len(c.Arguments)
	}
	return int64(n)
}

func (a Answer) meter(m *provider.TextMeter) {
	m.Add(a.Text)
	m.Add(a.Reasoning)
	m.Add(a.Refusal)
	for _, c := range a.Calls {
		m.Add(c.Arguments)
	}
}

// Step is what one event of a vendor's stream brought.
type Step struct {
	ID     string // may be empty; the last one given holds
	Model  string // likewise
	Deltas []Delta
	Usage  *events.Usage // cumulative; nil: nothing new
	Final  bool          // Usage is the whole answer's
}

// Delta is a piece of a choice.
type Delta struct {
	Choice    int
	Text      string
	Reasoning string
	Signature string // ends a stretch of Reasoning: the vendor's signature of it
	Redacted  string // a stretch of reasoning that only the vendor can read
	Refusal   string
	Call      *CallDelta
	Finish    Finish
	StopText  string    // with Finish: the stop sequence that ended the answer
	Logprobs  *Logprobs // nil: none
	Citation  *Citation // of text that has come before, or comes with it; nil: none
}

// CallDelta is a piece of a call. The first piece of each Index, which counts from
// 0 within the choice, has ID and Name; later ones have Arguments only.
type CallDelta struct {
	Index     int
	ID        string
	Name      string
	Arguments string
	Signature string // with ID: see [Call]
}

func (d Delta) meter(m *provider.TextMeter) {
	m.Add(d.Text)
	m.Add(d.Reasoning)
	m.Add(d.Refusal)
	if d.Call != nil {
		m.Add(d.Call.Arguments)
	}
}
