package responses

import (
	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/chat"
	"github.com/llm-hub/llm-hub/gateway/provider/sse"
)

// eventOut is any event of a stream; which members it has its type decides.
type eventOut struct {
	Type      string        `json:"type"`
	Sequence  int           `json:"sequence_number"`
	Response  *responseOut  `json:"response,omitempty"`
	ItemID    string        `json:"item_id,omitempty"`
	Output    *int          `json:"output_index,omitempty"`
	Content   *int          `json:"content_index,omitempty"`
	Summary   *int          `json:"summary_index,omitempty"`
	Item      any           `json:"item,omitempty"`
	Part      any           `json:"part,omitempty"`
	Delta     *string       `json:"delta,omitempty"`
	Name      string        `json:"name,omitempty"`
	Text      *string       `json:"text,omitempty"`
	Refusal   *string       `json:"refusal,omitempty"`
	Arguments *string       `json:"arguments,omitempty"`
	Input     *string       `json:"input,omitempty"`
	Logprobs  *[]logprobOut `json:"logprobs,omitempty"`

	AnnotationIndex *int           `json:"annotation_index,omitempty"`
	Annotation      *annotationOut `json:"annotation,omitempty"`
}

// emit adds an event.
func (e *encoder) emit(dst []byte, w eventOut) []byte {
	w.Sequence = e.sequence
	e.sequence++
	return sse.AppendEvent(dst, w.Type, marshal(w))
}

// Step implements [chat.Encoder].
func (e *encoder) Step(dst []byte, s *chat.Step) []byte {
	e.response.Model = s.Model
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
	e.response.Status = inProgress
	dst = e.emit(dst, eventOut{Type: "response.created", Response: &e.response})
	return e.emit(dst, eventOut{Type: "response.in_progress", Response: &e.response})
}

func (e *encoder) delta(dst []byte, d chat.Delta) []byte {
	if d.Reasoning != "" {
		e.text.Add(d.Reasoning)
		dst = e.think(dst, d.Reasoning)
	}
	if d.Signature != "" || d.Redacted != "" {
		dst = e.sign(dst, d.Signature, d.Redacted)
	}
	if d.Text != "" || d.Logprobs != nil {
		e.text.Add(d.Text)
		dst = e.say(dst, outputText, d)
	}
	if d.Citation != nil {
		dst = e.cite(dst, *d.Citation)
	}
	if d.Refusal != "" {
		e.text.Add(d.Refusal)
		dst = e.say(dst, refusalText, d)
	}
	if d.Call != nil {
		e.text.Add(d.Call.Arguments)
		dst = e.call(dst, d.Call)
	}
	if d.Finish != "" {
		e.finish = d.Finish
	}
	return dst
}

// closeAll ends every item that is open.
func (e *encoder) closeAll(dst []byte, status string) []byte {
	dst = e.close(dst, status)
	for i := range len(e.calls) {
		if c := e.calls[i]; c != nil && !c.closed {
			dst = c.close(e, dst, status)
		}
	}
	return dst
}

// close ends the item that is open and no call.
func (e *encoder) close(dst []byte, status string) []byte {
	if e.open == nil {
		return dst
	}
	dst = e.open.close(e, dst, status)
	e.open = nil
	return dst
}

// Trailer implements [chat.Encoder].
func (e *encoder) Trailer(dst []byte, u *events.Usage, b provider.Bill) []byte {
	dst = e.closeAll(e.begin(dst), ending(e.finish))
	e.response.Usage = e.counted(u)
	e.response.end(e.finish, e.now().Unix())
	return e.emit(appendBill(dst, b), eventOut{Type: "response." + e.response.Status, Response: &e.response})
}

// Abort implements [chat.Encoder].
func (e *encoder) Abort(dst []byte, err *gateway.Error) []byte {
	for i, item := range e.response.Output {
		if item == nil { // it was not ended
			e.response.Output = e.response.Output[:i]
			break
		}
	}
	if e.begun {
		e.response.fail(err)
		dst = e.emit(dst, eventOut{Type: "response.failed", Response: &e.response})
	}
	return appendError(dst, err, e.sequence)
}
