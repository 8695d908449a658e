package anthropic

import (
	"fmt"
	"unicode/utf8"

	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/rawjson"
)

const (
	maxMessages = 100_000 // the API's own limit
	// mediaTokens stands for an image or a document in the estimate of a prompt:
	// about what a picture of a megapixel or a page of a document counts.
	mediaTokens = 1_000
)

// ParseMessages reads the body of POST /v1/messages: what the gateway itself must
// know, and the rough shape, so that a plain mistake is refused before any vendor
// is called. An error is a *gateway.Error of kind Invalid that names the field.
func ParseMessages(body []byte) (*provider.Inbound, error) {
	in, err := parse(body)
	if err != nil {
		return nil, err
	}
	if in.MaxOutput == 0 {
		return nil, missing("max_tokens")
	}
	return in, nil
}

// ParseCount reads the body of POST /v1/messages/count_tokens, whose prompt is as
// that of a message; an answer is never asked for.
func ParseCount(body []byte) (*provider.Inbound, error) {
	in, err := parse(body)
	if err != nil {
		return nil, err
	}
	in.Stream, in.MaxOutput = false, 0
	return in, nil
}

func parse(body []byte) (*provider.Inbound, error) {
	if !utf8.Valid(body) {
		return nil, invalid("", "The request body is not valid UTF-8.")
	}
	p := parser{in: &provider.Inbound{Dialect: provider.Anthropic, Body: body}}
	if err := p.walk(body); err != nil {
		return nil, err
	}
	switch {
	case p.in.Model == "":
		return nil, missing("model")
	case p.messages == 0:
		return nil, missing("messages")
	}
	p.in.InputTokens = provider.EstimateTokens(p.text.Size) + p.media
	p.in.Prompt = readPrompt
	return p.in, nil
}

type parser struct {
	in       *provider.Inbound
	messages int64
	text     provider.Texts
	media    int64 // tokens of prompt that are not text
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
func (p *parser) field(key string, value []byte) (err error) {
	switch key {
	case "model":
		return p.model(value)
	case "messages":
		return p.messageList(value)
	case "max_tokens":
		p.in.MaxOutput, err = readCount(value, key)
		return err
	case "stream":
		p.in.Stream = string(value) == "true"
		return mayBe(value, key, rawjson.BoolType)
	case "system":
		return p.content(value, key, true)
	case "tools":
		if rawjson.TypeOf(value) == rawjson.ArrayType {
			p.text.Add(value, len(value))
		}
		return mayBe(value, key, rawjson.ArrayType)
	case "stop_sequences":
		return mayBe(value, key, rawjson.ArrayType)
	case "temperature", "top_p", "top_k":
		return mayBe(value, key, rawjson.NumberType)
	case "service_tier":
		return mayBe(value, key, rawjson.StringType)
	case "tool_choice", "thinking", "output_config", "metadata":
		return mayBe(value, key, rawjson.ObjectType)
	}
	return nil
}

func (p *parser) model(value []byte) error {
	if err := wantType(value, "model", rawjson.StringType); err != nil {
		return err
	}
	var err error
	if p.in.Model, err = rawjson.String(value); err != nil || p.in.Model == "" {
		return invalid("model", "model: Must name a model.")
	}
	return nil
}

func (p *parser) messageList(value []byte) error {
	const key = "messages"
	if err := wantType(value, key, rawjson.ArrayType); err != nil {
		return err
	}
	list := rawjson.NewArray(value)
	for list.Next() {
		if list.Len() > maxMessages {
			return invalid(key, "%s: There may be at most %d.", key, maxMessages)
		}
		if err := p.message(list.Value(), list.Len()-1); err != nil {
			return err
		}
	}
	if list.Len() == 0 {
		return invalid(key, "%s: At least one message is required.", key)
	}
	p.messages = int64(list.Len())
	return nil
}

func (p *parser) message(value []byte, i int) error {
	path := fmt.Sprintf("messages.%d", i)
	if err := wantType(value, path, rawjson.ObjectType); err != nil {
		return err
	}
	role, content := false, false
	var names rawjson.Names
	obj := rawjson.NewObject(value)
	for obj.Next() {
		key, v := string(obj.Key()), obj.Value()
		if !names.Add(obj.Key()) {
			return twice(path + "." + key)
		}
		var err error
		switch key {
		case "role":
			role, err = true, wantType(v, path+".role", rawjson.StringType)
		case "content":
			content, err = true, p.content(v, path+".content", false)
		}
		if err != nil {
			return err
		}
	}
	switch {
	case !role:
		return missing(path + ".role")
	case !content:
		return missing(path + ".content")
	}
	return nil
}

// content checks and counts a text or a list of blocks.
func (p *parser) content(value []byte, path string, optional bool) error {
	if optional && rawjson.TypeOf(value) == rawjson.NullType {
		return nil
	}
	if err := wantType(value, path, rawjson.StringType, rawjson.ArrayType); err != nil {
		return err
	}
	if rawjson.TypeOf(value) == rawjson.StringType {
		p.string(value)
		return nil
	}
	list := rawjson.NewArray(value)
	for list.Next() {
		if err := wantType(list.Value(), fmt.Sprintf("%s.%d", path, list.Len()-1), rawjson.ObjectType); err != nil {
			return err
		}
		p.block(list.Value())
	}
	return nil
}

// block counts one block: texts by their length, media by a constant, and nothing
// that the model does not see.
func (p *parser) block(value []byte) {
	obj := rawjson.NewObject(value)
	for obj.Next() {
		v := obj.Value()
		switch string(obj.Key()) {
		case "text", "thinking", "name", "title", "context":
			p.string(v)
		case "input":
			p.text.Add(v, len(v))
		case "source":
			p.source(v)
		case "content": // of a result or a document
			_ = p.content(v, "", true) // its mistakes are the vendor's to tell
		}
	}
}

// source counts what a block's media are: a text by its length.
func (p *parser) source(value []byte) {
	var kind, data []byte
	obj := rawjson.NewObject(value)
	for obj.Next() {
		switch string(obj.Key()) {
		case "type":
			kind = obj.Value()
		case "data":
			data = obj.Value()
		case "content":
			_ = p.content(obj.Value(), "", true) // as above
			return
		}
	}
	if string(kind) == `"text"` {
		p.string(data)
		return
	}
	p.media += mediaTokens
}

// string counts the text of a string; anything else has none.
func (p *parser) string(value []byte) {
	if rawjson.TypeOf(value) == rawjson.StringType {
		raw := value[1 : len(value)-1]
		p.text.Add(raw, rawjson.TextLen(raw))
	}
}
