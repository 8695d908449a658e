package openai

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/chat"
	"github.com/llm-hub/llm-hub/gateway/provider/failure"
	"github.com/llm-hub/llm-hub/gateway/provider/rawjson"
)

// What comes from the vendor: a completion or a chunk of one.
type (
	gotCompletion struct {
		ID      string          `json:"id"`
		Model   string          `json:"model"`
		Choices []gotChoice     `json:"choices"`
		Usage   json.RawMessage `json:"usage"`
		Failure json.RawMessage `json:"error"`
	}
	gotChoice struct {
		Index    int             `json:"index"`
		Message  gotMessage      `json:"message"`
		Delta    gotMessage      `json:"delta"`
		Logprobs *wireLogprobs   `json:"logprobs"`
		Finish   string          `json:"finish_reason"`
		Stop     json.RawMessage `json:"stop_reason"` // vLLM's: the stop sequence, or a token's number
	}
	gotMessage struct {
		Content   json.RawMessage `json:"content"` // a text, or Mistral's list of parts
		Refusal   string          `json:"refusal"`
		Reasoning string          `json:"reasoning_content"`
		Thinking  string          `json:"reasoning"` // another word for the same
		Details   json.RawMessage `json:"reasoning_details"`
		ToolCalls []wireCall      `json:"tool_calls"`
		Cited     json.RawMessage `json:"annotations"`
	}
	gotPart struct {
		Type     string    `json:"type"`
		Text     string    `json:"text"`
		Thinking []gotPart `json:"thinking"`
	}
)

// parseGot reads a completion or a chunk, and refuses what is an error; then it
// still gives the usage.
func parseGot(data []byte) (*gotCompletion, error) {
	var w gotCompletion
	if err := json.Unmarshal(data, &w); err != nil {
		return nil, provider.BadAnswerError(err)
	}
	if t := rawjson.TypeOf(w.Failure); t != rawjson.NoType && t != rawjson.NullType {
		return &w, failure.Told(failure.Read(data)).Public()
	}
	return &w, nil
}

// text is what of the content the client sees, and what only was thought.
func (m gotMessage) text() (text, thought string) {
	switch rawjson.TypeOf(m.Content) {
	case rawjson.StringType:
		text, _ = rawjson.String(m.Content) // it was decoded once
	case rawjson.ArrayType:
		var list []gotPart
		if json.Unmarshal(m.Content, &list) != nil {
			return "", ""
		}
		for _, p := range list {
			text += p.Text
			for _, t := range p.Thinking {
				thought += t.Text
			}
		}
	}
	return text, thought
}

// reasoning is what the vendor shows of its thoughts.
func (m gotMessage) reasoning(parts []chat.Part, thought string) string {
	for _, s := range []string{m.Reasoning, m.Thinking, thought} {
		if s != "" {
			return s
		}
	}
	return plainThoughts(parts)
}

func readReply(body []byte, newID func() string) (*chat.Reply, error) {
	w, err := parseGot(body)
	if w == nil {
		return nil, err
	}
	r := &chat.Reply{ID: w.ID, Model: w.Model, Usage: readUsage(w.Usage)}
	if err != nil {
		return r, err
	}
	if len(w.Choices) == 0 {
		return r, provider.BadAnswerError(errNoChoices)
	}
	for _, c := range w.Choices {
		a, err := readAnswer(c, newID)
		if err != nil {
			return r, err
		}
		r.Choices = append(r.Choices, a)
	}
	return r, nil
}

func readAnswer(c gotChoice, newID func() string) (chat.Answer, error) {
	text, thought := c.Message.text()
	parts := readThoughts(c.Message.Details)
	a := chat.Answer{
		Text: text, Reasoning: c.Message.reasoning(parts, thought), Refusal: c.Message.Refusal,
		Logprobs: readLogprobs(c.Logprobs), StopText: stopText(c.Stop), Citations: readAnnotations(c.Message.Cited),
	}
	if signed(parts) {
		a.Thinking = parts
	}
	for _, w := range c.Message.ToolCalls {
		call := chat.Call{ID: w.ID, Name: w.Function.Name, Arguments: w.Function.Arguments, Signature: w.signature()}
		if call.ID == "" {
			call.ID = newID()
		}
		if call.Arguments == "" {
			call.Arguments = "{}"
		}
		a.Calls = append(a.Calls, call)
	}
	var err error
	a.Finish, err = finishOf(c.Finish, len(a.Calls) > 0)
	return a, err
}

func stopText(value json.RawMessage) string {
	if rawjson.TypeOf(value) != rawjson.StringType {
		return ""
	}
	s, _ := rawjson.String(value) // it was decoded once
	return s
}

var errBroken = errors.New("the answer was broken off")

// finishOf reads a finish reason. Calls that the client demanded end with stop; a
// reason not known here is a stop, too: the answer is whole.
func finishOf(reason string, calls bool) (chat.Finish, error) {
	switch reason {
	case "error", "insufficient_system_resource":
		return "", provider.BadAnswerError(fmt.Errorf("%w (%s)", errBroken, failure.Clean(reason)))
	case "length", "model_length", "max_tokens":
		return chat.Length, nil
	case "content_filter":
		return chat.ContentFilter, nil
	}
	if calls {
		return chat.ToolCalls, nil
	}
	return chat.Stop, nil
}
