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
	w.setThinking(req) // decides which thoughts of the past are sent
	if err := w.setMessages(req.Messages); err != nil {
		return nil, err
	}
	w.setTools(req)
	w.setFormat(req)
	w.setSampling(req)
	w.setStop(req)
	w.setAccount(req)
	dropUnknown(req)
	return w, nil
}

func (w *wireRequest) setTools(req *chat.Request) {
	for _, t := range req.Tools {
		w.Tools = append(w.Tools, wireTool{
			Name: t.Name, Description: t.Description, InputSchema: objectSchema(t.Parameters), Strict: t.Strict,
			Cache: cacheOf(t.CacheTTL),
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

// setFormat leaves "any JSON" to the prompt, which asks for it anyway.
func (w *wireRequest) setFormat(req *chat.Request) {
	switch req.Format.Kind {
	case chat.SchemaFormat:
		w.output().Format = &wireFormat{Type: formatSchema, Schema: req.Format.Schema}
	case chat.JSONFormat:
		req.Drop("response_format")
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
	takes := !w.thinks() && versionOf(w.Model).takesSampling()
	if req.Temperature != nil {
		if takes {
			t := min(*req.Temperature, maxTemperature)
			w.Temperature = &t
		} else {
			req.Drop("temperature")
		}
	}
	if req.TopP != nil {
		if takes && w.Temperature == nil {
			w.TopP = req.TopP
		} else {
			req.Drop("top_p")
		}
	}
	if req.TopK != nil {
		if takes {
			w.TopK = req.TopK
		} else {
			req.Drop("top_k")
		}
	}
}

// setStop leaves out what is only white space, which Anthropic refuses.
func (w *wireRequest) setStop(req *chat.Request) {
	for _, s := range req.Stop {
		if strings.TrimSpace(s) == "" {
			req.Drop("stop")
			continue
		}
		w.Stop = append(w.Stop, s)
	}
}

// setAccount says whose request it is, and at which tier it is served.
func (w *wireRequest) setAccount(req *chat.Request) {
	const userID = "user_id"
	user := req.User
	for key, value := range req.Metadata {
		if key == userID && user == "" {
			user = value
			continue
		}
		req.Drop("metadata")
	}
	if user != "" {
		w.Metadata = &wireMetadata{UserID: user}
	}
	switch req.ServiceTier {
	case "":
	case tierAuto:
		w.Tier = tierAuto
	case tierDefault:
		w.Tier = tierStandard
	default:
		req.Drop("service_tier")
	}
}

// dropUnknown notes what the API has no word for.
func dropUnknown(req *chat.Request) {
	for _, unknown := range []struct {
		path string
		said bool
	}{
		{"presence_penalty", req.PresencePenalty != nil && *req.PresencePenalty != 0},
		{"frequency_penalty", req.FrequencyPenalty != nil && *req.FrequencyPenalty != 0},
		{"seed", req.Seed != nil},
		{"logprobs", req.Logprobs},
		{"top_logprobs", req.TopLogprobs != nil},
	} {
		if unknown.said {
			req.Drop(unknown.path)
		}
	}
}
