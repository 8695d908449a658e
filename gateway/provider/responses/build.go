package responses

import (
	"encoding/json"
	"fmt"
	"regexp"

	"github.com/llm-hub/llm-hub/gateway/provider/chat"
)

// builder writes a request for a model that reasons, and notes what it cannot be told.
type builder struct {
	req *chat.Request
	out requestOut
}

// leastOutput is the smallest cap that the API takes, in tokens.
const leastOutput = 16

func (b *builder) build() error {
	if b.req.N > 1 {
		return invalid("n", codeUnsupported, "This model gives one answer only.")
	}
	for i, m := range b.req.Messages {
		if err := b.message(m, fmt.Sprintf("messages[%d]", i)); err != nil {
			return err
		}
	}
	if len(b.out.Input) == 0 {
		return invalid("messages", "", "'messages' must say something.")
	}
	b.setTools()
	b.setFormat()
	b.setReasoning()
	b.setSampling()
	if b.out.MaxOutput = b.req.MaxOutput; b.out.MaxOutput > 0 {
		b.out.MaxOutput = max(b.out.MaxOutput, leastOutput)
	}
	b.out.Metadata, b.out.User, b.out.ServiceTier = b.req.Metadata, b.req.User, b.req.ServiceTier
	return nil
}

func (b *builder) message(m chat.Message, path string) error {
	said := inputText
	if m.Role == chat.Assistant {
		said = outputText
	}
	var parts []partOut
	for j, p := range m.Parts {
		if p.CacheTTL != "" {
			b.req.Drop("cache_control")
		}
		if p.Kind == chat.ThinkingPart {
			b.thought(p)
			continue
		}
		w, err := partOf(p, said, fmt.Sprintf("%s.content[%d]", path, j))
		if err != nil {
			return err
		}
		parts = append(parts, w)
	}
	if m.Role == chat.Tool {
		b.out.Input = append(b.out.Input, itemOut{Type: outputItem, CallID: m.CallID, Output: resultOf(m, parts)})
		return nil
	}
	if len(parts) > 0 {
		b.out.Input = append(b.out.Input, itemOut{Type: messageItem, Role: m.Role, Content: parts})
	}
	for _, c := range m.Calls {
		b.out.Input = append(b.out.Input, itemOut{Type: callItem, CallID: c.ID, Name: c.Name, Arguments: c.Arguments})
	}
	return nil
}

// thought gives back what the vendor has encrypted; it wants nothing else back.
func (b *builder) thought(p chat.Part) {
	if p.Data != "" {
		b.out.Input = append(b.out.Input, itemOut{Type: reasoningItem, Summary: &[]partOut{}, Encrypted: p.Data})
	}
}

// failedPrefix begins the result of a call that failed: the dialect has no word for it.
const failedPrefix = "Error: "

// inputText is the type of a text that is no answer.
const inputText = "input_text"

// resultOf is a text if it is one, which is never absent, else a list of parts.
func resultOf(m chat.Message, parts []partOut) any {
	if m.Failed {
		parts = append([]partOut{{Type: inputText, Text: failedPrefix}}, parts...)
	}
	switch {
	case len(parts) == 0:
		return ""
	case m.Failed && len(parts) == 2 && parts[1].Type == inputText:
		return failedPrefix + parts[1].Text
	case len(parts) == 1 && parts[0].Type == inputText:
		return parts[0].Text
	}
	return parts
}

func partOf(p chat.Part, said, path string) (partOut, error) {
	address := p.URL
	if address == "" {
		address = "data:" + p.MediaType + ";base64," + p.Data
	}
	switch {
	case p.Kind == chat.TextPart:
		return partOut{Type: said, Text: p.Text}, nil
	case said == outputText:
	case p.Kind == chat.ImagePart:
		return partOut{Type: "input_image", ImageURL: address}, nil
	case p.Kind == chat.FilePart && p.URL != "":
		return partOut{Type: "input_file", FileURL: p.URL}, nil
	case p.Kind == chat.FilePart:
		name := p.Filename
		if name == "" {
			name = "file"
		}
		return partOut{Type: "input_file", Filename: name, FileData: address}, nil
	}
	return partOut{}, invalid(path, codeUnsupported, "This model does not take %s in '%s'.", p.Kind, path)
}

func (b *builder) setTools() {
	for _, t := range b.req.Tools {
		if t.CacheTTL != "" {
			b.req.Drop("cache_control")
		}
		f := functionOut{Type: functionTool, Name: t.Name, Description: t.Description, Parameters: t.Parameters}
		f.Strict = t.Strict != nil && *t.Strict // this API is strict where nothing is said
		if f.Parameters == nil {
			f.Parameters = json.RawMessage(`{"type":"object","properties":{}}`)
		}
		b.out.Tools = append(b.out.Tools, f)
	}
	if len(b.out.Tools) == 0 {
		return
	}
	b.out.Parallel = b.req.ParallelTools
	switch c := b.req.Choice; c.Mode {
	case "":
	case chat.NamedChoice:
		b.out.ToolChoice = choiceOut{functionTool, c.Name}
	default:
		b.out.ToolChoice = c.Mode
	}
}

// strange matches what may not stand in the name of a schema.
var strange = regexp.MustCompile(`[^a-zA-Z0-9_-]`)

const (
	schemaName    = "answer" // of a schema that has none
	maxSchemaName = 64       // characters
)

func (b *builder) setFormat() {
	switch f := b.req.Format; f.Kind {
	case chat.JSONFormat:
		b.out.Text = &textForm{formOut{Type: "json_object"}}
	case chat.SchemaFormat:
		name := strange.ReplaceAllString(f.Name, "_")
		if name == "" {
			name = schemaName
		}
		b.out.Text = &textForm{formOut{Type: "json_schema", Name: name[:min(len(name), maxSchemaName)], Schema: f.Schema, Strict: f.Strict}}
	}
}

// Budgets of reasoning up to so many tokens are told as a low or a medium effort.
const (
	lowBudget    = 4 << 10
	mediumBudget = 16 << 10
)

func (b *builder) setReasoning() {
	effort := b.req.Effort
	if budget := b.req.ThinkingBudget; effort == "" && budget != nil && *budget >= 0 {
		switch {
		case *budget == 0:
			effort = chat.NoEffort
		case *budget <= lowBudget:
			effort = chat.LowEffort
		case *budget <= mediumBudget:
			effort = chat.MediumEffort
		default:
			effort = chat.HighEffort
		}
	}
	form := reasoningForm{Effort: effort}
	if show := b.req.ShowThinking; show != nil && *show || show == nil && effort != "" && effort != chat.NoEffort {
		form.Summary = "auto"
	}
	if form != (reasoningForm{}) {
		b.out.Reasoning = &form
	}
}

// setSampling tells nothing that changes the sampling: models that reason refuse it.
func (b *builder) setSampling() {
	usual := func(member string, value *float64, usual float64) {
		if value != nil && *value != usual {
			b.req.Drop(member)
		}
	}
	usual("temperature", b.req.Temperature, 1)
	usual("top_p", b.req.TopP, 1)
	usual("presence_penalty", b.req.PresencePenalty, 0)
	usual("frequency_penalty", b.req.FrequencyPenalty, 0)
	for _, other := range []struct {
		member string
		given  bool
	}{
		{"top_k", b.req.TopK != nil}, {"seed", b.req.Seed != nil}, {"stop", len(b.req.Stop) > 0}, {"logprobs", b.req.Logprobs},
	} {
		if other.given {
			b.req.Drop(other.member)
		}
	}
}
