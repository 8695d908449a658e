package bedrock_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/anthropic"
	"github.com/llm-hub/llm-hub/gateway/provider/bedrock"
	"github.com/llm-hub/llm-hub/gateway/provider/openai"
)

func TestAddress(t *testing.T) {
	for region, want := range map[string]string{
		"us-east-1":  "https://bedrock-runtime.us-east-1.amazonaws.com",
		"cn-north-1": "https://bedrock-runtime.cn-north-1.amazonaws.com.cn",
	} {
		if got, err := bedrock.Account().Address(provider.Settings{provider.Region: region}); err != nil || got != want {
			t.Errorf("%s: %s, %v", region, got, err)
		}
	}
	own := provider.Settings{provider.Region: "us-east-1", provider.BaseURL: "https://vpce.test"}
	if got, err := bedrock.Account().Address(own); err != nil || got != "https://vpce.test" {
		t.Errorf("own address: %s, %v", got, err)
	}
}

// TestSignature holds what is signed; that the signature is right holds the fake
// vendor, which computes it by itself.
func TestSignature(t *testing.T) {
	auth, err := bedrock.Account().Authorizer(provider.Settings{provider.Region: "eu-central-1"}, provider.Settings{
		provider.AccessKey: "AKID", provider.SecretKey: "not-to-be-shown", provider.SessionToken: "session",
	})
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://vendor.test/model/a%3A1/converse", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Llmhub-Request", "r1")
	if err := auth.Authorize(nil, r, []byte("{}")); err != nil {
		t.Fatal(err)
	}
	got := r.Header.Get("Authorization")
	for _, part := range []string{
		"AWS4-HMAC-SHA256 Credential=AKID/", "/eu-central-1/bedrock/aws4_request",
		"SignedHeaders=content-length;host;x-amz-content-sha256;x-amz-date;x-amz-security-token;x-llmhub-request",
	} {
		if !strings.Contains(got, part) {
			t.Errorf("%q is not in %s", part, got)
		}
	}
	if r.URL.String() != "https://vendor.test/model/a%3A1/converse" {
		t.Errorf("the address became %s", r.URL)
	}
	if shown := fmt.Sprintf("%v %+v %#v", auth, auth, []any{auth}); strings.Contains(shown, "not-to-be-shown") {
		t.Errorf("the secret is shown: %s", shown)
	}
}

func TestDropped(t *testing.T) {
	const base = `{"model":"m","messages":[{"role":"user","content":"x"}]`
	tests := map[string]struct {
		model, more string
		want        []string
	}{
		"llama": {
			"meta.llama3", `,"seed":1,"user":"u","logprobs":true,"presence_penalty":1,"frequency_penalty":1,"reasoning_effort":"low","top_k":3`,
			[]string{"top_k", "reasoning_effort", "presence_penalty", "frequency_penalty", "seed", "logprobs", "user"},
		},
		"no reasoning":  {"meta.llama3", `,"reasoning_effort":"none"`, []string{"reasoning_effort"}},
		"nova":          {"amazon.nova-pro-v1:0", `,"reasoning_effort":"low","response_format":{"type":"json_object"}`, []string{"response_format", "reasoning_effort"}},
		"metadata":      {"meta.llama3", `,"metadata":{"a":"` + strings.Repeat("x", 300) + `"},"service_tier":"scale"`, []string{"service_tier", "metadata"}},
		"serial calls":  {"meta.llama3", `,"tools":[{"type":"function","function":{"name":"f"}}],"parallel_tool_calls":false`, []string{"parallel_tool_calls"}},
		"no penalties":  {"meta.llama3", `,"presence_penalty":0,"frequency_penalty":0`, nil},
		"claude's dial": {"anthropic.claude-opus-4-7", `,"temperature":0.5,"top_p":0.5`, []string{"temperature", "top_p"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			in, err := openai.ParseChat([]byte(base + tt.more + "}"))
			if err != nil {
				t.Fatal(err)
			}
			out, err := newVendor().Prepare(in, provider.Target{BaseURL: "https://v.test", Model: tt.model})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, out.Dropped); diff != "" {
				t.Errorf("dropped (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCount(t *testing.T) {
	counter, ok := newVendor().(provider.TokenCounter)
	if !ok {
		t.Fatal("counts no tokens")
	}
	in, err := anthropic.ParseCount([]byte(`{"model":"m","system":"S","messages":[{"role":"user","content":"Hi"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	out, err := counter.PrepareCount(in, provider.Target{BaseURL: "https://v.test", APIKey: "k", Model: "anthropic.claude-opus-4-7"})
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"input":{"converse":{"messages":[{"role":"user","content":[{"text":"Hi"}]}],"system":[{"text":"S"}]}}}`
	if out.URL != "https://v.test/model/anthropic.claude-opus-4-7/count-tokens" || string(out.Body) != want || out.Header.Get("Authorization") != "Bearer k" {
		t.Errorf("%s %v %s", out.URL, out.Header, out.Body)
	}
	if reply, err := out.Unary([]byte(`{"inputTokens":42}`)); err != nil || string(reply.Body) != `{"input_tokens":42}` || reply.Usage != nil {
		t.Errorf("reply %s, %v", reply.Body, err)
	}
	if _, err := out.Unary([]byte(`{"other":42}`)); err == nil {
		t.Error("an answer without a count is taken")
	}
	if _, err := counter.PrepareCount(in, provider.Target{Model: "meta.llama3"}); err == nil {
		t.Error("a model without a counter is asked")
	}
}
