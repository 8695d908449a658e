package anthropic

import (
	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/rawjson"
)

// pieceSize is how much of a long prompt is taken from one place, in bytes.
const pieceSize = 1 << 10

// texts are the texts of a prompt where they lie in the body.
type texts struct {
	size int64 // bytes of all, unescaped
	keep bool
	raw  [][]byte // escaped, empty unless keep
}

func (t *texts) add(raw []byte, size int) {
	t.size += int64(size)
	if t.keep {
		t.raw = append(t.raw, raw)
	}
}

// readPrompt implements the Prompt of [provider.Inbound].
func readPrompt(in *provider.Inbound, most int) provider.Prompt {
	p := parser{in: &provider.Inbound{}, text: texts{keep: true}}
	_ = p.walk(in.Body) // it was found good before
	return provider.Prompt{
		Excerpt:  provider.Excerpt{Text: p.text.excerpt(most), Bytes: p.text.size},
		Messages: p.messages, Media: p.media,
	}
}

// excerpt is the texts in a row, or pieces from all over them if they have more
// than most bytes: what was pasted into a prompt is seldom like what is asked.
func (t *texts) excerpt(most int) []byte {
	total := 0
	for _, raw := range t.raw {
		total += len(raw)
	}
	if total <= most {
		return t.cut(nil, 0, total)
	}
	var out []byte
	pieces := max(1, most/pieceSize)
	for i := range pieces {
		from := i * (total / pieces)
		out = t.cut(out, from, from+pieceSize)
	}
	return out
}

// cut appends what lies from from to to in the row of the escaped texts.
func (t *texts) cut(out []byte, from, to int) []byte {
	for _, raw := range t.raw {
		first, last := max(from, 0), min(to, len(raw))
		if first < last {
			out = rawjson.AppendText(out, raw[rawjson.Boundary(raw, first):rawjson.Boundary(raw, last)])
		}
		from, to = from-len(raw), to-len(raw)
	}
	return out
}
