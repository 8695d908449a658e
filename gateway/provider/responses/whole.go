package responses

import (
	"encoding/json"
	"errors"

	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/rawjson"
)

var (
	errNoResponse = errors.New("not a response")
	errNoCount    = errors.New("not a count of tokens")
)

// readResponse passes a whole answer through and notes what it cost.
func readResponse(body []byte) (provider.Reply, error) {
	var s summary
	if err := json.Unmarshal(body, &s); err != nil {
		return provider.Reply{}, provider.BadAnswerError(err)
	}
	usage := s.usage()
	switch {
	case s.failed():
		return provider.Reply{Usage: usage}, s.failure()
	case s.Object != "response" || s.Status != completed && s.Status != incomplete:
		return provider.Reply{Usage: usage}, provider.BadAnswerError(errNoResponse)
	}
	reply := provider.Reply{Body: body, Usage: usage, Finish: s.finish(), Kept: s.kept()}
	if usage == nil { // then the answer itself is needed
		text := provider.TextMeter{Keep: provider.ExcerptSize}
		meterOutput(body, &text)
		reply.Output, reply.Text = text.Tokens(), text.Excerpt()
	}
	return reply, nil
}

// meterOutput adds the texts of a response's output.
func meterOutput(body []byte, text *provider.TextMeter) {
	obj := rawjson.NewObject(body)
	for obj.Next() {
		if string(obj.Key()) != "output" {
			continue
		}
		items := rawjson.NewArray(obj.Value())
		for items.Next() {
			meterItem(items.Value(), text)
		}
	}
}

// meterItem adds the texts of an item: its own, and those of its parts.
func meterItem(item []byte, text *provider.TextMeter) {
	obj := rawjson.NewObject(item)
	for obj.Next() {
		switch string(obj.Key()) {
		case "text", "refusal", "arguments", "input":
			meter(obj.Value(), text)
		case "content", "summary":
			parts := rawjson.NewArray(obj.Value())
			for parts.Next() {
				meterItem(parts.Value(), text)
			}
		}
	}
}

// readCount passes the answer of input_tokens through.
func readCountAnswer(body []byte) (provider.Reply, error) {
	var w struct {
		InputTokens *int64 `json:"input_tokens"`
	}
	if err := json.Unmarshal(body, &w); err != nil {
		return provider.Reply{}, provider.BadAnswerError(err)
	}
	if w.InputTokens == nil {
		return provider.Reply{}, provider.BadAnswerError(errNoCount)
	}
	return provider.Reply{Body: body}, nil
}
