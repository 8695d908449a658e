package anthropic

import (
	"encoding/json"
	"errors"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/chat"
	"github.com/llm-hub/llm-hub/gateway/provider/failure"
)

type wireMessage struct {
	Type    string      `json:"type"`
	ID      string      `json:"id"`
	Model   string      `json:"model"`
	Content []wireReply `json:"content"`
	wireStop
	Usage wireUsage `json:"usage"`
}

// wireStop is why an answer ended.
type wireStop struct {
	Reason   string `json:"stop_reason"`
	Sequence string `json:"stop_sequence"`
	Details  struct {
		Explanation string `json:"explanation"` // of a refusal
	} `json:"stop_details"`
}

// wireReply is a block of an answer; blocks of other types are passed over.
type wireReply struct {
	Type      string          `json:"type"`
	Text      string          `json:"text"`
	Thinking  string          `json:"thinking"`
	Signature string          `json:"signature"`
	Data      string          `json:"data"`
	ID        string          `json:"id"`
	Name      string          `json:"name"`
	Input     json.RawMessage `json:"input"`
	Citations json.RawMessage `json:"citations"`
}

var (
	errNoMessage = errors.New("not a message")
	errNoCount   = errors.New("not a count of tokens")
)

func reply(body []byte) (*chat.Reply, error) {
	var w wireMessage
	if err := json.Unmarshal(body, &w); err != nil {
		return nil, provider.BadAnswerError(err)
	}
	switch w.Type {
	case "message":
	case "error":
		return nil, failure.Told(failure.Read(body)).Public()
	default:
		return nil, provider.BadAnswerError(errNoMessage)
	}
	a := chat.Answer{Finish: finishOf(w.Reason), StopText: w.Sequence, Refusal: w.Details.Explanation}
	var said cited
	for _, b := range w.Content {
		switch b.Type {
		case textBlock:
			said.begin(b)
			said.add(b.Text)
			a.Text += b.Text
			if c := said.citation(); c != nil {
				a.Citations = append(a.Citations, *c)
			}
		case thinkingBlock:
			a.Reasoning += b.Thinking
			a.Thinking = append(a.Thinking, chat.Part{Kind: chat.ThinkingPart, Text: b.Thinking, Signature: b.Signature})
		case redactedBlock:
			a.Thinking = append(a.Thinking, chat.Part{Kind: chat.ThinkingPart, Data: b.Data})
		case toolUseBlock:
			a.Calls = append(a.Calls, chat.Call{ID: b.ID, Name: b.Name, Arguments: arguments(b.Input)})
		}
	}
	return &chat.Reply{ID: w.ID, Model: w.Model, Choices: []chat.Answer{a}, Usage: w.Usage.classes()}, nil
}

func arguments(input json.RawMessage) string {
	if len(input) == 0 || string(input) == "null" {
		return "{}"
	}
	return string(input)
}

// finishOf translates a stop reason. A reason not known here is a stop: the
// message is whole.
func finishOf(reason string) chat.Finish {
	switch reason {
	case "max_tokens", "model_context_window_exceeded":
		return chat.Length
	case "tool_use":
		return chat.ToolCalls
	case "refusal":
		return chat.ContentFilter
	default: // end_turn, stop_sequence, pause_turn
		return chat.Stop
	}
}

// wireUsage is a count, which a stream gives in parts: what is nil is not news.
type wireUsage struct {
	Input      *int64 `json:"input_tokens"` // without cache
	CacheRead  *int64 `json:"cache_read_input_tokens"`
	CacheWrite *int64 `json:"cache_creation_input_tokens"`
	Creation   *struct {
		Short int64 `json:"ephemeral_5m_input_tokens"`
		Long  int64 `json:"ephemeral_1h_input_tokens"`
	} `json:"cache_creation"`
	Output  *int64 `json:"output_tokens"` // with thinking
	Details *struct {
		Thinking int64 `json:"thinking_tokens"`
	} `json:"output_tokens_details"`
	Tools *struct {
		WebSearches int64 `json:"web_search_requests"` // fetches and all else are billed as tokens
	} `json:"server_tool_use"`
}

// update takes over what is news in v.
func (u *wireUsage) update(v wireUsage) {
	take(&u.Input, v.Input)
	take(&u.CacheRead, v.CacheRead)
	take(&u.CacheWrite, v.CacheWrite)
	take(&u.Creation, v.Creation)
	take(&u.Output, v.Output)
	take(&u.Details, v.Details)
	take(&u.Tools, v.Tools)
}

func take[T any](into **T, news *T) {
	if news != nil {
		*into = news
	}
}

// classes is the usage in disjoint classes; nil if there is none to be read.
func (u *wireUsage) classes() *events.Usage {
	if u.Input == nil && u.Output == nil {
		return nil
	}
	out := &events.Usage{Input: value(u.Input), CacheRead: value(u.CacheRead), Output: value(u.Output)}
	out.CacheWrite = value(u.CacheWrite)
	if c := u.Creation; c != nil {
		out.CacheWrite1h = max(c.Long, 0)
		out.CacheWrite = max(out.CacheWrite-out.CacheWrite1h, c.Short, 0)
	}
	if u.Details != nil {
		out.Reasoning = min(max(u.Details.Thinking, 0), out.Output)
		out.Output -= out.Reasoning
	}
	if u.Tools != nil {
		out.WebSearches = max(u.Tools.WebSearches, 0)
	}
	return out
}

func value(n *int64) int64 {
	if n == nil {
		return 0
	}
	return max(*n, 0)
}
