package gemini

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/chat"
	"github.com/llm-hub/llm-hub/gateway/provider/failure"
)

type wireAnswer struct {
	Candidates []wireCandidate `json:"candidates"`
	Feedback   *struct {
		BlockReason string `json:"blockReason"`
	} `json:"promptFeedback"`
	Usage   *wireUsage      `json:"usageMetadata"`
	Model   string          `json:"modelVersion"`
	ID      string          `json:"responseId"`
	Failure json.RawMessage `json:"error"`
}

type wireCandidate struct {
	Index   int         `json:"index"`
	Content wireContent `json:"content"`
	Finish  string      `json:"finishReason"`
	Probs   *wireProbs  `json:"logprobsResult"`

	Grounding json.RawMessage `json:"groundingMetadata"`
	Recited   json.RawMessage `json:"citationMetadata"`
}

// newIDs gives the maker of ids for calls.
func newIDs(newID func() string) func() string {
	if newID == nil {
		newID = rand.Text
	}
	return func() string { return "call_" + newID() }
}

var errEmpty = errors.New("neither candidates nor feedback")

// parse reads an answer or a chunk of one, and refuses what is an error. A blocked
// prompt has its usage beside the error.
func parse(body []byte) (*wireAnswer, error) {
	var w wireAnswer
	switch err := json.Unmarshal(body, &w); {
	case err != nil:
		return nil, provider.BadAnswerError(err)
	case len(w.Failure) > 0 && string(w.Failure) != "null":
		return nil, failure.Told(failure.Read(body)).Public()
	case w.blocked():
		return &w, (&provider.Failure{
			Class: provider.Refused, Code: "content_filter",
			Message: fmt.Sprintf("The vendor blocked the prompt (%s).", failure.Clean(w.Feedback.BlockReason)),
		}).Public()
	}
	return &w, nil
}

// blocked tells whether the prompt was refused.
func (w *wireAnswer) blocked() bool {
	return len(w.Candidates) == 0 && w.Feedback != nil && w.Feedback.BlockReason != ""
}

func reply(body []byte, newID func() string) (*chat.Reply, error) {
	w, err := parse(body)
	if w == nil {
		return nil, err
	}
	r := &chat.Reply{ID: w.ID, Model: w.Model, Usage: w.Usage.classes()}
	if err != nil {
		return r, err
	}
	if len(w.Candidates) == 0 {
		return r, provider.BadAnswerError(errEmpty)
	}
	for _, c := range w.Candidates {
		a := answer(c, newID)
		a.Logprobs = c.Probs.canonical()
		if a.Finish, err = finishOf(c.Finish, len(a.Calls) > 0, a.Size() > 0); err != nil {
			return r, err
		}
		r.Choices = append(r.Choices, a)
	}
	return r, nil
}

func answer(c wireCandidate, newID func() string) chat.Answer {
	var (
		a    chat.Answer
		said sourced
	)
	for _, p := range c.Content.Parts {
		switch {
		case p.Call != nil:
			a.Calls = append(a.Calls, callOf(p, newID))
			said.part("")
		case p.Thought:
			a.Reasoning += p.Text
			said.part("")
		default:
			a.Text += p.Text
			said.part(p.Text)
		}
	}
	a.Citations = said.citations(c.Grounding, c.Recited)
	return a
}

func callOf(p wirePart, newID func() string) chat.Call {
	out := chat.Call{ID: p.Call.ID, Name: p.Call.Name, Arguments: compact(p.Call.Args), Signature: p.Signature}
	if out.ID == "" {
		out.ID = newID()
	}
	return out
}

// compact is a call's arguments, or its result, without white space: Gemini indents
// whole answers, and the client sends them back.
func compact(value json.RawMessage) string {
	var b bytes.Buffer
	if len(value) == 0 || string(value) == "null" || json.Compact(&b, value) != nil {
		return "{}"
	}
	return b.String()
}

// malformedCall is the finish reason of a candidate whose call could not be read.
const malformedCall = "MALFORMED_FUNCTION_CALL"

// finishOf translates a finish reason. Calls end with STOP like all else. What is
// no end of an answer is an error, and so is a reason not known here that comes
// without any answer.
func finishOf(reason string, calls, content bool) (chat.Finish, error) {
	switch reason {
	case "STOP":
		if calls {
			return chat.ToolCalls, nil
		}
		return chat.Stop, nil
	case "MAX_TOKENS":
		return chat.Length, nil
	case "SAFETY", "RECITATION", "LANGUAGE", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII",
		"IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION":
		return chat.ContentFilter, nil
	case malformedCall, "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS", "MALFORMED_RESPONSE":
		return "", unfinished(reason)
	}
	if !content {
		return "", unfinished(reason)
	}
	return chat.Stop, nil
}

func unfinished(reason string) error {
	return (&provider.Failure{
		Class:   provider.BadAnswer,
		Message: fmt.Sprintf("The vendor could not finish its answer (%s).", failure.Clean(reason)),
	}).Public()
}
