package gemini

import (
	"fmt"
	"unicode/utf8"

	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/rawjson"
)

const (
	maxContents   = 10_000
	maxCandidates = 128
	maxTokens     = 1<<31 - 1
	// mediaTokens stands for a picture, a file or a recording in the estimate of a
	// prompt: about what vendors count for a picture of a megapixel, a page of a
	// file or half a minute of sound.
	mediaTokens = 1_000
)

// ParseGenerate reads a generateContent request: what the gateway itself must
// know, and the rough shape, so that a plain mistake is refused before any vendor
// is called. The model and whether the answer is to stream stand in the address.
// An error is a *gateway.Error of kind Invalid that names the field.
func ParseGenerate(model string, body []byte, stream bool) (*provider.Inbound, error) {
	p, err := parseRequest(model, body)
	if err != nil {
		return nil, err
	}
	if p.contents == 0 {
		return nil, invalid("contents", "'contents' must not be empty.")
	}
	p.in.Stream = stream
	return p.in, nil
}

// ParseCount reads a countTokens request, which has the contents or a whole
// generateContentRequest. Errors are those of [ParseGenerate].
func ParseCount(model string, body []byte) (*provider.Inbound, error) {
	p, err := parseRequest(model, body)
	if err != nil {
		return nil, err
	}
	return p.in, nil
}

func parseRequest(model string, body []byte) (*parser, error) {
	if !utf8.Valid(body) {
		return nil, invalid("", "The request body is not valid UTF-8.")
	}
	p := &parser{in: &provider.Inbound{Dialect: provider.Gemini, Body: body, Model: model}}
	if model == "" {
		return nil, invalid("model", "The address names no model.")
	}
	if err := eachMember(body, "", p.field); err != nil {
		return nil, err
	}
	p.in.MaxOutput = p.cap * max(p.candidates, 1) // the cap is for each candidate
	p.in.InputTokens = provider.EstimateTokens(p.text.Size) + p.media
	p.in.Prompt = readPrompt
	return p, nil
}

type parser struct {
	in         *provider.Inbound
	contents   int
	cap        int64 // of the tokens of a candidate
	candidates int64
	text       provider.Texts
	media      int64 // tokens of prompt that are not text
}

// field checks one member of the request and notes what it says.
func (p *parser) field(name string, value []byte) error {
	switch name {
	case "contents":
		return eachElement(value, name, func(value []byte, path string) error {
			if p.contents++; p.contents > maxContents {
				return invalid(name, "'contents' must have at most %d elements.", maxContents)
			}
			return p.content(value, path)
		})
	case "systemInstruction":
		return p.content(value, name)
	case "generationConfig":
		return eachMember(value, name, p.config)
	case "tools":
		p.text.Add(value, len(value))
		return eachElement(value, name, func(value []byte, path string) error {
			return wantType(value, path, rawjson.ObjectType)
		})
	case "toolConfig":
		return wantType(value, name, rawjson.ObjectType)
	case "generateContentRequest":
		return eachMember(value, name, p.field)
	}
	return nil
}

func (p *parser) config(name string, value []byte) error {
	path := join("generationConfig", name)
	switch name {
	case "maxOutputTokens":
		return count(&p.cap, maxTokens)(value, path)
	case "candidateCount":
		return count(&p.candidates, maxCandidates)(value, path)
	case "responseSchema", "responseJsonSchema":
		p.text.Add(value, len(value))
		return wantType(value, path, rawjson.ObjectType)
	}
	return nil
}

// count reads a whole number between 1 and most.
func count(place *int64, most int64) field {
	return func(value []byte, path string) error {
		var n *int64
		if err := whole(&n)(value, path); err != nil {
			return err
		}
		if *n < 1 || *n > most {
			return invalid(path, "'%s' must be between 1 and %d.", path, most)
		}
		*place = *n
		return nil
	}
}

func (p *parser) content(value []byte, path string) error {
	return eachMember(value, path, func(name string, value []byte) error {
		at := join(path, name)
		switch name {
		case "role":
			return wantType(value, at, rawjson.StringType)
		case "parts":
			return eachElement(value, at, p.part)
		}
		return nil
	})
}

// part counts one part: text by its length, all else by a constant.
func (p *parser) part(value []byte, path string) error {
	return eachMember(value, path, func(name string, value []byte) error {
		switch name {
		case "text":
			if err := wantType(value, join(path, name), rawjson.StringType); err != nil {
				return err
			}
			value = value[1 : len(value)-1]
			p.text.Add(value, rawjson.TextLen(value))
		case "inlineData", "fileData":
			p.media += mediaTokens
		case "functionResponse":
			return eachMember(value, fmt.Sprintf("%s.%s", path, name), p.response)
		case "functionCall", "executableCode", "codeExecutionResult":
			p.text.Add(value, len(value))
		}
		return nil
	})
}

func (p *parser) response(name string, value []byte) error {
	switch name {
	case "response":
		p.text.Add(value, len(value))
	case "parts":
		p.media += mediaTokens * max(1, int64(elements(value)))
	}
	return nil
}

func elements(value []byte) int {
	list := rawjson.NewArray(value)
	for list.Next() {
		continue
	}
	return list.Len()
}
