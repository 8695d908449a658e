package gemini

import (
	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/rawjson"
)

// pieceSize is how much of a long prompt is taken from one place, in bytes.
const pieceSize = 1 << 10

// texts are those of a prompt, still escaped, where they lie in the body.
type texts struct {
	size   int64    // bytes of all, unescaped
	listed bool     // whether all is kept
	all    [][]byte // if it is
}

func (t *texts) add(raw []byte, size int) {
	t.size += int64(size)
	if t.listed {
		t.all = append(t.all, raw)
	}
}

// readPrompt implements the Prompt of [provider.Inbound]: it walks over the request
// as the parser does, so that both mean the same by a prompt.
func readPrompt(in *provider.Inbound, most int) provider.Prompt {
	p := parser{in: &provider.Inbound{}, text: texts{listed: true}}
	_ = eachMember(in.Body, "", p.field) // it was found good before
	return provider.Prompt{
		Excerpt:  provider.Excerpt{Text: p.text.excerpt(most), Bytes: p.text.size},
		Messages: int64(p.contents), Media: p.media,
	}
}

// excerpt is all texts, or of long ones pieces from everywhere, at most so many
// bytes: what was pasted into a prompt is seldom like what is asked.
func (t *texts) excerpt(most int) []byte {
	total := 0
	for _, raw := range t.all {
		total += len(raw)
	}
	if total <= most {
		return t.piece(nil, 0, total)
	}
	var out []byte
	pieces := max(1, most/pieceSize)
	for i := range pieces {
		from := i * (total / pieces)
		out = t.piece(out, from, from+min(pieceSize, most))
	}
	return out
}

// piece appends what lies between two places of the texts in a row.
func (t *texts) piece(out []byte, from, to int) []byte {
	begin := 0
	for _, raw := range t.all {
		first, last := max(from-begin, 0), min(to-begin, len(raw))
		if begin += len(raw); first < last {
			out = rawjson.AppendText(out, raw[rawjson.Boundary(raw, first):rawjson.Boundary(raw, last)])
		}
	}
	return out
}
