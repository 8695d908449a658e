package responses_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/openai"
	"github.com/llm-hub/llm-hub/gateway/provider/responses"
)

func parsed(t *testing.T, body string) *provider.Inbound {
	t.Helper()
	in, err := responses.ParseResponse([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	return in
}

// TestFaithful: of what a client sends only the model changes, to the byte.
func TestFaithful(t *testing.T) {
	const body = " { \"unknown\" : 1.500, \"model\":\"smart\" ,\n\"input\":[ {\"type\":\"reasoning\",\"encrypted_content\":\"gAAA\\u0042\"} ],\t\"stream\":true, \"store\":false,\"previous_response_id\":\"resp_1\"}  "
	out, err := native().Prepare(parsed(t, body), provider.Target{BaseURL: "https://v.test/v1/", APIKey: "k", Model: `odd"name`})
	if err != nil {
		t.Fatal(err)
	}
	if want := strings.Replace(body, `"smart"`, `"odd\"name"`, 1); string(out.Body) != want {
		t.Errorf("asked %s", out.Body)
	}
	if out.URL != "https://v.test/v1/responses" || out.Header.Get("Authorization") != "Bearer k" || out.Header.Get("Accept") != "text/event-stream" {
		t.Errorf("asked %s with %v", out.URL, out.Header)
	}
}

func TestNative(t *testing.T) {
	target := provider.Target{BaseURL: "https://v.test/v1", APIKey: "k", Model: "m"}
	in, err := responses.ParseCount([]byte(`{"model":"smart","input":"Hi.","stream":true}`))
	if err != nil || in.Stream || in.Keep {
		t.Fatalf("%v: %+v", err, in)
	}
	count, err := responses.Native{}.PrepareCount(in, target)
	if err != nil || count.URL != "https://v.test/v1/responses/input_tokens" || string(count.Body) != `{"model":"m","input":"Hi.","stream":true}` {
		t.Errorf("%v: %+v", err, count)
	}
	for body, ok := range map[string]bool{`{"object":"response.input_tokens","input_tokens":3}`: true, `{}`: false, `[`: false} {
		if reply, err := count.Unary([]byte(body)); (err == nil) != ok || ok && string(reply.Body) != body {
			t.Errorf("%s: %v: %s", body, err, reply.Body)
		}
	}
	if _, err := (responses.Native{}).PrepareCount(&provider.Inbound{Dialect: provider.OpenAI}, target); gateway.AsError(err).Kind != gateway.Invalid {
		t.Errorf("another dialect: %v", err)
	}
	kept, err := responses.Native{}.PrepareKept(&provider.Inbound{Kept: &provider.KeptCall{Method: "DELETE", Path: "resp_1?x=y"}}, target)
	if err != nil || kept.Method != "DELETE" || kept.URL != "https://v.test/v1/responses/resp_1?x=y" || kept.Body != nil {
		t.Errorf("%v: %+v", err, kept)
	}
	if f := kept.Failure(404, nil, []byte(`{"error":{"message":"of resp_1"}}`)); f.Public().Kind != gateway.NotFound || strings.Contains(f.Message, "resp_1") {
		t.Errorf("not there: %+v", f)
	}
}

// TestFailures: an address that a vendor does not know says nothing of its models.
func TestFailures(t *testing.T) {
	out, err := native().Prepare(parsed(t, `{"model":"smart","input":"Hi."}`), provider.Target{Model: "m"})
	if err != nil {
		t.Fatal(err)
	}
	for body, want := range map[string]provider.FailureClass{
		``: provider.BadAnswer, `{"error":{"message":"no route"}}`: provider.BadAnswer,
		`{"error":{"message":"no model","code":"model_not_found"}}`: provider.BadCredential,
	} {
		if f := out.Failure(404, nil, []byte(body)); f.Class != want {
			t.Errorf("404 %s: %s", body, f.Class)
		}
	}
	if f := out.Failure(429, nil, nil); f.Class != provider.RateLimited {
		t.Errorf("429: %s", f.Class)
	}
}

func TestOtherDialectsGoOn(t *testing.T) {
	in, err := openai.ParseChat([]byte(`{"model":"smart","messages":[{"role":"user","content":"Hi."}]}`))
	if err != nil {
		t.Fatal(err)
	}
	if out, err := native().Prepare(in, provider.Target{BaseURL: "https://v.test/v1", Model: "m"}); err != nil || !strings.HasSuffix(out.URL, "/chat/completions") {
		t.Errorf("%v: %+v", err, out)
	}
}

// TestDropped: what a vendor of another format is not told is named.
func TestDropped(t *testing.T) {
	const body = `{"model":"smart","input":[{"type":"web_search_call","id":"ws_1"},{"role":"user","content":[{"type":"input_image","image_url":"https://x.test/a.png","detail":"low"}]}],` +
		`"tools":[{"type":"web_search"}],"tool_choice":"required","truncation":"auto","text":{"verbosity":"low"},"reasoning":{"context":"auto"},` +
		`"include":["web_search_call.results","reasoning.encrypted_content"],"max_tool_calls":3,"prompt_cache_key":"k","x_new":1,"store":true,"stream_options":{"include_obfuscation":true}}`
	out, err := over(chatWire)().Prepare(parsed(t, body), provider.Target{Model: "m"})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"input[0]", "input[1].content[0].detail", "tools[0]", "truncation", "text.verbosity", "reasoning.context",
		"include.web_search_call.results", "max_tool_calls", "prompt_cache_key", "tool_choice", "x_new",
	}
	if diff := cmp.Diff(want, out.Dropped); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	in := parsed(t, body)
	in.Strict = true
	if _, err := over(chatWire)().Prepare(in, provider.Target{Model: "m"}); gateway.AsError(err).Param != "input[0]" {
		t.Errorf("strict: %v", err)
	}
}

func TestPrompt(t *testing.T) {
	in := parsed(t, `{"model":"smart","instructions":"ab","input":[{"role":"user","content":[{"type":"input_text","text":"cd\n"},{"type":"input_image","image_url":"x"}]},`+
		`{"type":"function_call","call_id":"c","name":"f","arguments":"{}"},{"type":"function_call_output","call_id":"c","output":"ef"},{"type":"reasoning","summary":[{"type":"summary_text","text":"gh"}]}]}`)
	p := in.Prompt(in, 1000)
	if string(p.Text) != "abcd\n{}efgh" || p.Messages != 4 || p.Media != 1000 || in.InputTokens != 1000+3 {
		t.Errorf("%q of %d messages, %d for media, %d tokens", p.Text, p.Messages, p.Media, in.InputTokens)
	}
}

// TestKept: what is kept is what the client got, if it was promised.
func TestKept(t *testing.T) {
	const answer = `{"id":"c","model":"g","choices":[{"index":0,"message":{"content":"Hi."},"finish_reason":"stop"}]}`
	for _, keep := range []bool{false, true} {
		in := parsed(t, `{"model":"smart","input":"Hi."}`)
		in.Keep = keep
		out, err := over(chatWire)().Prepare(in, provider.Target{Model: "m"})
		if err != nil {
			t.Fatal(err)
		}
		reply, err := out.Unary([]byte(answer))
		if err != nil {
			t.Fatal(err)
		}
		var w struct{ Store bool }
		if err := json.Unmarshal(reply.Body, &w); err != nil || w.Store != keep || (reply.Kept != nil) != keep {
			t.Errorf("keep %t: %v, %+v: %s", keep, err, reply.Kept, reply.Body)
		}
		if keep && (string(reply.Kept.Body) != string(reply.Body) || len(reply.Kept.Items) != 1 || reply.Kept.ByVendor) {
			t.Errorf("kept %+v", reply.Kept)
		}
	}
}
