package anthropic

import (
	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/chat"
	"github.com/llm-hub/llm-hub/gateway/provider/sse"
)

// The events of a stream as a client gets them.
type (
	startEventOut struct {
		Type    string     `json:"type"`
		Message messageOut `json:"message"`
	}
	blockEventOut struct {
		Type  string    `json:"type"`
		Index int       `json:"index"`
		Block any       `json:"content_block,omitempty"`
		Delta *deltaOut `json:"delta,omitempty"`
	}
	deltaOut struct {
		Type      string `json:"type"`
		Text      string `json:"text,omitempty"`
		Thinking  string `json:"thinking,omitempty"`
		Signature string `json:"signature,omitempty"`
		JSON      string `json:"partial_json,omitempty"`

		Citation *citationOut `json:"citation,omitempty"`
	}
	endEventOut struct {
		Type  string   `json:"type"`
		Delta stopping `json:"delta"`
		Usage usageOut `json:"usage"`
	}
	stopEventOut struct {
		Type string `json:"type"`
	}
)

// encoder writes one answer. In a stream one block is open at a time, as clients
// count on.
type encoder struct {
	newID  func() string
	prompt int64 // estimate of its tokens

	id     string
	model  string
	usage  *events.Usage // as told so far
	text   provider.TextMeter
	begun  bool
	kind   string // of the block that is open; empty: none
	index  int    // of that block, or of the next one
	calls  queue
	ending ending
}

const idPrefix = "msg_"

func (e *encoder) setID(vendorID string) {
	switch {
	case e.id != "":
	case vendorID != "":
		e.id = idPrefix + vendorID
	default:
		e.id = idPrefix + e.newID()
	}
}

// message is an answer without content.
func (e *encoder) message() messageOut {
	e.setID("")
	return messageOut{ID: e.id, Type: "message", Role: chat.Assistant, Model: e.model, Content: []any{}}
}

// counted is the usage, or our estimate if the vendor tells none.
func (e *encoder) counted(u *events.Usage) events.Usage {
	if u == nil {
		return events.Usage{Input: e.prompt, Output: e.text.Tokens()}
	}
	return *u
}

// Step implements [chat.Encoder].
func (e *encoder) Step(dst []byte, s *chat.Step) []byte {
	if !e.begun {
		e.model = s.Model
	}
	if s.ID != "" {
		e.setID(s.ID)
	}
	if s.Usage != nil {
		e.usage = s.Usage
	}
	for _, d := range s.Deltas {
		if d.Choice == 0 { // this dialect has one
			dst = e.delta(e.begin(dst), d)
		}
	}
	return dst
}

func (e *encoder) begin(dst []byte) []byte {
	if e.begun {
		return dst
	}
	e.begun = true
	w := startEventOut{Type: "message_start", Message: e.message()}
	w.Message.Usage = usageOf(e.counted(e.usage))
	return sse.AppendEvent(dst, w.Type, marshal(w))
}

func (e *encoder) delta(dst []byte, d chat.Delta) []byte {
	if d.Reasoning != "" {
		e.text.Add(d.Reasoning)
		dst = e.say(dst, thinkingBlock, deltaOut{Type: "thinking_delta", Thinking: d.Reasoning})
	}
	if d.Signature != "" {
		dst = e.close(e.say(dst, thinkingBlock, deltaOut{Type: "signature_delta", Signature: d.Signature}))
	}
	if d.Redacted != "" {
		dst = e.close(e.open(dst, redactedBlock, redactedOut{redactedBlock, d.Redacted}))
	}
	for _, text := range []string{d.Text, d.Refusal} {
		if text != "" {
			e.text.Add(text)
			dst = e.say(dst, textBlock, deltaOut{Type: "text_delta", Text: text})
		}
	}
	if d.Citation != nil {
		for _, c := range citationsOf(*d.Citation) {
			dst = e.say(dst, textBlock, deltaOut{Type: "citations_delta", Citation: &c})
		}
	}
	if d.Call != nil {
		e.text.Add(d.Call.Arguments)
		dst = e.call(dst, d.Call)
	}
	e.ending.refused = e.ending.refused || d.Refusal != ""
	if d.Finish != "" {
		e.ending.finish, e.ending.sequence = d.Finish, d.StopText
		dst = e.close(dst)
	}
	return dst
}

// say adds a piece to the block of that kind that is open, or to a new one.
func (e *encoder) say(dst []byte, kind string, piece deltaOut) []byte {
	if e.kind != kind {
		var empty any = textOut{Type: textBlock}
		if kind == thinkingBlock {
			empty = thinkingOut{Type: thinkingBlock}
		}
		dst = e.open(dst, kind, empty)
	}
	return e.piece(dst, piece)
}

func (e *encoder) piece(dst []byte, piece deltaOut) []byte {
	return e.blockEvent(dst, blockEventOut{Type: "content_block_delta", Delta: &piece})
}

// open begins a block after the one that is open, and after all calls that wait.
func (e *encoder) open(dst []byte, kind string, empty any) []byte {
	dst = e.close(dst)
	e.kind = kind
	return e.blockEvent(dst, blockEventOut{Type: "content_block_start", Block: empty})
}

// close ends the block that is open, and gives all calls that wait.
func (e *encoder) close(dst []byte) []byte {
	dst = e.closeOne(dst)
	for len(e.calls.waiting) > 0 {
		dst = e.closeOne(e.openCall(dst))
	}
	return dst
}

func (e *encoder) closeOne(dst []byte) []byte {
	if e.kind == "" {
		return dst
	}
	dst = e.blockEvent(dst, blockEventOut{Type: "content_block_stop"})
	e.kind, e.calls.open = "", nil
	e.index++
	return dst
}

func (e *encoder) blockEvent(dst []byte, w blockEventOut) []byte {
	w.Index = e.index
	return sse.AppendEvent(dst, w.Type, marshal(w))
}

// Trailer implements [chat.Encoder].
func (e *encoder) Trailer(dst []byte, u *events.Usage, b provider.Bill) []byte {
	dst = e.close(e.begin(dst))
	w := endEventOut{Type: "message_delta", Delta: e.ending.words(), Usage: usageOf(e.counted(u))}
	dst = appendBill(sse.AppendEvent(dst, w.Type, marshal(w)), b)
	return sse.AppendEvent(dst, stopEvent, marshal(stopEventOut{stopEvent}))
}

// Abort implements [chat.Encoder].
func (e *encoder) Abort(dst []byte, err *gateway.Error) []byte { return appendAbort(dst, err) }
