package web

import (
	"net/http"
	"strings"

	"github.com/llm-hub/llm-hub/gateway/provider"
)

// DialectOf is what the client of a request speaks: it expects errors in it, and the
// models listed. The address tells; the lists of models of all dialects have the same,
// there a header of the client's library does.
func DialectOf(r *http.Request) provider.Dialect {
	path := r.URL.Path
	switch {
	case strings.HasPrefix(path, "/anthropic/"):
		return provider.Anthropic
	case strings.HasPrefix(path, "/gemini/"), strings.HasPrefix(path, "/v1beta/"):
		return provider.Gemini
	case strings.HasPrefix(path, "/v2/"):
		return provider.Cohere
	}
	path = strings.TrimPrefix(path, "/v1")
	switch {
	case path == "/messages", strings.HasPrefix(path, "/messages/"):
		return provider.Anthropic
	case path != "/models" && !strings.HasPrefix(path, "/models/"):
		return provider.OpenAI
	case r.Method == http.MethodPost, r.Header.Get("X-Goog-Api-Key") != "", r.URL.Query().Has("key"):
		return provider.Gemini // the model and what is asked of it stand in the address
	case r.Header.Get("Anthropic-Version") != "":
		return provider.Anthropic
	}
	return provider.OpenAI
}

// asArray tells whether a Gemini client wants its stream as a JSON array.
func asArray(r *http.Request) bool {
	return strings.HasSuffix(r.URL.Path, ":streamGenerateContent") && r.URL.Query().Get("alt") != "sse"
}
