package vertex_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/anthropic"
	"github.com/llm-hub/llm-hub/gateway/provider/chat"
	"github.com/llm-hub/llm-hub/gateway/provider/gemini"
	"github.com/llm-hub/llm-hub/gateway/provider/openai"
	"github.com/llm-hub/llm-hub/gateway/provider/providertest"
	"github.com/llm-hub/llm-hub/gateway/provider/vertex"
)

func newVendor() provider.Vendor {
	clients := map[provider.Dialect]chat.Client{
		provider.OpenAI: openai.Client{}, provider.Anthropic: anthropic.Client{}, provider.Gemini: gemini.Client{},
	}
	return vertex.New(vertex.Publishers{
		Google:    gemini.New(chat.NewVendor(gemini.Wire{Signer: "vertex"}, clients)),
		Anthropic: anthropic.New(chat.NewVendor(anthropic.Wire{}, clients)),
		Others:    openai.New(chat.NewVendor(openai.Wire{}, clients), openai.Traits{}),
	})
}

const base = "https://vertex.test/v1/projects/p/locations/l"

func TestAddress(t *testing.T) {
	tests := map[string]struct {
		place provider.Settings
		want  string
	}{
		"region":     {provider.Settings{provider.Project: "p", provider.Location: "europe-west1"}, "https://europe-west1-aiplatform.googleapis.com/v1/projects/p/locations/europe-west1"},
		"everywhere": {provider.Settings{provider.Project: "p"}, "https://aiplatform.googleapis.com/v1/projects/p/locations/global"},
		"several":    {provider.Settings{provider.Project: "p", provider.Location: "eu"}, "https://aiplatform.eu.rep.googleapis.com/v1/projects/p/locations/eu"},
		"express":    {provider.Settings{}, "https://aiplatform.googleapis.com/v1"},
		"own":        {provider.Settings{provider.Project: "p", provider.BaseURL: "https://psc.test/v1beta1"}, "https://psc.test/v1beta1/projects/p/locations/global"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got, err := vertex.Account().Address(tt.place); err != nil || got != tt.want {
				t.Errorf("address %s, %v, want %s", got, err, tt.want)
			}
		})
	}
}

// TestPrepare holds where each publisher's requests go, and what becomes of them.
func TestPrepare(t *testing.T) {
	const (
		chatBody = `{"model":"smart","messages":[{"role":"user","content":"x"}]`
		messages = `{"max_tokens":9,"model":"smart","messages":[{"role":"user","content":"x"}]}`
	)
	openAI := func(more string) func() (*provider.Inbound, error) {
		return func() (*provider.Inbound, error) { return openai.ParseChat([]byte(chatBody + more + "}")) }
	}
	claude := func(body string) func() (*provider.Inbound, error) {
		return func() (*provider.Inbound, error) { return anthropic.ParseMessages([]byte(body)) }
	}
	tests := map[string]struct {
		model     string
		parse     func() (*provider.Inbound, error)
		url, body string
	}{
		"gemini": {
			"gemini-2.5-pro", openAI(""), base + "/publishers/google/models/gemini-2.5-pro:generateContent",
			`{"contents":[{"role":"user","parts":[{"text":"x"}]}],"generationConfig":{}}`,
		},
		"gemini, native": {
			"google/gemini-2.5-pro", func() (*provider.Inbound, error) {
				return gemini.ParseGenerate("smart", []byte(`{"contents":[{"role":"user","parts":[{"text":"x"}]}],"labels":{}}`), true)
			},
			base + "/publishers/google/models/gemini-2.5-pro:streamGenerateContent?alt=sse", `{"contents":[{"role":"user","parts":[{"text":"x"}]}],"labels":{}}`,
		},
		"claude": {
			"claude-sonnet-4-5@20250929", openAI(`,"max_tokens":9`), base + "/publishers/anthropic/models/claude-sonnet-4-5@20250929:rawPredict",
			`{"max_tokens":9,"messages":[{"role":"user","content":[{"type":"text","text":"x"}]}],"anthropic_version":"vertex-2023-10-16"}`,
		},
		"claude, streaming": {
			"anthropic/claude-x", openAI(`,"max_tokens":9,"stream":true`), base + "/publishers/anthropic/models/claude-x:streamRawPredict",
			`{"max_tokens":9,"messages":[{"role":"user","content":[{"type":"text","text":"x"}]}],"stream":true,"anthropic_version":"vertex-2023-10-16"}`,
		},
		"claude, native": {
			"claude-x", claude(messages), base + "/publishers/anthropic/models/claude-x:rawPredict",
			`{"max_tokens":9,"messages":[{"role":"user","content":"x"}],"anthropic_version":"vertex-2023-10-16"}`,
		},
		"claude, versioned": {
			"claude-x", claude(strings.Replace(messages, "{", `{"anthropic_version":"bedrock-2023-05-31","new_member":1,`, 1)), base + "/publishers/anthropic/models/claude-x:rawPredict",
			`{"anthropic_version":"vertex-2023-10-16","new_member":1,"max_tokens":9,"messages":[{"role":"user","content":"x"}]}`,
		},
		"others": {
			"meta/llama-x", openAI(""), base + "/endpoints/openapi/chat/completions", `{"model":"meta/llama-x","messages":[{"role":"user","content":"x"}]}`,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			in, err := tt.parse()
			if err != nil {
				t.Fatal(err)
			}
			in.Header = map[string][]string{"Anthropic-Version": {"2023-06-01"}, "Anthropic-Beta": {"b"}}
			out, err := newVendor().Prepare(in, provider.Target{BaseURL: base, Model: tt.model})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]string{tt.url, tt.body}, []string{out.URL, string(out.Body)}); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if out.Header.Get("Anthropic-Version")+out.Header.Get("X-Api-Key") != "" {
				t.Errorf("header %v", out.Header)
			}
			if in.Dialect == provider.Anthropic && out.Header.Get("Anthropic-Beta") != "b" {
				t.Error("the beta is lost")
			}
		})
	}
}

