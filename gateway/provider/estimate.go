package provider

import (
	"github.com/llm-hub/llm-hub/gateway/provider/rawjson"
)

// bytesPerToken is the usual length of a token of English text.
const bytesPerToken = 4

// EstimateTokens tells how many tokens that many bytes of text are, about.
func EstimateTokens(bytes int64) int64 {
	return (bytes + bytesPerToken - 1) / bytesPerToken
}

// Excerpt stands for a text of which only a part is kept.
type Excerpt struct {
	Text  []byte // a part of the text, or all of it; not to be changed
	Bytes int64  // of the whole text
}

// Prompt is what of a request the vendor counts as its prompt.
type Prompt struct {
	Excerpt        // of all its texts
	Messages int64 // that the texts are from; 0: it is no chat
	Media    int64 // tokens that stand for what is not text
}

// ExcerptSize is how much of an answer is worth keeping, in bytes: enough to tell
// how dense its tokens are, little enough for ten thousand streams at once.
const ExcerptSize = 1 << 10

// TextMeter measures an answer that comes in pieces.
type TextMeter struct {
	Keep  int // how much of its beginning is kept, in bytes
	bytes int64
	kept  []byte
}

// Add adds a piece.
func (m *TextMeter) Add(s string) {
	m.bytes += int64(len(s))
	m.begin()
	m.kept = append(m.kept, s[:min(len(s), max(0, m.Keep-len(m.kept)))]...)
}

// AddJSON adds a piece that is still escaped as within a JSON string.
func (m *TextMeter) AddJSON(raw []byte) {
	m.bytes += int64(rawjson.TextLen(raw))
	m.begin()
	if free := m.Keep - len(m.kept); free > 0 {
		m.kept = rawjson.AppendText(m.kept, raw[:rawjson.Boundary(raw, free)])
	}
}

// begin makes room for all that is kept, once.
func (m *TextMeter) begin() {
	if m.kept == nil && m.Keep > 0 {
		m.kept = make([]byte, 0, m.Keep)
	}
}

// Tokens is [EstimateTokens] of the pieces so far.
func (m *TextMeter) Tokens() int64 { return EstimateTokens(m.bytes) }

// Excerpt is the text so far. It is valid for ever: what is kept only grows.
func (m *TextMeter) Excerpt() Excerpt {
	return Excerpt{Text: m.kept, Bytes: m.bytes}
}

// pieceSize is how much of a long prompt is taken from one place, in bytes.
const pieceSize = 1 << 10

// Texts collects the texts of a prompt where they lie in the request's body.
type Texts struct {
	Keep bool  // whether they are kept for an excerpt
	Size int64 // bytes of all, unescaped

	raw [][]byte // escaped, if they are kept
}

// Add adds a text as it stands in the body, without its quotes; size is that of it
// unescaped.
func (t *Texts) Add(raw []byte, size int) {
	t.Size += int64(size)
	if t.Keep {
		t.raw = append(t.raw, raw)
	}
}

// Excerpt is all texts in a row, or of long ones pieces from everywhere, at most so
// many bytes: what was pasted into a prompt is seldom like what is asked.
func (t *Texts) Excerpt(most int) Excerpt {
	total := 0
	for _, raw := range t.raw {
		total += len(raw)
	}
	if total <= most {
		return Excerpt{Text: t.piece(nil, 0, total), Bytes: t.Size}
	}
	var out []byte
	pieces := max(1, most/pieceSize)
	for i := range pieces {
		from := i * (total / pieces)
		out = t.piece(out, from, from+min(pieceSize, most))
	}
	return Excerpt{Text: out, Bytes: t.Size}
}

// piece appends what lies between two places of the texts in a row.
func (t *Texts) piece(out []byte, from, to int) []byte {
	begin := 0
	for _, raw := range t.raw {
		first, last := max(from-begin, 0), min(to-begin, len(raw))
		if begin += len(raw); first < last {
			out = rawjson.AppendText(out, raw[rawjson.Boundary(raw, first):rawjson.Boundary(raw, last)])
		}
	}
	return out
}
