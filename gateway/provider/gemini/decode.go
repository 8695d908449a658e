package gemini

import (
	"encoding/json"
	"strings"

	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/chat"
)

// Client is the dialect of applications that speak generateContent, for vendors
// that do not. Its zero value is ready for use.
type Client struct {
	NewID func() string // an id for an answer whose vendor gave none; nil: random
}

var _ chat.Client = Client{}

// Decode implements [chat.Client]. What only Gemini knows is dropped.
func (Client) Decode(in *provider.Inbound) (*chat.Request, error) {
	d := decoder{req: &chat.Request{N: 1, Stream: in.Stream}}
	if err := members(in.Body, "", d.fields(), d.req.Drop); err != nil {
		return nil, err
	}
	d.req.MaxOutput = in.MaxOutput / int64(d.req.N) // as the limits saw it
	d.req.Messages = append(d.system, d.history.messages...)
	return d.req, d.restrict()
}

type decoder struct {
	req     *chat.Request
	system  []chat.Message
	history history
	allowed []string // the only functions that may be called, nil: all
}

func (d *decoder) fields() fields {
	d.history.drop = d.req.Drop
	return fields{
		"contents": func(value []byte, path string) error {
			return eachElement(value, path, d.history.content)
		},
		"systemInstruction": d.systemInstruction,
		"tools": func(value []byte, path string) error {
			return eachElement(value, path, d.tool)
		},
		"toolConfig":       d.toolConfig,
		"generationConfig": d.config,
		"serviceTier":      d.serviceTier,
		"model":            ignore, // the address names it
	}
}

// ignore is for members that need not be told to a vendor.
func ignore([]byte, string) error { return nil }

func (d *decoder) systemInstruction(value []byte, path string) error {
	parts, err := readContent(value, path, d.req.Drop)
	if err != nil {
		return err
	}
	m := chat.Message{Role: chat.System}
	for _, p := range parts.parts {
		if p.text != "" {
			m.Parts = append(m.Parts, chat.Part{Kind: chat.TextPart, Text: p.text})
		}
	}
	if len(m.Parts) > 0 {
		d.system = []chat.Message{m}
	}
	return nil
}

func (d *decoder) serviceTier(value []byte, path string) error {
	var tier string
	if err := into(&tier)(value, path); err != nil {
		return err
	}
	switch tier = strings.ToLower(tier); tier {
	case "unspecified", "service_tier_unspecified":
	case standardTier:
		d.req.ServiceTier = "default"
	default:
		d.req.ServiceTier = tier
	}
	return nil
}

func (d *decoder) config(value []byte, path string) error {
	var candidates int64
	r := d.req
	known := fields{
		"temperature": into(&r.Temperature), "topP": into(&r.TopP), "topK": whole(&r.TopK), "seed": whole(&r.Seed),
		"presencePenalty": into(&r.PresencePenalty), "frequencyPenalty": into(&r.FrequencyPenalty),
		"stopSequences": list(&r.Stop), "maxOutputTokens": ignore,
		"candidateCount":   count(&candidates, maxCandidates),
		"responseLogprobs": into(&r.Logprobs), "logprobs": whole(&r.TopLogprobs),
		"responseMimeType": d.mimeType, "responseSchema": d.schema,
		"responseJsonSchema": d.jsonSchema, "ResponseJsonSchema": d.jsonSchema, // _responseJsonSchema, as it was called at first
		"responseModalities": d.modalities, "thinkingConfig": d.thinking,
	}
	if err := members(value, path, known, r.Drop); err != nil {
		return err
	}
	r.N = int(max(candidates, 1))
	return nil
}

func (d *decoder) mimeType(value []byte, path string) error {
	var kind string
	if err := into(&kind)(value, path); err != nil {
		return err
	}
	switch kind {
	case "application/json":
		if d.req.Format.Kind == "" {
			d.req.Format.Kind = chat.JSONFormat
		}
	case "text/plain", "":
	default:
		d.req.Drop(path)
	}
	return nil
}

