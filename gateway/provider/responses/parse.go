package responses

import (
	"fmt"
	"unicode/utf8"

	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/rawjson"
)

const (
	maxItems = 100_000
	// mediaTokens stands for an image or a file in the estimate of a prompt: about
	// what a picture of a megapixel or a page of a document counts.
	mediaTokens = 1_000
)

// ParseResponse reads the body of POST /v1/responses: what the gateway itself must
// know, and the rough shape, so that a plain mistake is refused before any vendor
// is called. An error is a *gateway.Error of kind Invalid that names the field.
//
// Keep of what it gives is the client's wish.
func ParseResponse(body []byte) (*provider.Inbound, error) {
	if !utf8.Valid(body) {
		return nil, invalid("", "", "The request body is not valid UTF-8.")
	}
	p := parser{in: &provider.Inbound{Dialect: provider.Responses, Body: body, Keep: true}}
	if err := p.walk(body); err != nil {
		return nil, err
	}
	switch {
	case p.in.Model == "":
		return nil, missing("model")
	case !p.asked && p.in.Previous == "":
		return nil, invalid("input", codeMissing, "One of 'input', 'previous_response_id' or 'prompt' must be given.")
	}
	p.in.InputTokens = provider.EstimateTokens(p.text.Size) + p.media
	p.in.Prompt = readPrompt
	return p.in, nil
}

// ParseCount reads the body of POST /v1/responses/input_tokens, whose prompt is as
// that of a response; an answer is never asked for.
func ParseCount(body []byte) (*provider.Inbound, error) {
	in, err := ParseResponse(body)
	if err != nil {
		return nil, err
	}
	in.Stream, in.Keep, in.MaxOutput = false, false, 0
	return in, nil
}

// readPrompt implements the Prompt of [provider.Inbound].
func readPrompt(in *provider.Inbound, most int) provider.Prompt {
	p := parser{in: &provider.Inbound{}, text: provider.Texts{Keep: true}}
	_ = p.walk(in.Body) // it was found good before
	return provider.Prompt{Excerpt: p.text.Excerpt(most), Messages: p.items, Media: p.media}
}

type parser struct {
	in    *provider.Inbound
	asked bool  // there is something to answer
	items int64 // of the input
	text  provider.Texts
	media int64 // tokens of prompt that are not text
}

func (p *parser) walk(body []byte) error {
	var names rawjson.Names
	obj := rawjson.NewObject(body)
	for obj.Next() {
		if !names.Add(obj.Key()) {
			return twice(string(obj.Key()))
		}
		if err := p.field(string(obj.Key()), obj.Value()); err != nil {
			return err
		}
	}
	if err := obj.Err(); err != nil {
		return badJSON(err)
	}
	return nil
}

// field checks one member of the request and notes what it says.
func (p *parser) field(key string, value []byte) error {
	switch key {
	case "model":
		return p.name(value, key, &p.in.Model)
	case "input":
		return p.input(value)
	case "instructions":
		p.string(value)
		return mayBe(value, key, rawjson.StringType)
	case "stream":
		p.in.Stream = string(value) == "true"
		return mayBe(value, key, rawjson.BoolType)
	case "store":
		p.in.Keep = string(value) != "false"
		return mayBe(value, key, rawjson.BoolType)
	case "max_output_tokens":
		return readCount(value, key, &p.in.MaxOutput)
	case "previous_response_id":
		if null(value) {
			return nil
		}
		return p.name(value, key, &p.in.Previous)
	case "background":
		if string(value) == "true" {
			return invalid(key, codeUnsupported, "Responses in the background are not supported: set 'background' to false, and 'stream' to true for long answers.")
		}
		return mayBe(value, key, rawjson.BoolType)
	case "conversation":
		if !null(value) {
			return invalid(key, codeUnsupported, "'conversation' is not supported: go on from an answer with 'previous_response_id'.")
		}
		return nil
	case "prompt":
		p.asked = p.asked || !null(value)
		return mayBe(value, key, rawjson.ObjectType)
	case "tools":
		if rawjson.TypeOf(value) == rawjson.ArrayType {
			p.text.Add(value, len(value))
		}
		return mayBe(value, key, rawjson.ArrayType)
	}
	return plainField(key, value)
}

// plainField checks the sort of a member that the gateway itself need not know.
func plainField(key string, value []byte) error {
	switch key {
	case "include":
		return mayBe(value, key, rawjson.ArrayType)
	case "metadata", "reasoning", "text", "stream_options":
		return mayBe(value, key, rawjson.ObjectType)
	case "temperature", "top_p", "top_logprobs", "max_tool_calls":
		return mayBe(value, key, rawjson.NumberType)
	case "parallel_tool_calls":
		return mayBe(value, key, rawjson.BoolType)
	case "tool_choice":
		return mayBe(value, key, rawjson.StringType, rawjson.ObjectType)
	case "user", "safety_identifier", "service_tier", "prompt_cache_key", "prompt_cache_retention", "truncation":
		return mayBe(value, key, rawjson.StringType)
	}
	return nil
}

func (p *parser) name(value []byte, key string, into *string) error {
	if err := wantType(value, key, rawjson.StringType); err != nil {
		return err
	}
	var err error
	if *into, err = rawjson.String(value); err != nil || *into == "" {
		return invalid(key, codeValue, "Invalid '%s': it must not be empty.", key)
	}
	return nil
}

func (p *parser) input(value []byte) error {
	const key = "input"
	switch rawjson.TypeOf(value) {
	case rawjson.NullType:
		return nil
	case rawjson.StringType:
		p.asked, p.items = true, 1
		p.string(value)
		return nil
	}
	if err := wantType(value, key, rawjson.StringType, rawjson.ArrayType); err != nil {
		return err
	}
	list := rawjson.NewArray(value)
	for list.Next() {
		if list.Len() > maxItems {
			return invalid(key, "array_above_max_length", "'input' must have at most %d elements.", maxItems)
		}
		if err := wantType(list.Value(), fmt.Sprintf("input[%d]", list.Len()-1), rawjson.ObjectType); err != nil {
			return err
		}
		if err := p.item(list.Value(), list.Len()-1); err != nil {
			return err
		}
	}
	p.items = int64(list.Len())
	p.asked = p.asked || list.Len() > 0
	return nil
}

// item counts the texts and the media of an item.
func (p *parser) item(value []byte, i int) error {
	var names rawjson.Names
	obj := rawjson.NewObject(value)
	for obj.Next() {
		if !names.Add(obj.Key()) {
			return twice(fmt.Sprintf("input[%d].%s", i, obj.Key()))
		}
		switch v := obj.Value(); string(obj.Key()) {
		case "content", "output", "summary":
			p.string(v)
			p.parts(v)
		case "arguments", "input":
			p.string(v)
		}
	}
	return nil
}

func (p *parser) parts(value []byte) {
	list := rawjson.NewArray(value)
	for list.Next() {
		text := false
		obj := rawjson.NewObject(list.Value())
		for obj.Next() {
			if key := string(obj.Key()); key == "text" || key == "refusal" {
				text = true
				p.string(obj.Value())
			}
		}
		if !text {
			p.media += mediaTokens
		}
	}
}

// string counts the text of a string; anything else has none.
func (p *parser) string(value []byte) {
	if rawjson.TypeOf(value) == rawjson.StringType {
		p.text.Add(value[1:len(value)-1], rawjson.TextLen(value[1:len(value)-1]))
	}
}
