package anthropic

import (
	"encoding/json"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/llm-hub/llm-hub/gateway/provider/chat"
	"github.com/llm-hub/llm-hub/gateway/provider/rawjson"
)

// citationMark stands where Anthropic has a secret of its own, in the citations that
// we made of other vendors'. Anthropic would refuse them.
const citationMark = "llmhub"

// citationOut is a citation as a client gets it: of a page on the net. What has no
// address goes by its id.
type citationOut struct {
	Type   string  `json:"type"`
	Quote  string  `json:"cited_text"`
	URL    string  `json:"url"`
	Title  *string `json:"title"`
	Secret string  `json:"encrypted_index"`
}

func citationsOf(c chat.Citation) []citationOut {
	var out []citationOut
	for _, r := range c.References {
		w := citationOut{Type: "web_search_result_location", Quote: r.Quote, URL: r.URL, Secret: citationMark}
		if w.URL == "" {
			w.URL = r.ID
		}
		if r.Title != "" {
			w.Title = &r.Title
		}
		out = append(out, w)
	}
	return out
}

// citedText gives the blocks of a text: each stretch that is cited is one, because a
// citation here is of a whole block. Stretches within another are one with it.
func citedText(text string, citations []chat.Citation) []any {
	var blocks []any
	runes := []rune(text)
	done := 0
	say := func(to int, cited []citationOut) {
		if to > done {
			blocks = append(blocks, textOut{Type: textBlock, Text: string(runes[done:to]), Citations: cited})
			done = to
		}
	}
	sorted := slices.SortedFunc(slices.Values(citations), func(a, b chat.Citation) int { return a.Start - b.Start })
	for i := 0; i < len(sorted); {
		c := sorted[i]
		from, to := min(max(c.Start, done), len(runes)), min(c.End, len(runes))
		cited := citationsOf(c)
		for i++; i < len(sorted) && sorted[i].Start < to; i++ {
			to = max(to, min(sorted[i].End, len(runes)))
			cited = append(cited, citationsOf(sorted[i])...)
		}
		if c.Start == 0 && c.End == 0 { // the vendor does not say of what
			from, to = done, len(runes)
		}
		say(from, nil)
		say(to, cited)
	}
	say(len(runes), nil)
	return blocks
}

// citationIn is a citation of any type: of a document, a page or a result.
type citationIn struct {
	Quote    string `json:"cited_text"`
	URL      string `json:"url"`
	Source   string `json:"source"`
	Title    string `json:"title"`
	Document string `json:"document_title"`
}

// readCitations reads the citations of a block; what is in another form is none.
func readCitations(value json.RawMessage) []chat.Reference {
	var list []citationIn
	if json.Unmarshal(value, &list) != nil {
		return nil
	}
	refs := make([]chat.Reference, len(list))
	for i, c := range list {
		refs[i] = c.reference()
	}
	return refs
}

func (c citationIn) reference() chat.Reference {
	r := chat.Reference{URL: c.URL, Title: c.Title, Quote: c.Quote}
	if r.Title == "" {
		r.Title = c.Document
	}
	if strings.Contains(c.Source, "://") {
		r.URL = c.Source
	} else {
		r.ID = c.Source
	}
	return r
}

// cited is a block of text under way, and what it is taken from.
type cited struct {
	start, end int // characters of the whole text
	refs       []chat.Reference
}

// begin is the next block, which may come with its citations.
func (c *cited) begin(b wireReply) { c.start, c.refs = c.end, readCitations(b.Citations) }

func (c *cited) add(text string) { c.end += utf8.RuneCountInString(text) }

// citation is the block's; nil if it has none.
func (c *cited) citation() *chat.Citation {
	if len(c.refs) == 0 {
		return nil
	}
	return &chat.Citation{Start: c.start, End: c.end, References: c.refs}
}

// withoutOurs cuts the citations that we made out of a block of text; false if there
// are none. A block has either ours or the vendor's own.
func withoutOurs(block []byte) ([]byte, bool) {
	obj := rawjson.NewObject(block)
	for obj.Next() {
		if string(obj.Key()) != "citations" {
			continue
		}
		var list []citationOut
		if json.Unmarshal(obj.Value(), &list) != nil || len(list) == 0 || list[0].Secret != citationMark {
			break
		}
		from, to := obj.Cut()
		return rawjson.Apply(block, rawjson.Edit{From: from, To: to}), true
	}
	return block, false
}
