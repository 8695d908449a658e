package rawjson_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/llm-hub/llm-hub/gateway/provider/rawjson"
)

func TestTextLen(t *testing.T) {
	tests := map[string]int{
		``: 0, `plain`: 5, `ä`: 2, `a\nb`: 3, `\"\\\/`: 3, `\u0041`: 1, `\u00e4`: 2, `\u20ac`: 3, `\ud83d\ude00`: 4,
		`\ud83d`: 3, `\ud83dx`: 4, `\ude00\ud83d`: 6, `\ud83d\n`: 4, `\\u0041`: 6, `äö\tü`: 7,
	}
	for raw, want := range tests {
		if got := rawjson.TextLen([]byte(raw)); got != want {
			t.Errorf("%s has %d bytes, want %d", raw, got, want)
		}
	}
}

func TestBoundary(t *testing.T) {
	tests := []struct {
		raw      string
		at, want int
	}{
		{"plain", 3, 3}, {"plain", 0, 0}, {"plain", 9, 5}, {"aä", 2, 1}, {`a\nb`, 2, 1}, {`a\nb`, 3, 3},
		{`\u00e4x`, 3, 0}, {`\u00e4x`, 6, 6}, {`\\u00e4`, 4, 4}, {`\\\u00e4`, 5, 2}, {`\\\\n`, 3, 2}, {`\\\\n`, 4, 4},
	}
	for _, test := range tests {
		if got := rawjson.Boundary([]byte(test.raw), test.at); got != test.want {
			t.Errorf("%s at %d is cut at %d, want %d", test.raw, test.at, got, test.want)
		}
	}
}

// FuzzText holds that a text cut anywhere is the same text.
func FuzzText(f *testing.F) {
	for _, s := range []string{"plain", "a\n\"b\\\\", "äöü€😀", "\x00\x1f", `\u0041`} {
		for at := range 4 {
			f.Add(s, at*3, at%2 == 0)
		}
	}
	f.Fuzz(func(t *testing.T, s string, at int, ascii bool) {
		if !utf8.ValidString(s) || at < 0 {
			t.Skip()
		}
		quoted, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		raw := quoted[1 : len(quoted)-1]
		if ascii {
			raw = []byte(escapeAll(s))
		}
		if got := rawjson.TextLen(raw); got != len(s) {
			t.Errorf("%s has %d bytes, want %d", raw, got, len(s))
		}
		cut := rawjson.Boundary(raw, at)
		if got := string(rawjson.AppendText(rawjson.AppendText(nil, raw[:cut]), raw[cut:])); got != s && !ascii {
			t.Errorf("%s cut at %d is %q, want %q", raw, cut, got, s)
		}
	})
}

// escapeAll writes every rune as \u and four digits, or two of them.
func escapeAll(s string) string {
	var out []byte
	for _, unit := range utf16.Encode([]rune(s)) {
		out = fmt.Appendf(out, `\u%04x`, unit)
	}
	return string(out)
}
