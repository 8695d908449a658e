package fakellm_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/cmd/fake-llm/fakellm"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// weather is a tool with a parameter of every simple type.
func weather() object {
	return object{
		"type": "object",
		"properties": object{
			"city": object{"type": "string"}, "days": object{"type": "integer"},
			"unit": object{"type": "string", "enum": []string{"celsius", "fahrenheit"}},
		},
		"required": []string{"city", "days", "unit"},
	}
}

// with changes fields of a request's body.
func with(a ask, fields object) ask {
	body := object{}
	if err := json.Unmarshal([]byte(a.body), &body); err != nil {
		panic(err) //nolint:forbidigo // a mistake in the test
	}
	maps.Copy(body, fields)
	a.body = toJSON(body)
	return a
}

func withTools(v fakellm.Vendor, a ask) ask {
	switch v {
	case fakellm.Anthropic:
		return with(a, object{"tools": []object{
			{"name": "weather", "input_schema": weather()},
			{"name": "now", "input_schema": object{"type": "object"}},
		}})
	case fakellm.Gemini:
		return with(a, object{"tools": []object{{"functionDeclarations": []object{
			{"name": "weather", "parameters": weather()}, {"name": "now"},
		}}}})
	default:
		return with(a, object{"tools": []object{
			{"type": "function", "function": object{"name": "weather", "parameters": weather()}},
			{"type": "function", "function": object{"name": "now", "parameters": object{"type": "object"}}},
		}})
	}
}

func TestGoldenTranscripts(t *testing.T) {
	const usage = "+in=1000+cached=400+write=100+write1h=50+reasoning=8"
	for _, v := range vendors() {
		asks := map[string]ask{
			"unary":        chat(v, "m-1", "Grüße, <world> 🌍", false),
			"stream":       chat(v, "m-1", "Grüße, <world> 🌍", true),
			"tools_unary":  withTools(v, chat(v, "m-1", "use tools now", false)),
			"tools_stream": withTools(v, chat(v, "m-1", "use tools now", true)),
			"usage_unary":  chat(v, "m-1"+usage, "count", false),
			"usage_stream": chat(v, "m-1"+usage, "count", true),
			"error_429":    chat(v, "m-1+429:after=2", "hi", false),
			"error_stream": chat(v, "m-1+error=2", "hi there", true),
			"error_key":    badKey(chat(v, "m-1", "hi", false)),
			"context":      chat(v, "m-1+context", "hi", true),
			"refusal":      chat(v, "m-1+refusal", "hi", true),
			"models":       {method: http.MethodGet, path: "/" + string(v) + "/v1/models", header: chat(v, "", "", false).header},
		}
		if v == fakellm.Gemini {
			array := chat(v, "m-1", "hello", true)
			array.path = strings.TrimSuffix(array.path, "?alt=sse")
			asks["array"] = array
			thoughts := with(chat(v, "m-1+reasoning=8", "hello", true),
				object{"generationConfig": object{"thinkingConfig": object{"includeThoughts": true}}})
			asks["thoughts"] = thoughts
		}
		maps.Copy(asks, others(v))
		if v == fakellm.Anthropic {
			asks["thoughts"] = with(chat(v, "m-1+reasoning=8", "hello", true), object{"thinking": object{"type": "adaptive"}})
		}
		for _, name := range slices.Sorted(maps.Keys(asks)) {
			t.Run(string(v)+"/"+name, func(t *testing.T) {
				inWorld(t, fakellm.Config{Seed: 1}, func(w *world) {
					checkGolden(t, string(v)+"_"+name, transcript(w.do(asks[name])))
				})
			})
		}
	}
}

