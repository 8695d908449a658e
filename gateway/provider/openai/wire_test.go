package openai_test

import (
	"encoding/json"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/chat"
	"github.com/llm-hub/llm-hub/gateway/provider/openai"
	"github.com/llm-hub/llm-hub/gateway/provider/providertest"
	"github.com/llm-hub/llm-hub/gateway/provider/providertest/openapi"
)

// plain stands for a dialect that says all that the canonical form can: its bodies
// are canonical requests in JSON. It answers in OpenAI's dialect.
type plain struct{ openai.Client }

const plainDialect provider.Dialect = "plain"

func (plain) Decode(in *provider.Inbound) (*chat.Request, error) {
	req := chat.Request{N: 1}
	if err := json.Unmarshal(in.Body, &req); err != nil {
		return nil, &gateway.Error{Kind: gateway.Invalid, Cause: err}
	}
	return &req, nil
}

func parsePlain(body []byte) (*provider.Inbound, error) {
	req, err := plain{}.Decode(&provider.Inbound{Body: body})
	if err != nil {
		return nil, err
	}
	return &provider.Inbound{Dialect: plainDialect, Body: body, Stream: req.Stream}, nil
}

// strict is a vendor that lacks most, and lenient one that has more than OpenAI.
var (
	strict = openai.Traits{
		Signer: "strict", ShortIDs: true, Thoughts: openai.ReasoningContent,
		Lacks: []string{
			"stream_options", "max_completion_tokens", "developer", "seed", "user", "metadata", "service_tier", "n", "stop",
			"logprobs", "reasoning_effort", "parallel_tool_calls", "response_format", "temperature",
		},
	}
	lenient = openai.Traits{Signer: "lenient", Thoughts: openai.ReasoningDetails, CacheHints: true}
)

func translator(traits openai.Traits) func() provider.Vendor {
	return func() provider.Vendor {
		client := openai.Client{Now: func() time.Time { return time.Unix(1_760_000_000, 0) }, NewID: counter()}
		wire := openai.Wire{Traits: traits, NewID: counter()}
		return chat.NewVendor(wire, map[provider.Dialect]chat.Client{
			provider.OpenAI: client, plainDialect: plain{client},
		})
	}
}

func counter() func() string {
	n := 0
	return func() string {
		n++
		return strconv.Itoa(n)
	}
}

// TestWireTranscripts plays what comes from OpenAI's dialect through the canonical
// form to the wire and back: what is lost on the way can be seen.
func TestWireTranscripts(t *testing.T) {
	valid := openapi.Replies(t, "post /chat/completions")
	for dir, p := range map[string]providertest.Player{
		"testdata/translated":         {Parse: openai.ParseChat, Vendor: translator(openai.Traits{}), Valid: valid},
		"testdata/translated_strict":  {Parse: openai.ParseChat, Vendor: translator(strict), Valid: valid},
		"testdata/translated_lenient": {Parse: openai.ParseChat, Vendor: translator(lenient), Valid: valid},
		"testdata/canonical":          {Parse: parsePlain, Vendor: translator(openai.Traits{})},
		"testdata/completions":        {Parse: openai.ParseCompletion, Vendor: otherEndpoint(openai.Vendor.PrepareCompletion)},
		"testdata/by_chat":            {Parse: openai.ParseCompletion, Vendor: byChat, Valid: openapi.Replies(t, "post /completions")},
		"testdata/embeddings":         {Parse: openai.ParseEmbeddings, Vendor: otherEndpoint(openai.Vendor.PrepareEmbeddings)},
	} {
		t.Run(dir, func(t *testing.T) {
			p.Update = *update
			p.Play(t, dir)
		})
	}
}

// endpoint is a vendor whose Prepare is that of another endpoint.
type endpoint struct {
	openai.Vendor
	prepare func(openai.Vendor, *provider.Inbound, provider.Target) (*provider.Outbound, error)
}

func (e endpoint) Prepare(in *provider.Inbound, t provider.Target) (*provider.Outbound, error) {
	return e.prepare(e.Vendor, in, t)
}

func otherEndpoint(prepare func(openai.Vendor, *provider.Inbound, provider.Target) (*provider.Outbound, error)) func() provider.Vendor {
	return func() provider.Vendor { return endpoint{prepare: prepare} }
}

// byChat is a vendor of completions that knows only chats.
func byChat() provider.Vendor {
	return otherEndpoint(func(_ openai.Vendor, in *provider.Inbound, t provider.Target) (*provider.Outbound, error) {
		return openai.CompleteByChat(translator(openai.Traits{})(), in, t)
	})()
}

