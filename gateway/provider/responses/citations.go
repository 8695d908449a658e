package responses

import "github.com/llm-hub/llm-hub/gateway/provider/chat"

// annotationOut is a citation. The dialect has others of files that OpenAI keeps.
type annotationOut struct {
	Type  string `json:"type"`        // url_citation
	Start int    `json:"start_index"` // characters of the text
	End   int    `json:"end_index"`
	Title string `json:"title"`
	URL   string `json:"url"`
}

// annotationsOf leaves out what has no address.
func annotationsOf(list ...chat.Citation) []annotationOut {
	out := []annotationOut{}
	for _, c := range list {
		for _, r := range c.References {
			if r.URL != "" {
				out = append(out, annotationOut{"url_citation", c.Start, c.End, r.Title, r.URL})
			}
		}
	}
	return out
}

// cite adds a citation to the text that is open; of another text it is too late.
func (e *encoder) cite(dst []byte, c chat.Citation) []byte {
	m, ok := e.open.(*openMessage)
	if !ok || m.kind != outputText {
		return dst
	}
	for _, a := range annotationsOf(c) {
		n := len(m.annotations)
		m.annotations = append(m.annotations, a)
		dst = e.emit(dst, m.event("response.output_text.annotation.added", eventOut{AnnotationIndex: &n, Annotation: &a}))
	}
	return dst
}
