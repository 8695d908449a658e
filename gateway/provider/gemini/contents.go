package gemini

import (
	"bytes"
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
	out      *wireRequest
	sentinel bool // calls need a signature

	calls   map[string]call // by the client's id
	results []result        // of the turn being built, to be put into the order of the calls
}

// call is where an id of the client's was given.
type call struct {
	name  string
	order int
}

type result struct {
	order int
	part  wirePart
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
		if i == 0 && t.sentinel {
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
	for j, p := range m.Parts {
		if p.Kind != chat.TextPart {
			param := fmt.Sprintf("messages[%d].content[%d]", i, j)
			return &gateway.Error{
				Kind: gateway.Invalid, Param: param, Public: fmt.Sprintf("This model takes text only in '%s', not %s.", param, p.Kind),
			}
		}
	}
	part := wirePart{Response: &wireResponse{Name: c.name, Response: responseOf(m.Text())}}
	t.results = append(t.results, result{c.order, part})
	return nil
}

// responseOf is a result as the object that Gemini demands.
func responseOf(text string) json.RawMessage {
	if raw := []byte(text); json.Valid(raw) && rawjson.TypeOf(bytes.TrimSpace(raw)) == rawjson.ObjectType {
		return raw
	}
	return json.RawMessage(`{"result":` + string(rawjson.Quote(text)) + `}`)
}

// flushResults puts the results into the user's turn, before all else but earlier
// results: they must follow the calls directly.
func (t *turns) flushResults() {
	if len(t.results) == 0 {
		return
	}
	slices.SortStableFunc(t.results, func(a, b result) int { return a.order - b.order })
	parts := make([]wirePart, len(t.results))
	for i, r := range t.results {
		parts[i] = r.part
	}
	t.results = nil
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
		case p.Kind == chat.TextPart && p.Text == "":
		case p.Kind == chat.TextPart:
			parts = append(parts, wirePart{Text: p.Text})
		case p.URL != "":
			parts = append(parts, wirePart{File: &wireFile{URI: p.URL, MIMEType: typeByName(p.URL)}})
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
