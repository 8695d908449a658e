package responses

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"

	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/chat"
	"github.com/llm-hub/llm-hub/gateway/provider/openai"
	"github.com/llm-hub/llm-hub/gateway/provider/rawjson"
)

// Wire is the Responses API as a wire format for chats of other dialects, for models
// that speak nothing else. Nothing is stored at the vendor.
type Wire struct{}

var (
	_ chat.Wire   = Wire{}
	_ chat.Signer = Wire{}
)

// Only tells whether a model of OpenAI's is reached through the Responses API only.
func Only(model string) bool {
	name := model[strings.LastIndexByte(model, '/')+1:]
	switch {
	case strings.HasPrefix(name, "o1-pro"), strings.HasPrefix(name, "o3-pro"), strings.HasPrefix(name, "computer-use"):
		return true
	case strings.Contains(name, "-deep-research"):
		return true
	}
	return strings.HasPrefix(name, "gpt-5") && (strings.Contains(name, "-codex") || strings.Contains(name, "-pro"))
}

// SignsAs implements [chat.Signer]: what this API has encrypted goes back to it only.
func (Wire) SignsAs() string { return "openai-responses" }

// Failure implements [chat.Wire].
func (Wire) Failure(status int, h http.Header, body []byte) *provider.Failure {
	return openai.Wire{}.Failure(status, h, body)
}

// Call implements [chat.Wire].
func (Wire) Call(req *chat.Request, t provider.Target) (*chat.Exchange, error) {
	b := builder{req: req, out: requestOut{Model: t.Model, Stream: req.Stream, Include: []string{"reasoning.encrypted_content"}}}
	if err := b.build(); err != nil {
		return nil, err
	}
	body, err := rawjson.Marshal(b.out)
	if err != nil {
		return nil, &gateway.Error{Kind: gateway.Invalid, Public: "The request cannot be written.", Cause: err}
	}
	return &chat.Exchange{
		URL: address(t, ""), Header: header(req.Stream, t), Body: body,
		Reply:  reply,
		Source: func(r io.Reader) chat.Source { return newSource(r) },
	}, nil
}

// What goes to the vendor.
type (
	requestOut struct {
		Model       string            `json:"model"`
		Input       []itemOut         `json:"input"`
		Tools       []functionOut     `json:"tools,omitempty"`
		ToolChoice  any               `json:"tool_choice,omitempty"` // a word or a choiceOut
		Parallel    *bool             `json:"parallel_tool_calls,omitempty"`
		Text        *textForm         `json:"text,omitempty"`
		Reasoning   *reasoningForm    `json:"reasoning,omitempty"`
		MaxOutput   int64             `json:"max_output_tokens,omitempty"`
		Include     []string          `json:"include,omitempty"`
		Metadata    map[string]string `json:"metadata,omitempty"`
		User        string            `json:"user,omitempty"`
		ServiceTier string            `json:"service_tier,omitempty"`
		Store       bool              `json:"store"`
		Stream      bool              `json:"stream,omitempty"`
	}
	itemOut struct {
		Type      string     `json:"type"`
		Role      chat.Role  `json:"role,omitempty"`
		Content   []partOut  `json:"content,omitempty"`
		CallID    string     `json:"call_id,omitempty"`
		Name      string     `json:"name,omitempty"`
		Arguments string     `json:"arguments,omitempty"`
		Output    any        `json:"output,omitempty"` // a text, or parts
		Summary   *[]partOut `json:"summary,omitempty"`
		Encrypted string     `json:"encrypted_content,omitempty"`
	}
	partOut struct {
		Type     string `json:"type"`
		Text     string `json:"text,omitempty"`
		ImageURL string `json:"image_url,omitempty"`
		Filename string `json:"filename,omitempty"`
		FileData string `json:"file_data,omitempty"`
		FileURL  string `json:"file_url,omitempty"`
	}
	functionOut struct {
		Type        string          `json:"type"` // function
		Name        string          `json:"name"`
		Description string          `json:"description,omitempty"`
		Parameters  json.RawMessage `json:"parameters"`
		Strict      bool            `json:"strict"`
	}
	choiceOut struct {
		Type string `json:"type"` // function
		Name string `json:"name"`
	}
	textForm struct {
		Format formOut `json:"format"`
	}
	formOut struct {
		Type   string          `json:"type"`
		Name   string          `json:"name,omitempty"`
		Schema json.RawMessage `json:"schema,omitempty"`
		Strict *bool           `json:"strict,omitempty"`
	}
	reasoningForm struct {
		Effort  chat.Effort `json:"effort,omitempty"`
		Summary string      `json:"summary,omitempty"`
	}
)
