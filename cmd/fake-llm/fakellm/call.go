package fakellm

import (
	"encoding/json"
	"strings"
	"time"
)

// ImageTokens is what one image adds to the prompt.
const ImageTokens = 64

// bytesPerToken is the size of a token of text.
const bytesPerToken = 4

// A call is a decoded request, without its dialect.
type call struct {
	model   string // as sent, directives included
	stream  bool
	array   bool // Gemini: stream as a JSON array
	ids     *idSource
	created time.Time

	textBytes int64 // of the whole prompt
	images    int64
	lastUser  string
	results   []string // tool results behind the last assistant turn

	maxOutput    int64 // tokens, 0 for no cap
	choices      int
	stops        []string
	includeUsage bool
	showThoughts bool
	thought      bool // the reply shows thoughts
	blocksPrompt bool // a refusal has no text, and costs no output

	tools    []tool
	callTool toolMode
	oneTool  string // the tool that must be called, "" for any
	serial   bool   // parallel calls are switched off

	counting bool // the prompt is only to be counted
	filtered bool // Azure's filter looks at the prompt: a refusal is an error of its own

	inputs     []string // texts to embed; nil unless embeddings are asked for
	dimensions int      // of their vectors
	packed     bool     // vectors as bytes in base64
	batch      bool     // Gemini: an answer for many inputs

	cited  bool    // Cohere: there are documents to be cited
	ranks  ranking // documents to be ranked
	key    string  // of the client
	memory *memory // of the server
	talk   *talk   // nil unless the Responses API is spoken

	task taskCall
	kind string // content type of the answer, "" for the wire's

	wantJSON bool
	schema   json.RawMessage // nil when any object will do
}

type tool struct {
	name   string
	schema json.RawMessage
}

// toolMode says whether the reply may or must call tools.
type toolMode int

const (
	toolsAuto toolMode = iota
	toolsNone
	toolsRequired
)

// baseModel is the model name without its directives.
func (c *call) baseModel() string {
	base, _, _ := strings.Cut(c.model, "+")
	return base
}

// text counts a piece of the prompt.
func (c *call) text(s string) { c.textBytes += int64(len(s)) }

// user counts a user text and remembers it as the last one.
func (c *call) user(s string) {
	c.text(s)
	c.lastUser = s
}

// result counts a tool result.
func (c *call) result(s string) {
	c.text(s)
	c.results = append(c.results, s)
}

// assistantTurn notes that the model has answered what came before.
func (c *call) assistantTurn() { c.results = nil }

// promptTokens is the size of the prompt, at least 1.
func (c *call) promptTokens() int64 {
	return max(1, ceilDiv(c.textBytes, bytesPerToken)+c.images*ImageTokens)
}

func ceilDiv(n, d int64) int64 { return (n + d - 1) / d }

// hasTool says whether the request offers a tool of that name.
func (c *call) hasTool(name string) bool {
	for _, t := range c.tools {
		if t.name == name {
			return true
		}
	}
	return false
}