func (d *decoder) schema(value []byte, path string) error {
	schema, err := jsonSchema(value, path)
	if err == nil && d.req.Format.Schema == nil { // the full one goes before
		d.req.Format = chat.Format{Kind: chat.SchemaFormat, Schema: schema}
	}
	return err
}

func (d *decoder) jsonSchema(value []byte, path string) error {
	d.req.Format = chat.Format{Kind: chat.SchemaFormat}
	return raw(&d.req.Format.Schema)(value, path)
}

func (d *decoder) modalities(value []byte, path string) error {
	var wanted []string
	if err := list(&wanted)(value, path); err != nil {
		return err
	}
	for _, m := range wanted {
		if m != "TEXT" && m != "MODALITY_UNSPECIFIED" {
			return invalid(path, "This model answers with text only, not with %q.", m)
		}
	}
	return nil
}

func (d *decoder) thinking(value []byte, path string) error {
	var level string
	known := fields{
		"includeThoughts": into(&d.req.ShowThinking), "thinkingBudget": whole(&d.req.ThinkingBudget),
		"thinkingLevel": into(&level),
	}
	if err := members(value, path, known, d.req.Drop); err != nil {
		return err
	}
	switch effort := chat.Effort(strings.ToLower(level)); effort {
	case "", "thinking_level_unspecified":
	case chat.MinimalEffort, chat.LowEffort, chat.MediumEffort, chat.HighEffort:
		d.req.Effort = effort
	default:
		return invalid(path+".thinkingLevel", "'%s.thinkingLevel' must be MINIMAL, LOW, MEDIUM or HIGH.", path)
	}
	return nil
}

// tool reads the functions of a tool; what else it offers is Google's own.
func (d *decoder) tool(value []byte, path string) error {
	known := fields{"functionDeclarations": func(value []byte, path string) error {
		return eachElement(value, path, d.function)
	}}
	return members(value, path, known, d.req.Drop)
}

func (d *decoder) function(value []byte, path string) error {
	var (
		def    chat.ToolDef
		subset json.RawMessage
	)
	known := fields{
		"name": into(&def.Name), "description": into(&def.Description),
		"parameters": raw(&subset), "parametersJsonSchema": raw(&def.Parameters),
		// What a function gives back is told to no vendor but Google.
		"response": ignore, "responseJsonSchema": ignore,
	}
	if err := named(value, path, known, d.req.Drop); err != nil {
		return err
	}
	if def.Parameters == nil && subset != nil {
		var err error
		if def.Parameters, err = jsonSchema(subset, path+".parameters"); err != nil {
			return err
		}
	}
	d.req.Tools = append(d.req.Tools, def)
	return nil
}

func (d *decoder) toolConfig(value []byte, path string) error {
	known := fields{"functionCallingConfig": func(value []byte, path string) error {
		var mode string
		known := fields{"mode": into(&mode), "allowedFunctionNames": list(&d.allowed)}
		if err := members(value, path, known, d.req.Drop); err != nil {
			return err
		}
		return d.mode(mode, path+".mode")
	}}
	return members(value, path, known, d.req.Drop)
}

func (d *decoder) mode(mode, path string) error {
	switch strings.ToUpper(mode) {
	case "", "MODE_UNSPECIFIED":
	case "AUTO":
		d.req.Choice.Mode = chat.AutoChoice
	case "ANY":
		d.req.Choice.Mode = chat.RequiredChoice
	case "NONE":
		d.req.Choice.Mode = chat.NoneChoice
	case "VALIDATED": // as AUTO, with the arguments checked
		d.req.Choice.Mode = chat.AutoChoice
		d.req.Drop(path)
	default:
		return invalid(path, "'%s' must be AUTO, ANY, NONE or VALIDATED.", path)
	}
	return nil
}

// restrict leaves only the functions that may be called, once all are known.
func (d *decoder) restrict() error {
	const path = "toolConfig.functionCallingConfig.allowedFunctionNames"
	if unknown := d.req.Allow(d.allowed); unknown != "" {
		return invalid(path, "'%s' names a function that is not declared: %q.", path, unknown)
	}
	return nil
}
