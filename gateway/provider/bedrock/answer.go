package bedrock

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/chat"
)

type wireAnswer struct {
	Output struct {
		Message *struct {
			Content []wireReply `json:"content"`
		} `json:"message"`
	} `json:"output"`
	wireStop
	Usage *wireUsage `json:"usage"`
}

// wireReply is a block of an answer; blocks of other kinds are passed over.
type wireReply struct {
	Text      string       `json:"text"`
	ToolUse   *wireToolUse `json:"toolUse"`
	Reasoning *struct {
		Text     *wireThought `json:"reasoningText"`
		Redacted string       `json:"redactedContent"`
	} `json:"reasoningContent"`
	Citations *struct {
		Content []struct {
			Text string `json:"text"`
		} `json:"content"`
	} `json:"citationsContent"`
}

// wireStop is why an answer ended.
type wireStop struct {
	Reason     string `json:"stopReason"`
	Additional struct {
		Sequence *string `json:"stop_sequence"`
	} `json:"additionalModelResponseFields"`
}

func (s wireStop) sequence() string {
	if s.Additional.Sequence == nil {
		return ""
	}
	return *s.Additional.Sequence
}

var errNoMessage = errors.New("the answer has no message")

func reply(body []byte) (*chat.Reply, error) {
	var w wireAnswer
	if err := json.Unmarshal(body, &w); err != nil {
		return nil, provider.BadAnswerError(err)
	}
	usage := w.Usage.classes()
	finish, err := finishOf(w.Reason)
	if err == nil && w.Output.Message == nil {
		err = errNoMessage
	}
	if err != nil {
		return &chat.Reply{Usage: usage}, provider.BadAnswerError(err)
	}
	a := chat.Answer{Finish: finish, StopText: w.sequence()}
	for _, block := range w.Output.Message.Content {
		a.Text += block.Text
		if c := block.Citations; c != nil {
			for _, piece := range c.Content {
				a.Text += piece.Text
			}
		}
		if r := block.Reasoning; r != nil {
			takeThought(&a, r.Text, r.Redacted)
		}
		if u := block.ToolUse; u != nil {
			a.Calls = append(a.Calls, chat.Call{ID: u.ID, Name: u.Name, Arguments: arguments(u.Input)})
		}
	}
	return &chat.Reply{Choices: []chat.Answer{a}, Usage: usage}, nil
}

func takeThought(a *chat.Answer, text *wireThought, redacted string) {
	if text != nil {
		a.Reasoning += text.Text
		a.Thinking = append(a.Thinking, chat.Part{Kind: chat.ThinkingPart, Text: text.Text, Signature: text.Signature})
	}
	if redacted != "" {
		a.Thinking = append(a.Thinking, chat.Part{Kind: chat.ThinkingPart, Data: redacted})
	}
}

func arguments(input json.RawMessage) string {
	if len(input) == 0 || string(input) == "null" {
		return "{}"
	}
	return string(input)
}

// finishOf translates a stop reason. One that is not known here is a stop: the
// message is whole.
func finishOf(reason string) (chat.Finish, error) {
	switch reason {
	case "max_tokens", "model_context_window_exceeded":
		return chat.Length, nil
	case "tool_use":
		return chat.ToolCalls, nil
	case "guardrail_intervened", "content_filtered":
		return chat.ContentFilter, nil
	case "malformed_model_output", "malformed_tool_use", "":
		return "", fmt.Errorf("stop reason %q", reason)
	}
	return chat.Stop, nil // end_turn, stop_sequence
}

type wireUsage struct {
	Input      *int64 `json:"inputTokens"` // without cache
	Output     *int64 `json:"outputTokens"`
	CacheRead  int64  `json:"cacheReadInputTokens"`
	CacheWrite int64  `json:"cacheWriteInputTokens"` // for any time
	Details    []struct {
		TTL    chat.CacheTTL `json:"ttl"`
		Tokens int64         `json:"inputTokens"`
	} `json:"cacheDetails"`
}

// classes is the usage in disjoint classes; nil if there is none to be read.
func (u *wireUsage) classes() *events.Usage {
	if u == nil || u.Input == nil && u.Output == nil {
		return nil
	}
	out := &events.Usage{CacheRead: max(u.CacheRead, 0), CacheWrite: max(u.CacheWrite, 0)}
	if u.Input != nil {
		out.Input = max(*u.Input, 0)
	}
	if u.Output != nil {
		out.Output = max(*u.Output, 0)
	}
	for _, d := range u.Details {
		if d.TTL == chat.LongCache {
			out.CacheWrite1h += min(max(d.Tokens, 0), out.CacheWrite)
			out.CacheWrite -= min(max(d.Tokens, 0), out.CacheWrite)
		}
	}
	return out
}
