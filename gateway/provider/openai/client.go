package openai

import (
	"crypto/rand"
	"strings"
	"time"

	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/chat"
)

// Client reads chat completions requests for other vendors and writes their answers
// as chat completions. Its zero value is
// ready for use.
type Client struct {
	Now   func() time.Time // nil: time.Now
	NewID func() string    // an id for an answer whose vendor gave none; nil: random
}

var _ chat.Client = Client{}

// Encoder implements [chat.Client].
func (c Client) Encoder(in *provider.Inbound) chat.Encoder {
	now, newID := c.Now, c.NewID
	if now == nil {
		now = time.Now
	}
	if newID == nil {
		newID = rand.Text
	}
	return &encoder{created: now().Unix(), newID: newID, wanted: in.IncludeUsage}
}

const idPrefix = "chatcmpl-"

// encoder writes one answer.
type encoder struct {
	created int64 // s since 1970
	newID   func() string
	wanted  bool // the client asked for usage
	id      string
	model   string
	begun   map[int]*begun // choices that had their first chunk
}

func (e *encoder) setID(vendorID string) {
	switch {
	case e.id != "":
	case strings.HasPrefix(vendorID, idPrefix):
		e.id = vendorID
	case vendorID != "":
		e.id = idPrefix + vendorID
	default:
		e.id = idPrefix + e.newID()
	}
}
