package openai

import (
	"errors"
	"math/bits"

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
	text      int64  // bytes of answer
	end       int    // position after the object
}

var errNoChoices = errors.New("neither choices nor usage nor error")

func look(data []byte) (glance, error) {
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
			g.lookAtChoices(value)
		}
	}
	g.end = obj.End()
	return g, obj.Err()
}

func (g *glance) lookAtChoices(value []byte) {
	if rawjson.TypeOf(value) != rawjson.ArrayType {
		return
	}
	list := rawjson.NewArray(value)
	for list.Next() {
		g.empty = false
		g.lookAtChoice(list.Value())
	}
}

func (g *glance) lookAtChoice(value []byte) {
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
			g.text += textIn(v)
		}
	}
	place := uint(1) << min(index, maxTracked-1)
	g.seen |= place
	if finished {
		g.finished |= place
	}
}

// textIn is how many bytes of answer a delta or a message holds.
func textIn(value []byte) int64 {
	var n int64
	obj := rawjson.NewObject(value)
	for obj.Next() {
		v := obj.Value()
		switch string(obj.Key()) {
		case "content", "refusal", "reasoning_content", "reasoning":
			if rawjson.TypeOf(v) == rawjson.StringType {
				n += int64(len(v) - len(`""`))
			}
		case "tool_calls":
			list := rawjson.NewArray(v)
			for list.Next() {
				n += argumentsIn(list.Value())
			}
		}
	}
	return n
}

func argumentsIn(call []byte) int64 {
	var n int64
	obj := rawjson.NewObject(call)
	for obj.Next() {
		if string(obj.Key()) != "function" {
			continue
		}
		f := rawjson.NewObject(obj.Value())
		for f.Next() {
			if string(f.Key()) == "arguments" {
				n += int64(len(f.Value()) - len(`""`))
			}
		}
	}
	return n
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
