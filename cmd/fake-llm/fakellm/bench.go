package fakellm

import (
	"bytes"
	"time"
)

// The models with a reply rendered once.
const (
	benchModel       = "bench"
	benchStreamModel = "bench-stream"
)

const (
	benchPrompt  = 100
	benchTokens  = 128 // in 64 chunks
	benchCreated = 1_790_000_000
)

// BenchUsage is what every complete request to a bench model is billed.
func BenchUsage() Usage { return Usage{Input: benchPrompt, Output: benchTokens} }

func isBenchModel(base string) bool { return base == benchModel || base == benchStreamModel }

// A benchReply is the one reply of the bench models in one dialect.
type benchReply struct {
	unary           []byte
	frames, metered []frame // metered: with OpenAI's usage chunk
}

func newBenchReply(w *wire, seed uint64) *benchReply {
	render := func(stream, includeUsage bool) (*call, *reply) {
		c := &call{
			model: benchModel, stream: stream, includeUsage: includeUsage, choices: 1,
			created: time.Unix(benchCreated, 0), ids: newIDSource(seed, 0),
		}
		return c, c.reply(&plan{
			in: number{set: true, n: benchPrompt}, out: number{set: true, n: benchTokens},
		})
	}
	return &benchReply{
		unary:   w.unary(render(false, false)),
		frames:  w.frames(render(true, false)),
		metered: w.frames(render(true, true)),
	}
}

func (b *benchReply) answer(c *call) answer {
	a := answer{unary: b.unary, frames: b.frames, usage: BenchUsage()}
	if c.includeUsage {
		a.frames = b.metered
	}
	return a
}

// sniff reads what a bench model needs from a body without decoding it. Another model, or one
// that stands where it is not looked for, leaves the call as it is.
func (x *exchange) sniff(body []byte) {
	model := sniffValue(body, `"model"`)
	if len(model) == 0 || model[0] != '"' {
		return
	}
	name, _, _ := bytes.Cut(model[1:], []byte{'"'})
	base, _, _ := bytes.Cut(name, []byte{'+'})
	if !isBenchModel(string(base)) || bytes.IndexByte(name, '\\') >= 0 {
		return
	}
	x.call.model = string(name)
	x.call.stream = bytes.HasPrefix(sniffValue(body, `"stream"`), []byte("true"))
	x.call.includeUsage = bytes.HasPrefix(sniffValue(body, `"include_usage"`), []byte("true"))
}

// sniffValue is the body from the value of the first such key on. A quote inside a JSON string is
// escaped, so a quoted key never matches in the middle of a text.
func sniffValue(body []byte, key string) []byte {
	i := bytes.Index(body, []byte(key))
	if i < 0 {
		return nil
	}
	rest := bytes.TrimLeft(body[i+len(key):], " \t\r\n")
	if len(rest) == 0 || rest[0] != ':' {
		return nil
	}
	return bytes.TrimLeft(rest[1:], " \t\r\n")
}
