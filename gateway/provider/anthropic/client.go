package anthropic

import (
	"crypto/rand"

	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/chat"
)

// Client is the Messages API as applications speak it, for vendors of another wire
// format. Its zero value is ready for use.
type Client struct {
	NewID func() string // an id for an answer whose vendor gave none; nil: random
}

var _ chat.Client = Client{}

// Encoder implements [chat.Client].
func (c Client) Encoder(in *provider.Inbound) chat.Encoder {
	newID := c.NewID
	if newID == nil {
		newID = rand.Text
	}
	return &encoder{newID: newID, prompt: in.InputTokens}
}
