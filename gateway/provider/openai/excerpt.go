package openai

import (
	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/rawjson"
)

// pieceSize is how much of a long prompt is taken from one place, in bytes.
const pieceSize = 1 << 10

// excerpt collects pieces of texts as they pass by. Of a long prompt it takes
// some from everywhere: what was pasted into it is seldom like what is asked.
type excerpt struct {
	pieces int // wanted
	total  int // bytes of all texts, escaped

	passed int // bytes so far
	next   int // number of the piece that is due
	text   []byte
}

// promptReader makes the Prompt of [provider.Inbound]: it walks over the request as
// the parser does, so that both mean the same by a prompt.
func promptReader(read fieldReader) func(*provider.Inbound, int) provider.Prompt {
	return func(in *provider.Inbound, most int) provider.Prompt {
		all := &excerpt{} // takes nothing, and knows the size afterwards
		p := parser{in: &provider.Inbound{}, field: read, excerpt: all}
		p.walk(in.Body)
		some := &excerpt{total: all.passed, pieces: max(1, most/pieceSize)}
		again := parser{in: &provider.Inbound{}, field: read, excerpt: some}
		again.walk(in.Body)
		return provider.Prompt{
			Excerpt: provider.Excerpt{Text: some.text, Bytes: p.text}, Messages: p.messages, Media: p.extra,
		}
	}
}

// walk goes over a request that was found good before.
func (p *parser) walk(body []byte) {
	obj := rawjson.NewObject(body)
	for obj.Next() && p.field(p, string(obj.Key()), obj.Value()) == nil {
		continue
	}
}

// take takes what of the next text falls into a piece. The text may be escaped.
func (e *excerpt) take(raw []byte) {
	begin := e.passed
	e.passed += len(raw)
	for e.next < e.pieces {
		from, to := e.piece()
		if from >= e.passed {
			return
		}
		first, last := max(from-begin, 0), min(to-begin, len(raw))
		if first < last {
			e.text = rawjson.AppendText(e.text, raw[rawjson.Boundary(raw, first):rawjson.Boundary(raw, last)])
		}
		if to > e.passed {
			return
		}
		e.next++
	}
}

// piece is where the piece that is due lies among all texts; without long gaps
// the pieces are all there is.
func (e *excerpt) piece() (from, to int) {
	if e.total <= e.pieces*pieceSize {
		return e.next * e.total / e.pieces, (e.next + 1) * e.total / e.pieces
	}
	from = e.next * (e.total / e.pieces)
	return from, from + pieceSize
}
