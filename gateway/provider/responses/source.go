package responses

import (
	"encoding/json"
	"errors"
	"io"

	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/chat"
	"github.com/llm-hub/llm-hub/gateway/provider/failure"
	"github.com/llm-hub/llm-hub/gateway/provider/sse"
)

// itemGot is an item of an answer.
type itemGot struct {
	Type      string    `json:"type"`
	CallID    string    `json:"call_id"`
	Name      string    `json:"name"`
	Arguments string    `json:"arguments"`
	Encrypted string    `json:"encrypted_content"`
	Summary   []partGot `json:"summary"`
	Content   []partGot `json:"content"`
}

type partGot struct {
	Text        string          `json:"text"`
	Refusal     string          `json:"refusal"`
	Annotations []annotationOut `json:"annotations"`
}

// reply implements the Reply of [chat.Exchange].
func reply(body []byte) (*chat.Reply, error) {
	var s summary
	var w struct {
		Output []itemGot `json:"output"`
	}
	if err := errors.Join(json.Unmarshal(body, &s), json.Unmarshal(body, &w)); err != nil {
		return nil, provider.BadAnswerError(err)
	}
	r := &chat.Reply{ID: s.ID, Model: s.Model, Usage: s.usage()}
	switch {
	case s.failed():
		return r, s.failure()
	case s.Object != "response" || s.Status != completed && s.Status != incomplete:
		return r, provider.BadAnswerError(errNoResponse)
	}
	a := chat.Answer{Finish: chat.Finish(s.finish())}
	for _, item := range w.Output {
		item.addTo(&a)
	}
	r.Choices = []chat.Answer{a}
	return r, nil
}

func (i itemGot) addTo(a *chat.Answer) {
	switch i.Type {
	case reasoningItem:
		text := ""
		for _, p := range append(i.Summary, i.Content...) {
			text += p.Text
		}
		a.Reasoning += text
		if i.Encrypted == "" {
			return
		}
		if text != "" {
			a.Thinking = append(a.Thinking, chat.Part{Kind: chat.ThinkingPart, Text: text})
		}
		a.Thinking = append(a.Thinking, chat.Part{Kind: chat.ThinkingPart, Data: i.Encrypted})
	case messageItem:
		for _, p := range i.Content {
			a.Text += p.Text
			a.Refusal += p.Refusal
			a.Citations = append(a.Citations, citationsIn(p.Annotations)...)
		}
	case callItem:
		a.Calls = append(a.Calls, chat.Call{ID: i.CallID, Name: i.Name, Arguments: i.Arguments})
	}
}

func citationsIn(list []annotationOut) []chat.Citation {
	var out []chat.Citation
	for _, a := range list {
		if a.URL != "" {
			out = append(out, chat.Citation{Start: a.Start, End: a.End, References: []chat.Reference{{URL: a.URL, Title: a.Title}}})
		}
	}
	return out
}

// source reads a vendor's events.
type source struct {
	in    *sse.Reader
	step  chat.Step
	calls map[int]int // index of a call, by that of its item
	ended bool
}

func newSource(r io.Reader) *source { return &source{in: sse.NewReader(r), calls: make(map[int]int)} }

// eventGot is an event as far as a chat needs it.
type eventGot struct {
	Type       string          `json:"type"`
	Output     int             `json:"output_index"`
	Delta      string          `json:"delta"`
	Item       itemGot         `json:"item"`
	Annotation annotationOut   `json:"annotation"`
	Response   json.RawMessage `json:"response"`
}

// Next implements [chat.Source].
func (s *source) Next() (*chat.Step, error) {
	if s.ended {
		return nil, io.EOF
	}
	ev, err := s.in.Next()
	switch {
	case err == io.EOF, err == nil && (string(ev.Data) == "[DONE]" || ev.Partial && !json.Valid(ev.Data)):
		return nil, provider.CutError()
	case err != nil:
		return nil, provider.ReadError(err)
	}
	s.step = chat.Step{}
	var w eventGot
	if err := json.Unmarshal(ev.Data, &w); err != nil {
		return nil, provider.BadAnswerError(err)
	}
	if w.Type == errorEvent || string(ev.Type) == errorEvent || w.Type == "" {
		return &s.step, failure.Told(failure.Read(ev.Data)).Public()
	}
	return &s.step, s.take(w)
}

func (s *source) take(w eventGot) error {
	switch w.Type {
	case "response.output_text.delta":
		s.add(chat.Delta{Text: w.Delta})
	case "response.refusal.delta":
		s.add(chat.Delta{Refusal: w.Delta})
	case "response.reasoning_summary_text.delta", "response.reasoning_text.delta":
		s.add(chat.Delta{Reasoning: w.Delta})
	case "response.output_text.annotation.added":
		for _, c := range citationsIn([]annotationOut{w.Annotation}) {
			s.add(chat.Delta{Citation: &c})
		}
	case "response.output_item.added":
		if w.Item.Type == callItem {
			s.calls[w.Output] = len(s.calls)
			s.add(chat.Delta{Call: &chat.CallDelta{Index: s.calls[w.Output], ID: w.Item.CallID, Name: w.Item.Name}})
		}
	case "response.function_call_arguments.delta":
		if index, known := s.calls[w.Output]; known {
			s.add(chat.Delta{Call: &chat.CallDelta{Index: index, Arguments: w.Delta}})
		}
	case "response.output_item.done":
		if w.Item.Type == reasoningItem && w.Item.Encrypted != "" {
			s.add(chat.Delta{Redacted: w.Item.Encrypted})
		}
	case "response.created", "response.completed", "response.incomplete", "response.failed":
		return s.told(w)
	}
	return nil
}

func (s *source) add(d chat.Delta) { s.step.Deltas = append(s.step.Deltas, d) }

// told takes an event that tells the response as it is.
func (s *source) told(w eventGot) error {
	var r summary
	if err := json.Unmarshal(w.Response, &r); err != nil {
		return provider.BadAnswerError(errNoState)
	}
	s.step.ID, s.step.Model, s.step.Usage = r.ID, r.Model, r.usage()
	switch w.Type {
	case "response.failed":
		return r.failure()
	case "response.completed", "response.incomplete":
		s.ended, s.step.Final = true, true
		s.add(chat.Delta{Finish: chat.Finish(r.finish())})
	}
	return nil
}
