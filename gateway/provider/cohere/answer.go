package cohere

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/chat"
	"github.com/llm-hub/llm-hub/gateway/provider/failure"
)

// The answer on the wire.
type (
	gotAnswer struct {
		ID       string       `json:"id"`
		Finish   string       `json:"finish_reason"`
		Message  *gotMessage  `json:"message"` // a text beside an error
		Usage    *wireUsage   `json:"usage"`
		Logprobs []gotLogprob `json:"logprobs"`
	}
	gotMessage struct {
		Content   []gotPart     `json:"content"`
		ToolPlan  string        `json:"tool_plan"`
		ToolCalls []wireCall    `json:"tool_calls"`
		Citations []gotCitation `json:"citations"`
	}
	gotPart struct {
		Type     string `json:"type"`
		Text     string `json:"text"`
		Thinking string `json:"thinking"`
	}
	gotLogprob struct {
		Text     string    `json:"text"`
		Logprobs []float64 `json:"logprobs"`
	}
)

// newIDs gives the maker of ids for calls.
func newIDs(newID func() string) func() string {
	if newID == nil {
		newID = rand.Text
	}
	return func() string { return "call_" + newID() }
}

var errNoMessage = errors.New("no message")

func readReply(body []byte, newID func() string) (*chat.Reply, error) {
	var w gotAnswer
	if err := json.Unmarshal(body, &w); err != nil {
		if words := failure.Read(body); words.Message != "" { // {"message": "..."}
			return nil, failure.Told(words).Public()
		}
		return nil, provider.BadAnswerError(err)
	}
	r := &chat.Reply{ID: w.ID, Usage: w.Usage.classes()}
	if w.Message == nil {
		return r, provider.BadAnswerError(errNoMessage)
	}
	a := chat.Answer{Text: w.Message.ToolPlan, Logprobs: logprobs(w.Logprobs)}
	offsets := make([]int, len(w.Message.Content)) // of each part in the text, in characters
	for i, p := range w.Message.Content {
		offsets[i] = utf8.RuneCountInString(a.Text)
		a.Text += p.Text
		a.Reasoning += p.Thinking
	}
	for _, c := range w.Message.Citations {
		if c.ofText() && c.Content >= 0 && c.Content < len(offsets) {
			a.Citations = append(a.Citations, c.canonical(offsets[c.Content]))
		}
	}
	for _, c := range w.Message.ToolCalls {
		a.Calls = append(a.Calls, callOf(c, newID))
	}
	var err error
	a.Finish, err = finishOf(w.Finish, len(a.Calls) > 0)
	r.Choices = []chat.Answer{a}
	return r, err
}

func callOf(w wireCall, newID func() string) chat.Call {
	c := chat.Call{ID: w.ID, Name: w.Function.Name, Arguments: w.Function.Arguments}
	if c.ID == "" {
		c.ID = newID()
	}
	if c.Arguments == "" {
		c.Arguments = "{}"
	}
	return c
}

// logprobs are those of the pieces that the vendor tells them of: a piece of several
// tokens has their product.
func logprobs(list []gotLogprob) *chat.Logprobs {
	if len(list) == 0 {
		return nil
	}
	out := &chat.Logprobs{Tokens: make([]chat.Logprob, len(list))}
	for i, l := range list {
		out.Tokens[i].Token = l.Text
		for _, p := range l.Logprobs {
			out.Tokens[i].Logprob += p
		}
	}
	return out
}

var errBroken = errors.New("the answer was broken off")

// finishOf translates a finish reason. A reason not known here is a stop: the
// answer is whole.
func finishOf(reason string, calls bool) (chat.Finish, error) {
	switch reason {
	case "", "ERROR", "TIMEOUT", "USER_CANCEL":
		return "", provider.BadAnswerError(fmt.Errorf("%w (%s)", errBroken, failure.Clean(reason)))
	case "MAX_TOKENS", "ERROR_LIMIT":
		return chat.Length, nil
	case "ERROR_TOXIC":
		return chat.ContentFilter, nil
	}
	if calls {
		return chat.ToolCalls, nil
	}
	return chat.Stop, nil
}
