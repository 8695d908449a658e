package main_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
)

// ways are how each dialect asks a model something, and where its answers have the text
// and its errors the words.
var ways = map[string]struct {
	path  func(model string) string
	body  func(model, text string) map[string]any
	said  func(answer map[string]any) any
	input func(answer map[string]any) any // tokens of the prompt
	wrong func(failure map[string]any) any
}{
	"openai": {
		path: func(string) string { return "/v1/chat/completions" },
		body: func(model, text string) map[string]any {
			return map[string]any{"model": model, "messages": []any{map[string]any{"role": "user", "content": text}}}
		},
		said:  func(a map[string]any) any { return dig(a, "choices", 0, "message", "content") },
		input: func(a map[string]any) any { return dig(a, "usage", "prompt_tokens") },
		wrong: func(f map[string]any) any { return dig(f, "error", "message") },
	},
	"anthropic": {
		path: func(string) string { return "/v1/messages" },
		body: func(model, text string) map[string]any {
			return map[string]any{"model": model, "max_tokens": 4096, "messages": []any{map[string]any{"role": "user", "content": text}}}
		},
		said:  func(a map[string]any) any { return dig(a, "content", 0, "text") },
		input: func(a map[string]any) any { return dig(a, "usage", "input_tokens") },
		wrong: func(f map[string]any) any { return dig(f, "error", "message") },
	},
	"gemini": {
		path: func(model string) string { return "/v1beta/models/" + model + ":generateContent" },
		body: func(_, text string) map[string]any {
			return map[string]any{"contents": []any{map[string]any{"role": "user", "parts": []any{map[string]any{"text": text}}}}}
		},
		said:  func(a map[string]any) any { return dig(a, "candidates", 0, "content", "parts", 0, "text") },
		input: func(a map[string]any) any { return dig(a, "usageMetadata", "promptTokenCount") },
		wrong: func(f map[string]any) any { return dig(f, "error", "message") },
	},
}

// dig finds a value in JSON; nil if there is none.
func dig(v any, path ...any) any {
	for _, step := range path {
		switch at := v.(type) {
		case map[string]any:
			name, _ := step.(string)
			v = at[name]
		case []any:
			i, _ := step.(int)
			if v = nil; i < len(at) {
				v = at[i]
			}
		default:
			return nil
		}
	}
	return v
}

// checkEdges asks what is long and strange in every dialect of every vendor, and what is
// too much in every dialect.
func (h *hub) checkEdges(t *testing.T) {
	t.Parallel()
	for dialect, way := range ways {
		ask := func(t *testing.T, model string, body []byte, header ...string) (int, map[string]any) {
			t.Helper()
			return h.askJSON(t, way.path(model), body, header...)
		}
		marshal := func(model, text string) []byte {
			b, err := json.Marshal(way.body(model, text))
			if err != nil {
				t.Fatal(err)
			}
			return b
		}
		for _, vendor := range []string{"openai", "anthropic", "gemini"} {
			model := "fake-" + vendor
			for name, text := range map[string]string{
				"emoji":    "🌊👩‍👩‍👧‍👦🏴󠁧󠁢󠁥󠁮󠁧󠁿",
				"RTL":      "\u202Eשלום عليكم\u202C",
				"controls": "a\x00b\u0001\u001f\u007f\t\r\n\\\"/\b\f",
				"edges":    "\uFEFF\u2028\u2029\uFFFD\uFFFF\U0010FFFF é ﬁ",
			} {
				t.Run(dialect+"/"+vendor+"/"+name, func(t *testing.T) {
					status, answer := ask(t, model, marshal(model, text))
					if said, _ := way.said(answer).(string); status != http.StatusOK || !strings.HasSuffix(said, text) {
						t.Errorf("status %d, said %q, want %q at the end", status, way.said(answer), text)
					}
				})
			}
			t.Run(dialect+"/"+vendor+"/megabyte", func(t *testing.T) {
				text := strings.Repeat("Wörter 🌊 ", 1<<20/len("Wörter 🌊 ")+1)
				status, answer := ask(t, model, marshal(model, text))
				want := float64((len(text) + 3) / 4) // a token of the vendor's is four bytes
				if got, _ := way.input(answer).(float64); status != http.StatusOK || got != want {
					t.Errorf("status %d, %v tokens, want %v", status, got, want)
				}
			})
		}
		const model = "fake-openai"
		for name, c := range map[string]struct {
			body   []byte
			header []string
			status int
			words  string
		}{
			"too long":     {marshal(model, strings.Repeat("x", 10<<20)), nil, 413, "bytes"},
			"too deep":     {bytes.Replace(marshal(model, "Hi."), []byte("{"), []byte(`{"x":`+strings.Repeat("[", 100)+strings.Repeat("]", 100)+","), 1), nil, 400, "64 levels"},
			"no JSON":      {[]byte(`{"model":`), nil, 400, "JSON"},
			"lone half":    {bytes.Replace(marshal(model, "Hi."), []byte("Hi."), []byte("\xf0\x9f"), 1), nil, 400, "UTF-8"},
			"form":         {marshal(model, "Hi."), []string{"Content-Type", "application/x-www-form-urlencoded"}, 400, "application/json"},
			"compressed":   {marshal(model, "Hi."), []string{"Content-Encoding", "gzip"}, 400, "compressed"},
			"unknown wish": {marshal(model, "Hi."), []string{"x-llmhub-unsupported", "maybe"}, 400, "x-llmhub-unsupported"},
		} {
			t.Run(dialect+"/"+name, func(t *testing.T) {
				status, failure := ask(t, model, c.body, c.header...)
				words, _ := way.wrong(failure).(string)
				if status != c.status || !strings.Contains(strings.ToLower(words), strings.ToLower(c.words)) {
					t.Errorf("status %d, want %d; said %q, want %q in it", status, c.status, words, c.words)
				}
			})
		}
	}
	t.Run("long header", func(t *testing.T) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, h.url+"/v1/models", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("X-Long", strings.Repeat("x", 64<<10))
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		var told struct{ Error struct{ Code string } }
		err = json.NewDecoder(resp.Body).Decode(&told)
		if err != nil || resp.StatusCode != http.StatusRequestHeaderFieldsTooLarge || told.Error.Code != "request_headers_too_large" {
			t.Errorf("status %d, %v: %+v", resp.StatusCode, err, told)
		}
	})
}

// askJSON posts a body and gives the status and what is said. The connection is not used again,
// because the hub may end it before it has read all.
func (h *hub) askJSON(t *testing.T, path string, body []byte, header ...string) (int, map[string]any) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, h.url+path, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Close = true
	req.Header.Set("Authorization", "Bearer "+hubKey)
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	for try := 1; try < 5 && (errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET)); try++ { // gone before its answer was read
		req.Body = io.NopCloser(bytes.NewReader(body))
		resp, err = http.DefaultClient.Do(req)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var answer map[string]any
	if err := json.Unmarshal(raw, &answer); err != nil {
		t.Fatal(fmt.Errorf("%w: %s", err, raw))
	}
	return resp.StatusCode, answer
}
