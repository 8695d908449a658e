package gemini

import (
	"encoding/base64"
	"encoding/json"
	"strings"

	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/chat"
	"github.com/llm-hub/llm-hub/gateway/provider/rawjson"
)

// token is what stands in a thoughtSignature for what a vendor of another dialect
// wants back: applications take the signature for bytes and return it with the
// part. Thinking may be hidden from them, so all of it is in the token.
type token struct {
	Call     string    `json:"call,omitempty"` // the signature of the call it stands on
	Thinking []thought `json:"thinking,omitempty"`
}

// thought is a stretch of thinking.
type thought struct {
	Text      string `json:"text,omitempty"`
	Signature string `json:"signature,omitempty"`
	Data      string `json:"data,omitempty"`
}

const (
	tokenMark = "llmhub"
	// encodedMark is tokenMark in base64: what every token begins with.
	encodedMark = "bGxtaHVi"
)

// encode gives the thoughtSignature. Gemini's own signature of a call is given as
// it is.
func (t token) encode() string {
	if t.Call == "" && len(t.Thinking) == 0 {
		return ""
	}
	if by, own := chat.SignedBy(t.Call); by == string(provider.Gemini) && len(t.Thinking) == 0 {
		return own
	}
	b, err := rawjson.Marshal(t)
	if err != nil { // texts always encode
		return ""
	}
	return base64.StdEncoding.EncodeToString(append([]byte(tokenMark), b...))
}

// readToken reads a thoughtSignature. One that is no token is Gemini's own.
func readToken(signature string) token {
	if !strings.HasPrefix(signature, encodedMark) {
		return token{Call: signature}
	}
	b, err := base64.StdEncoding.DecodeString(standard(signature))
	if err != nil {
		return token{}
	}
	var t token
	if json.Unmarshal(b[len(tokenMark):], &t) != nil {
		return token{} // not ours after all: nobody's signature is nobody's loss
	}
	return t
}

func (t token) parts() []chat.Part {
	parts := make([]chat.Part, len(t.Thinking))
	for i, th := range t.Thinking {
		parts[i] = chat.Part{Kind: chat.ThinkingPart, Text: th.Text, Signature: th.Signature, Data: th.Data}
	}
	return parts
}
