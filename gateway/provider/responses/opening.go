package responses

import (
	"strings"

	"github.com/llm-hub/llm-hub/gateway/provider/chat"
)

// openItem is an item of the output that is on its way.
type openItem interface {
	// close says that it is over, and keeps it for the last event.
	close(e *encoder, dst []byte, status string) []byte
}

// where is the place of an item.
type where struct {
	index int
	id    string
}

// openMessage is a message on its way. One part of it is open at a time.
type openMessage struct {
	where
	parts    []any  // that are over
	kind     string // of the part that is open; empty: none
	text     strings.Builder
	logprobs []logprobOut

	annotations []annotationOut
}

// say adds a piece to the part of that kind that is open, or to a new one.
func (e *encoder) say(dst []byte, kind string, d chat.Delta) []byte {
	m, ok := e.open.(*openMessage)
	if !ok {
		dst = e.close(dst, completed)
		m = &openMessage{}
		m.index, m.id = e.place("msg_")
		e.open = m
		dst = e.emit(dst, eventOut{Type: "response.output_item.added", Output: &m.index, Item: messageOut{
			ID: m.id, Type: messageItem, Status: inProgress, Role: chat.Assistant, Content: []any{},
		}})
	}
	if m.kind != kind {
		dst = m.closePart(e, dst)
		m.kind = kind
		dst = e.emit(dst, m.event("response.content_part.added", eventOut{Part: m.part()}))
	}
	if kind == refusalText {
		m.text.WriteString(d.Refusal)
		return e.emit(dst, m.event("response.refusal.delta", eventOut{Delta: &d.Refusal}))
	}
	logprobs := logprobsOf(d.Logprobs)
	m.text.WriteString(d.Text)
	m.logprobs = append(m.logprobs, logprobs...)
	return e.emit(dst, m.event("response.output_text.delta", eventOut{Delta: &d.Text, Logprobs: &logprobs}))
}

// part is the part as it is now.
func (m *openMessage) part() any {
	if m.kind == refusalText {
		return refusalOut{refusalText, m.text.String()}
	}
	return textOut{
		outputText, append([]annotationOut{}, m.annotations...), append([]logprobOut{}, m.logprobs...), m.text.String(),
	}
}

// event is an event about the part.
func (m *openMessage) event(typ string, w eventOut) eventOut {
	n := len(m.parts)
	w.Type, w.ItemID, w.Output, w.Content = typ, m.id, &m.index, &n
	return w
}

func (m *openMessage) closePart(e *encoder, dst []byte) []byte {
	if m.kind == "" {
		return dst
	}
	text := m.text.String()
	if m.kind == refusalText {
		dst = e.emit(dst, m.event("response.refusal.done", eventOut{Refusal: &text}))
	} else {
		logprobs := append([]logprobOut{}, m.logprobs...)
		dst = e.emit(dst, m.event("response.output_text.done", eventOut{Text: &text, Logprobs: &logprobs}))
	}
	part := m.part()
	dst = e.emit(dst, m.event("response.content_part.done", eventOut{Part: part}))
	m.parts = append(m.parts, part)
	m.kind, m.logprobs, m.annotations = "", nil, nil
	m.text.Reset()
	return dst
}

func (m *openMessage) close(e *encoder, dst []byte, status string) []byte {
	dst = m.closePart(e, dst)
	item := messageOut{ID: m.id, Type: messageItem, Status: status, Role: chat.Assistant, Content: m.parts}
	e.response.Output[m.index] = item
	return e.emit(dst, eventOut{Type: "response.output_item.done", Output: &m.index, Item: item})
}

// openThought is what is being thought: one text, and what its vendor has signed.
type openThought struct {
	where
	begun  bool // the text is
	text   strings.Builder
	signed []chat.Part
	from   int // where in text the stretch begins that is not signed yet
}

// thinking is the reasoning item that is open, or a new one.
func (e *encoder) thinking(dst []byte) ([]byte, *openThought) {
	if t, ok := e.open.(*openThought); ok {
		return dst, t
	}
	dst = e.close(dst, completed)
	t := &openThought{}
	t.index, t.id = e.place("rs_")
	e.open = t
	return e.emit(dst, eventOut{Type: "response.output_item.added", Output: &t.index, Item: reasoningOut{
		ID: t.id, Type: reasoningItem, Summary: []thoughtOut{},
	}}), t
}

// think adds a piece of what is thought.
func (e *encoder) think(dst []byte, piece string) []byte {
	dst, t := e.thinking(dst)
	if !t.begun {
		t.begun = true
		if e.summarize {
			dst = e.emit(dst, t.event(e, "response.reasoning_summary_part.added", eventOut{Part: thoughtOut{Type: summaryText}}))
		} else {
			dst = e.emit(dst, t.event(e, "response.content_part.added", eventOut{Part: thoughtOut{Type: reasoningText}}))
		}
	}
	t.text.WriteString(piece)
	return e.emit(dst, t.event(e, t.word(e)+".delta", eventOut{Delta: &piece}))
}

