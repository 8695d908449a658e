package fakellm

import (
	"encoding/json"
	"math"
	"strings"
	"unicode/utf8"
)

const (
	echoPrefix    = "echo: "
	resultsPrefix = "tool results: "
	refusalText   = "I cannot help with that."
	filler        = "lorem ipsum dolor sit amet, "
	// maxEchoBytes bounds what a reply repeats of the request.
	maxEchoBytes = 1024
	// defaultChunks bounds the content chunks of a stream without a chunk directive.
	defaultChunks = 64
)

// finish is why a reply ended; every dialect has its own words for it.
type finish int

const (
	finishStop finish = iota
	finishStopSequence
	finishLength
	finishTools
	finishFilter
	finishRefusal
)

// segmentKind says what a segment of a reply is.
type segmentKind int

const (
	segmentText segmentKind = iota
	segmentThought
	segmentTool
)

// A segment is one part of a reply: text, visible reasoning, or a tool call with its arguments.
type segment struct {
	kind segmentKind
	text string // for a tool call its arguments, a JSON object
	name string // of the tool
}

// A reply is what the model says, without its dialect.
type reply struct {
	segments []segment // of one choice; every choice is the same
	finish   finish
	stop     string // the stop sequence met
	hidden   int64  // reasoning tokens of one choice that no segment shows
	usage    Usage  // of all choices
	chunk    int64  // tokens per content chunk
	noUsage  bool
	twice    bool // send the last usage twice
}

// Tokens is the size of a text in tokens.
func Tokens(text string) int64 { return ceilDiv(int64(len(text)), bytesPerToken) }

// Echo is the reply to a user text; at most the first 1,024 bytes are repeated.
func Echo(user string) string { return echoPrefix + clip(user) }

// QuoteResults is the reply to tool results.
func QuoteResults(results ...string) string {
	return resultsPrefix + clip(strings.Join(results, " | "))
}

func clip(s string) string { return s[:tokenOffset(s, maxEchoBytes/bytesPerToken)] }

// tokenOffset is where a text's first n tokens end, moved back to the start of a rune. Offsets of
// successive n differ while there is text, so n tokens are always n non-empty pieces.
func tokenOffset(s string, n int64) int {
	if n >= Tokens(s) {
		return len(s)
	}
	i := int(n) * bytesPerToken
	for i > 0 && !utf8.RuneStart(s[i]) {
		i--
	}
	return i
}

// reply answers the call, shaped by the plan.
func (c *call) reply(p *plan) *reply {
	r := &reply{noUsage: p.noUsage, twice: p.usageTwice}
	budget := int64(math.MaxInt64)
	if c.maxOutput > 0 {
		budget = c.maxOutput
	}
	if p.refusal && c.blocksPrompt {
		r.finish = finishRefusal
		r.count(c, p, 0)
		return r
	}
	reasoning := min(p.reasoning.n, budget)
	budget -= reasoning
	r.think(c, reasoning)
	if calls := c.toolCalls(); len(calls) > 0 && !p.refusal && !p.out.set {
		r.callTools(calls, budget)
	} else {
		r.say(c, c.replyText(p), budget)
	}
	switch {
	case p.refusal:
		r.finish = finishRefusal
	case p.filter:
		r.finish = finishFilter
	}
	r.count(c, p, reasoning)
	return r
}

func (r *reply) think(c *call, tokens int64) {
	if !c.showThoughts || tokens == 0 {
		r.hidden = tokens
		return
	}
	c.thought = true
	r.segments = append(r.segments, segment{kind: segmentThought, text: fill(tokens)})
}

func (r *reply) callTools(calls []segment, budget int64) {
	r.finish = finishTools
	for _, s := range calls {
		budget -= Tokens(s.text)
		if budget < 0 {
			r.finish = finishLength
			return
		}
		r.segments = append(r.segments, s)
	}
}

func (r *reply) say(c *call, text string, budget int64) {
	for _, stop := range c.stops {
		if before, _, found := strings.Cut(text, stop); found && stop != "" {
			text, r.stop, r.finish = before, stop, finishStopSequence
		}
	}
	if Tokens(text) > budget {
		text, r.stop, r.finish = text[:tokenOffset(text, budget)], "", finishLength
	}
	r.segments = append(r.segments, segment{kind: segmentText, text: text})
}

// count sets the usage and the size of chunks.
func (r *reply) count(c *call, p *plan, reasoning int64) {
	var visible int64
	for _, s := range r.segments {
		visible += Tokens(s.text)
	}
	input := p.in.or(c.promptTokens())
	cached := min(p.cached.n, input)
	write5m := min(p.write.n, input-cached)
	write1h := min(p.write1h.n, input-cached-write5m)
	audio := min(p.audioIn.n, input-cached-write5m-write1h)
	image := min(p.imageIn.n, input-cached-write5m-write1h-audio)
	n := int64(c.choices)
	r.usage = Usage{
		Input: input, Cached: cached, CacheWrite: write5m + write1h, CacheWrite1h: write1h,
		AudioInput: audio, ImageInput: image, WebSearches: p.searches.n,
		Output: n * (visible + r.hidden), Reasoning: n * reasoning,
	}
	r.chunk = p.chunk.or(max(1, ceilDiv(visible, defaultChunks)))
}

// toolCalls are the calls the reply makes, nil when it answers in text.
func (c *call) toolCalls() []segment {
	asked := strings.Contains(c.lastUser, "use tool")
	if len(c.tools) == 0 || len(c.results) > 0 || c.callTool == toolsNone ||
		(c.callTool == toolsAuto && !asked) {
		return nil
	}
	wanted := c.tools[:1]
	for i, t := range c.tools {
		if t.name == c.oneTool {
			wanted = c.tools[i : i+1]
		}
	}
	if c.oneTool == "" && !c.serial && strings.Contains(c.lastUser, "use tools") {
		wanted = []tool{c.tools[0], c.tools[min(1, len(c.tools)-1)]}
	}
	calls := make([]segment, len(wanted))
	for i, t := range wanted {
		calls[i] = segment{kind: segmentTool, name: t.name, text: string(minimalObject(t.schema))}
	}
	return calls
}

func (c *call) replyText(p *plan) string {
	switch {
	case p.refusal:
		return refusalText
	case p.out.set:
		return fill(p.out.n)
	case len(c.results) > 0:
		return QuoteResults(c.results...)
	case c.wantJSON && c.schema != nil:
		return string(minimalObject(c.schema))
	case c.wantJSON:
		// A map of strings always marshals.
		text, _ := json.Marshal(map[string]string{"echo": clip(c.lastUser)})
		return string(text)
	}
	return Echo(c.lastUser)
}

// fill is a text of exactly n tokens.
func fill(n int64) string {
	size := int(n) * bytesPerToken
	return strings.Repeat(filler, size/len(filler)+1)[:size]
}

// A piece is what one content chunk carries.
type piece struct {
	text   string
	tokens int64
}

// pieces splits a segment's text into content chunks.
func (r *reply) pieces(text string) []piece {
	total := Tokens(text)
	out := make([]piece, 0, ceilDiv(total, r.chunk))
	for done := int64(0); done < total; done += r.chunk {
		end := min(done+r.chunk, total)
		out = append(out, piece{
			text:   text[tokenOffset(text, done):tokenOffset(text, end)],
			tokens: end - done,
		})
	}
	return out
}
