package anthropic

import (
	"encoding/json"

	"github.com/llm-hub/llm-hub/gateway/provider/chat"
)

// queue holds the calls that are not over. Some vendors send the pieces of
// parallel calls in turns; here each call must be over before the next begins.
type queue struct {
	open    *callOnWay
	waiting []*callOnWay
}

type callOnWay struct {
	chat.CallDelta
	arguments []byte // so far
}

// whole tells whether no more is to come of the arguments.
func (c *callOnWay) whole() bool { return json.Valid(c.arguments) }

// find gives the call of that index; nil if there is none, or it is over.
func (q *queue) find(index int) *callOnWay {
	if q.open != nil && q.open.Index == index {
		return q.open
	}
	for _, c := range q.waiting {
		if c.Index == index {
			return c
		}
	}
	return nil
}

// call takes a piece of a call.
func (e *encoder) call(dst []byte, d *chat.CallDelta) []byte {
	c := e.calls.find(d.Index)
	if c == nil {
		if d.Name == "" {
			return dst // a piece of what is over
		}
		c = &callOnWay{CallDelta: *d}
		e.ending.called = true
		e.calls.waiting = append(e.calls.waiting, c)
	}
	c.arguments = append(c.arguments, d.Arguments...)
	if c == e.calls.open && d.Arguments != "" {
		dst = e.piece(dst, deltaOut{Type: "input_json_delta", JSON: d.Arguments})
	}
	for len(e.calls.waiting) > 0 && (e.calls.open == nil || e.calls.open.whole()) {
		dst = e.openCall(e.closeOne(dst))
	}
	return dst
}

// openCall begins the call that waits longest, with all that is known of it.
func (e *encoder) openCall(dst []byte) []byte {
	c := e.calls.waiting[0]
	e.calls.waiting = e.calls.waiting[1:]
	if c.Signature != "" {
		e.kind = redactedBlock
		dst = e.blockEvent(dst, blockEventOut{Type: "content_block_start", Block: redactedOut{redactedBlock, callMark + c.Signature}})
		dst = e.closeOne(dst)
	}
	e.kind, e.calls.open = toolUseBlock, c
	dst = e.blockEvent(dst, blockEventOut{Type: "content_block_start", Block: e.callOf(c.ID, c.Name, json.RawMessage("{}"))})
	if len(c.arguments) > 0 {
		dst = e.piece(dst, deltaOut{Type: "input_json_delta", JSON: string(c.arguments)})
	}
	return dst
}
