package openai

import (
	"encoding/json"

	"github.com/llm-hub/llm-hub/gateway/provider/chat"
)

// wireAnnotation is a citation. The dialect knows those of addresses only.
type wireAnnotation struct {
	Type string           `json:"type"` // url_citation
	URL  *wireURLCitation `json:"url_citation"`
}

type wireURLCitation struct {
	Start int    `json:"start_index"` // characters of the content
	End   int    `json:"end_index"`
	URL   string `json:"url"`
	Title string `json:"title"`
}

const urlCitation = "url_citation"

// writeAnnotations leaves out what has no address.
func writeAnnotations(list ...chat.Citation) []wireAnnotation {
	var out []wireAnnotation
	for _, c := range list {
		for _, r := range c.References {
			if r.URL != "" {
				out = append(out, wireAnnotation{urlCitation, &wireURLCitation{c.Start, c.End, r.URL, r.Title}})
			}
		}
	}
	return out
}

// readAnnotations reads the citations of an answer; what is in another form is no
// citation.
func readAnnotations(value json.RawMessage) []chat.Citation {
	var list []wireAnnotation
	if json.Unmarshal(value, &list) != nil {
		return nil
	}
	var out []chat.Citation
	for _, a := range list {
		if a.Type != urlCitation || a.URL == nil {
			continue
		}
		out = append(out, chat.Citation{
			Start: a.URL.Start, End: a.URL.End, References: []chat.Reference{{URL: a.URL.URL, Title: a.URL.Title}},
		})
	}
	return out
}
