package openai

import (
	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/rawjson"
)

// ParseCompletion reads a legacy completions request as [ParseChat] does one for a
// chat.
func ParseCompletion(body []byte) (*provider.Inbound, error) {
	return parseBody(body, (*parser).completionField, "prompt")
}

func (p *parser) completionField(key string, value []byte) error {
	switch key {
	case "model":
		return p.model(value)
	case "prompt":
		return p.prompt(value)
	case "suffix":
		p.string(value)
		return wantType(value, key, rawjson.StringType)
	case "stream":
		return readBool(value, key, &p.in.Stream)
	case streamOptions:
		return p.streamOptions(value)
	case oldCap:
		return readCount(value, key, &p.oldCap)
	case "n":
		return choiceCount(value, key, &p.choices)
	case "best_of":
		return choiceCount(value, key, &p.best)
	case "echo":
		return wantType(value, key, rawjson.BoolType)
	case "stop":
		return wantType(value, key, rawjson.StringType, rawjson.ArrayType)
	case "temperature", "top_p", "presence_penalty", "frequency_penalty", "seed", "logprobs":
		return wantType(value, key, rawjson.NumberType)
	case "logit_bias":
		return wantType(value, key, rawjson.ObjectType)
	case "user":
		return wantType(value, key, rawjson.StringType)
	}
	return nil
}

// maxPrompts bounds the texts of one request.
const maxPrompts = 10_000

func (p *parser) prompt(value []byte) error {
	const key = "prompt"
	if err := p.inputs(key, value); err != nil {
		return err
	}
	if p.prompts = p.count; p.prompts > maxPrompts {
		return invalid(key, "array_above_max_length", "'%s' must have at most %d elements.", key, maxPrompts)
	}
	return nil
}
