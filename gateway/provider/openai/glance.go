package openai

import (
	"errors"
	"math/bits"

	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/rawjson"
)

// maxTracked is how many choices are followed to their end; [maxChoices] of one
// answer share the last place.
const maxTracked = bits.UintSize

// glance is what the gateway needs to know of a completion or a chunk of one. It
// is read without decoding and without allocation.
type glance struct {
	usage     []byte // the value, nil if none or null
	nullUsage bool   // "usage": null is there, at cut
	cut       [2]int
	failure   []byte // the value of "error", nil if none or null
	choices   [2]int // where the value of "choices" is; zero if there is none
	empty     bool   // no choice is in it
	seen      uint   // choices by index
	finished  uint   // choices with a finish reason
	finish    []byte // the last finish reason, still quoted
	end       int    // position after the object
}

var errNoChoices = errors.New("neither choices nor usage nor error")

// look reads data. What it holds of the answer it adds to text.
func look(data []byte, text *provider.TextMeter) (glance, error) {
	g := glance{empty: true}
	obj := rawjson.NewObject(data)
	for obj.Next() {
		value := obj.Value()
		isNull := rawjson.TypeOf(value) == rawjson.NullType
		switch string(obj.Key()) {
		case "usage":
			if isNull {
				g.nullUsage = true
				g.cut[0], g.cut[1] = obj.Cut()
			} else {
				g.usage = value
			}
		case "error":
			if !isNull {
				g.failure = value
			}
		case "choices":
			g.choices[0], g.choices[1] = obj.Span()
			g.lookAtChoices(value, text)
		}
	}
	g.end = obj.End()
	return g, obj.Err()
}

func (g *glance) lookAtChoices(value []byte, text *provider.TextMeter) {
	if rawjson.TypeOf(value) != rawjson.ArrayType {
		return
	}
	list := rawjson.NewArray(value)
	for list.Next() {
		g.empty = false
		g.lookAtChoice(list.Value(), text)
	}
}

func (g *glance) lookAtChoice(value []byte, text *provider.TextMeter) {
	index, finished := uint(0), false
	obj := rawjson.NewObject(value)
	for obj.Next() {
		v := obj.Value()
		switch string(obj.Key()) {
		case "index":
			index = smallNumber(v)
		case "finish_reason":
			if rawjson.TypeOf(v) == rawjson.StringType && len(v) > len(`""`) {
				finished = true
				g.finish = v
			}
		case "delta", "message":
			meter(v, text)
		case "text": // of a legacy completion
			meterString(v, text)
		}
	}
	place := uint(1) << min(index, maxTracked-1)
	g.seen |= place
	if finished {
		g.finished |= place
	}
}

// meter adds the answer that a delta or a message holds.
func meter(value []byte, text *provider.TextMeter) {
	obj := rawjson.NewObject(value)
	for obj.Next() {
		v := obj.Value()
		switch string(obj.Key()) {
		case "content", "refusal", "reasoning_content", "reasoning":
			meterString(v, text)
		case "tool_calls":
			list := rawjson.NewArray(v)
			for list.Next() {
				meterCall(list.Value(), text)
			}
		}
	}
}

func meterString(value []byte, text *provider.TextMeter) {
	if rawjson.TypeOf(value) == rawjson.StringType {
		text.AddJSON(value[1 : len(value)-1])
	}
}

func meterCall(call []byte, text *provider.TextMeter) {
	obj := rawjson.NewObject(call)
	for obj.Next() {
		if string(obj.Key()) != "function" {
			continue
		}
		f := rawjson.NewObject(obj.Value())
		for f.Next() {
			if string(f.Key()) == "arguments" {
				meterString(f.Value(), text)
			}
		}
	}
}

// smallNumber reads a short row of digits; anything else is zero.
func smallNumber(v []byte) uint {
	var n uint
	for _, c := range v {
		if c < '0' || c > '9' || n > maxChoices {
			return n
		}
		n = 10*n + uint(c-'0')
	}
	return n
}
