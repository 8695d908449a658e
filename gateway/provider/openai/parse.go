package openai

import (
	"fmt"
	"unicode/utf8"

	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/rawjson"
)

const (
	maxMessages = 10_000
	maxChoices  = 128
	// mediaTokens stands for an image, a file or a recording in the estimate of a
	// prompt: about what vendors count for a picture of a megapixel, a page of a
	// file or half a minute of sound. A longer file or recording costs more.
	mediaTokens = 1_000
)

// ParseChat reads a chat completions request: what the gateway itself must know,
// and the rough shape, so that a plain mistake is refused before any vendor is
// called. An error is a *gateway.Error of kind Invalid that names the field.
func ParseChat(body []byte) (*provider.Inbound, error) {
	return parseBody(body, (*parser).chatField, "messages")
}

// parseBody reads a request. required is the member that must be there beside the
// model.
func parseBody(body []byte, read fieldReader, required string) (*provider.Inbound, error) {
	if !utf8.Valid(body) {
		return nil, invalid("", "", "The request body is not valid UTF-8.")
	}
	p := parser{in: &provider.Inbound{Dialect: provider.OpenAI, Body: body}, field: read}
	obj := rawjson.NewObject(body)
	for obj.Next() {
		key := obj.Key()
		if !p.names.Add(key) {
			return nil, invalid(string(key), "", "'%s' is given twice.", key)
		}
		if err := p.field(&p, string(key), obj.Value()); err != nil {
			return nil, err
		}
	}
	if err := obj.Err(); err != nil {
		return nil, badJSON(err)
	}
	return p.finish(required)
}

// fieldReader checks one member of a request and notes what it says.
type fieldReader func(p *parser, key string, value []byte) error

type parser struct {
	in       *provider.Inbound
	field    fieldReader
	names    rawjson.Names
	required bool  // the required member was there
	oldCap   int64 // max_tokens
	newCap   int64 // max_completion_tokens
	choices  int64
	best     int64 // choices that are made, of which the best are given
	prompts  int64 // that are answered, each with its choices; 0: one
	text     provider.Texts
	extra    int64 // tokens of prompt that are not text
	messages int64 // of a chat
	count    int64 // texts, if it is no chat
}

func (p *parser) finish(required string) (*provider.Inbound, error) {
	switch {
	case p.in.Model == "":
		return nil, invalid("model", "missing_required_parameter", "'model' is missing.")
	case !p.required:
		return nil, invalid(required, "missing_required_parameter", "'%s' is missing.", required)
	}
	p.in.MaxOutput = p.newCap
	if p.newCap == 0 {
		p.in.MaxOutput = p.oldCap
	}
	p.in.MaxOutput *= max(p.choices, p.best, 1) * max(p.prompts, 1) // the cap is for each choice
	p.in.InputTokens = provider.EstimateTokens(p.text.Size) + p.extra
	p.in.Prompt = promptReader(p.field)
	return p.in, nil
}

func (p *parser) chatField(key string, value []byte) error {
	switch key {
	case "model":
		return p.model(value)
	case "messages":
		return p.messageList(value)
	case "stream":
		return readBool(value, key, &p.in.Stream)
	case "stream_options":
		return p.streamOptions(value)
	case "max_tokens":
		return readCount(value, key, &p.oldCap)
	case "max_completion_tokens":
		return readCount(value, key, &p.newCap)
	case "n":
		return choiceCount(value, key, &p.choices)
	case "tools", "functions":
		p.raw(value)
		return wantType(value, key, rawjson.ArrayType)
	case "response_format":
		p.raw(value)
		return wantType(value, key, rawjson.ObjectType)
	case "logit_bias", "metadata", "prediction", "audio", "web_search_options":
		return wantType(value, key, rawjson.ObjectType)
	case "modalities":
		return wantType(value, key, rawjson.ArrayType)
	case "temperature", "top_p", "presence_penalty", "frequency_penalty", "seed", "top_logprobs", "top_k":
		return wantType(value, key, rawjson.NumberType)
	case "user", "service_tier", "reasoning_effort", "safety_identifier", "prompt_cache_key", "prompt_cache_retention", "verbosity":
		return wantType(value, key, rawjson.StringType)
	case "logprobs", "parallel_tool_calls", "store":
		return wantType(value, key, rawjson.BoolType)
	case "stop":
		return wantType(value, key, rawjson.StringType, rawjson.ArrayType)
	case "tool_choice", "function_call":
		return wantType(value, key, rawjson.StringType, rawjson.ObjectType)
	}
	return nil
}

func (p *parser) model(value []byte) error {
	if rawjson.TypeOf(value) != rawjson.StringType {
		return wrongType("model", value, rawjson.StringType)
	}
	var err error
	if p.in.Model, err = rawjson.String(value); err != nil || p.in.Model == "" {
		return invalid("model", "", "'model' must name a model.")
	}
	return nil
}

