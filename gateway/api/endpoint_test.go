package api_test

import (
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/openai"
)

const (
	message  = `{"model":"smart","max_tokens":9,"messages":[{"role":"user","content":"Hi."}]}`
	counted  = `{"model":"smart","messages":[{"role":"user","content":"Hi."}]}`
	contents = `{"contents":[{"role":"user","parts":[{"text":"Hi."}]}]}`
	content  = `{"content":{"parts":[{"text":"Hi."}]}}`
	batch    = `{"requests":[{"model":"models/smart","content":{"parts":[{"text":"Hi."}]}}]}`
	texts    = `{"model":"smart","input":["a","b"]}`
	ranked   = `{"model":"smart","query":"a","documents":["b",{"text":"c"}]}`
	prompt   = `{"model":"smart","prompt":"Once"}`
)

func TestEndpoints(t *testing.T) {
	type asked struct {
		Endpoint string
		Dialect  provider.Dialect
		Model    string
		Stream   bool
		Array    bool
	}
	tests := map[string]struct {
		body string
		want asked
	}{
		"/v1/messages":                             {message, asked{"messages", provider.Anthropic, "smart", false, false}},
		"/messages":                                {message, asked{"messages", provider.Anthropic, "smart", false, false}},
		"/anthropic/v1/messages":                   {message, asked{"messages", provider.Anthropic, "smart", false, false}},
		"/v1/messages/count_tokens":                {counted, asked{"messages.count_tokens", provider.Anthropic, "smart", false, false}},
		"/messages/count_tokens":                   {counted, asked{"messages.count_tokens", provider.Anthropic, "smart", false, false}},
		"/anthropic/v1/messages/count_tokens":      {counted, asked{"messages.count_tokens", provider.Anthropic, "smart", false, false}},
		"/v1/embeddings":                           {texts, asked{"embeddings", provider.OpenAI, "smart", false, false}},
		"/embeddings":                              {texts, asked{"embeddings", provider.OpenAI, "smart", false, false}},
		"/v1/rerank":                               {ranked, asked{"rerank", provider.Cohere, "smart", false, false}},
		"/rerank":                                  {ranked, asked{"rerank", provider.Cohere, "smart", false, false}},
		"/v2/rerank":                               {ranked, asked{"rerank", provider.Cohere, "smart", false, false}},
		"/v1/completions":                          {prompt, asked{"completions", provider.OpenAI, "smart", false, false}},
		"/completions":                             {prompt, asked{"completions", provider.OpenAI, "smart", false, false}},
		"/v1/models/smart:generateContent":         {contents, asked{"generate_content", provider.Gemini, "smart", false, false}},
		"/v1beta/models/smart:generateContent":     {contents, asked{"generate_content", provider.Gemini, "smart", false, false}},
		"/gemini/v1/models/smart:generateContent":  {contents, asked{"generate_content", provider.Gemini, "smart", false, false}},
		"/v1beta/models/a/b%2Fc:d:generateContent": {contents, asked{"generate_content", provider.Gemini, "a/b/c:d", false, false}},
		"/gemini/v1beta/models/smart:streamGenerateContent?alt=sse": {contents, asked{"generate_content", provider.Gemini, "smart", true, false}},
		"/v1beta/models/smart:streamGenerateContent":                {contents, asked{"generate_content", provider.Gemini, "smart", true, true}},
		"/v1/models/smart:embedContent":                             {content, asked{"embed_content", provider.Gemini, "smart", false, false}},
		"/gemini/v1beta/models/smart:embedContent":                  {content, asked{"embed_content", provider.Gemini, "smart", false, false}},
		"/v1beta/models/smart:batchEmbedContents":                   {batch, asked{"embed_content", provider.Gemini, "smart", false, false}},
		"/v1beta/models/smart:countTokens":                          {contents, asked{"generate_content.count_tokens", provider.Gemini, "smart", false, false}},
	}
	for path, test := range tests {
		t.Run(path, func(t *testing.T) {
			f := newFixture(t)
			if w := f.ask("POST", path, test.body); w.Code != 200 {
				t.Fatalf("status %d: %s", w.Code, w.Body)
			}
			in := f.got.Inbound
			if diff := cmp.Diff(test.want, asked{f.got.Endpoint, in.Dialect, in.Model, in.Stream, in.Array}); diff != "" {
				t.Error(diff)
			}
			if string(in.Body) != test.body || in.Header != nil || in.Strict {
				t.Errorf("asked %+v", in)
			}
		})
	}
}

// able is a vendor that can do it all.
type able struct{ provider.Vendor }

func (able) PrepareCount(*provider.Inbound, provider.Target) (*provider.Outbound, error) {
	return &provider.Outbound{URL: "count"}, nil
}

func (able) PrepareEmbeddings(*provider.Inbound, provider.Target) (*provider.Outbound, error) {
	return &provider.Outbound{URL: "embed"}, nil
}

func (able) PrepareRerank(*provider.Inbound, provider.Target) (*provider.Outbound, error) {
	return &provider.Outbound{URL: "rank"}, nil
}

func (able) PrepareCompletion(*provider.Inbound, provider.Target) (*provider.Outbound, error) {
	return &provider.Outbound{URL: "complete"}, nil
}

