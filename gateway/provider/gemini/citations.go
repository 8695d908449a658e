package gemini

import (
	"encoding/json"

	"github.com/llm-hub/llm-hub/gateway/provider/chat"
)

// Where texts come from, in both directions. Places are counted in bytes.
type (
	wireGrounding struct {
		Chunks   []wireChunk   `json:"groundingChunks,omitempty"`
		Supports []wireSupport `json:"groundingSupports,omitempty"`
	}
	// wireChunk is a page on the net, or a document of another kind.
	wireChunk struct {
		Web       *wirePage `json:"web,omitempty"`
		Retrieved *wirePage `json:"retrievedContext,omitempty"`
	}
	wirePage struct {
		URI   string `json:"uri,omitempty"`
		Title string `json:"title,omitempty"`
		Text  string `json:"text,omitempty"`
	}
	wireSupport struct {
		Segment wireSegment `json:"segment"`
		Chunks  []int       `json:"groundingChunkIndices"`
	}
	wireSegment struct {
		Part  int    `json:"partIndex,omitempty"`
		Start int    `json:"startIndex,omitempty"`
		End   int    `json:"endIndex,omitempty"`
		Text  string `json:"text,omitempty"`
	}
	// wireRecited is what an answer repeats of its sources.
	wireRecited struct {
		Sources   []wireRecitation `json:"citationSources"`
		Citations []wireRecitation `json:"citations"` // another word for the same
	}
	wireRecitation struct {
		Start int    `json:"startIndex"`
		End   int    `json:"endIndex"`
		URI   string `json:"uri"`
		Title string `json:"title"`
	}
)

// maxCitations bounds what is kept of a streamed answer until its end.
const maxCitations = 1 << 10

// grounding is where the text of a choice comes from; nil if nothing is known of it.
func (c *choice) grounding() *wireGrounding {
	if len(c.citations) == 0 {
		return nil
	}
	g := &wireGrounding{}
	places := make(map[chat.Reference]int)
	for _, citation := range c.citations {
		s := wireSupport{Segment: wireSegment{Text: citation.Text}}
		start, known := c.ruler.Bytes(citation.Start)
		end, alsoKnown := c.ruler.Bytes(citation.End)
		if known && alsoKnown {
			s.Segment.Start, s.Segment.End = start, end
		}
		for _, r := range citation.References {
			place, old := places[r]
			if !old {
				place = len(g.Chunks)
				places[r] = place
				g.Chunks = append(g.Chunks, chunkOf(r))
			}
			s.Chunks = append(s.Chunks, place)
		}
		g.Supports = append(g.Supports, s)
	}
	return g
}

func chunkOf(r chat.Reference) wireChunk {
	if r.URL != "" {
		return wireChunk{Web: &wirePage{URI: r.URL, Title: r.Title}}
	}
	return wireChunk{Retrieved: &wirePage{URI: r.ID, Title: r.Title, Text: r.Quote}}
}

func (c wireChunk) reference() chat.Reference {
	switch {
	case c.Web != nil:
		return chat.Reference{URL: c.Web.URI, Title: c.Web.Title}
	case c.Retrieved != nil:
		return chat.Reference{URL: c.Retrieved.URI, Title: c.Retrieved.Title, Quote: c.Retrieved.Text}
	}
	return chat.Reference{}
}

// sourced is the text of a candidate so far, to tell places in it.
type sourced struct {
	ruler  chat.Ruler
	begins []int // of each part in the text, in bytes; those of a stream are one part
	bytes  int
}

// part is the next part, of which text is what is said.
func (t *sourced) part(text string) {
	t.begins = append(t.begins, t.bytes)
	t.add(text)
}

func (t *sourced) add(text string) {
	t.ruler.Add(text)
	t.bytes += len(text)
}

// citations reads what a candidate says of its sources; what is in another form says
// nothing.
func (t *sourced) citations(grounding, recited json.RawMessage) []chat.Citation {
	var (
		g   wireGrounding
		r   wireRecited
		out []chat.Citation
	)
	if json.Unmarshal(grounding, &g) == nil {
		for _, s := range g.Supports {
			c := t.place(s.Segment)
			for _, i := range s.Chunks {
				if i >= 0 && i < len(g.Chunks) {
					c.References = append(c.References, g.Chunks[i].reference())
				}
			}
			out = append(out, c)
		}
	}
	if json.Unmarshal(recited, &r) == nil {
		for _, s := range append(r.Sources, r.Citations...) {
			c := t.place(wireSegment{Start: s.Start, End: s.End})
			c.References = []chat.Reference{{URL: s.URI, Title: s.Title}}
			out = append(out, c)
		}
	}
	return out
}

// place is a citation of a segment.
func (t *sourced) place(s wireSegment) chat.Citation {
	c := chat.Citation{Text: s.Text}
	base := 0
	if s.Part > 0 && s.Part < len(t.begins) {
		base = t.begins[s.Part]
	}
	start, known := t.ruler.CharAt(base + s.Start)
	end, alsoKnown := t.ruler.CharAt(base + s.End)
	if known && alsoKnown && start <= end {
		c.Start, c.End = start, end
	}
	return c
}
