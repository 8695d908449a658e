package control

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/llm-hub/llm-hub/events"
)

// What stands for a value that is not written down in clear.
const (
	sealedPrefix = "sealed:" // by a [Vault]
	hashPrefix   = "sha256:" // of a virtual key, in hex
	// destroyedPrefix is of the address of somebody who is gone, and the person's id.
	destroyedPrefix = sealedPrefix + "destroyed/"
)

// Place is where a sealed value belongs. Anywhere else it cannot be opened.
type Place struct {
	Tenant events.TenantID
	Object string // sort and id
	Host   string // that the value is sent to; empty: to none
	Field  string // path inside the object
}

// Vault keeps values from whoever reads the log.
type Vault interface {
	// Seal makes a text of visible ASCII that only Open can read.
	Seal(ctx context.Context, at Place, s Secret) (string, error)
	// Open fails unless text was sealed at the same place and its key still exists.
	Open(ctx context.Context, at Place, text string) (Secret, error)
}

// private is a scalar that is never written in clear: a secret, or what tells of a person.
type private interface {
	scalar
	reveal() string
	put(text string) // without a check, also sealed
}

func (v *webhookURL) reveal() string  { return string(*v) }
func (v *webhookURL) put(text string) { *v = webhookURL(text) }
func (v *email) reveal() string       { return string(*v) }
func (v *email) put(text string)      { *v = email(text) }
func (*email) personal()              {} // shown to operators, unlike a secret
func isSealed(text string) bool       { return strings.HasPrefix(text, sealedPrefix) }
func (v suppliedKey) given() bool     { return v.hash != "" || !v.Empty() }
func (v *suppliedKey) set(s Secret)   { v.Secret, v.hash = s, "" }

// digest is the SHA-256 of the secret in hex, empty if there is none.
func (v suppliedKey) digest() string {
	if v.hash != "" || v.Empty() {
		return v.hash
	}
	return digest(v.Reveal())
}

// sum is the digest as bytes, false if there is no secret.
func (v suppliedKey) sum() (hash [sha256.Size]byte, ok bool) {
	n, err := hex.Decode(hash[:], []byte(v.digest()))
	return hash, err == nil && n == len(hash)
}

// digest is the SHA-256 of text in hex.
func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// mask shows so much of a secret that its owner recognises it.
func mask(text string) string {
	const shown, least = 4, 16
	if len(text) < least {
		return hidden
	}
	return "[secret ..." + text[len(text)-shown:] + "]"
}
