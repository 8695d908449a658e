package bedrock

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/anthropic"
	"github.com/llm-hub/llm-hub/gateway/provider/chat"
	"github.com/llm-hub/llm-hub/gateway/provider/rawjson"
)

type vendor struct {
	provider.Vendor
	clients map[provider.Dialect]chat.Client
}

var _ provider.TokenCounter = vendor{}

// New serves client dialects over Converse. It is a [provider.TokenCounter].
func New(clients map[provider.Dialect]chat.Client) provider.Vendor {
	return vendor{chat.NewVendor(Wire{}, clients), clients}
}

// counted is the part of a request that counts.
type counted struct {
	Messages   []wireTurn      `json:"messages"`
	System     []wireBlock     `json:"system,omitempty"`
	Tools      *wireToolConfig `json:"toolConfig,omitempty"`
	Additional map[string]any  `json:"additionalModelRequestFields,omitempty"`
}

var errNoCount = errors.New("the answer is no count of tokens")

// PrepareCount implements [provider.TokenCounter]. Only the tokens of Claude are
// counted here.
func (v vendor) PrepareCount(in *provider.Inbound, t provider.Target) (*provider.Outbound, error) {
	client, answer := v.clients[in.Dialect], answerOf(in.Dialect)
	if familyOf(t.Known()) != claude || client == nil || answer == nil {
		return nil, &gateway.Error{Kind: gateway.Invalid, Public: "The tokens of this model cannot be counted through this endpoint."}
	}
	req, err := client.Decode(in)
	if err != nil {
		return nil, err
	}
	w, err := request(req, t.Known())
	if err != nil {
		return nil, err
	}
	body, err := rawjson.Marshal(map[string]any{"input": map[string]any{"converse": counted{w.Messages, w.System, w.Tools, w.Additional}}})
	if err != nil {
		return nil, invalid("", "The request cannot be written: %v.", err)
	}
	return &provider.Outbound{
		Method: http.MethodPost, URL: endpoint(t, countTokens), Header: header(t, false), Body: body,
		Unary: func(body []byte) (provider.Reply, error) {
			var w struct {
				Tokens *int64 `json:"inputTokens"`
			}
			if err := json.Unmarshal(body, &w); err != nil || w.Tokens == nil {
				return provider.Reply{}, provider.BadAnswerError(errors.Join(errNoCount, err))
			}
			return provider.Reply{Body: answer(*w.Tokens)}, nil
		},
	}, nil
}

// answerOf writes a count in a client's dialect; nil: it has no words for it.
func answerOf(d provider.Dialect) func(tokens int64) []byte {
	switch d {
	case provider.Anthropic:
		return anthropic.CountAnswer
	case provider.Gemini:
		return func(tokens int64) []byte { return fmt.Appendf(nil, `{"totalTokens":%d}`, tokens) }
	}
	return nil
}
