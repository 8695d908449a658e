package anthropic

import (
	"encoding/json"
	"fmt"

	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/failure"
	"github.com/llm-hub/llm-hub/gateway/provider/rawjson"
)

// glance is what the gateway needs to know of a message or of an event of a
// stream. It is read without decoding and without allocation.
type glance struct {
	kind   []byte // the type, still quoted
	usage  []byte // the value, nil if none
	reason string // the stop reason; empty: none yet
}

// is tells whether the type is that.
func (g *glance) is(kind string) bool {
	return len(g.kind) == len(kind)+len(`""`) && string(g.kind[1:len(g.kind)-1]) == kind
}

// counted is the usage; nothing of it is news if there is none to be read.
func (g *glance) counted() (u wireUsage) {
	if g.usage != nil && json.Unmarshal(g.usage, &u) != nil {
		return wireUsage{}
	}
	return u
}

// look reads data. What it holds of the answer it adds to text.
func look(data []byte, text *provider.TextMeter) (glance, error) {
	var g glance
	obj := rawjson.NewObject(data)
	for obj.Next() {
		v := obj.Value()
		switch string(obj.Key()) {
		case "type":
			g.kind = v
		case "message", "delta":
			inner := rawjson.NewObject(v)
			for inner.Next() {
				g.note(string(inner.Key()), inner.Value(), text)
			}
		default:
			g.note(string(obj.Key()), v, text)
		}
	}
	return g, obj.Err()
}

// note takes what a member of a message, an event or a delta says.
func (g *glance) note(key string, value []byte, text *provider.TextMeter) {
	switch key {
	case "usage":
		g.usage = value
	case "stop_reason":
		g.reason, _ = rawjson.String(value)
	case "content":
		list := rawjson.NewArray(value)
		for list.Next() {
			meterBlock(list.Value(), text)
		}
	case "content_block":
		meterBlock(value, text)
	default:
		meter(key, value, text)
	}
}

func meterBlock(block []byte, text *provider.TextMeter) {
	obj := rawjson.NewObject(block)
	for obj.Next() {
		meter(string(obj.Key()), obj.Value(), text)
	}
}

// meter adds what a member of a block or of a delta holds of the answer.
func meter(key string, value []byte, text *provider.TextMeter) {
	switch key {
	case "text", "thinking", "partial_json":
		if rawjson.TypeOf(value) == rawjson.StringType {
			text.AddJSON(value[1 : len(value)-1])
		}
	case "input":
		if string(value) != "{}" { // which a stream begins with
			text.Add(string(value))
		}
	}
}

// readMessage passes a whole answer through and notes what it cost.
func readMessage(body []byte) (provider.Reply, error) {
	var text provider.TextMeter
	g, err := look(body, &text)
	switch {
	case err != nil:
		return provider.Reply{}, provider.BadAnswerError(err)
	case g.is(errorEvent):
		return provider.Reply{}, failure.Told(failure.Read(body)).Public()
	case !g.is("message"):
		return provider.Reply{}, provider.BadAnswerError(errNoMessage)
	}
	count := g.counted()
	usage := count.classes()
	if usage == nil { // then the answer itself is needed
		text = provider.TextMeter{Keep: provider.ExcerptSize}
		_, _ = look(body, &text) // as before
	}
	return provider.Reply{
		Body: body, Usage: usage, Output: text.Tokens(), Text: text.Excerpt(), Finish: string(finishOf(g.reason)),
	}, nil
}

// readCountAnswer passes the answer of count_tokens through.
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

// CountBody is the answer of count_tokens for a prompt of that many tokens.
func CountBody(tokens int64) []byte { return fmt.Appendf(nil, `{"input_tokens":%d}`, tokens) }
