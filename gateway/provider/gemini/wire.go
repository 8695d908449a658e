package gemini

import (
	"cmp"
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

// Wire is Gemini's wire format.
type Wire struct {
	NewID  func() string // an id for a call that has none; nil: random
	Signer string        // of signatures, see [chat.Signer]; empty: gemini
}

var (
	_ chat.Wire   = Wire{}
	_ chat.Signer = Wire{}
)

// SignsAs implements [chat.Signer].
func (w Wire) SignsAs() string { return cmp.Or(w.Signer, string(provider.Gemini)) }

// Call implements [chat.Wire].
func (w Wire) Call(req *chat.Request, t provider.Target) (*chat.Exchange, error) {
	r, err := request(req, t.Model)
	if err != nil {
		return nil, err
	}
	body, err := rawjson.Marshal(r)
	if err != nil {
		return nil, &gateway.Error{Kind: gateway.Invalid, Public: "The request cannot be written.", Cause: err}
	}
	ids := newIDs(w.NewID)
	return &chat.Exchange{
		URL: endpoint(t, generate(req.Stream)), Header: header(t, req.Stream), Body: body,
		Reply:  func(body []byte) (*chat.Reply, error) { return reply(body, ids) },
		Source: func(r io.Reader) chat.Source { return newSource(r, ids) },
	}, nil
}

func header(t provider.Target, stream bool) http.Header {
	h := http.Header{"Content-Type": {"application/json"}, "Accept": {"application/json"}}
	if stream {
		h["Accept"] = []string{"text/event-stream"}
	}
	if t.APIKey != "" {
		h["X-Goog-Api-Key"] = []string{t.APIKey}
	}
	return h
}

// generate is the method for an answer. A stream is always asked for as events,
// whose ends can be told as they come.
func generate(stream bool) string {
	if stream {
		return "streamGenerateContent?alt=sse"
	}
	return "generateContent"
}

// endpoint is the address of a model's method; a base URL may name the version, and
// what is below it.
func endpoint(t provider.Target, method string) string {
	base := strings.TrimRight(t.BaseURL, "/")
	if !strings.Contains(base+"/", "/v1beta/") && !strings.Contains(base+"/", "/v1/") && !strings.Contains(base, "/v1beta1/") {
		base += "/v1beta"
	}
	return base + "/models/" + url.PathEscape(bare(t.Model)) + ":" + method
}

// modelPrefix may stand before the name of a model.
const modelPrefix = "models/"

func bare(model string) string { return strings.TrimPrefix(model, modelPrefix) }

// What goes over the wire, in both directions.
type (
	wireRequest struct {
		Contents   []wireContent   `json:"contents"`
		System     *wireContent    `json:"systemInstruction,omitempty"`
		Tools      []wireTools     `json:"tools,omitempty"`
		ToolConfig *wireToolConfig `json:"toolConfig,omitempty"`
		Config     *wireConfig     `json:"generationConfig,omitempty"`
		Tier       string          `json:"serviceTier,omitempty"`
	}
	wireContent struct {
		Role  string     `json:"role,omitempty"` // user or model
		Parts []wirePart `json:"parts"`
	}
	wirePart struct {
		Text      string        `json:"text,omitempty"`
		Thought   bool          `json:"thought,omitempty"`
		Inline    *wireBlob     `json:"inlineData,omitempty"`
		File      *wireFile     `json:"fileData,omitempty"`
		Call      *wireCall     `json:"functionCall,omitempty"`
		Response  *wireResponse `json:"functionResponse,omitempty"`
		Signature string        `json:"thoughtSignature,omitempty"`
	}
	wireBlob struct {
		MIMEType string `json:"mimeType"`
		Data     string `json:"data"`
	}
	wireFile struct {
		MIMEType string `json:"mimeType,omitempty"`
		URI      string `json:"fileUri"`
	}
	wireCall struct {
		ID   string          `json:"id,omitempty"`
		Name string          `json:"name"`
		Args json.RawMessage `json:"args,omitempty"`
	}
	wireResponse struct {
		Name     string          `json:"name"`
		Response json.RawMessage `json:"response"`
		Parts    []wirePart      `json:"parts,omitempty"` // from Gemini 3 on
	}
	wireTools struct {
		Functions []wireFunction `json:"functionDeclarations"`
	}
	wireFunction struct {
		Name        string          `json:"name"`
		Description string          `json:"description,omitempty"`
		Parameters  json.RawMessage `json:"parametersJsonSchema,omitempty"`
	}
	wireToolConfig struct {
		Calling wireCalling `json:"functionCallingConfig"`
	}
	wireCalling struct {
		Mode    string   `json:"mode"` // AUTO, ANY or NONE
		Allowed []string `json:"allowedFunctionNames,omitempty"`
	}
	wireConfig struct {
		Temperature      *float64        `json:"temperature,omitempty"`
		TopP             *float64        `json:"topP,omitempty"`
		TopK             *int64          `json:"topK,omitempty"`
		Seed             *int64          `json:"seed,omitempty"`
		Logprobs         bool            `json:"responseLogprobs,omitempty"`
		TopLogprobs      *int64          `json:"logprobs,omitempty"`
		PresencePenalty  *float64        `json:"presencePenalty,omitempty"`
		FrequencyPenalty *float64        `json:"frequencyPenalty,omitempty"`
		Candidates       int             `json:"candidateCount,omitempty"`
		MaxOutput        int64           `json:"maxOutputTokens,omitempty"`
		Stop             []string        `json:"stopSequences,omitempty"`
		MIMEType         string          `json:"responseMimeType,omitempty"`
		Schema           json.RawMessage `json:"responseJsonSchema,omitempty"`
		Thinking         *wireThinking   `json:"thinkingConfig,omitempty"`
	}
	wireThinking struct {
		Include bool   `json:"includeThoughts,omitempty"`
		Budget  *int64 `json:"thinkingBudget,omitempty"`
		Level   string `json:"thinkingLevel,omitempty"`
	}
)
