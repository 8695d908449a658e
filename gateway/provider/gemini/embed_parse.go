package gemini

import (
	"fmt"
	"unicode/utf8"

	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/rawjson"
)

// requestsMember has the requests of a batch, and tells a batch from one request.
const requestsMember = "requests"

// ParseEmbed reads an embedContent request as [ParseGenerate] does one for content.
func ParseEmbed(model string, body []byte) (*provider.Inbound, error) {
	return parseEmbed(model, body, "content")
}

// ParseEmbedBatch reads a batchEmbedContents request likewise.
func ParseEmbedBatch(model string, body []byte) (*provider.Inbound, error) {
	return parseEmbed(model, body, requestsMember)
}

func parseEmbed(model string, body []byte, required string) (*provider.Inbound, error) {
	if !utf8.Valid(body) {
		return nil, invalid("", "The request body is not valid UTF-8.")
	}
	if model == "" {
		return nil, invalid("model", "The address names no model.")
	}
	p := embedParser{required: required}
	if err := eachMember(body, "", p.field); err != nil {
		return nil, err
	}
	if p.contents == 0 {
		return nil, invalid(required, "'%s' must not be empty.", required)
	}
	return &provider.Inbound{
		Dialect: provider.Gemini, Body: body, Model: model,
		InputTokens: provider.EstimateTokens(p.text.Size) + p.media,
		Prompt: func(in *provider.Inbound, most int) provider.Prompt {
			again := embedParser{required: required, parser: parser{text: provider.Texts{Keep: true}}}
			_ = eachMember(in.Body, "", again.field) // it was found good before
			return provider.Prompt{Excerpt: again.text.Excerpt(most), Media: again.media}
		},
	}, nil
}

// embedParser reads a request for embeddings.
type embedParser struct {
	parser
	required string // the member that a request of this method has
}

func (p *embedParser) field(name string, value []byte) error {
	if name != requestsMember {
		return p.one(name, value)
	}
	if p.required != requestsMember {
		return invalid(name, "'%s' is for batchEmbedContents.", name)
	}
	return eachElement(value, name, func(value []byte, path string) error {
		before := p.contents
		err := eachMember(value, path, func(name string, value []byte) error {
			return p.member(name, value, join(path, name))
		})
		if err == nil && p.contents == before {
			return invalid(join(path, "content"), "'%s.content' is missing.", path)
		}
		return err
	})
}

// one reads a member beside the requests of a batch, or of the one request.
func (p *embedParser) one(name string, value []byte) error {
	if p.required == requestsMember {
		return nil
	}
	return p.member(name, value, name)
}

func (p *embedParser) member(name string, value []byte, path string) error {
	switch name {
	case "content":
		if p.contents++; p.contents > maxContents {
			return invalid(requestsMember, "'%s' must have at most %d elements.", requestsMember, maxContents)
		}
		return p.content(value, path)
	case "outputDimensionality":
		var n int64
		return count(&n, maxTokens)(value, path)
	case "taskType", "title":
		return wantType(value, path, rawjson.StringType)
	}
	return nil
}

// isBatch tells whether a request that was found good is a batch.
func isBatch(body []byte) bool {
	obj := rawjson.NewObject(body)
	for obj.Next() {
		if string(obj.Key()) == requestsMember && rawjson.TypeOf(obj.Value()) != rawjson.NullType {
			return true
		}
	}
	return false
}

// embedMethod is the method that a request for embeddings is for.
func embedMethod(batch bool) string {
	if batch {
		return "batchEmbedContents"
	}
	return "embedContent"
}

// pathOf is where a field of a request for embeddings stands.
func pathOf(batch bool, i int, field string) string {
	if !batch {
		return field
	}
	return fmt.Sprintf("%s[%d].%s", requestsMember, i, field)
}
