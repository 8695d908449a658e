package responses

import (
	"encoding/base64"
	"encoding/json"
	"strings"

	"github.com/llm-hub/llm-hub/gateway/provider/chat"
)

// carrierMark begins an encrypted_content that is ours. OpenAI's own never begins
// so; the alphabet is the same.
const carrierMark = "lh1_"

// carrier is what the encrypted_content of a reasoning item holds of thoughts that
// another vendor has signed, whole: applications hand it back unchanged, while
// they may leave out or change the text beside it.
type carrier struct {
	Thoughts []carried `json:"t,omitempty"`
	Call     string    `json:"c,omitempty"` // signature of the call that the next item is
}

type carried struct {
	Text      string `json:"x,omitempty"`
	Signature string `json:"s,omitempty"`
	Data      string `json:"d,omitempty"`
}

func (c carrier) empty() bool { return len(c.Thoughts) == 0 && c.Call == "" }

// sealed is the encrypted_content; empty if there is nothing to carry.
func (c carrier) sealed() string {
	if c.empty() {
		return ""
	}
	return carrierMark + base64.RawURLEncoding.EncodeToString(marshal(c))
}

// readCarrier is the inverse of sealed; false if it is not ours.
func readCarrier(encrypted string) (c carrier, ours bool) {
	coded, ours := strings.CutPrefix(encrypted, carrierMark)
	if !ours {
		return c, false
	}
	raw, err := base64.RawURLEncoding.DecodeString(coded)
	if err != nil || json.Unmarshal(raw, &c) != nil {
		return carrier{}, false
	}
	return c, true
}

// carrierOf carries thoughts if a vendor has signed any of them.
func carrierOf(thoughts []chat.Part) carrier {
	var c carrier
	signed := false
	for _, p := range thoughts {
		signed = signed || p.Signature+p.Data != ""
		c.Thoughts = append(c.Thoughts, carried{p.Text, p.Signature, p.Data})
	}
	if !signed {
		return carrier{}
	}
	return c
}

// parts are the thoughts as parts of a message.
func (c carrier) parts() []chat.Part {
	parts := make([]chat.Part, len(c.Thoughts))
	for i, t := range c.Thoughts {
		parts[i] = chat.Part{Kind: chat.ThinkingPart, Text: t.Text, Signature: t.Signature, Data: t.Data}
	}
	return parts
}
