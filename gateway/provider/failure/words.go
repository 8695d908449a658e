// Package failure understands what vendors say when they do not answer: it finds
// the words in bodies of any shape, makes them fit to show, reads how long to
// wait, and classes statuses and texts. What only one vendor does is said in
// that vendor's package.
package failure

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// maxBody is how many bytes of a body are looked at.
	maxBody = 64 << 10
	// maxMessage is the longest message in characters.
	maxMessage = 500
)

// Words is what a vendor said of a failure.
type Words struct {
	Message string // cleaned
	Type    string
	Code    string
	Param   string
}

// Read finds the words in body. What is not JSON, or says nothing, gives none.
func Read(body []byte) Words {
	body = bytes.TrimSpace(body[:min(len(body), maxBody)])
	var top any
	if err := json.Unmarshal(body, &top); err != nil {
		return Words{Message: plainText(body)}
	}
	return wordsOf(top)
}

// wordsOf knows the shapes in use: {"error": {...}}, {"error": "text"}, the fields
// at the top, {"detail": "text" or [{"msg": "text"}]}, and any of it in a list.
func wordsOf(v any) Words {
	switch v := v.(type) {
	case []any:
		if len(v) > 0 {
			return wordsOf(v[0])
		}
	case string:
		return Words{Message: Clean(v)}
	case map[string]any:
		return wordsOfObject(v)
	}
	return Words{}
}

func wordsOfObject(obj map[string]any) Words {
	for _, inner := range []string{"error", "detail"} {
		if w := wordsOf(obj[inner]); w != (Words{}) {
			return w
		}
	}
	w := Words{
		Message: Clean(text(obj["message"])), Type: text(obj["type"]),
		Code: text(obj["code"]), Param: text(obj["param"]),
	}
	if w.Message == "" {
		w.Message = Clean(text(obj["msg"]))
	}
	if status := text(obj["status"]); w.Type == "" && status != "" {
		w.Type = status
	}
	return w
}

// text is a string or a number as text.
func text(v any) string {
	switch v := v.(type) {
	case string:
		return label(v)
	case float64:
		b, err := json.Marshal(v)
		if err == nil {
			return string(b)
		}
	case map[string]any: // {"message": {"detail": [...]}}
		return wordsOfObject(v).Message
	}
	return ""
}

// label bounds a value before anything else is done with it.
func label(s string) string {
	const most = 4 * utf8.UTFMax * maxMessage
	return s[:min(len(s), most)]
}

// plainText is a body that is no JSON, unless it is markup, which says nothing.
func plainText(body []byte) string {
	if len(body) == 0 || body[0] == '<' || body[0] == '{' || body[0] == '[' || !utf8.Valid(body) {
		return ""
	}
	return Clean(string(body))
}

// Secrets as vendors echo them: by their prefix, as a bearer, as a parameter, or
// any long run of letters and digits mixed, which no prose has.
var (
	known   = regexp.MustCompile(`(?i)\b(sk|gsk|pk|rk|xai|hf|nvapi|pplx|csk|fw|tgp|sess|ya29|hub)[-_.][\w\-.*…]{4,}|\bAIza[\w\-]{6,}`)
	bearer  = regexp.MustCompile(`(?i)\b(bearer|basic)\s+[\w\-.~+/=*]{6,}`)
	param   = regexp.MustCompile(`(?i)\b((api[-_]?)?key|token|secret|password)["']?\s*[=:]\s*["']?[^\s"',;&)]{4,}`)
	anyLong = regexp.MustCompile(`[A-Za-z0-9+/]{24,}`)
)

const redacted = "[redacted]"

// Clean makes a vendor's text fit to show: one line of valid text without
// anything like a secret, at most 500 characters.
func Clean(s string) string {
	s = strings.ToValidUTF8(label(s), "\uFFFD")
	s = strings.Join(strings.FieldsFunc(s, func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r)
	}), " ")
	s = bearer.ReplaceAllString(s, "$1 "+redacted)
	s = param.ReplaceAllString(s, "$1 "+redacted)
	s = known.ReplaceAllString(s, redacted)
	s = anyLong.ReplaceAllStringFunc(s, func(run string) string {
		if strings.ContainsAny(run, "0123456789") {
			return redacted
		}
		return run
	})
	if utf8.RuneCountInString(s) > maxMessage {
		s = string([]rune(s)[:maxMessage-1]) + "…"
	}
	return s
}
