package cohere_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/anthropic"
	"github.com/llm-hub/llm-hub/gateway/provider/chat"
	"github.com/llm-hub/llm-hub/gateway/provider/cohere"
	"github.com/llm-hub/llm-hub/gateway/provider/embed"
	"github.com/llm-hub/llm-hub/gateway/provider/gemini"
	"github.com/llm-hub/llm-hub/gateway/provider/openai"
	"github.com/llm-hub/llm-hub/gateway/provider/providertest"
)

var update = providertest.Update()

func counter() func() string {
	n := 0
	return func() string {
		n++
		return strconv.Itoa(n)
	}
}

// newVendor is the adapter with a fixed clock and ids that count.
func newVendor() provider.Vendor {
	client := openai.Client{Now: func() time.Time { return time.Unix(1_760_000_000, 0) }, NewID: counter()}
	return chat.NewVendor(cohere.Wire{NewID: counter()}, map[provider.Dialect]chat.Client{
		provider.OpenAI: client, provider.Anthropic: anthropic.Client{NewID: counter()}, provider.Gemini: gemini.Client{NewID: counter()},
	})
}

const transcripts = "testdata/transcripts"

func player() providertest.Player {
	return providertest.Player{Parse: openai.ParseChat, Vendor: newVendor, Update: *update}
}

func TestTranscripts(t *testing.T) { player().Play(t, transcripts) }

func FuzzStream(f *testing.F) { player().Fuzz(f, transcripts) }

// TestAnthropic plays Anthropic's clients.
func TestAnthropic(t *testing.T) {
	providertest.Player{Parse: anthropic.ParseMessages, Vendor: newVendor, Update: *update}.Play(t, "testdata/anthropic")
}

func TestEmbeddings(t *testing.T) {
	e := embed.New(cohere.Wire{}, map[provider.Dialect]embed.Client{provider.OpenAI: openai.Client{}, provider.Gemini: gemini.Client{}})
	vendor := func() provider.Vendor { return providertest.Preparing(newVendor(), e.PrepareEmbeddings) }
	for dir, parse := range map[string]func([]byte) (*provider.Inbound, error){
		"openai": openai.ParseEmbeddings,
		"gemini": func(body []byte) (*provider.Inbound, error) { return gemini.ParseEmbedBatch("smart", body) },
	} {
		t.Run(dir, func(t *testing.T) {
			providertest.Player{Parse: parse, Vendor: vendor, Update: *update}.Play(t, "testdata/embed/"+dir)
		})
	}
}

// TestDropped: what Cohere cannot be told is named.
func TestDropped(t *testing.T) {
	const body = `{"model":"m","messages":[{"role":"user","name":"Ann","content":[{"type":"text","text":"a","cache_control":{"type":"ephemeral"}}]}],` +
		`"tools":[{"type":"function","function":{"name":"f","strict":true}},{"type":"function","function":{"name":"g"}}],` +
		`"frequency_penalty":-0.5,"presence_penalty":1.5,"stop":["1","2","3","4","5","6"],"parallel_tool_calls":false,` +
		`"metadata":{"a":"b"},"user":"u","service_tier":"flex","logprobs":true,"top_logprobs":2,"logit_bias":{"1":1},"safety_mode":"OFF"}`
	in, err := openai.ParseChat([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	out, err := newVendor().Prepare(in, provider.Target{Model: "m"})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"messages[0].name", "frequency_penalty", "presence_penalty", "stop", "tools.strict", "parallel_tool_calls", "metadata", "user",
		"service_tier", "top_logprobs", "cache_control", "logit_bias",
	}
	if diff := cmp.Diff(want, out.Dropped); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	in.Strict = true
	if _, err := newVendor().Prepare(in, provider.Target{Model: "m"}); gateway.AsError(err).Param != want[0] {
		t.Errorf("a strict client got %v", err)
	}
}

func TestFailures(t *testing.T) {
	providertest.Failures(t, newVendor(), map[string]providertest.Failure{
		"bad key":        {Status: 401, Body: `{"id":"1","message":"invalid api token"}`, Class: provider.BadCredential, Message: "invalid api token"},
		"no such model":  {Status: 404, Body: `{"message":"model 'x' not found"}`, Class: provider.BadCredential, Message: "model 'x' not found"},
		"unknown field":  {Status: 422, Body: `{"message":"unknown field: parameter 'x' is not a valid field"}`, Class: provider.ClientError, Message: "parameter 'x'"},
		"too long":       {Status: 400, Body: `{"message":"too many tokens: size limit exceeded by 809 tokens."}`, Class: provider.TooLong, Code: "context_length_exceeded"},
		"a minute":       {Status: 429, Body: `{"message":"You are using a Trial key, which is limited to 10 API calls / minute."}`, Class: provider.RateLimited},
		"a month":        {Status: 429, Body: `{"message":"You are using a Trial key, which is limited to 1000 API calls / month."}`, Class: provider.RateLimited, RetryAfter: 10 * time.Minute},
		"blocked":        {Status: 498, Body: `{"message":"blocked output: please contact sales"}`, Class: provider.Refused, Code: "content_filter"},
		"cancelled":      {Status: 499, Class: provider.ServerError},
		"not there":      {Status: 501, Class: provider.ServerError},
		"out of service": {Status: 503, Body: `{"message":"service unavailable"}`, Class: provider.ServerError, Message: "service unavailable"},
	})
}

// TestAddress holds where the key goes, and that a base URL may name the version.
func TestAddress(t *testing.T) {
	req := &chat.Request{N: 1, Messages: []chat.Message{{Role: chat.User, Parts: []chat.Part{{Kind: chat.TextPart, Text: "Hi"}}}}}
	for _, base := range []string{"https://c.test", "https://c.test/", "https://c.test/v2", "https://c.test/v2/"} {
		x, err := cohere.Wire{}.Call(req, provider.Target{BaseURL: base, APIKey: "key", Model: "m"})
		if err != nil {
			t.Fatal(err)
		}
		if x.URL != "https://c.test/v2/chat" || x.Header.Get("Authorization") != "Bearer key" {
			t.Errorf("call %s with %v", x.URL, x.Header)
		}
	}
}