func FuzzWireStream(f *testing.F) {
	providertest.Player{Parse: openai.ParseChat, Vendor: translator(openai.Traits{})}.Fuzz(f, "testdata/translated")
}

func TestOtherDialects(t *testing.T) {
	in := &provider.Inbound{Dialect: plainDialect, Body: []byte(`{"Messages":[{"Role":"user","Parts":[{"Kind":"text","Text":"Hi"}]}]}`)}
	target := provider.Target{BaseURL: "https://vendor.test", Model: "m"}
	if _, err := (openai.Vendor{}).Prepare(in, target); gateway.AsError(err).Kind != gateway.Invalid {
		t.Errorf("without a translator: %v", err)
	}
	out, err := openai.New(translator(openai.Traits{})(), openai.Traits{}).Prepare(in, target)
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"model":"m","messages":[{"role":"user","content":"Hi"}]}`; string(out.Body) != want {
		t.Errorf("body %s, want %s", out.Body, want)
	}
	for name, prepare := range map[string]func(*provider.Inbound, provider.Target) (*provider.Outbound, error){
		"embeddings": openai.Vendor{}.PrepareEmbeddings, "completion": openai.Vendor{}.PrepareCompletion,
	} {
		if _, err := prepare(in, target); gateway.AsError(err).Kind != gateway.Invalid {
			t.Errorf("%s of another dialect: %v", name, err)
		}
	}
}

func TestDropped(t *testing.T) {
	everything := `{"model":"m","messages":[{"role":"user","name":"Ann","content":[` +
		`{"type":"image_url","image_url":{"url":"https://x.test/a.png","detail":"high"}},` +
		`{"type":"text","text":"a","cache_control":{"type":"ephemeral"}}]},` +
		`{"role":"assistant","content":"b","reasoning_content":"Hm."}],` +
		`"tools":[{"type":"function","function":{"name":"f"}}],"parallel_tool_calls":false,` +
		`"temperature":0.5,"top_p":0.9,"top_k":4,"seed":1,"stop":"x","n":2,"logprobs":true,"top_logprobs":2,"reasoning_effort":"high",` +
		`"user":"u","metadata":{"a":"b"},"service_tier":"flex","response_format":{"type":"json_object"},` +
		`"verbosity":"low","prompt_cache_key":"k","logit_bias":{"1":2},"store":true,"x_new":1}`
	tests := map[string]struct {
		traits      openai.Traits
		model, body string
		want        []string
	}{
		"nothing": {openai.Traits{}, "gpt-6", `{"model":"m","messages":[{"role":"user","content":"a"}],"store":false,"service_tier":"auto","stream":true,"stream_options":{"include_usage":true},"max_tokens":3,"x":null}`, nil},
		"OpenAI": {openai.Traits{}, "gpt-6", everything, []string{
			"messages[0].name", "messages[0].content[0].image_url.detail", "store",
			"cache_control", "messages.reasoning_content", "top_k", "verbosity", "prompt_cache_key", "logit_bias", "x_new",
		}},
		"a strict vendor": {strict, "m", everything, []string{
			"messages[0].name", "messages[0].content[0].image_url.detail", "store",
			"cache_control", "parallel_tool_calls", "response_format", "reasoning_effort", "temperature", "top_k", "seed", "stop", "n",
			"logprobs", "user", "metadata", "service_tier", "verbosity", "prompt_cache_key", "logit_bias", "x_new",
		}},
		"a model that always reasons":      {openai.Traits{}, "openai/o4-mini", `{"model":"m",` + hello + `,"temperature":0.5,"top_p":1,"presence_penalty":0}`, []string{"temperature"}},
		"a model that may reason":          {openai.Traits{}, "gpt-5.4", `{"model":"m",` + hello + `,"temperature":0.5,"reasoning_effort":"low"}`, []string{"temperature"}},
		"a model that need not":            {openai.Traits{}, "gpt-5.4", `{"model":"m",` + hello + `,"temperature":0.5,"reasoning_effort":"none"}`, nil},
		"a model that cannot":              {openai.Traits{}, "gpt-4.1", `{"model":"m",` + hello + `,"temperature":0.5,"reasoning_effort":"low"}`, []string{"reasoning_effort"}},
		"a model that cannot and need not": {openai.Traits{}, "gpt-4.1", `{"model":"m",` + hello + `,"reasoning":{"enabled":false}}`, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			out, err := translator(tt.traits)().Prepare(parse(t, tt.body), provider.Target{Model: tt.model})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, out.Dropped); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
