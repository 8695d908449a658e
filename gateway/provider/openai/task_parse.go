package openai

import (
	"unicode/utf8"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/rawjson"
)

// maxImageCount bounds the images of one request.
const maxImageCount = 10

// parseTask reads the JSON of a task as [ParseChat] does that of a chat.
func parseTask(task provider.Task, body []byte, read fieldReader, required string) (*provider.Inbound, error) {
	in, err := parseBody(body, read, required)
	if err != nil {
		return nil, err
	}
	in.Task, in.Prompt = task, nil
	return in, nil
}

// text reads a required text, which must not be empty.
func (p *parser) requiredText(key string, value []byte) error {
	if rawjson.TypeOf(value) != rawjson.StringType {
		return wrongType(key, value, rawjson.StringType)
	}
	if len(value) == len(`""`) {
		return invalid(key, "invalid_value", "'%s' must not be empty.", key)
	}
	p.required = true
	p.string(value)
	return nil
}

// ParseModeration reads a request to classify texts and images. What vendors bill of
// it only they know; most bill nothing.
func ParseModeration(body []byte) (*provider.Inbound, error) {
	in, err := parseTask(provider.Moderate, body, (*parser).moderationField, "input")
	if err == nil {
		in.Expected = func(func(string) bool) events.Usage { return events.Usage{} }
	}
	return in, err
}

func (p *parser) moderationField(key string, value []byte) error {
	switch key {
	case "model":
		return p.model(value)
	case "input":
		switch rawjson.TypeOf(value) {
		case rawjson.StringType, rawjson.ArrayType:
			p.required = true
			return nil
		}
		return wrongType(key, value, rawjson.StringType, rawjson.ArrayType)
	}
	return nil
}

// ParseSpeech reads a request to speak a text.
func ParseSpeech(body []byte) (*provider.Inbound, error) {
	var s speech
	in, err := parseTask(provider.Speak, body, s.field, "input")
	if err != nil {
		return nil, err
	}
	in.Raw = !in.Stream
	in.Expected = speechUsage(s.characters)
	return in, nil
}

type speech struct{ characters int64 }

func (s *speech) field(p *parser, key string, value []byte) error {
	switch key {
	case "model":
		return p.model(value)
	case "input":
		if err := p.requiredText(key, value); err != nil {
			return err
		}
		text, err := rawjson.String(value)
		s.characters = int64(utf8.RuneCountInString(text))
		return err
	case "voice":
		return wantType(value, key, rawjson.StringType, rawjson.ObjectType)
	case "instructions", "response_format":
		return wantType(value, key, rawjson.StringType)
	case "speed":
		return wantType(value, key, rawjson.NumberType)
	case "stream_format":
		return streamFormat(p, value)
	}
	return nil
}

func streamFormat(p *parser, value []byte) error {
	const key = "stream_format"
	if err := wantType(value, key, rawjson.StringType); err != nil {
		return err
	}
	switch s, _ := rawjson.String(value); s { // null is no string
	case "sse":
		p.in.Stream = true
	case "", "audio":
	default:
		return invalid(key, "invalid_value", "'%s' must be sse or audio.", key)
	}
	return nil
}

// ParseImages reads a request to make images.
func ParseImages(body []byte) (*provider.Inbound, error) {
	return parseImages(provider.MakeImages, body)
}

// ParseImageEdits reads a request to edit images that came as JSON, with the images in
// it or where they are.
func ParseImageEdits(body []byte) (*provider.Inbound, error) {
	return parseImages(provider.EditImages, body)
}

func parseImages(task provider.Task, body []byte) (*provider.Inbound, error) {
	m := images{n: 1}
	in, err := parseTask(task, body, m.field, "prompt")
	if err != nil {
		return nil, err
	}
	if task == provider.EditImages && m.given == 0 {
		return nil, invalid("images", "missing_required_parameter", "'images' is missing.")
	}
	m.prompt = in.InputTokens
	in.Expected = m.usage
	return in, nil
}

func (m *images) field(p *parser, key string, value []byte) error {
	switch key {
	case "model":
		return p.model(value)
	case "prompt":
		return p.requiredText(key, value)
	case "images":
		if rawjson.TypeOf(value) != rawjson.ArrayType {
			return wrongType(key, value, rawjson.ArrayType)
		}
		list := rawjson.NewArray(value)
		for list.Next() {
		}
		m.given = int64(list.Len())
		return nil
	case "n":
		if err := readCount(value, key, &m.n); err != nil {
			return err
		}
		return m.check()
	case "stream":
		return readBool(value, key, &p.in.Stream)
	case "quality":
		if err := wantType(value, key, rawjson.StringType); err != nil {
			return err
		}
		m.quality, _ = rawjson.String(value) // null is no string
		return nil
	case "size", "background", "moderation", "output_format", "response_format", "style", "user":
		return wantType(value, key, rawjson.StringType)
	case "partial_images", "output_compression":
		return wantType(value, key, rawjson.NumberType)
	}
	return nil
}

func (m *images) check() error {
	if m.n > maxImageCount {
		return invalid("n", "integer_above_max_value", "'n' must be at most %d.", maxImageCount)
	}
	m.n = max(m.n, 1)
	return nil
}
