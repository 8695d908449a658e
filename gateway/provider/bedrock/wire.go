package bedrock

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"

	"github.com/aws/smithy-go/encoding/httpbinding"

	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/chat"
	"github.com/llm-hub/llm-hub/gateway/provider/rawjson"
)

// Wire is the wire format of Converse.
type Wire struct{}

var (
	_ chat.Wire   = Wire{}
	_ chat.Signer = Wire{}
)

// SignsAs implements [chat.Signer].
func (Wire) SignsAs() string { return "bedrock" }

// The operations on a model.
const (
	converse       = "converse"
	converseStream = "converse-stream"
	countTokens    = "count-tokens"
)

// eventStream is the media type of a stream.
const eventStream = "application/vnd.amazon.eventstream"

// Call implements [chat.Wire].
func (Wire) Call(req *chat.Request, t provider.Target) (*chat.Exchange, error) {
	w, err := request(req, t.Known())
	if err != nil {
		return nil, err
	}
	body, err := rawjson.Marshal(w)
	if err != nil {
		return nil, &gateway.Error{Kind: gateway.Invalid, Public: "The request cannot be written.", Cause: err}
	}
	operation := converse
	if req.Stream {
		operation = converseStream
	}
	return &chat.Exchange{
		URL: endpoint(t, operation), Header: header(t, req.Stream), Body: body,
		Reply:  reply,
		Source: func(r io.Reader) chat.Source { return newSource(r) },
	}, nil
}

// endpoint is the address of a model's operation. The name of a model may be an
// ARN, so it is escaped as a whole.
func endpoint(t provider.Target, operation string) string {
	return strings.TrimRight(t.BaseURL, "/") + "/model/" + httpbinding.EscapePath(t.Model, true) + "/" + operation
}

func header(t provider.Target, stream bool) http.Header {
	h := http.Header{"Content-Type": {"application/json"}, "Accept": {"application/json"}}
	if stream {
		h["Accept"] = []string{eventStream}
	}
	if t.APIKey != "" {
		h["Authorization"] = []string{"Bearer " + t.APIKey}
	}
	return h
}

// The request on the wire.
type (
	wireRequest struct {
		Messages   []wireTurn        `json:"messages"`
		System     []wireBlock       `json:"system,omitempty"`
		Inference  *wireInference    `json:"inferenceConfig,omitempty"`
		Tools      *wireToolConfig   `json:"toolConfig,omitempty"`
		Output     *wireOutput       `json:"outputConfig,omitempty"`
		Additional map[string]any    `json:"additionalModelRequestFields,omitempty"`
		Paths      []string          `json:"additionalModelResponseFieldPaths,omitempty"`
		Metadata   map[string]string `json:"requestMetadata,omitempty"`
		Tier       *wireTier         `json:"serviceTier,omitempty"`
	}
	wireTurn struct {
		Role    chat.Role   `json:"role"`
		Content []wireBlock `json:"content"`
	}
	// wireBlock has one member.
	wireBlock struct {
		Text      string         `json:"text,omitempty"`
		Image     *wireMedia     `json:"image,omitempty"`
		Audio     *wireMedia     `json:"audio,omitempty"`
		Document  *wireMedia     `json:"document,omitempty"`
		ToolUse   *wireToolUse   `json:"toolUse,omitempty"`
		Result    *wireResult    `json:"toolResult,omitempty"`
		Cache     *wireCache     `json:"cachePoint,omitempty"`
		Reasoning *wireReasoning `json:"reasoningContent,omitempty"`
	}
	wireMedia struct {
		Format string     `json:"format,omitempty"`
		Name   string     `json:"name,omitempty"` // of a document
		Source wireSource `json:"source"`
	}
	wireSource struct {
		Bytes string  `json:"bytes,omitempty"` // base64
		S3    *wireS3 `json:"s3Location,omitempty"`
	}
	wireS3 struct {
		URI string `json:"uri"`
	}
	wireToolUse struct {
		ID    string          `json:"toolUseId"`
		Name  string          `json:"name"`
		Input json.RawMessage `json:"input"`
	}
	wireResult struct {
		ID      string      `json:"toolUseId"`
		Content []wireBlock `json:"content"`
		Status  string      `json:"status,omitempty"`
	}
	wireCache struct {
		Type string        `json:"type"`
		TTL  chat.CacheTTL `json:"ttl,omitempty"`
	}
	wireReasoning struct {
		Text     *wireThought `json:"reasoningText,omitempty"`
		Redacted string       `json:"redactedContent,omitempty"` // base64
	}
	wireThought struct {
		Text      string `json:"text"`
		Signature string `json:"signature,omitempty"`
	}
	wireInference struct {
		MaxTokens   int64    `json:"maxTokens,omitempty"`
		Temperature *float64 `json:"temperature,omitempty"`
		TopP        *float64 `json:"topP,omitempty"`
		Stop        []string `json:"stopSequences,omitempty"`
	}
	wireToolConfig struct {
		Tools  []wireTool  `json:"tools"`
		Choice *wireChoice `json:"toolChoice,omitempty"`
	}
	wireTool struct {
		Spec  *wireSpec  `json:"toolSpec,omitempty"`
		Cache *wireCache `json:"cachePoint,omitempty"`
	}
	wireSpec struct {
		Name        string     `json:"name"`
		Description string     `json:"description,omitempty"`
		Schema      wireSchema `json:"inputSchema"`
		Strict      *bool      `json:"strict,omitempty"`
	}
	wireSchema struct {
		JSON json.RawMessage `json:"json"`
	}
	wireChoice struct {
		Auto *struct{}  `json:"auto,omitempty"`
		Any  *struct{}  `json:"any,omitempty"`
		Tool *wireNamed `json:"tool,omitempty"`
	}
	wireNamed struct {
		Name string `json:"name"`
	}
	wireOutput struct {
		Effort string      `json:"effort,omitempty"`
		Format *wireFormat `json:"textFormat,omitempty"`
	}
	wireFormat struct {
		Type      string        `json:"type"`
		Structure wireStructure `json:"structure"`
	}
	wireStructure struct {
		Schema wireJSONSchema `json:"jsonSchema"`
	}
	wireJSONSchema struct {
		Schema string `json:"schema"` // as text
		Name   string `json:"name,omitempty"`
	}
	wireTier struct {
		Type string `json:"type"`
	}
)
