package openai

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/chat"
	"github.com/llm-hub/llm-hub/gateway/provider/rawjson"
)

// Decode implements [chat.Client]. Fields that no other dialect knows are extras; what
// would change the meaning of the answer is refused.
func (Client) Decode(in *provider.Inbound) (*chat.Request, error) {
	d := decoder{req: &chat.Request{N: 1, Stream: in.Stream}, allowed: new([]string)}
	obj := rawjson.NewObject(in.Body)
	for obj.Next() {
		if rawjson.TypeOf(obj.Value()) == rawjson.NullType {
			continue
		}
		if err := d.field(string(obj.Key()), obj.Value()); err != nil {
			return nil, err
		}
	}
	if err := obj.Err(); err != nil {
		return nil, badJSON(err)
	}
	d.req.MaxOutput = in.MaxOutput / int64(d.req.N) // as the limits saw it
	if unknown := d.req.Allow(*d.allowed); unknown != "" {
		return nil, invalid("tool_choice", "invalid_value", "'tool_choice' allows a tool that is not among 'tools': %q.", unknown)
	}
	return d.req, nil
}

type decoder struct {
	req     *chat.Request
	allowed *[]string // names of the tools that may be called; none: all
}

func (d decoder) field(key string, value []byte) error {
	if into := d.plain(key); into != nil {
		return read(value, key, into)
	}
	switch key {
	case "messages":
		return d.messages(value)
	case "tools":
		return d.tools(value)
	case "tool_choice":
		return d.toolChoice(value)
	case "response_format":
		return d.format(value)
	case "stop":
		return d.stop(value)
	case "n":
		return d.choices(value)
	case "reasoning_effort":
		return d.effort(value)
	case "reasoning":
		return d.reasoning(value)
	case "service_tier":
		return d.serviceTier(value)
	case "modalities":
		return d.modalities(value)
	case "functions", "function_call":
		return invalid(key, "unsupported_parameter", "'%s' is not supported by this model; use 'tools'.", key)
	case "model", "stream", streamOptions, oldCap, newCap: // the parser read them
	case "store":
		if string(value) == "true" {
			d.req.Drop(key)
		}
	default:
		d.req.Extras = append(d.req.Extras, chat.Extra{Name: key, Value: value})
	}
	return nil
}

// plain is where a member goes that is the same here and there; nil: it is not.
func (d decoder) plain(key string) any {
	switch key {
	case "parallel_tool_calls":
		return &d.req.ParallelTools
	case "temperature":
		return &d.req.Temperature
	case "top_p":
		return &d.req.TopP
	case "presence_penalty":
		return &d.req.PresencePenalty
	case "frequency_penalty":
		return &d.req.FrequencyPenalty
	case "seed":
		return &d.req.Seed
	case "top_k":
		return &d.req.TopK
	case "logprobs":
		return &d.req.Logprobs
	case "top_logprobs":
		return &d.req.TopLogprobs
	case "metadata":
		return &d.req.Metadata
	case "user", "safety_identifier":
		return &d.req.User
	}
	return nil
}

// read decodes value into the field's place.
func read(value []byte, param string, into any) error {
	if err := json.Unmarshal(value, into); err != nil {
		return invalid(param, "invalid_type", "'%s' has a value of the wrong form.", param)
	}
	return nil
}

func (d decoder) choices(value []byte) error {
	var n int64
	if err := readCount(value, "n", &n); err != nil {
		return err
	}
	d.req.N = int(max(n, 1))
	return nil
}

func (d decoder) stop(value []byte) error {
	if rawjson.TypeOf(value) == rawjson.ArrayType {
		return read(value, "stop", &d.req.Stop)
	}
	var one string
	if err := read(value, "stop", &one); err != nil {
		return err
	}
	d.req.Stop = []string{one}
	return nil
}

func (d decoder) effort(value []byte) error {
	const param = "reasoning_effort"
	if err := read(value, param, &d.req.Effort); err != nil {
		return err
	}
	return d.knownEffort(param)
}

func (d decoder) knownEffort(param string) error {
	known := []chat.Effort{
		chat.NoEffort, chat.MinimalEffort, chat.LowEffort, chat.MediumEffort,
		chat.HighEffort, chat.XHighEffort, chat.MaxEffort,
	}
	if !slices.Contains(known, d.req.Effort) {
		return invalid(param, "invalid_value", "'%s' must be one of %v.", param, known)
	}
	return nil
}

// reasoning reads the object that some clients send in place of reasoning_effort.
func (d decoder) reasoning(value []byte) error {
	const param = "reasoning"
	var r struct {
		Effort    chat.Effort `json:"effort"`
		MaxTokens *int64      `json:"max_tokens"`
		Exclude   *bool       `json:"exclude"`
		Enabled   *bool       `json:"enabled"`
	}
	if err := read(value, param, &r); err != nil {
		return err
	}
	d.req.ThinkingBudget = r.MaxTokens
	if r.Exclude != nil {
		show := !*r.Exclude
		d.req.ShowThinking = &show
	}
	switch {
	case r.Effort != "":
		d.req.Effort = r.Effort
		return d.knownEffort(param + ".effort")
	case r.Enabled != nil && !*r.Enabled:
		d.req.Effort = chat.NoEffort
	}
	return nil
}

