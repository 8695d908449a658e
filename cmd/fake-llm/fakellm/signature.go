package fakellm

import (
	"crypto/sha512"
	"encoding/base64"
	"strings"
)

// thoughtful begins the id of a call of the Anthropic wire that was thought about: its
// turn must come back with the thinking.
const thoughtful = "toolu_01Thought"

// skipSignature is what Gemini takes for the signature of a call it did not make.
const skipSignature = "skip_thought_signature_validator"

// sign is a vendor's signature, of size characters, of what it thought. Only the same
// text has the same.
func sign(v Vendor, text string, size int) string {
	sum := sha512.Sum512([]byte(string(v) + "\n" + text))
	return base64.StdEncoding.EncodeToString(sum[:])[:size]
}

// unthought tells whether a turn whose calls were thought about lacks the thinking.
func unthought(blocks []anthropicInBlock) bool {
	if len(blocks) > 0 && (blocks[0].Type == "thinking" || blocks[0].Type == "redacted_thinking") {
		return false
	}
	for _, b := range blocks {
		if b.Type == "tool_use" && strings.HasPrefix(b.ID, thoughtful) {
			return true
		}
	}
	return false
}
