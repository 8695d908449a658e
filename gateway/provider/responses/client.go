package responses

import (
	"crypto/rand"
	"encoding/json"
	"time"

	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/chat"
	"github.com/llm-hub/llm-hub/gateway/provider/rawjson"
)

// Client is the Responses API as applications speak it, for vendors of another wire
// format. Its zero value is ready for use.
type Client struct {
	Now   func() time.Time // nil: time.Now
	NewID func() string    // a new id, without its prefix; nil: random
}

var _ chat.Client = Client{}

// Encoder implements [chat.Client].
func (c Client) Encoder(in *provider.Inbound) chat.Encoder {
	now, newID := c.Now, c.NewID
	if now == nil {
		now = time.Now
	}
	if newID == nil {
		newID = rand.Text
	}
	e := &encoder{now: now, newID: newID, prompt: in.InputTokens, calls: make(map[int]*openCall)}
	e.response = echoOf(in)
	e.response.ID, e.response.CreatedAt = "resp_"+newID(), now().Unix()
	e.custom, e.summarize = customTools(e.response.Tools), summaryWanted(e.response.Reasoning)
	return e
}

// echoOf is the response as far as the request says how it is.
func echoOf(in *provider.Inbound) responseOut {
	r := responseOut{
		Object: "response", Output: []any{}, Store: in.Keep,
		Instructions: nothing(), MaxOutput: nothing(), MaxToolCalls: nothing(), Parallel: json.RawMessage("true"),
		Reasoning: json.RawMessage(`{"effort":null,"summary":null}`), ServiceTier: json.RawMessage(`"default"`),
		Temperature: json.RawMessage("1"), Text: json.RawMessage(`{"format":{"type":"text"}}`), ToolChoice: json.RawMessage(`"auto"`),
		Tools: []json.RawMessage{}, TopLogprobs: json.RawMessage("0"), TopP: json.RawMessage("1"),
		Truncation: json.RawMessage(`"disabled"`), Metadata: json.RawMessage("{}"),
	}
	if in.Previous != "" {
		r.Previous = &in.Previous
	}
	obj := rawjson.NewObject(in.Body)
	for obj.Next() {
		if null(obj.Value()) {
			continue
		}
		key := string(obj.Key())
		if into := r.echo(key); into != nil {
			*into = obj.Value()
		}
		if key == "tools" {
			r.Tools = echoTools(obj.Value())
		}
	}
	if string(r.ServiceTier) == `"auto"` {
		r.ServiceTier = json.RawMessage(`"default"`)
	}
	return r
}

func nothing() json.RawMessage { return json.RawMessage("null") }

// echo is where a member of the request comes back as it was; nil: it does not.
func (r *responseOut) echo(key string) *json.RawMessage {
	switch key {
	case "instructions":
		return &r.Instructions
	case "max_output_tokens":
		return &r.MaxOutput
	case "max_tool_calls":
		return &r.MaxToolCalls
	case "parallel_tool_calls":
		return &r.Parallel
	case "reasoning":
		return &r.Reasoning
	case "service_tier":
		return &r.ServiceTier
	case "temperature":
		return &r.Temperature
	case "text":
		return &r.Text
	case "tool_choice":
		return &r.ToolChoice
	case "top_logprobs":
		return &r.TopLogprobs
	case "top_p":
		return &r.TopP
	case "truncation":
		return &r.Truncation
	case "metadata":
		return &r.Metadata
	case "user":
		return &r.User
	case "safety_identifier":
		return &r.SafetyID
	case "prompt_cache_key":
		return &r.CacheKey
	}
	return nil
}

// echoTools gives the tools back, functions with all members that they must have.
func echoTools(value []byte) []json.RawMessage {
	tools := []json.RawMessage{}
	list := rawjson.NewArray(value)
	for list.Next() {
		tool := json.RawMessage(list.Value())
		var w toolIn
		if json.Unmarshal(tool, &w) == nil && w.Type == functionTool {
			tool = withNull(withNull(tool, "parameters"), "strict")
		}
		tools = append(tools, tool)
	}
	return tools
}

// withNull adds a member that an object lacks as null.
func withNull(object []byte, name string) []byte {
	obj := rawjson.NewObject(object)
	for obj.Next() {
		if string(obj.Key()) == name {
			return object
		}
	}
	at := obj.End() - 1
	return rawjson.Apply(object, rawjson.Edit{From: at, To: at, With: []byte(`,"` + name + `":null`)})
}

// customTools are the names of the tools that take a text.
func customTools(tools []json.RawMessage) map[string]bool {
	custom := make(map[string]bool)
	for _, raw := range tools {
		var w toolIn
		if json.Unmarshal(raw, &w) == nil && w.Type == customTool {
			custom[w.Name] = true
		}
	}
	return custom
}

// summaryWanted tells whether what is thought is to be shown as a summary.
func summaryWanted(reasoning []byte) bool {
	var w struct {
		Summary  *string `json:"summary"`
		Generate *string `json:"generate_summary"`
	}
	return json.Unmarshal(reasoning, &w) == nil && (w.Summary != nil || w.Generate != nil)
}
