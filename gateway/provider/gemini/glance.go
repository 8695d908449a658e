package gemini

import (
	"encoding/json"
	"math/bits"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/chat"
	"github.com/llm-hub/llm-hub/gateway/provider/rawjson"
)

// maxTracked is how many candidates are followed to their end; more of one answer
// share the last place.
const maxTracked = bits.UintSize

// glance is what the gateway needs to know of an answer or a chunk of one. It is
// read without decoding.
type glance struct {
	usage    []byte // the value, nil if none or null
	failure  []byte // the value of "error", nil if none or null
	empty    bool   // no candidate is in it
	blocked  bool   // the prompt was refused
	calls    bool   // a call is in it
	seen     uint   // candidates by index
	finished uint   // candidates with a finish reason
	finish   []byte // the last finish reason, still quoted
}

// look reads data. What it holds of the answer it adds to text.
func look(data []byte, text *provider.TextMeter) (glance, error) {
	g := glance{empty: true}
	obj := rawjson.NewObject(data)
	for obj.Next() {
		value := obj.Value()
		if rawjson.TypeOf(value) == rawjson.NullType {
			continue
		}
		switch string(obj.Key()) {
		case "usageMetadata":
			g.usage = value
		case "error":
			g.failure = value
		case "promptFeedback":
			g.blocked = hasReason(value)
		case "candidates":
			g.candidates(value, text)
		}
	}
	g.blocked = g.blocked && g.empty
	return g, obj.Err()
}

// hasReason tells whether feedback names a reason for a block.
func hasReason(feedback []byte) bool {
	obj := rawjson.NewObject(feedback)
	for obj.Next() {
		if string(obj.Key()) == "blockReason" {
			return isWord(obj.Value())
		}
	}
	return false
}

// isWord tells whether value is a text that is not empty.
func isWord(value []byte) bool {
	return rawjson.TypeOf(value) == rawjson.StringType && len(value) > len(`""`)
}

func (g *glance) candidates(value []byte, text *provider.TextMeter) {
	if rawjson.TypeOf(value) != rawjson.ArrayType {
		return
	}
	list := rawjson.NewArray(value)
	for list.Next() {
		g.empty = false
		g.candidate(list.Value(), text)
	}
}

func (g *glance) candidate(value []byte, text *provider.TextMeter) {
	index, finished := uint(0), false
	obj := rawjson.NewObject(value)
	for obj.Next() {
		v := obj.Value()
		switch string(obj.Key()) {
		case "index":
			index = smallNumber(v)
		case "finishReason":
			if isWord(v) {
				finished = true
				g.finish = v
			}
		case "content":
			g.content(v, text)
		}
	}
	place := uint(1) << min(index, maxTracked-1)
	g.seen |= place
	if finished {
		g.finished |= place
	}
}

func (g *glance) content(value []byte, text *provider.TextMeter) {
	obj := rawjson.NewObject(value)
	for obj.Next() {
		if string(obj.Key()) != "parts" {
			continue
		}
		list := rawjson.NewArray(obj.Value())
		for list.Next() {
			g.part(list.Value(), text)
		}
	}
}

// part adds the answer that a part holds.
func (g *glance) part(value []byte, text *provider.TextMeter) {
	obj := rawjson.NewObject(value)
	for obj.Next() {
		v := obj.Value()
		switch string(obj.Key()) {
		case "text":
			if rawjson.TypeOf(v) == rawjson.StringType {
				text.AddJSON(v[1 : len(v)-1])
			}
		case "functionCall":
			g.calls = true
			call := rawjson.NewObject(v)
			for call.Next() {
				if string(call.Key()) == "args" {
					text.Add(string(call.Value()))
				}
			}
		}
	}
}

// reason is why the answer ended, in OpenAI's words; empty if it has not. A reason
// that has none there is a stop: the client itself gets Google's.
func (g *glance) reason(calls bool) string {
	switch {
	case g.blocked:
		return string(chat.ContentFilter)
	case g.finish == nil:
		return ""
	}
	word, _ := rawjson.String(g.finish) // a broken one is no word known here
	finish, err := finishOf(word, calls, true)
	if err != nil {
		finish = chat.Stop
	}
	return string(finish)
}

func readUsage(value []byte) *events.Usage {
	var w *wireUsage
	if len(value) == 0 || json.Unmarshal(value, &w) != nil {
		return nil
	}
	return w.classes()
}

// smallNumber reads a short row of digits; anything else is zero.
func smallNumber(v []byte) uint {
	var n uint
	for _, c := range v {
		if c < '0' || c > '9' || n > maxCandidates {
			return n
		}
		n = 10*n + uint(c-'0')
	}
	return n
}