// serviceTier reads the tier; auto is what every vendor does unasked.
func (d decoder) serviceTier(value []byte) error {
	const param, usual = "service_tier", "auto"
	if err := read(value, param, &d.req.ServiceTier); err != nil {
		return err
	}
	if d.req.ServiceTier == usual {
		d.req.ServiceTier = ""
	}
	return nil
}

func (d decoder) modalities(value []byte) error {
	var list []string
	if err := read(value, "modalities", &list); err != nil {
		return err
	}
	for _, m := range list {
		if m != "text" {
			return invalid("modalities", "unsupported_value", "This model answers with text only, not with %q.", m)
		}
	}
	return nil
}

func (d decoder) format(value []byte) error {
	const param = "response_format"
	var f struct {
		Type   string `json:"type"`
		Schema struct {
			Name   string          `json:"name"`
			Schema json.RawMessage `json:"schema"`
			Strict *bool           `json:"strict"`
		} `json:"json_schema"`
	}
	if err := read(value, param, &f); err != nil {
		return err
	}
	switch f.Type {
	case "text":
	case "json_object":
		d.req.Format.Kind = chat.JSONFormat
	case "json_schema":
		if rawjson.TypeOf(f.Schema.Schema) != rawjson.ObjectType {
			const path = param + ".json_schema.schema"
			return invalid(path, "missing_required_parameter", "'%s' must be an object.", path)
		}
		d.req.Format = chat.Format{
			Kind: chat.SchemaFormat, Schema: f.Schema.Schema, Name: f.Schema.Name, Strict: f.Schema.Strict,
		}
	default:
		return invalid(param+".type", "invalid_value", "'%s.type' must be text, json_object or json_schema.", param)
	}
	return nil
}

func (d decoder) tools(value []byte) error {
	var list []struct {
		Type     string `json:"type"`
		Function struct {
			Name        string          `json:"name"`
			Description string          `json:"description"`
			Parameters  json.RawMessage `json:"parameters"`
			Strict      *bool           `json:"strict"`
		} `json:"function"`
		Cache *wireCacheHint `json:"cache_control"`
	}
	if err := read(value, "tools", &list); err != nil {
		return err
	}
	for i, t := range list {
		path := fmt.Sprintf("tools[%d]", i)
		switch {
		case t.Type != "function":
			return invalid(path+".type", "unsupported_value", "This model takes tools of type 'function' only, not %q.", t.Type)
		case t.Function.Name == "":
			return invalid(path+".function.name", "missing_required_parameter", "'%s.function.name' is missing.", path)
		}
		def := chat.ToolDef{Name: t.Function.Name, Description: t.Function.Description, Strict: t.Function.Strict}
		var err error
		if def.CacheTTL, err = cacheTTL(t.Cache, path); err != nil {
			return err
		}
		switch rawjson.TypeOf(t.Function.Parameters) {
		case rawjson.ObjectType:
			def.Parameters = t.Function.Parameters
		case rawjson.NoType, rawjson.NullType:
		default:
			return wrongType(path+".function.parameters", t.Function.Parameters, rawjson.ObjectType)
		}
		d.req.Tools = append(d.req.Tools, def)
	}
	return nil
}

func (d decoder) toolChoice(value []byte) error {
	const param = "tool_choice"
	if rawjson.TypeOf(value) == rawjson.StringType {
		if err := read(value, param, &d.req.Choice.Mode); err != nil {
			return err
		}
		switch d.req.Choice.Mode {
		case chat.AutoChoice, chat.NoneChoice, chat.RequiredChoice:
			return nil
		}
		return invalid(param, "invalid_value", "'%s' must be none, auto, required or a function.", param)
	}
	var choice struct {
		sentChoice
		Allowed struct {
			Mode  chat.ChoiceMode `json:"mode"`
			Tools []sentChoice    `json:"tools"`
		} `json:"allowed_tools"`
	}
	if err := read(value, param, &choice); err != nil {
		return err
	}
	if choice.Type == "allowed_tools" {
		return d.allowTools(choice.Allowed.Mode, choice.Allowed.Tools)
	}
	if choice.Type != functionType || choice.Function.Name == "" {
		return invalid(param, "unsupported_value", "'%s' must be none, auto, required or name a function.", param)
	}
	d.req.Choice = chat.Choice{Mode: chat.NamedChoice, Name: choice.Function.Name}
	return nil
}

// allowTools reads a choice among some of the tools.
func (d decoder) allowTools(mode chat.ChoiceMode, tools []sentChoice) error {
	const param = "tool_choice.allowed_tools"
	if mode != chat.AutoChoice && mode != chat.RequiredChoice {
		return invalid(param+".mode", "invalid_value", "'%s.mode' must be auto or required.", param)
	}
	for _, t := range tools {
		if t.Type != functionType || t.Function.Name == "" {
			return invalid(param+".tools", "unsupported_value", "'%s.tools' must name functions.", param)
		}
		*d.allowed = append(*d.allowed, t.Function.Name)
	}
	if len(tools) == 0 {
		return invalid(param+".tools", "empty_array", "'%s.tools' must not be empty.", param)
	}
	d.req.Choice.Mode = mode
	return nil
}