func (t *openThought) word(e *encoder) string {
	if e.summarize {
		return "response.reasoning_summary_text"
	}
	return "response.reasoning_text"
}

// event is an event about the text, which is the first of its sort.
func (t *openThought) event(e *encoder, typ string, w eventOut) eventOut {
	first := 0
	w.Type, w.ItemID, w.Output = typ, t.id, &t.index
	if e.summarize {
		w.Summary = &first
	} else {
		w.Content = &first
	}
	return w
}

// sign notes the signature of the stretch of thought before it, or a stretch that
// only the vendor can read.
func (e *encoder) sign(dst []byte, signature, redacted string) []byte {
	dst, t := e.thinking(dst)
	if signature != "" {
		t.signed = append(t.signed, chat.Part{Text: t.text.String()[t.from:], Signature: signature})
		t.from = t.text.Len()
	}
	if redacted != "" {
		t.signed = append(t.signed, chat.Part{Data: redacted})
	}
	return dst
}

func (t *openThought) close(e *encoder, dst []byte, _ string) []byte {
	text := t.text.String()
	if t.begun {
		dst = e.emit(dst, t.event(e, t.word(e)+".done", eventOut{Text: &text}))
		if e.summarize {
			dst = e.emit(dst, t.event(e, "response.reasoning_summary_part.done", eventOut{Part: thoughtOut{summaryText, text}}))
		} else {
			dst = e.emit(dst, t.event(e, "response.content_part.done", eventOut{Part: thoughtOut{reasoningText, text}}))
		}
	}
	item := e.reasoning(t.id, text, carrierOf(t.signed))
	e.response.Output[t.index] = item
	return e.emit(dst, eventOut{Type: "response.output_item.done", Output: &t.index, Item: item})
}

// openCall is a call on its way. Several may be: vendors mix their pieces.
type openCall struct {
	where
	name, callID string
	custom       bool
	arguments    strings.Builder
	closed       bool
}

// call takes a piece of a call.
func (e *encoder) call(dst []byte, d *chat.CallDelta) []byte {
	c := e.calls[d.Index]
	if c == nil {
		if d.Name == "" {
			return dst // a piece of nothing
		}
		dst, c = e.beginCall(e.close(dst, completed), d)
	}
	c.arguments.WriteString(d.Arguments)
	if c.custom || d.Arguments == "" { // a text can be taken out of its JSON only when that is whole
		return dst
	}
	return e.emit(dst, eventOut{
		Type: "response.function_call_arguments.delta", ItemID: c.id, Output: &c.index, Delta: &d.Arguments,
	})
}

func (e *encoder) beginCall(dst []byte, d *chat.CallDelta) ([]byte, *openCall) {
	if d.Signature != "" {
		index, id := e.place("rs_")
		item := e.reasoning(id, "", carrier{Call: d.Signature})
		dst = e.emit(dst, eventOut{Type: "response.output_item.added", Output: &index, Item: item})
		e.response.Output[index] = item
		dst = e.emit(dst, eventOut{Type: "response.output_item.done", Output: &index, Item: item})
	}
	c := &openCall{name: d.Name, callID: e.callID(d.ID), custom: e.custom[d.Name]}
	prefix := "fc_"
	if c.custom {
		prefix = "ctc_"
	}
	c.index, c.id = e.place(prefix)
	e.calls[d.Index] = c
	return e.emit(dst, eventOut{Type: "response.output_item.added", Output: &c.index, Item: c.item("", inProgress)}), c
}

// item is the call with its arguments, or its input.
func (c *openCall) item(arguments, status string) any {
	if c.custom {
		return customOut{ID: c.id, Type: customItem, Status: status, CallID: c.callID, Input: arguments, Name: c.name}
	}
	return callOut{ID: c.id, Type: callItem, Status: status, Arguments: arguments, CallID: c.callID, Name: c.name}
}

func (c *openCall) close(e *encoder, dst []byte, status string) []byte {
	c.closed = true
	arguments := c.arguments.String()
	if c.custom {
		arguments = unwrapInput(arguments)
		dst = e.emit(dst, eventOut{Type: "response.custom_tool_call_input.delta", ItemID: c.id, Output: &c.index, Delta: &arguments})
		dst = e.emit(dst, eventOut{Type: "response.custom_tool_call_input.done", ItemID: c.id, Output: &c.index, Input: &arguments})
	} else {
		dst = e.emit(dst, eventOut{
			Type: "response.function_call_arguments.done", ItemID: c.id, Output: &c.index, Name: c.name, Arguments: &arguments,
		})
	}
	item := c.item(arguments, status)
	e.response.Output[c.index] = item
	return e.emit(dst, eventOut{Type: "response.output_item.done", Output: &c.index, Item: item})
}