// others are requests for other things than chat.
func others(v fakellm.Vendor) map[string]ask {
	at := func(path string, body object) ask {
		return ask{path: path, body: toJSON(body), header: chat(v, "", "", false).header}
	}
	text := object{"parts": []object{{"text": "good morning"}}}
	switch v {
	case fakellm.Anthropic:
		question := []object{{"role": "user", "content": "good morning"}}
		return map[string]ask{"count": at("/v1/messages/count_tokens", object{"model": "m", "messages": question})}
	case fakellm.Gemini:
		one := object{"model": "models/m", "content": text, "outputDimensionality": 3}
		return map[string]ask{
			"count":       at("/v1/models/m:countTokens", object{"contents": []object{text}}),
			"count_whole": at("/v1/models/m:countTokens", object{"generateContentRequest": object{"contents": []object{text}}}),
			"embed":       at("/v1/models/m:embedContent", one),
			"embed_batch": at("/v1/models/m:batchEmbedContents", object{"requests": []object{one, one}}),
			"embed_other": at("/v1/models/m:batchEmbedContents", object{"requests": []object{{"content": text}}}),
		}
	case fakellm.Cohere:
		documents := []string{"the land", "the sea", "the sky"}
		return map[string]ask{
			"embed":        at("/v2/embed", object{"model": "m", "texts": []string{"good morning"}, "input_type": "search_query", "embedding_types": []string{"float"}, "output_dimension": 3}),
			"embed_packed": at("/v2/embed", object{"model": "m", "texts": []string{"a", "b"}, "input_type": "clustering", "embedding_types": []string{"base64"}, "output_dimension": 3}),
			"embed_other":  at("/v2/embed", object{"model": "m", "texts": []string{"a"}, "embedding_types": []string{"float"}}),
			"rank":         at("/v2/rerank", object{"model": "m", "query": "the sea", "documents": documents, "top_n": 2}),
			"rank_other":   at("/v2/rerank", object{"model": "m", "query": "the sea", "documents": documents, "return_documents": true}),
			"cited":        with(chat(v, "m", "hello there", false), object{"documents": []object{{"data": object{"text": "hello"}}}}),
			"cited_stream": with(chat(v, "m", "hello there", true), object{"documents": []string{"hello"}}),
			"thoughts":     with(chat(v, "m+reasoning=8", "hello", true), object{"thinking": object{"type": "enabled"}}),
		}
	default:
		return map[string]ask{
			"rank":          at("/v1/rerank", object{"model": "m", "query": "the sea", "documents": []any{"the land", object{"text": "the sea"}}}),
			"embed":         at("/v1/embeddings", object{"model": "m", "input": "good morning", "dimensions": 3}),
			"embed_packed":  at("/v1/embeddings", object{"model": "m", "input": []string{"a", "b"}, "dimensions": 3, "encoding_format": "base64"}),
			"embed_tokens":  at("/v1/embeddings", object{"model": "m", "input": [][]int{{1, 2, 3}, {4}}, "dimensions": 3}),
			"embed_nothing": at("/v1/embeddings", object{"model": "m", "input": []string{"a", ""}}),
			"complete":      at("/v1/completions", object{"model": "m", "prompt": "once upon a time", "n": 2, "max_tokens": 3}),
			"complete_stream": at("/v1/completions", object{
				"model": "m", "prompt": []string{"once", "twice"}, "stream": true, "stream_options": object{"include_usage": true},
			}),
		}
	}
}

func badKey(a ask) ask {
	for name, value := range a.header {
		if strings.Contains(value, "k-") {
			a.header[name] = strings.Replace(value, "k-", "bad-key-123-", 1)
		}
	}
	return a
}

func transcript(g got) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d\n", g.status)
	for _, name := range slices.Sorted(maps.Keys(g.header)) {
		if name != "Date" {
			fmt.Fprintf(&b, "%s: %s\n", name, strings.Join(g.header[name], ", "))
		}
	}
	b.WriteString("\n" + g.body)
	if g.err != nil {
		fmt.Fprintf(&b, "\n--- %v\n", g.err)
	}
	return b.String()
}

func checkGolden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

// serveFuzz gives the fake any request; it must answer with some status.
func serveFuzz(t *testing.T, fake *fakellm.Server, path, body string) {
	t.Helper()
	if strings.HasPrefix(path, "/_fake") || strings.Contains(path, "+") || strings.Contains(body, "+") {
		return // directives may ask for silence
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(body))
	r.URL = &url.URL{Path: path}
	for name, value := range map[string]string{
		"Authorization": "Bearer k", "X-Goog-Api-Key": "k", "Anthropic-Version": "2023-06-01",
	} {
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	fake.ServeHTTP(w, r)
	if w.Code != http.StatusOK && w.Code < http.StatusBadRequest {
		t.Errorf("%s: status %d", path, w.Code)
	}
	if s := fake.Ledger(0, 0); s.InFlight != 0 {
		t.Errorf("%s: %d in flight at %s", path, s.InFlight, time.Now())
	}
}
