package chat_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/llm-hub/llm-hub/gateway/provider/chat"
)

// TestRulerIsBounded: what changes its widths without end is measured all the same, and
// its later places are not known.
func TestRulerIsBounded(t *testing.T) {
	var r chat.Ruler
	for range 10_000 {
		r.Add("aä")
	}
	if at, ok := r.Bytes(1001); !ok || at != 1501 {
		t.Errorf("character 1001 is at byte %d, %t", at, ok)
	}
	if _, ok := r.Bytes(15_000); ok || r.Chars() != 20_000 {
		t.Errorf("of %d characters the 15,000th is known", r.Chars())
	}
	if _, ok := r.CharAt(25_000); ok {
		t.Error("byte 25,000 is known")
	}
}

// FuzzRuler holds that every place is where the text itself has it, however it comes.
func FuzzRuler(f *testing.F) {
	f.Add("Grüße aus 東京, 😀!", 3, 5)
	f.Add("", 0, 0)
	f.Fuzz(func(t *testing.T, text string, cut, char int) {
		text = strings.ToValidUTF8(text, "?")
		runes := []rune(text)
		if len(runes) > 1000 || char < 0 || char > len(runes) || cut < 0 || cut > len(runes) {
			t.Skip()
		}
		var r chat.Ruler
		r.Add(string(runes[:cut]))
		r.Add(string(runes[cut:]))
		want := len(string(runes[:char]))
		if at, ok := r.Bytes(char); !ok || at != want {
			t.Errorf("%q: character %d is at byte %d (%t), want %d", text, char, at, ok, want)
		}
		if at, ok := r.CharAt(want); !ok || at != char || r.Chars() != utf8.RuneCountInString(text) {
			t.Errorf("%q: byte %d is character %d (%t), want %d", text, want, at, ok, char)
		}
		if _, ok := r.Bytes(len(runes) + 1); ok {
			t.Error("a place beyond the end is known")
		}
	})
}