func TestCount(t *testing.T) {
	counter, ok := newVendor().(provider.TokenCounter)
	if !ok {
		t.Fatal("counts no tokens")
	}
	in, err := anthropic.ParseCount([]byte(`{"model":"smart","messages":[{"role":"user","content":"x"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	out, err := counter.PrepareCount(in, provider.Target{BaseURL: base, Model: "claude-x"})
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"model":"claude-x","messages":[{"role":"user","content":"x"}],"anthropic_version":"vertex-2023-10-16"}`
	if out.URL != base+"/publishers/anthropic/models/count-tokens:rawPredict" || string(out.Body) != want {
		t.Errorf("%s %s", out.URL, out.Body)
	}
	in, err = gemini.ParseCount("smart", []byte(`{"contents":[{"role":"user","parts":[{"text":"x"}]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	if out, err = counter.PrepareCount(in, provider.Target{BaseURL: base, Model: "gemini-x"}); err != nil || out.URL != base+"/publishers/google/models/gemini-x:countTokens" {
		t.Errorf("%v, %v", out, err)
	}
	if _, err := counter.PrepareCount(in, provider.Target{BaseURL: base, Model: "meta/llama"}); err == nil {
		t.Error("a publisher without a counter is asked")
	}
}

func TestFailures(t *testing.T) {
	providertest.Failures(t, newVendor(), map[string]providertest.Failure{
		"no token": {
			Status: 401, Body: `{"error":{"code":401,"message":"Request had invalid authentication credentials.","status":"UNAUTHENTICATED"}}`,
			Class: provider.BadCredential, Message: "invalid authentication",
		},
		"no permission": {Status: 403, Body: `[{"error":{"code":403,"message":"Permission 'aiplatform.endpoints.predict' denied","status":"PERMISSION_DENIED"}}]`, Class: provider.BadCredential, Message: "denied"},
		"exhausted":     {Status: 429, Body: `{"error":{"code":429,"message":"Resource exhausted. Please try again later.","status":"RESOURCE_EXHAUSTED"}}`, Class: provider.RateLimited, Message: "Resource exhausted"},
		"claude's":      {Status: 400, Body: `{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 9 tokens > 8 maximum"}}`, Class: provider.TooLong, Code: "context_length_exceeded"},
		"overloaded":    {Status: 529, Body: `{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}`, Class: provider.ServerError, Message: "Overloaded"},
	})
}

func TestKeyFiles(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	file := func(change func(map[string]string)) string {
		fields := map[string]string{
			"type": "service_account", "client_email": "a@b.test", "private_key_id": "k", "token_uri": "https://tokens.test/",
			"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})),
		}
		change(fields)
		text, err := json.Marshal(fields)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	set := func(name, value string) string { return file(func(m map[string]string) { m[name] = value }) }
	tests := map[string]struct{ text, want string }{
		"good":        {file(func(map[string]string) {}), ""},
		"default uri": {set("token_uri", ""), ""},
		"type":        {set("type", "external_account"), `service_account: not the key file of a service account: its type is not "service_account"`},
		"email":       {set("client_email", ""), "service_account: its client_email lacks"},
		"uri":         {set("token_uri", "ftp://x"), "service_account: its token_uri is no address"},
		"no key":      {set("private_key", "not-to-be-shown"), "service_account: its private_key is not in PEM"},
		"odd key":     {set("private_key", "-----BEGIN X-----\nAAAA\n-----END X-----\n"), "service_account: its private_key is no RSA key"},
		"no JSON":     {"not-to-be-shown", "service_account: not a JSON object of texts"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := vertex.Account().Authorizer(provider.Settings{provider.Project: "p"}, provider.Settings{provider.ServiceAccount: tt.text})
			got := ""
			if err != nil {
				got = err.Error()
			}
			if got != tt.want {
				t.Errorf("error %q, want %q", got, tt.want)
			}
		})
	}
}