func TestOperations(t *testing.T) {
	type bare struct{ provider.Vendor }
	tests := map[string]struct {
		body, ability  string
		wordless, free bool
		local          string
	}{
		"/v1/embeddings":                   {texts, "embed", true, false, ""},
		"/v1/models/smart:embedContent":    {content, "embed", true, false, ""},
		"/v1/rerank":                       {ranked, "rank", true, false, ""},
		"/v1/completions":                  {prompt, "complete", false, false, ""},
		"/v1/messages/count_tokens":        {counted, "count", true, true, `{"input_tokens":7}`},
		"/v1beta/models/smart:countTokens": {contents, "count", true, true, `{"totalTokens":7}`},
	}
	for path, test := range tests {
		t.Run(path, func(t *testing.T) {
			f := newFixture(t)
			f.ask("POST", path, test.body)
			o := f.got.Operation
			if bare := o.Of(bare{}); (bare != nil) != (test.ability == "complete") { // which a chat can, too
				t.Errorf("a vendor without the ability has it: %t", bare != nil)
			}
			if out, err := o.Of(able{})(nil, provider.Target{}); err != nil || out.URL != test.ability {
				t.Errorf("%v: %+v", err, out)
			}
			local := ""
			if o.Local != nil {
				local = string(o.Local(7))
			}
			if o.Wordless != test.wordless || o.Free != test.free || local != test.local {
				t.Errorf("operation %+v, local %s", o, local)
			}
		})
	}
	f := newFixture(t)
	if f.ask("POST", "/v1/chat/completions", question); f.got.Operation.Of != nil {
		t.Error("chat is an ability that vendors may lack")
	}
	if _, ok := any(openai.Vendor{}).(provider.Embedder); !ok {
		t.Error("OpenAI makes no embeddings")
	}
}

func TestHeaders(t *testing.T) {
	post := func(path, body string, header ...string) (*fixture, *httptest.ResponseRecorder) {
		f := newFixture(t)
		r := httptest.NewRequest("POST", path, strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer good")
		for i := 0; i < len(header); i += 2 {
			r.Header.Add(header[i], header[i+1])
		}
		w := httptest.NewRecorder()
		f.handler.ServeHTTP(w, r)
		return f, w
	}
	f, _ := post("/v1/messages", message, "anthropic-version", "2026-10-21", "anthropic-beta", "a", "anthropic-beta", "b", "x-other", "c")
	want := map[string][]string{"Anthropic-Version": {"2026-10-21"}, "Anthropic-Beta": {"a", "b"}}
	if diff := cmp.Diff(want, map[string][]string(f.got.Inbound.Header)); diff != "" {
		t.Error(diff)
	}
	if f, _ := post("/v1/chat/completions", question, "anthropic-beta", "a"); f.got.Inbound.Header != nil {
		t.Errorf("passed on %v", f.got.Inbound.Header)
	}
	for wish, strict := range map[string]bool{"drop": false, "error": true} {
		if f, _ := post("/v1/messages", message, "x-llmhub-unsupported", wish); f.got == nil || f.got.Inbound.Strict != strict {
			t.Errorf("%s: asked %+v", wish, f.got)
		}
	}
	f, w := post("/v1/messages", message, "x-llmhub-unsupported", "maybe")
	if w.Code != 400 || f.got != nil || !strings.Contains(w.Body.String(), `"type":"error"`) {
		t.Errorf("status %d: %s", w.Code, w.Body)
	}
}

func TestUnknownMethod(t *testing.T) {
	for _, path := range []string{"/v1/models/smart", "/v1/models/smart:sing", "/v1beta/models/%zz:generateContent"} {
		f := newFixture(t)
		r := httptest.NewRequest("POST", "/", strings.NewReader(contents))
		r.URL.Path, r.Header = path, map[string][]string{"Authorization": {"Bearer good"}}
		w := httptest.NewRecorder()
		f.handler.ServeHTTP(w, r)
		if w.Code != 404 || f.got != nil || !strings.Contains(w.Body.String(), `"NOT_FOUND"`) {
			t.Errorf("%s: status %d: %s", path, w.Code, w.Body)
		}
	}
}

func TestModelsInDialects(t *testing.T) {
	tests := map[string]struct{ list, id string }{
		"GET /v1beta/models":               {"models", "name"},
		"GET /gemini/v1/models":            {"models", "name"},
		"GET /v1/models x-goog-api-key":    {"models", "name"},
		"GET /v1/models anthropic-version": {"data", "id"},
		"GET /anthropic/v1/models":         {"data", "id"},
	}
	for request, test := range tests {
		words := strings.Fields(request)
		f := newFixture(t)
		do := func(path string, into any) {
			r := httptest.NewRequest("GET", path, nil)
			r.Header.Set("Authorization", "Bearer good")
			for _, name := range words[2:] {
				r.Header.Set(name, "x")
			}
			w := httptest.NewRecorder()
			f.handler.ServeHTTP(w, r)
			if err := json.Unmarshal(w.Body.Bytes(), into); err != nil || w.Code != 200 {
				t.Fatalf("%s: status %d, %v: %s", path, w.Code, err, w.Body)
			}
		}
		var page map[string]any
		do(words[1], &page)
		var got []string
		for _, m := range page[test.list].([]any) {
			got = append(got, strings.TrimPrefix(m.(map[string]any)[test.id].(string), "models/"))
		}
		if diff := cmp.Diff([]string{"fast", "smart", "team/odd name"}, got); diff != "" {
			t.Errorf("%s: %s", request, diff)
		}
		if test.list == "data" && (page["first_id"] != "fast" || page["last_id"] != "team/odd name" || page["has_more"] != false) {
			t.Errorf("%s: page %v", request, page)
		}
		var one map[string]any
		do(words[1]+"/team/odd%20name", &one)
		if !strings.HasSuffix(one[test.id].(string), "team/odd name") {
			t.Errorf("%s: model %v", request, one)
		}
	}
}
