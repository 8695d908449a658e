package openai

import (
	"errors"
	"fmt"

	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/failure"
	"github.com/llm-hub/llm-hub/gateway/provider/rawjson"
)

// ParseEmbeddings reads a request for embeddings as [ParseChat] does one for a chat.
func ParseEmbeddings(body []byte) (*provider.Inbound, error) {
	return parseBody(body, (*parser).embeddingField, "input")
}

func (p *parser) embeddingField(key string, value []byte) error {
	switch key {
	case "model":
		return p.model(value)
	case "input":
		return p.inputs(key, value)
	case "encoding_format":
		return p.encoding(value)
	case "dimensions":
		var n int64
		return readCount(value, key, &n)
	case "user":
		return wantType(value, key, rawjson.StringType)
	}
	return nil
}

func (p *parser) encoding(value []byte) error {
	const key = "encoding_format"
	if err := wantType(value, key, rawjson.StringType); err != nil {
		return err
	}
	switch s, _ := rawjson.String(value); s { // null is no string
	case "", "float", "base64":
		return nil
	}
	return invalid(key, "invalid_value", "'%s' must be float or base64.", key)
}

// inputs reads what one or several texts are: a text, a list of texts, the tokens
// of a text, or a list of such.
func (p *parser) inputs(key string, value []byte) error {
	p.required = true
	if rawjson.TypeOf(value) == rawjson.StringType {
		p.count = 1
		if len(value) == len(`""`) && key == "input" {
			return invalid(key, "invalid_value", "'%s' must not be empty.", key)
		}
		p.string(value)
		return nil
	}
	if rawjson.TypeOf(value) != rawjson.ArrayType {
		return wrongType(key, value, rawjson.StringType, rawjson.ArrayType)
	}
	of := rawjson.NoType
	list := rawjson.NewArray(value)
	for list.Next() {
		got := rawjson.TypeOf(list.Value())
		if list.Len() == 1 {
			of = got
		}
		path := func() string { return fmt.Sprintf("%s[%d]", key, list.Len()-1) }
		if got != of {
			return wrongType(path(), list.Value(), of)
		}
		if err := p.input(path, list.Value()); err != nil {
			return err
		}
	}
	if list.Len() == 0 {
		return invalid(key, "empty_array", "'%s' must not be empty.", key)
	}
	if p.count = int64(list.Len()); of == rawjson.NumberType {
		p.count = 1
	}
	return nil
}

// input reads a text, a token or a list of tokens.
func (p *parser) input(path func() string, value []byte) error {
	switch rawjson.TypeOf(value) {
	case rawjson.StringType:
		p.string(value)
		return nil
	case rawjson.NumberType:
		p.extra++
		return nil
	case rawjson.ArrayType:
	default:
		return wrongType(path(), value, rawjson.StringType, rawjson.NumberType, rawjson.ArrayType)
	}
	tokens := rawjson.NewArray(value)
	for tokens.Next() {
		if rawjson.TypeOf(tokens.Value()) != rawjson.NumberType {
			return wrongType(fmt.Sprintf("%s[%d]", path(), tokens.Len()-1), tokens.Value(), rawjson.NumberType)
		}
	}
	if tokens.Len() == 0 {
		return invalid(path(), "empty_array", "'%s' must not be empty.", path())
	}
	p.extra += int64(tokens.Len())
	return nil
}

var errNoEmbeddings = errors.New("neither data nor error")

// readEmbeddings passes an answer through and notes what it cost.
func readEmbeddings(body []byte) (provider.Reply, error) {
	var usage, told []byte
	data := false
	obj := rawjson.NewObject(body)
	for obj.Next() {
		isNull := rawjson.TypeOf(obj.Value()) == rawjson.NullType
		switch string(obj.Key()) {
		case "usage":
			usage = obj.Value()
		case "error":
			if !isNull {
				told = obj.Value()
			}
		case "data":
			data = rawjson.TypeOf(obj.Value()) == rawjson.ArrayType
		}
	}
	switch {
	case obj.Err() != nil:
		return provider.Reply{}, provider.BadAnswerError(obj.Err())
	case told != nil:
		return provider.Reply{Usage: readUsage(usage)}, failure.Told(failure.Read(body)).Public()
	case !data:
		return provider.Reply{Usage: readUsage(usage)}, provider.BadAnswerError(errNoEmbeddings)
	}
	return provider.Reply{Body: body, Usage: readUsage(usage)}, nil
}
