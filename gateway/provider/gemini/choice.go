package gemini

import (
	"encoding/json"
	"strings"

	"github.com/llm-hub/llm-hub/gateway/provider/chat"
	"github.com/llm-hub/llm-hub/gateway/provider/rawjson"
)

// choice is a candidate under way. Its finish reason waits for the last chunk,
// which has the usage too.
type choice struct {
	said    bool
	stretch strings.Builder // of thinking, whose signature may come
	token   token           // for the next part
	call    *chat.Call      // whose arguments are coming in
	args    strings.Builder // of it
	broken  bool            // a call's arguments were no JSON object
	probs   chat.Logprobs   // for the next chunk
	finish  chat.Finish

	citations []chat.Citation // for the last chunk
	ruler     chat.Ruler      // of the text
}

// whole gives the parts of a whole answer.
func (c *choice) whole(a chat.Answer, shown bool) []outPart {
	var parts []outPart
	if shown && a.Reasoning != "" {
		parts = append(parts, outPart{Text: &a.Reasoning, Thought: true})
	}
	for _, t := range a.Thinking {
		if t.Signature != "" || t.Data != "" {
			c.token.Thinking = append(c.token.Thinking, thought{t.Text, t.Signature, t.Data})
		}
	}
	parts = c.text(parts, a.Text)
	parts = c.text(parts, a.Refusal)
	c.citations = a.Citations
	c.ruler.Add(a.Text)
	for _, call := range a.Calls {
		delta := chat.CallDelta{ID: call.ID, Name: call.Name, Arguments: call.Arguments, Signature: call.Signature}
		parts = c.piece(delta, c.flush(parts))
	}
	c.finish = a.Finish
	return c.flush(parts)
}

func (c *choice) text(parts []outPart, text string) []outPart {
	if text == "" {
		return parts
	}
	c.said = true
	return append(parts, outPart{Text: &text, Signature: c.sign("")})
}

// sign gives the signature of the next part: a call's own, and the thinking before it.
func (c *choice) sign(call string) string {
	c.token.Call = call
	s := c.token.encode()
	c.token = token{}
	return s
}

// flush adds the call that has come in, if there is one.
func (c *choice) flush(parts []outPart) []outPart {
	if c.call == nil {
		return parts
	}
	call := *c.call
	c.call = nil
	args := json.RawMessage(strings.TrimSpace(c.args.String()))
	c.args.Reset()
	if len(args) == 0 {
		args = json.RawMessage("{}")
	}
	if !json.Valid(args) || rawjson.TypeOf(args) != rawjson.ObjectType {
		c.broken = true
		return parts
	}
	c.said = true
	return append(parts, outPart{
		Call: &wireCall{ID: call.ID, Name: call.Name, Args: args}, Signature: c.sign(call.Signature),
	})
}

// last is the candidate with its finish reason. It has a part even where nothing is
// left to say: some applications count on one.
func (c *choice) last(index int, parts []outPart, probs *chat.Logprobs) outCandidate {
	parts = c.flush(parts)
	if len(parts) == 0 {
		parts = nothing(c.sign(""))
	}
	w := candidateOf(index, parts)
	w.Finish, w.Probs, w.Grounding = c.reason(), writeProbs(probs), c.grounding()
	return w
}

// nothing is the part of a candidate that says nothing.
func nothing(signature string) []outPart {
	empty := ""
	return []outPart{{Text: &empty, Signature: signature}}
}

func (c *choice) reason() string {
	switch {
	case c.broken:
		return malformedCall
	case c.finish == chat.Length:
		return "MAX_TOKENS"
	case c.finish == chat.ContentFilter:
		return "SAFETY"
	}
	return "STOP"
}

// blocked tells whether the answer was refused before anything was said.
func (c *choice) blocked() bool { return !c.said && c.finish == chat.ContentFilter }

// take adds what a delta brought to the parts of the chunk.
func (c *choice) take(d chat.Delta, parts []outPart, shown bool) []outPart {
	c.ruler.Add(d.Text)
	if d.Citation != nil && len(c.citations) < maxCitations {
		c.citations = append(c.citations, *d.Citation)
	}
	if d.Logprobs != nil {
		c.probs.Tokens = append(c.probs.Tokens, d.Logprobs.Tokens...)
	}
	if d.Reasoning != "" {
		c.stretch.WriteString(d.Reasoning)
		if shown {
			parts = append(parts, outPart{Text: &d.Reasoning, Thought: true})
		}
	}
	if d.Signature != "" {
		c.token.Thinking = append(c.token.Thinking, thought{Text: c.stretch.String(), Signature: d.Signature})
		c.stretch.Reset()
	}
	if d.Redacted != "" {
		c.token.Thinking = append(c.token.Thinking, thought{Data: d.Redacted})
	}
	if d.Text+d.Refusal != "" || d.Call != nil {
		c.stretch.Reset() // nobody signed it
	}
	if d.Text+d.Refusal != "" {
		parts = c.text(c.text(c.flush(parts), d.Text), d.Refusal)
	}
	if d.Call != nil {
		parts = c.piece(*d.Call, parts)
	}
	if d.Finish != "" {
		parts = c.flush(parts)
		c.finish = d.Finish
	}
	return parts
}

// piece adds to the call that is coming in, or begins the next.
func (c *choice) piece(d chat.CallDelta, parts []outPart) []outPart {
	if d.ID != "" || c.call == nil {
		parts = c.flush(parts)
		c.call = &chat.Call{ID: d.ID, Name: d.Name, Signature: d.Signature}
	}
	c.args.WriteString(d.Arguments)
	return parts
}

func candidateOf(index int, parts []outPart) outCandidate {
	return outCandidate{Index: index, Content: outContent{Parts: parts, Role: modelRole}}
}
