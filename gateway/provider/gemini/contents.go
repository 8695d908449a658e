package gemini

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"mime"
	"net/url"
	"path"
	"slices"

	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/provider/chat"
	"github.com/llm-hub/llm-hub/gateway/provider/rawjson"
)

const (
	userRole  = "user"
	modelRole = "model"

	// skipSignature stands for the signature of a call that another vendor made,
	// or whose signature the client's dialect could not carry.
	skipSignature = "skip_thought_signature_validator"
)

// turns builds the contents of a request.
type turns struct {
	out    *wireRequest
	signed bool // calls need a signature, and results may have pictures

	calls   map[string]call // by the client's id
	results []result        // of the turn being built, to be put into the order of the calls
}

// call is where an id of the client's was given.
type call struct {
	name  string
	order int
}

type result struct {
	order  int
	part   wirePart
	beside []wirePart // what the result shows and cannot hold
}

func (t *turns) setContents(messages []chat.Message) error {
	t.calls = make(map[string]call)
	var system []wirePart
	for i, m := range messages {
		if m.Role == chat.Tool {
			if err := t.addResult(m, i); err != nil {
				return err
			}
			continue
		}
		t.flushResults()
		parts := partsOf(m)
		switch m.Role {
		case chat.System, chat.Developer:
			system = append(system, parts...)
		case chat.Assistant:
			t.add(modelRole, append(parts, t.callParts(m.Calls)...))
		default:
			t.add(userRole, parts)
		}
	}
	t.flushResults()
	switch {
	case len(t.out.Contents) == 0 && len(system) == 0:
		return &gateway.Error{Kind: gateway.Invalid, Param: "messages", Public: "'messages' must say something."}
	case len(t.out.Contents) == 0:
		t.add(userRole, system)
	case len(system) > 0:
		t.out.System = &wireContent{Parts: system}
	}
	return nil
}

// add adds parts to the last turn if it has the role already, else as a turn of
// their own.
func (t *turns) add(role string, parts []wirePart) {
	if len(parts) == 0 {
		return
	}
	if n := len(t.out.Contents); n > 0 && t.out.Contents[n-1].Role == role {
		t.out.Contents[n-1].Parts = append(t.out.Contents[n-1].Parts, parts...)
		return
	}
	t.out.Contents = append(t.out.Contents, wireContent{Role: role, Parts: parts})
}

func (t *turns) callParts(calls []chat.Call) []wirePart {
	parts := make([]wirePart, len(calls))
	for i, c := range calls {
		t.calls[c.ID] = call{name: c.Name, order: len(t.calls)}
		parts[i].Call = &wireCall{Name: c.Name, Args: json.RawMessage(c.Arguments)}
		parts[i].Signature = c.Signature
		if i == 0 && t.signed && c.Signature == "" {
			parts[i].Signature = skipSignature
		}
	}
	return parts
}

func (t *turns) addResult(m chat.Message, i int) error {
	c, ok := t.calls[m.CallID]
	if !ok {
		param := fmt.Sprintf("messages[%d].tool_call_id", i)
		return &gateway.Error{
			Kind: gateway.Invalid, Param: param, Public: fmt.Sprintf("'%s' names no call of an earlier message.", param),
		}
	}
	response := &wireResponse{Name: c.name, Response: responseOf(m)}
	r := result{order: c.order, part: wirePart{Response: response}}
	for _, p := range partsOf(m) {
		switch {
		case p.Inline != nil && t.signed:
			response.Parts = append(response.Parts, p)
		case p.Inline != nil || p.File != nil:
			r.beside = append(r.beside, p)
		}
	}
	t.results = append(t.results, r)
	return nil
}

// responseOf is a result as the object that Gemini demands. That a call failed is
// told by the name "error".
func responseOf(m chat.Message) json.RawMessage {
	text, name := m.Text(), "result"
	if m.Failed {
		name = "error"
	}
	raw := []byte(text)
	object := rawjson.TypeOf(bytes.TrimSpace(raw)) == rawjson.ObjectType && json.Valid(raw)
	switch {
	case object && !m.Failed:
		return raw
	case !object:
		raw = rawjson.Quote(text)
	}
	return json.RawMessage(fmt.Sprintf(`{%q:%s}`, name, raw))
}

// flushResults puts the results into the user's turn, before all else but earlier
// results: they must follow the calls directly.
func (t *turns) flushResults() {
	if len(t.results) == 0 {
		return
	}
	slices.SortStableFunc(t.results, func(a, b result) int { return a.order - b.order })
	parts := make([]wirePart, len(t.results))
	var beside []wirePart
	for i, r := range t.results {
		parts[i] = r.part
		beside = append(beside, r.beside...)
	}
	t.results = nil
	parts = append(parts, beside...)
	n := len(t.out.Contents)
	if n == 0 || t.out.Contents[n-1].Role != userRole {
		t.add(userRole, parts)
		return
	}
	turn := &t.out.Contents[n-1]
	at := 0
	for at < len(turn.Parts) && turn.Parts[at].Response != nil {
		at++
	}
	turn.Parts = slices.Insert(turn.Parts, at, parts...)
}

func partsOf(m chat.Message) []wirePart {
	var parts []wirePart
	for _, p := range m.Parts {
		switch {
		case p.Kind == chat.ThinkingPart: // Gemini wants the signatures of calls back, not its thoughts
		case p.Kind == chat.TextPart && p.Text == "":
		case p.Kind == chat.TextPart:
			parts = append(parts, wirePart{Text: p.Text, Signature: p.Signature})
		case p.URL != "":
			parts = append(parts, wirePart{File: &wireFile{URI: p.URL, MIMEType: cmp.Or(p.MediaType, typeByName(p.URL))}})
		default:
			parts = append(parts, wirePart{Inline: &wireBlob{MIMEType: p.MediaType, Data: p.Data}})
		}
	}
	return parts
}

// typeByName guesses the type of a file on the web; Gemini finds out what is left.
func typeByName(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	mediaType, _, err := mime.ParseMediaType(mime.TypeByExtension(path.Ext(u.Path)))
	if err != nil {
		return ""
	}
	return mediaType
}
