package responses

import (
	"time"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/chat"
)

// encoder writes one answer. What it has said of an item it keeps, because the
// last event repeats all of them.
type encoder struct {
	now       func() time.Time
	newID     func() string
	prompt    int64           // estimate of its tokens
	custom    map[string]bool // names of the tools that take a text
	summarize bool            // thoughts are shown as summaries

	response responseOut
	sequence int // of the next event
	begun    bool
	usage    *events.Usage // as told so far
	text     provider.TextMeter
	finish   chat.Finish
	open     openItem          // nil: none but calls
	calls    map[int]*openCall // by the index of the call
	items    []string          // ids, by index in the output
}

var (
	_ chat.Encoder    = (*encoder)(nil)
	_ provider.Keeper = (*encoder)(nil)
)

// counted is the usage, or our estimate if the vendor tells none.
func (e *encoder) counted(u *events.Usage) *usageOut {
	if u == nil {
		u = &events.Usage{Input: e.prompt, Output: e.text.Tokens()}
	}
	return usageOf(*u)
}

// place makes room for a new item, and names it.
func (e *encoder) place(prefix string) (index int, id string) {
	id = prefix + e.newID()
	e.items = append(e.items, id)
	e.response.Output = append(e.response.Output, nil)
	return len(e.items) - 1, id
}

// Reply implements [chat.Encoder]. This dialect has one choice, the first.
func (e *encoder) Reply(r *chat.Reply) []byte {
	e.response.Model = r.Model
	var a chat.Answer
	if len(r.Choices) > 0 {
		a = r.Choices[0]
	}
	e.addThoughts(a)
	e.addMessage(a)
	for _, c := range a.Calls {
		e.addCall(c)
	}
	e.response.Usage = e.counted(r.Usage)
	e.response.end(a.Finish, e.now().Unix())
	return marshal(e.response)
}

func (e *encoder) addThoughts(a chat.Answer) {
	c := carrierOf(a.Thinking)
	if a.Reasoning == "" && c.empty() {
		return
	}
	e.text.Add(a.Reasoning)
	index, id := e.place("rs_")
	e.response.Output[index] = e.reasoning(id, a.Reasoning, c)
}

// reasoning is an item of what was thought.
func (e *encoder) reasoning(id, text string, c carrier) reasoningOut {
	w := reasoningOut{ID: id, Type: reasoningItem, Summary: []thoughtOut{}}
	switch {
	case text == "":
	case e.summarize:
		w.Summary = append(w.Summary, thoughtOut{summaryText, text})
	default:
		w.Content = append(w.Content, thoughtOut{reasoningText, text})
	}
	if sealed := c.sealed(); sealed != "" {
		w.Encrypted = &sealed
	}
	return w
}

func (e *encoder) addMessage(a chat.Answer) {
	if a.Text == "" && a.Refusal == "" {
		return
	}
	e.text.Add(a.Text)
	e.text.Add(a.Refusal)
	index, id := e.place("msg_")
	w := messageOut{ID: id, Type: messageItem, Status: ending(a.Finish), Role: chat.Assistant, Content: []any{}}
	if a.Text != "" {
		w.Content = append(w.Content, textOut{outputText, annotationsOf(a.Citations...), logprobsOf(a.Logprobs), a.Text})
	}
	if a.Refusal != "" {
		w.Content = append(w.Content, refusalOut{refusalText, a.Refusal})
	}
	e.response.Output[index] = w
}

// ending is the state of the item that an answer ends with.
func ending(f chat.Finish) string {
	if f == chat.Length || f == chat.ContentFilter {
		return incomplete
	}
	return completed
}

func (e *encoder) addCall(c chat.Call) {
	e.text.Add(c.Arguments)
	if c.Signature != "" {
		index, id := e.place("rs_")
		e.response.Output[index] = e.reasoning(id, "", carrier{Call: c.Signature})
	}
	if e.custom[c.Name] {
		index, id := e.place("ctc_")
		e.response.Output[index] = customOut{
			ID: id, Type: customItem, Status: completed, CallID: e.callID(c.ID), Input: unwrapInput(c.Arguments), Name: c.Name,
		}
		return
	}
	index, id := e.place("fc_")
	e.response.Output[index] = callOut{
		ID: id, Type: callItem, Status: completed, Arguments: c.Arguments, CallID: e.callID(c.ID), Name: c.Name,
	}
}

func (e *encoder) callID(id string) string {
	if id == "" {
		return "call_" + e.newID()
	}
	return id
}

// Kept implements [provider.Keeper]: the gateway keeps the response as the client
// got it.
func (e *encoder) Kept() *provider.Kept {
	if !e.response.Store || e.response.Status != completed && e.response.Status != incomplete {
		return nil
	}
	return &provider.Kept{ID: e.response.ID, Items: e.items, Body: marshal(e.response)}
}
