package fakellm

import (
	"encoding/json"
	"net/http"
)

// legacyMaxTokens is the cap of a legacy completion that asks for none.
const legacyMaxTokens = 16

// completionWire is OpenAI's legacy completions.
func completionWire() *wire {
	w := openaiWire()
	w.decode, w.unary, w.frames = completionDecode, completionUnary, completionFrames
	return w
}

type completionRequest struct {
	Model         string          `json:"model"`
	Prompt        json.RawMessage `json:"prompt"`
	N             *int            `json:"n"`
	MaxTokens     *int64          `json:"max_tokens"`
	Stop          json.RawMessage `json:"stop"`
	Stream        bool            `json:"stream"`
	StreamOptions *openaiOptions  `json:"stream_options"`
}

func completionDecode(_ *http.Request, body []byte, c *call) *failure {
	var req completionRequest
	if err := json.Unmarshal(body, &req); err != nil {
		return invalid("", "We could not parse the JSON body of your request: %v", err)
	}
	prompts, ok := openaiInputs(req.Prompt)
	switch {
	case req.Model == "":
		return invalid("model", "you must provide a model parameter")
	case !ok || len(prompts) == 0:
		return invalid("prompt", "Missing required parameter: 'prompt'.")
	}
	c.model = req.Model
	for _, p := range prompts {
		c.user(p)
	}
	limit := int64(legacyMaxTokens)
	if req.MaxTokens != nil {
		limit = *req.MaxTokens
	}
	chat := openaiRequest{N: req.N, MaxTokens: &limit, Stop: req.Stop, Stream: req.Stream, StreamOptions: req.StreamOptions}
	if f := chat.options(c); f != nil {
		return f
	}
	c.stream = req.Stream
	c.choices *= len(prompts)
	return nil
}

type completionAnswer struct {
	ID      string             `json:"id"`
	Object  string             `json:"object"`
	Created int64              `json:"created"`
	Model   string             `json:"model"`
	Choices []completionChoice `json:"choices"`
	Usage   json.RawMessage    `json:"usage,omitempty"` // absent, null, or the usage
}

type completionChoice struct {
	Text     string          `json:"text"`
	Index    int             `json:"index"`
	Logprobs json.RawMessage `json:"logprobs"`
	Finish   *string         `json:"finish_reason"`
}

func completionHead(c *call) completionAnswer {
	return completionAnswer{
		ID: c.ids.next("cmpl-", openaiChatIDSize), Object: "text_completion", Created: c.created.Unix(), Model: c.baseModel(),
		Choices: []completionChoice{},
	}
}

func completionUnary(c *call, r *reply) []byte {
	out, reason := completionHead(c), openaiFinish(r.finish)
	for i := range c.choices {
		choice := completionChoice{Index: i, Finish: &reason}
		for _, s := range r.segments {
			choice.Text += s.text
		}
		out.Choices = append(out.Choices, choice)
	}
	if !r.noUsage {
		out.Usage = compactJSON(openaiUsageOf(r.usage))
	}
	return indentedJSON(out)
}

func completionFrames(c *call, r *reply) []frame {
	var frames []frame
	chunk := completionHead(c)
	if c.includeUsage {
		chunk.Usage = json.RawMessage("null")
	}
	add := func(f frame, choices ...completionChoice) {
		chunk.Choices = append([]completionChoice{}, choices...)
		f.data = sseData(compactJSON(chunk), "\n")
		frames = append(frames, f)
	}
	for _, s := range r.segments {
		for n, p := range r.pieces(s.text) {
			for i := range c.choices {
				f := frame{output: p.tokens, content: true}
				if n == 0 {
					f.output, f.reasoning = p.tokens+r.hidden, r.hidden
				}
				add(f, completionChoice{Text: p.text, Index: i})
			}
		}
	}
	reason := openaiFinish(r.finish)
	for i := range c.choices {
		add(frame{end: true}, completionChoice{Index: i, Finish: &reason})
	}
	if c.includeUsage && !r.noUsage {
		chunk.Usage = compactJSON(openaiUsageOf(r.usage))
		add(frame{end: true})
	}
	return append(frames, frame{data: []byte("data: [DONE]\n\n"), end: true})
}
