package anthropic

import (
	"encoding/json"
	"strings"

	"github.com/llm-hub/llm-hub/gateway/provider/chat"
	"github.com/llm-hub/llm-hub/gateway/provider/rawjson"
)

// defaultMaxTokens caps the answer of a client that names no cap: the most that
// every current model takes.
const defaultMaxTokens = 32_000

// maxTemperature is the top of the range; OpenAI's goes to 2.
const maxTemperature = 1.0

func request(req *chat.Request, model string) (*wireRequest, error) {
	if req.N > 1 {
		return nil, invalid("n", "This model gives one choice only; 'n' must be 1.")
	}
	w := &wireRequest{Model: model, MaxTokens: req.MaxOutput, Stream: req.Stream}
	if w.MaxTokens == 0 {
		w.MaxTokens = defaultMaxTokens
	}
	if err := w.setMessages(req.Messages); err != nil {
		return nil, err
	}
	w.setTools(req)
	w.setFormat(req.Format)
	w.setThinking(req)
	w.setSampling(req)
	for _, s := range req.Stop {
		if strings.TrimSpace(s) != "" {
			w.Stop = append(w.Stop, s)
		}
	}
	if req.User != "" {
		w.Metadata = &wireMetadata{UserID: req.User}
	}
	return w, nil
}

func (w *wireRequest) setTools(req *chat.Request) {
	for _, t := range req.Tools {
		w.Tools = append(w.Tools, wireTool{
			Name: t.Name, Description: t.Description, InputSchema: objectSchema(t.Parameters), Strict: t.Strict,
		})
	}
	if len(w.Tools) == 0 {
		return
	}
	single := req.ParallelTools != nil && !*req.ParallelTools
	switch req.Choice.Mode {
	case chat.NoneChoice:
		w.ToolChoice = &wireChoice{Type: "none"}
		return
	case chat.RequiredChoice:
		w.ToolChoice = &wireChoice{Type: "any"}
	case chat.NamedChoice:
		w.ToolChoice = &wireChoice{Type: "tool", Name: req.Choice.Name}
	case chat.AutoChoice:
		w.ToolChoice = &wireChoice{Type: "auto"}
	default:
		if !single {
			return
		}
		w.ToolChoice = &wireChoice{Type: "auto"}
	}
	w.ToolChoice.DisableParallel = single
}

// objectSchema is a schema that says type: object, as Anthropic demands.
func objectSchema(schema json.RawMessage) json.RawMessage {
	if schema == nil {
		return json.RawMessage(`{"type":"object","properties":{}}`)
	}
	obj := rawjson.NewObject(schema)
	for obj.Next() {
		if string(obj.Key()) == "type" {
			return schema
		}
	}
	member := `"type":"object"`
	if obj.Len() > 0 {
		member += ","
	}
	return rawjson.Apply(schema, rawjson.Edit{From: 1, To: 1, With: []byte(member)})
}

func (w *wireRequest) setFormat(f chat.Format) {
	if f.Kind == chat.SchemaFormat {
		w.output().Format = &wireFormat{Type: "json_schema", Schema: f.Schema}
	}
}

func (w *wireRequest) output() *wireOutput {
	if w.Output == nil {
		w.Output = &wireOutput{}
	}
	return w.Output
}

// setSampling comes after setThinking, which goes before temperature.
func (w *wireRequest) setSampling(req *chat.Request) {
	thinks := w.Thinking != nil && w.Thinking.Type != thinkingOff
	if thinks || !versionOf(w.Model).takesSampling() {
		return
	}
	if req.Temperature == nil {
		w.TopP = req.TopP
		return
	}
	t := min(*req.Temperature, maxTemperature)
	w.Temperature = &t
}