func choiceCount(value []byte, param string, into *int64) error {
	if err := readCount(value, param, into); err != nil {
		return err
	}
	if *into > maxChoices {
		return invalid(param, "integer_above_max_value", "'%s' must be at most %d.", param, maxChoices)
	}
	return nil
}

func (p *parser) streamOptions(value []byte) error {
	const key = "stream_options"
	if rawjson.TypeOf(value) != rawjson.ObjectType {
		return wantType(value, key, rawjson.ObjectType)
	}
	var names rawjson.Names
	obj := rawjson.NewObject(value)
	for obj.Next() {
		name := obj.Key()
		if !names.Add(name) {
			return invalid(key+"."+string(name), "", "'%s.%s' is given twice.", key, name)
		}
		if string(name) == "include_usage" {
			if err := readBool(obj.Value(), key+".include_usage", &p.in.IncludeUsage); err != nil {
				return err
			}
		}
	}
	return nil // the value was checked as a whole by the walk around it
}

func (p *parser) messageList(value []byte) error {
	const key = "messages"
	if rawjson.TypeOf(value) != rawjson.ArrayType {
		return wrongType(key, value, rawjson.ArrayType)
	}
	list := rawjson.NewArray(value)
	for list.Next() {
		if list.Len() > maxMessages {
			return invalid(key, "array_above_max_length", "'messages' must have at most %d elements.", maxMessages)
		}
		if err := p.message(list.Value(), list.Len()-1); err != nil {
			return err
		}
	}
	p.messages = int64(list.Len())
	if list.Len() == 0 {
		return invalid(key, "empty_array", "'messages' must not be empty.")
	}
	p.required = true
	return nil
}

func (p *parser) message(value []byte, i int) error {
	if rawjson.TypeOf(value) != rawjson.ObjectType {
		return wrongType(fmt.Sprintf("messages[%d]", i), value, rawjson.ObjectType)
	}
	role := false
	var names rawjson.Names
	obj := rawjson.NewObject(value)
	for obj.Next() {
		key, v := obj.Key(), obj.Value()
		if !names.Add(key) {
			path := fmt.Sprintf("messages[%d].%s", i, key)
			return invalid(path, "", "'%s' is given twice.", path)
		}
		switch string(key) {
		case "role":
			if rawjson.TypeOf(v) != rawjson.StringType {
				return wrongType(fmt.Sprintf("messages[%d].role", i), v, rawjson.StringType)
			}
			role = true
		case "content":
			if err := p.content(v, i); err != nil {
				return err
			}
		case "tool_calls":
			if rawjson.TypeOf(v) != rawjson.ArrayType && rawjson.TypeOf(v) != rawjson.NullType {
				return wrongType(fmt.Sprintf("messages[%d].tool_calls", i), v, rawjson.ArrayType)
			}
			p.raw(v)
		case "name", "tool_call_id":
		default: // the reasoning of a turn before, a refusal
			p.string(v)
		}
	}
	if !role {
		path := fmt.Sprintf("messages[%d].role", i)
		return invalid(path, "missing_required_parameter", "'%s' is missing.", path)
	}
	return nil
}

func (p *parser) content(value []byte, i int) error {
	switch rawjson.TypeOf(value) {
	case rawjson.NullType:
		return nil
	case rawjson.StringType:
		p.string(value)
		return nil
	case rawjson.ArrayType:
	default:
		return wrongType(fmt.Sprintf("messages[%d].content", i), value, rawjson.StringType, rawjson.ArrayType)
	}
	list := rawjson.NewArray(value)
	for list.Next() {
		if rawjson.TypeOf(list.Value()) != rawjson.ObjectType {
			path := fmt.Sprintf("messages[%d].content[%d]", i, list.Len()-1)
			return wrongType(path, list.Value(), rawjson.ObjectType)
		}
		p.part(list.Value())
	}
	return nil
}

// string counts the text of a string; anything else has none.
func (p *parser) string(value []byte) {
	if rawjson.TypeOf(value) == rawjson.StringType {
		raw := value[1 : len(value)-1]
		p.text.Add(raw, rawjson.TextLen(raw))
	}
}

// raw counts a value that the vendor's model sees in some form of its own.
func (p *parser) raw(value []byte) { p.text.Add(value, len(value)) }

// part counts one part of a message: text by its length, all else by a constant.
func (p *parser) part(value []byte) {
	text := false
	obj := rawjson.NewObject(value)
	for obj.Next() {
		switch string(obj.Key()) {
		case "type":
		case "text", "refusal":
			text = true
			fallthrough
		default:
			p.string(obj.Value())
		}
	}
	if !text {
		p.extra += mediaTokens
	}
}
