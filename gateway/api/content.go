package api

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/gemini"
)

// content is POST /v1beta/models/{model}:{method}, where Gemini's API has all it can
// do. A model's name may have slashes and colons.
func (a *API) content(c echo.Context) error {
	name, err := url.PathUnescape(c.Param("*"))
	if err != nil {
		return unknownMethod()
	}
	colon := strings.LastIndexByte(name, ':')
	if colon < 0 {
		return unknownMethod()
	}
	model := name[:colon]
	switch name[colon+1:] {
	case "generateContent":
		return a.serve(c, generateContent(model))
	case "streamGenerateContent":
		return a.serve(c, streamContent(model, c.QueryParam("alt") != "sse"))
	case "countTokens":
		return a.serve(c, contentTokens(model))
	case "embedContent":
		return a.serve(c, embedContent(model, gemini.ParseEmbed))
	case "batchEmbedContents":
		return a.serve(c, embedContent(model, gemini.ParseEmbedBatch))
	}
	return unknownMethod()
}

func unknownMethod() *gateway.Error {
	return &gateway.Error{Kind: gateway.NotFound, Code: "unknown_url", Public: "There is nothing at this address."}
}

// generated is the endpoint's name in facts, streamed or not.
const generated = "generate_content"

func generateContent(model string) endpoint {
	return endpoint{name: generated, parse: func(body []byte) (*provider.Inbound, error) {
		return gemini.ParseGenerate(model, body, false)
	}}
}

// streamContent streams events, or the elements of an array.
func streamContent(model string, array bool) endpoint {
	return endpoint{name: generated, parse: func(body []byte) (*provider.Inbound, error) {
		in, err := gemini.ParseGenerate(model, body, true)
		if err == nil {
			in.Array = array
		}
		return in, err
	}}
}

func contentTokens(model string) endpoint {
	return endpoint{
		name:      generated + ".count_tokens",
		parse:     func(body []byte) (*provider.Inbound, error) { return gemini.ParseCount(model, body) },
		operation: counting(func(tokens int64) []byte { return fmt.Appendf(nil, `{"totalTokens":%d}`, tokens) }),
	}
}

// embedContent embeds one content, or those of a batch.
func embedContent(model string, parse func(model string, body []byte) (*provider.Inbound, error)) endpoint {
	return endpoint{
		name:      "embed_content",
		parse:     func(body []byte) (*provider.Inbound, error) { return parse(model, body) },
		operation: embedding(),
	}
}
