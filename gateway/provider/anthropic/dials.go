package anthropic

import (
	"encoding/json"

	"github.com/llm-hub/llm-hub/gateway/provider/chat"
	"github.com/llm-hub/llm-hub/gateway/provider/rawjson"
)

// Dials are how much a model of this vendor is told to think and how it is to be
// sampled, for clouds that serve it behind another API. What it cannot be told is
// noted in the request as dropped.
type Dials struct {
	MaxTokens   int64           // 0: none is needed
	Thinking    json.RawMessage // the member "thinking"; nil: nothing is said of it
	Effort      string          // empty: the model's own
	Temperature *float64
	TopP        *float64
	TopK        *int64
}

// DialsFor says what model is told of a request.
func DialsFor(req *chat.Request, model string) (Dials, error) {
	w := &wireRequest{Model: model, MaxTokens: req.MaxOutput}
	if w.MaxTokens == 0 {
		w.MaxTokens = defaultMaxTokens
	}
	w.setThinking(req)
	w.setSampling(req)
	d := Dials{MaxTokens: req.MaxOutput, Temperature: w.Temperature, TopP: w.TopP, TopK: w.TopK}
	if w.Output != nil {
		d.Effort = w.Output.Effort
	}
	if w.Thinking == nil {
		return d, nil
	}
	if w.Thinking.Type == thinkingBudget {
		d.MaxTokens = w.MaxTokens // the budget must be less
	}
	var err error
	d.Thinking, err = rawjson.Marshal(w.Thinking)
	return d, err
}

// Known tells whether model is this vendor's, whatever a cloud writes around its
// name.
func Known(model string) bool { return versionOf(model).known() }

// CountAnswer is an answer of count_tokens.
func CountAnswer(tokens int64) []byte {
	return marshal(struct {
		Tokens int64 `json:"input_tokens"`
	}{tokens})
}
