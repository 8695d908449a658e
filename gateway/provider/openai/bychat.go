package openai

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"

	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/rawjson"
	"github.com/llm-hub/llm-hub/gateway/provider/sse"
)

// legacyCap is how many tokens a legacy completion has where the client says nothing of it.
const legacyCap = 16

// CompleteByChat serves what [ParseCompletion] read over a vendor that knows only chats: the
// text is what a user says, and the answer is given as a completion. A *gateway.Error of
// kind Invalid names what a chat cannot do.
func CompleteByChat(v provider.Vendor, in *provider.Inbound, t provider.Target) (*provider.Outbound, error) {
	body, dropped, err := asChat(in.Body)
	if err != nil {
		return nil, err
	}
	asked := *in
	asked.Body = body
	if asked.MaxOutput == 0 {
		asked.MaxOutput = legacyCap * choicesOf(body)
	}
	out, err := v.Prepare(&asked, t)
	if err != nil {
		return nil, err
	}
	out.Dropped = append(dropped, out.Dropped...)
	if whole := out.Unary; whole != nil {
		out.Unary = func(body []byte) (provider.Reply, error) {
			reply, err := whole(body)
			if err == nil {
				reply.Body = asCompletion(reply.Body)
			}
			return reply, err
		}
	}
	if stream := out.Stream; stream != nil {
		out.Stream = func(r io.Reader) provider.Stream { return &completions{Stream: stream(r)} }
	}
	return out, nil
}

// asChat is a request for a completion as one for a chat, and what of it a chat is not told.
func asChat(body []byte) (chat []byte, dropped []string, err error) {
	members := map[string]json.RawMessage{}
	obj := rawjson.NewObject(body)
	for obj.Next() {
		if rawjson.TypeOf(obj.Value()) == rawjson.NullType {
			continue
		}
		switch key := string(obj.Key()); key {
		case "prompt":
			text, err := onePrompt(obj.Value())
			if err != nil {
				return nil, nil, err
			}
			members["messages"] = marshal([]any{map[string]any{"role": "user", "content": text}})
		case "suffix":
			return nil, nil, invalid(key, "unsupported_parameter", "'%s' is not supported by this model.", key)
		case "echo":
			if string(obj.Value()) == "true" {
				return nil, nil, invalid(key, "unsupported_parameter", "'%s' is not supported by this model.", key)
			}
		case "best_of", "logprobs":
			dropped = append(dropped, key)
		default:
			members[key] = obj.Value()
		}
	}
	return marshal(members), dropped, nil // the request was found good before
}

// choicesOf is how many answers a request asks for.
func choicesOf(body []byte) int64 {
	var asked struct {
		N int64 `json:"n"`
	}
	_ = json.Unmarshal(body, &asked) // it was found good before
	return max(asked.N, 1)
}

// onePrompt is the only text of a prompt.
func onePrompt(value []byte) (json.RawMessage, error) {
	if rawjson.TypeOf(value) == rawjson.StringType {
		return value, nil
	}
	list := rawjson.NewArray(value)
	if list.Next() && rawjson.TypeOf(list.Value()) == rawjson.StringType {
		if text := list.Value(); !list.Next() {
			return text, nil
		}
	}
	return nil, invalid("prompt", "unsupported_value", "This model goes on with one text, not with several or with tokens.")
}

// asCompletion is an answer to a chat, or a chunk of one, as a completion. What is none, as
// an error, stays as it is.
func asCompletion(body []byte) []byte {
	var members map[string]json.RawMessage
	var chat struct {
		ID      string `json:"id"`
		Choices []struct {
			Index   int             `json:"index"`
			Message wireAnswer      `json:"message"`
			Delta   wireDelta       `json:"delta"`
			Finish  json.RawMessage `json:"finish_reason"`
		} `json:"choices"`
	}
	if json.Unmarshal(body, &members) != nil || members["choices"] == nil || json.Unmarshal(body, &chat) != nil {
		return body
	}
	choices := make([]map[string]any, len(chat.Choices))
	for i, c := range chat.Choices {
		text := ""
		for _, said := range []*string{c.Message.Content, c.Message.Refusal, c.Delta.Content, c.Delta.Refusal} {
			if said != nil {
				text += *said
			}
		}
		choices[i] = map[string]any{"index": c.Index, "text": text, "logprobs": nil, "finish_reason": c.Finish}
	}
	members["choices"], members["object"] = marshal(choices), json.RawMessage(`"text_completion"`)
	members["id"] = rawjson.Quote("cmpl-" + strings.TrimPrefix(chat.ID, idPrefix))
	return marshal(members)
}

// completions is a stream of a chat as one of a completion.
type completions struct{ provider.Stream }

// Next implements [provider.Stream].
func (c *completions) Next() ([]byte, error) {
	for {
		events, err := c.Stream.Next()
		if err != nil {
			return nil, err
		}
		if events = c.turned(events); len(events) > 0 { // the chunk that tells the role says nothing here
			return events, nil
		}
	}
}

// Trailer implements [provider.Stream].
func (c *completions) Trailer(b provider.Bill) []byte { return c.turned(c.Stream.Trailer(b)) }

// Abort implements [provider.Stream].
func (c *completions) Abort(err *gateway.Error) []byte { return c.Stream.Abort(err) }

// turned are events of a chat as those of a completion, but for those that say nothing.
func (c *completions) turned(events []byte) []byte {
	var out []byte
	r := sse.NewReader(bytes.NewReader(events))
	for {
		e, err := r.Next()
		if err != nil { // the end: the events are our own
			return out
		}
		if data := asCompletion(e.Data); !saysNothing(data) {
			out = sse.AppendData(out, data)
		}
	}
}

// saysNothing tells whether a chunk has neither text nor an end nor usage.
func saysNothing(chunk []byte) bool {
	var c struct {
		Choices []struct {
			Text   string `json:"text"`
			Finish any    `json:"finish_reason"`
		} `json:"choices"`
	}
	if json.Unmarshal(chunk, &c) != nil || len(c.Choices) == 0 {
		return false
	}
	for _, choice := range c.Choices {
		if choice.Text != "" || choice.Finish != nil {
			return false
		}
	}
	return true
}
