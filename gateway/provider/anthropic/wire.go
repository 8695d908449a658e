package anthropic

import (
	"encoding/json"
	"io"
	"net/http"

	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/chat"
	"github.com/llm-hub/llm-hub/gateway/provider/rawjson"
)

// version is the newest version of the API that takes temperature and top_p.
const version = "2023-06-01"

// Wire is Anthropic's wire format.
type Wire struct{}

var (
	_ chat.Wire   = Wire{}
	_ chat.Signer = Wire{}
)

// SignsAs implements [chat.Signer].
func (Wire) SignsAs() string { return signer }

// Call implements [chat.Wire].
func (Wire) Call(req *chat.Request, t provider.Target) (*chat.Exchange, error) {
	w, err := request(req, t.Model)
	if err != nil {
		return nil, err
	}
	body, err := rawjson.Marshal(w)
	if err != nil {
		return nil, invalid("", "The request cannot be written: %v.", err)
	}
	return &chat.Exchange{
		URL: address(t, ""), Header: header(req.Stream, t), Body: body,
		Reply:  reply,
		Source: func(r io.Reader) chat.Source { return newSource(r) },
	}, nil
}

func header(stream bool, t provider.Target) http.Header {
	h := http.Header{
		"Content-Type": {"application/json"},
		"Accept":       {"application/json"},
		versionHeader:  {version},
	}
	if stream {
		h["Accept"] = []string{"text/event-stream"}
	}
	if t.APIKey != "" {
		h["X-Api-Key"] = []string{t.APIKey}
	}
	return h
}

// formatSchema is the one form of an answer but text.
const formatSchema = "json_schema"

// The request on the wire.
type (
	wireRequest struct {
		Model       string        `json:"model"`
		MaxTokens   int64         `json:"max_tokens"`
		System      []wireBlock   `json:"system,omitempty"`
		Messages    []wireTurn    `json:"messages"`
		Tools       []wireTool    `json:"tools,omitempty"`
		ToolChoice  *wireChoice   `json:"tool_choice,omitempty"`
		Temperature *float64      `json:"temperature,omitempty"`
		TopP        *float64      `json:"top_p,omitempty"`
		TopK        *int64        `json:"top_k,omitempty"`
		Stop        []string      `json:"stop_sequences,omitempty"`
		Thinking    *wireThinking `json:"thinking,omitempty"`
		Output      *wireOutput   `json:"output_config,omitempty"`
		Metadata    *wireMetadata `json:"metadata,omitempty"`
		Tier        string        `json:"service_tier,omitempty"`
		Stream      bool          `json:"stream,omitempty"`
	}
	wireTurn struct {
		Role    chat.Role   `json:"role"`
		Content []wireBlock `json:"content"`
	}
	wireBlock struct {
		Type      string          `json:"type"`
		Text      string          `json:"text,omitempty"`
		Thinking  *string         `json:"thinking,omitempty"` // may be empty, and must be there
		Signature string          `json:"signature,omitempty"`
		Data      string          `json:"data,omitempty"`
		Source    *wireSource     `json:"source,omitempty"`
		Title     string          `json:"title,omitempty"`
		ID        string          `json:"id,omitempty"`
		Name      string          `json:"name,omitempty"`
		Input     json.RawMessage `json:"input,omitempty"`
		ToolUseID string          `json:"tool_use_id,omitempty"`
		Content   []wireBlock     `json:"content,omitempty"`
		IsError   bool            `json:"is_error,omitempty"`
		Cache     *wireCache      `json:"cache_control,omitempty"`
	}
	wireCache struct {
		Type string        `json:"type"`
		TTL  chat.CacheTTL `json:"ttl,omitempty"`
	}
	wireSource struct {
		Type      string `json:"type"` // base64, text or url
		MediaType string `json:"media_type,omitempty"`
		Data      string `json:"data,omitempty"`
		URL       string `json:"url,omitempty"`
	}
	wireTool struct {
		Name        string          `json:"name"`
		Description string          `json:"description,omitempty"`
		InputSchema json.RawMessage `json:"input_schema"`
		Strict      *bool           `json:"strict,omitempty"`
		Cache       *wireCache      `json:"cache_control,omitempty"`
	}
	wireChoice struct {
		Type            string `json:"type"`
		Name            string `json:"name,omitempty"`
		DisableParallel bool   `json:"disable_parallel_tool_use,omitempty"`
	}
	wireThinking struct {
		Type    string `json:"type"`
		Budget  int64  `json:"budget_tokens,omitempty"`
		Display string `json:"display,omitempty"`
	}
	wireOutput struct {
		Effort string      `json:"effort,omitempty"`
		Format *wireFormat `json:"format,omitempty"`
	}
	wireFormat struct {
		Type   string          `json:"type"`
		Schema json.RawMessage `json:"schema"`
	}
	wireMetadata struct {
		UserID string `json:"user_id"`
	}
)
