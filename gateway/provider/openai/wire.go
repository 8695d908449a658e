package openai

import (
	"crypto/rand"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/chat"
	"github.com/llm-hub/llm-hub/gateway/provider/rawjson"
)

// Wire is OpenAI's wire format for what came in another dialect. Its zero value is
// for OpenAI itself.
type Wire struct {
	Traits
	NewID func() string // an id for a call that has none; nil: random
}

var (
	_ chat.Wire   = Wire{}
	_ chat.Signer = Wire{}
)

// SignsAs implements [chat.Signer].
func (w Wire) SignsAs() string {
	if w.Signer == "" {
		return string(provider.OpenAI)
	}
	return w.Signer
}

// Call implements [chat.Wire].
func (w Wire) Call(req *chat.Request, t provider.Target) (*chat.Exchange, error) {
	b := builder{Traits: w.Traits, req: req, known: t.Known(), out: wireRequest{Model: t.Model, Stream: req.Stream}}
	if err := b.build(); err != nil {
		return nil, err
	}
	body, err := rawjson.Marshal(b.out)
	if err != nil {
		return nil, &gateway.Error{Kind: gateway.Invalid, Public: "The request cannot be written.", Cause: err}
	}
	newID := w.NewID
	if newID == nil {
		newID = rand.Text
	}
	ids := func() string { return "call_" + newID() }
	return &chat.Exchange{
		URL: endpoint(t, chatPath), Header: header(req.Stream, t), Body: body,
		Reply:  func(body []byte) (*chat.Reply, error) { return readReply(body, ids) },
		Source: func(r io.Reader) chat.Source { return newSource(r, ids) },
	}, nil
}

// Failure implements [chat.Wire].
func (Wire) Failure(status int, h http.Header, body []byte) *provider.Failure {
	return readFailure(status, h, body)
}

// Endpoints under a vendor's base URL.
const (
	chatPath       = "/chat/completions"
	completionPath = "/completions"
	embeddingPath  = "/embeddings"
	rerankPath     = "/rerank"
)

// ModelInAddress stands in a base URL where a vendor wants the model to be named.
const ModelInAddress = "{model}"

// endpoint is an address under the vendor's base URL, which may name the model and
// have a query.
func endpoint(t provider.Target, path string) string {
	base, query, asks := strings.Cut(t.BaseURL, "?")
	address := strings.TrimRight(base, "/") + path
	if asks {
		address += "?" + query
	}
	return strings.Replace(address, ModelInAddress, url.PathEscape(t.Model), 1)
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

// What goes to the vendor.
type (
	wireRequest struct {
		Model             string             `json:"model"`
		Messages          []sentMessage      `json:"messages"`
		Tools             []sentTool         `json:"tools,omitempty"`
		ToolChoice        any                `json:"tool_choice,omitempty"` // a word or a sentChoice
		ParallelToolCalls *bool              `json:"parallel_tool_calls,omitempty"`
		ResponseFormat    *sentFormat        `json:"response_format,omitempty"`
		MaxTokens         int64              `json:"max_tokens,omitempty"`
		MaxCompletion     int64              `json:"max_completion_tokens,omitempty"`
		Temperature       *float64           `json:"temperature,omitempty"`
		TopP              *float64           `json:"top_p,omitempty"`
		PresencePenalty   *float64           `json:"presence_penalty,omitempty"`
		FrequencyPenalty  *float64           `json:"frequency_penalty,omitempty"`
		Seed              *int64             `json:"seed,omitempty"`
		Stop              []string           `json:"stop,omitempty"`
		N                 int                `json:"n,omitempty"`
		Effort            chat.Effort        `json:"reasoning_effort,omitempty"`
		Thinking          *sentSwitch        `json:"thinking,omitempty"`
		Logprobs          bool               `json:"logprobs,omitempty"`
		TopLogprobs       *int64             `json:"top_logprobs,omitempty"`
		User              string             `json:"user,omitempty"`
		Metadata          map[string]string  `json:"metadata,omitempty"`
		ServiceTier       string             `json:"service_tier,omitempty"`
		Stream            bool               `json:"stream,omitempty"`
		StreamOptions     *sentStreamOptions `json:"stream_options,omitempty"`
	}
	sentSwitch struct {
		Type string `json:"type"`
	}
	sentStreamOptions struct {
		IncludeUsage bool `json:"include_usage"`
	}
	sentMessage struct {
		Role       chat.Role     `json:"role"`
		Content    any           `json:"content"` // a text, a []sentPart or null
		Reasoning  string        `json:"reasoning_content,omitempty"`
		Thinking   string        `json:"reasoning,omitempty"` // the same by another name
		Details    []wireThought `json:"reasoning_details,omitempty"`
		ToolCalls  []wireCall    `json:"tool_calls,omitempty"`
		ToolCallID string        `json:"tool_call_id,omitempty"`
	}
	sentPart struct {
		Type  string         `json:"type"`
		Text  string         `json:"text,omitempty"`
		Image *sentURL       `json:"image_url,omitempty"`
		Audio *sentAudio     `json:"input_audio,omitempty"`
		File  *sentFile      `json:"file,omitempty"`
		Cache *wireCacheHint `json:"cache_control,omitempty"`
	}
	sentURL struct {
		URL string `json:"url"`
	}
	sentAudio struct {
		Data   string `json:"data"`
		Format string `json:"format"` // wav or mp3
	}
	sentFile struct {
		Name string `json:"filename"`
		Data string `json:"file_data"`
	}
	wireCacheHint struct {
		Type string        `json:"type"` // ephemeral
		TTL  chat.CacheTTL `json:"ttl,omitempty"`
	}
	sentTool struct {
		Type     string       `json:"type"`
		Function sentFunction `json:"function"`
	}
	sentFunction struct {
		Name        string          `json:"name"`
		Description string          `json:"description,omitempty"`
		Parameters  json.RawMessage `json:"parameters,omitempty"`
		Strict      *bool           `json:"strict,omitempty"`
	}
	sentChoice struct {
		Type     string `json:"type"`
		Function struct {
			Name string `json:"name"`
		} `json:"function"`
	}
	sentFormat struct {
		Type   string      `json:"type"`
		Schema *sentSchema `json:"json_schema,omitempty"`
	}
	sentSchema struct {
		Name   string          `json:"name"`
		Schema json.RawMessage `json:"schema"`
		Strict *bool           `json:"strict,omitempty"`
	}
)
