package control

import (
	"crypto/subtle"
	"fmt"
	"log/slog"
)

const hidden = "[secret]"

// Secret is a text that must not be seen. However it is printed, logged or
// encoded it shows nothing; [Secret.Reveal] is the only way to its text. The zero
// Secret is empty.
type Secret struct {
	text *string // behind a pointer, because fmt prints unexported fields of other structs as they are
}

// NewSecret keeps text.
func NewSecret(text string) Secret { return Secret{text: &text} }

// Reveal gives the text. Whoever calls it must not log, store or return it.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// put replaces the text; types of the configuration that are secrets have it from here.
func (s *Secret) put(text string) { *s = NewSecret(text) }

// reveal is [Secret.Reveal] of what is [private].
func (s Secret) reveal() string { return s.Reveal() }

// Empty tells whether there is no text.
func (s Secret) Empty() bool { return s.Reveal() == "" }

// Equal compares in a time that depends on the lengths only.
func (s Secret) Equal(t Secret) bool {
	return subtle.ConstantTimeCompare([]byte(s.Reveal()), []byte(t.Reveal())) == 1
}

// String implements [fmt.Stringer].
func (Secret) String() string { return hidden }

// Format implements [fmt.Formatter] for every verb.
func (Secret) Format(f fmt.State, _ rune) {
	_, _ = f.Write([]byte(hidden)) // a fmt.State keeps its own error
}

// MarshalText implements [encoding.TextMarshaler], which JSON uses. It shows
// whether there is a text.
func (s Secret) MarshalText() ([]byte, error) {
	if s.Empty() {
		return nil, nil
	}
	return []byte(hidden), nil
}

// LogValue implements [slog.LogValuer].
func (Secret) LogValue() slog.Value { return slog.StringValue(hidden) }
