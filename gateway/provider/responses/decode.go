package responses

import (
	"encoding/json"
	"slices"

	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/chat"
	"github.com/llm-hub/llm-hub/gateway/provider/rawjson"
)

// Decode implements [chat.Client]. Tools that OpenAI runs itself, and what else
// only OpenAI has, are dropped; what would change the meaning of the prompt is
// refused.
func (Client) Decode(in *provider.Inbound) (*chat.Request, error) {
	d := decoder{req: &chat.Request{N: 1, Stream: in.Stream, MaxOutput: in.MaxOutput}}
	obj := rawjson.NewObject(in.Body)
	for obj.Next() {
		if null(obj.Value()) {
			continue
		}
		if err := d.field(string(obj.Key()), obj.Value()); err != nil {
			return nil, err
		}
	}
	if err := obj.Err(); err != nil {
		return nil, badJSON(err)
	}
	d.req.Messages = append(d.system, d.req.Messages...)
	if err := d.settleTools(); err != nil {
		return nil, err
	}
	if top := d.req.TopLogprobs; top != nil {
		d.req.Logprobs = d.req.Logprobs || *top > 0
	}
	return d.req, nil
}

type decoder struct {
	req     *chat.Request
	system  []chat.Message
	call    string   // signature of the call that comes next
	allowed []string // names of the tools that may be called; nil: all
}

func (d *decoder) field(key string, value []byte) error {
	if into := d.plain(key); into != nil {
		return read(value, key, into)
	}
	switch key {
	case "input":
		return d.input(value)
	case "instructions":
		text, err := rawjson.String(value)
		d.system = []chat.Message{{Role: chat.System, Parts: []chat.Part{{Kind: chat.TextPart, Text: text}}}}
		return err
	case "tools":
		return d.tools(value)
	case "tool_choice":
		return d.toolChoice(value)
	case "reasoning":
		return d.reasoning(value)
	case "text":
		return d.text(value)
	case "include":
		return d.include(value)
	case "service_tier":
		return d.serviceTier(value)
	case "truncation":
		if string(value) != `"disabled"` {
			d.req.Drop(key)
		}
	case "prompt":
		return invalid(key, codeUnsupported, "This model's vendor keeps no prompts: send the text itself in place of '%s'.", key)
	case "previous_response_id": // the gateway has put in its place what it stands for
	case "model", "stream", "max_output_tokens", "store", "background", "stream_options": // are read already, or no business of the vendor's
	case "max_tool_calls", "prompt_cache_key", "prompt_cache_retention":
		d.req.Drop(key)
	default: // maybe a vendor knows it
		d.req.Extras = append(d.req.Extras, chat.Extra{Name: key, Value: value})
	}
	return nil
}

// plain is where a member goes that is the same here and there; nil: it is not.
func (d *decoder) plain(key string) any {
	switch key {
	case "parallel_tool_calls":
		return &d.req.ParallelTools
	case "temperature":
		return &d.req.Temperature
	case "top_p":
		return &d.req.TopP
	case "top_logprobs":
		return &d.req.TopLogprobs
	case "metadata":
		return &d.req.Metadata
	case "user", "safety_identifier":
		return &d.req.User
	}
	return nil
}

// reasoning reads how much is to be thought. A summary that is asked for means
// that the thinking is to be shown.
func (d *decoder) reasoning(value []byte) error {
	obj := rawjson.NewObject(value)
	for obj.Next() {
		path := "reasoning." + string(obj.Key())
		if null(obj.Value()) {
			continue
		}
		switch string(obj.Key()) {
		case "effort":
			if err := d.effort(obj.Value(), path); err != nil {
				return err
			}
		case "summary", "generate_summary":
			show := true
			d.req.ShowThinking = &show
		default:
			d.req.Drop(path)
		}
	}
	return nil
}

func (d *decoder) effort(value []byte, path string) error {
	if err := read(value, path, &d.req.Effort); err != nil {
		return err
	}
	known := []chat.Effort{
		chat.NoEffort, chat.MinimalEffort, chat.LowEffort, chat.MediumEffort, chat.HighEffort, chat.XHighEffort, chat.MaxEffort,
	}
	if !slices.Contains(known, d.req.Effort) {
		return invalid(path, codeValue, "Invalid '%s': it must be one of %v.", path, known)
	}
	return nil
}

// text reads the form of the answer.
func (d *decoder) text(value []byte) error {
	obj := rawjson.NewObject(value)
	for obj.Next() {
		path := "text." + string(obj.Key())
		switch {
		case null(obj.Value()):
		case string(obj.Key()) == "format":
			if err := d.format(obj.Value(), path); err != nil {
				return err
			}
		default:
			d.req.Drop(path)
		}
	}
	return nil
}

func (d *decoder) format(value []byte, path string) error {
	var f struct {
		Type   string          `json:"type"`
		Name   string          `json:"name"`
		Schema json.RawMessage `json:"schema"`
		Strict *bool           `json:"strict"`
	}
	if err := read(value, path, &f); err != nil {
		return err
	}
	switch f.Type {
	case "text":
	case "json_object":
		d.req.Format.Kind = chat.JSONFormat
	case "json_schema":
		if err := wantType(f.Schema, path+".schema", rawjson.ObjectType); err != nil {
			return err
		}
		d.req.Format = chat.Format{Kind: chat.SchemaFormat, Schema: f.Schema, Name: f.Name, Strict: f.Strict}
	default:
		return invalid(path+".type", codeValue, "Invalid '%s.type': it must be text, json_object or json_schema.", path)
	}
	return nil
}

// include reads what is to come with the answer. Signed thoughts come unasked.
func (d *decoder) include(value []byte) error {
	var list []string
	if err := read(value, "include", &list); err != nil {
		return err
	}
	for _, what := range list {
		switch what {
		case "message.output_text.logprobs":
			d.req.Logprobs = true
		case "reasoning.encrypted_content", "message.input_image.image_url":
		default:
			d.req.Drop("include." + what)
		}
	}
	return nil
}

// serviceTier reads the tier; auto is what every vendor does unasked.
func (d *decoder) serviceTier(value []byte) error {
	if err := read(value, "service_tier", &d.req.ServiceTier); err != nil {
		return err
	}
	if d.req.ServiceTier == "auto" {
		d.req.ServiceTier = ""
	}
	return nil
}
