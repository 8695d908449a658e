package cohere

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"

	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/chat"
	"github.com/llm-hub/llm-hub/gateway/provider/rawjson"
)

// Wire is Cohere's wire format. Its zero value is ready for use.
type Wire struct {
	NewID func() string // an id for a call that has none; nil: random
}

var _ chat.Wire = Wire{}

// Call implements [chat.Wire].
func (w Wire) Call(req *chat.Request, t provider.Target) (*chat.Exchange, error) {
	out, err := request(req, t.Model)
	if err != nil {
		return nil, err
	}
	body, err := rawjson.Marshal(out)
	if err != nil {
		return nil, &gateway.Error{Kind: gateway.Invalid, Public: "The request cannot be written.", Cause: err}
	}
	ids := newIDs(w.NewID)
	return &chat.Exchange{
		URL: endpoint(t, "/chat"), Header: header(req.Stream, t), Body: body,
		Reply:  func(body []byte) (*chat.Reply, error) { return readReply(body, ids) },
		Source: func(r io.Reader) chat.Source { return newSource(r, ids) },
	}, nil
}

// version is the part of an address that names the version of the API.
const version = "/v2"

// endpoint is an address below a vendor's base URL, which may name the version.
func endpoint(t provider.Target, path string) string {
	return strings.TrimSuffix(strings.TrimRight(t.BaseURL, "/"), version) + version + path
}

func header(stream bool, t provider.Target) http.Header {
	h := http.Header{"Content-Type": {"application/json"}, "Accept": {"application/json"}}
	if stream {
		h["Accept"] = []string{"text/event-stream"}
	}
	if t.APIKey != "" {
		h["Authorization"] = []string{"Bearer " + t.APIKey}
	}
	return h
}

// The request on the wire.
type (
	wireRequest struct {
		Model     string          `json:"model"`
		Messages  []wireMessage   `json:"messages"`
		Tools     []wireTool      `json:"tools,omitempty"`
		Strict    bool            `json:"strict_tools,omitempty"`
		Choice    string          `json:"tool_choice,omitempty"` // REQUIRED or NONE
		Documents []any           `json:"documents,omitempty"`   // of wireDocument, or as the client has them
		Citations json.RawMessage `json:"citation_options,omitempty"`
		Format    *wireFormat     `json:"response_format,omitempty"`
		Safety    json.RawMessage `json:"safety_mode,omitempty"`
		MaxTokens int64           `json:"max_tokens,omitempty"`
		Stop      []string        `json:"stop_sequences,omitempty"`
		wireSampling
		Logprobs bool            `json:"logprobs,omitempty"`
		Thinking *wireThinking   `json:"thinking,omitempty"`
		Priority json.RawMessage `json:"priority,omitempty"`
		Stream   bool            `json:"stream"`
	}
	wireSampling struct {
		Temperature      *float64 `json:"temperature,omitempty"`
		P                *float64 `json:"p,omitempty"`
		K                *int64   `json:"k,omitempty"`
		Seed             *int64   `json:"seed,omitempty"`
		FrequencyPenalty *float64 `json:"frequency_penalty,omitempty"`
		PresencePenalty  *float64 `json:"presence_penalty,omitempty"`
	}
	wireMessage struct {
		Role       chat.Role  `json:"role"`
		Content    any        `json:"content,omitempty"` // a text or a []wirePart
		ToolPlan   string     `json:"tool_plan,omitempty"`
		ToolCalls  []wireCall `json:"tool_calls,omitempty"`
		ToolCallID string     `json:"tool_call_id,omitempty"`
	}
	wirePart struct {
		Type     string        `json:"type"`
		Text     string        `json:"text,omitempty"`
		Thinking string        `json:"thinking,omitempty"`
		Image    *wireImage    `json:"image_url,omitempty"`
		Document *wireDocument `json:"document,omitempty"`
	}
	wireImage struct {
		URL string `json:"url"`
	}
	wireDocument struct {
		ID   string `json:"id,omitempty"`
		Data any    `json:"data"` // an object
	}
	wireCall struct {
		ID       string           `json:"id"`
		Type     string           `json:"type"`
		Function wireCallFunction `json:"function"`
	}
	wireCallFunction struct {
		Name      string `json:"name"`
		Arguments string `json:"arguments"` // JSON
	}
	wireTool struct {
		Type     string       `json:"type"`
		Function wireFunction `json:"function"`
	}
	wireFunction struct {
		Name        string          `json:"name"`
		Description string          `json:"description,omitempty"`
		Parameters  json.RawMessage `json:"parameters"`
	}
	wireFormat struct {
		Type   string          `json:"type"` // json_object
		Schema json.RawMessage `json:"json_schema,omitempty"`
	}
	wireThinking struct {
		Type   string `json:"type"` // enabled or disabled
		Budget int64  `json:"token_budget,omitempty"`
	}
)

const (
	functionType = "function"
	textType     = "text"
	thinkingType = "thinking"
	imageType    = "image_url"
	documentType = "document"
)
