package vendors_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/cmd/fake-llm/fakellm"
	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/openai"
	"github.com/llm-hub/llm-hub/gateway/provider/vendors"
)

// base is a wire format of a fake vendor, and how one proves who asks.
type base struct {
	name, kind, path, model string
	place, proof            provider.Settings
}

// bases are the wire formats of the fake vendor.
func bases() []base {
	project := provider.Settings{provider.Project: "p-1", provider.Location: "europe-west1"}
	region := provider.Settings{provider.Region: "eu-central-1"}
	key := provider.Settings{provider.APIKey: "k"}
	return []base{
		{name: "openai", kind: "openai", path: "/v1", model: "openai-fake", proof: key},
		{name: "anthropic", kind: "anthropic", model: "anthropic-fake", proof: key},
		{name: "gemini", kind: "gemini", model: "gemini-fake", proof: key},
		{name: "cohere", kind: "cohere", model: "cohere-fake", proof: key},
		{name: "azure", kind: "azure", path: "/azure", model: "gpt-fake", proof: key},
		{
			name: "azure dated", kind: "azure", path: "/azure", model: "gpt-fake",
			place: provider.Settings{provider.APIVersion: "2024-10-21"}, proof: provider.Settings{provider.AccessToken: "entra"},
		},
		{name: "vertex gemini", kind: "vertex", path: "/vertex", model: "gemini-fake", place: project, proof: provider.Settings{provider.ServiceAccount: ""}},
		{name: "vertex claude", kind: "vertex", path: "/vertex", model: "claude-fake", place: project, proof: provider.Settings{provider.ServiceAccount: ""}},
		{name: "vertex others", kind: "vertex", path: "/vertex", model: "meta/llama-fake", place: project, proof: provider.Settings{provider.AccessToken: "token"}},
		{name: "vertex express", kind: "vertex", path: "/vertex", model: "gemini-fake", proof: key},
		{name: "bedrock", kind: "bedrock", path: "/bedrock", model: "anthropic.claude-3-fake:0", place: region, proof: key},
		{
			name: "bedrock signed", kind: "bedrock", path: "/bedrock", model: "arn:aws:bedrock:eu:1:profile/llama:1", place: region,
			proof: provider.Settings{provider.AccessKey: "AKID", provider.SecretKey: fakellm.AWSSecret("AKID"), provider.SessionToken: "session"},
		},
	}
}

// site is a base at work: the target is where its account says.
type site struct {
	kind   string
	target provider.Target
	auth   provider.Authorizer
}

// open makes the site of a base at a fake, as the configuration does.
func (b base) open(t testing.TB, server *fakellm.Server, url string) site {
	t.Helper()
	info, ok := vendors.Lookup(b.kind)
	if !ok {
		t.Fatalf("no kind %s", b.kind)
	}
	s := site{kind: b.kind, target: provider.Target{BaseURL: url + b.path, APIKey: b.proof[provider.APIKey], Model: b.model}}
	account := info.Account
	if account.Address == nil {
		return s
	}
	place, proof := maps.Clone(b.place), maps.Clone(b.proof)
	if place == nil {
		place = provider.Settings{}
	}
	place[provider.BaseURL] = s.target.BaseURL
	if _, wanted := proof[provider.ServiceAccount]; wanted {
		file, err := server.ServiceAccount(url)
		if err != nil {
			t.Fatal(err)
		}
		proof[provider.ServiceAccount] = string(file)
	}
	var err error
	if s.target.BaseURL, err = account.Address(place); err != nil {
		t.Fatal(err)
	}
	if s.auth, err = account.Authorizer(place, proof); err != nil {
		t.Fatal(err)
	}
	if s.auth != nil {
		s.target.APIKey = ""
	}
	return s
}

// do calls the site as the gateway does.
func (s site) do(t testing.TB, out *provider.Outbound) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), out.Method, out.URL, bytes.NewReader(out.Body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header = out.Header
	req.Header.Set("X-Llmhub-Request", "r1")
	if s.auth != nil {
		if err := s.auth.Authorize(http.DefaultTransport, req, out.Body); err != nil {
			t.Fatal(err)
		}
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// outcome is what a client and the gateway have of a call.
type outcome struct {
	Kind      string // of the vendor
	Text      string
	Calls     string
	Finish    string
	Usage     *events.Usage
	Failed    provider.FailureClass
	Streamed  bool // bytes had gone to the client when it failed
	Completed bool
}

func TestFakeVendors(t *testing.T) {
	const (
		hi   = `"messages":[{"role":"user","content":"Hello there"}]`
		tool = `"messages":[{"role":"user","content":"use tools"}],"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{"a":{"type":"string"}},"required":["a"]}}},{"type":"function","function":{"name":"g"}}]`
		loop = `"messages":[{"role":"user","content":"use tool"},{"role":"assistant","content":null,"tool_calls":[{"id":"c.1","type":"function","function":{"name":"f","arguments":"{\"a\":\"x\"}"}}]},{"role":"tool","tool_call_id":"c.1","content":"result text"}],"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{"a":{"type":"string"}}}}}]`
		json = `"messages":[{"role":"user","content":"x"}],"response_format":{"type":"json_schema","json_schema":{"name":"s","strict":true,"schema":{"type":"object","properties":{"n":{"type":"integer"}},"required":["n"],"additionalProperties":false}}}`
	)
	tests := map[string]struct {
		misbehave string
		request   string
		want      func(t *testing.T, o outcome)
	}{
		"text":           {"", hi, completed("stop", "Hello there")},
		"cap":            {"", hi + `,"max_tokens":1`, completed("length", "")},
		"tools":          {"", tool, calls("f", "g")},
		"result":         {"", loop, completed("stop", "result text")},
		"schema":         {"", json, completed("stop", `"n"`)},
		"cached":         {"in=100+cached=30+reasoning=9", hi, cached},
		"sound, images":  {"in=100+cached=30+audioin=20+imagein=5", hi, parted},
		"searches":       {"searches=2", hi, searched},
		"no usage":       {"usage=none", hi, noUsage},
		"usage twice":    {"usage=twice", hi, completed("stop", "Hello there")},
		"split":          {"split=7", hi, completed("stop", "Hello there")},
		"huge":           {"huge=64", hi, completed("stop", "")},
		"filter":         {"filter", hi, completed("content_filter", "")},
		"rate limit":     {"429:after=7", hi, failed(provider.RateLimited)},
		"server error":   {"500", hi, failed(provider.ServerError)},
		"unavailable":    {"503", hi, failed(provider.ServerError)},
		"context length": {"context", hi, failed(provider.TooLong)},
		"html":           {"html", hi, failed(provider.ServerError)},
		"empty":          {"empty", hi, failed(provider.BadAnswer, provider.Cut)},
		"malformed":      {"malformed", hi, failed(provider.BadAnswer)},
		"cut":            {"cut", hi, failed(provider.BadAnswer, provider.Cut)},
		"error":          {"error", hi, failed(provider.ServerError)},
	}
	server := fakellm.New(fakellm.Config{})
	fake := httptest.NewServer(server)
	t.Cleanup(fake.Close)
	for _, base := range bases() {
		site := base.open(t, server, fake.URL)
		for name, tt := range tests {
			for _, stream := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/%s/stream=%v", name, base.name, stream), func(t *testing.T) {
					s := site
					if tt.misbehave != "" {
						s.target.Model += "+" + tt.misbehave
					}
					o := ask(t, s, fmt.Sprintf(`{"model":"smart","stream":%v,%s}`, stream, tt.request))
					o.Kind = s.kind
					tt.want(t, o)
				})
			}
		}
	}
}

func completed(finish, text string) func(*testing.T, outcome) {
	return func(t *testing.T, o outcome) {
		t.Helper()
		if !o.Completed || o.Finish != finish || !strings.Contains(o.Text, text) || o.Usage == nil || o.Usage.Output == 0 {
			t.Errorf("got %+v", o)
		}
	}
}

func calls(names ...string) func(*testing.T, outcome) {
	return func(t *testing.T, o outcome) {
		t.Helper()
		var list []struct {
			ID       string
			Function struct{ Name, Arguments string }
		}
		if err := json.Unmarshal([]byte(o.Calls), &list); err != nil || len(list) != len(names) || o.Finish != "tool_calls" {
			t.Fatalf("got %+v: %v", o, err)
		}
		for i, c := range list {
			if c.Function.Name != names[i] || c.ID == "" || !json.Valid([]byte(c.Function.Arguments)) {
				t.Errorf("call %d is %+v", i, c)
			}
		}
	}
}

func cached(t *testing.T, o outcome) {
	t.Helper()
	if o.Usage == nil {
		t.Fatalf("got %+v", o)
	}
	want := events.Usage{Input: 70, CacheRead: 30, Reasoning: 9, Output: 5}
	if o.Kind == "cohere" || o.Kind == "bedrock" { // they do not tell the two apart
		want.Reasoning, want.Output = 0, 14
	}
	if diff := cmp.Diff(want, *o.Usage); diff != "" {
		t.Errorf("usage (-want +got):\n%s", diff)
	}
}

// parted: what the vendor tells apart is apart, and the total is the same.
func parted(t *testing.T, o outcome) {
	t.Helper()
	if o.Usage == nil || o.Usage.Output == 0 {
		t.Fatalf("got %+v", o)
	}
	told := events.Usage{Input: 45, CacheRead: 30, AudioInput: 20, ImageInput: 5, Output: o.Usage.Output}
	untold := events.Usage{Input: 70, CacheRead: 30, Output: o.Usage.Output}
	if *o.Usage != told && (*o.Usage != untold || strings.Contains(t.Name(), "openai") || strings.Contains(t.Name(), "gemini")) {
		t.Errorf("usage %+v", *o.Usage)
	}
}

// searched: Anthropic tells how often its model searched the web.
func searched(t *testing.T, o outcome) {
	t.Helper()
	want := int64(0)
	if strings.Contains(t.Name(), "anthropic") || strings.Contains(t.Name(), "claude") {
		want = 2
	}
	if o.Usage == nil || o.Usage.WebSearches != want {
		t.Errorf("got %+v", o)
	}
}

func noUsage(t *testing.T, o outcome) {
	t.Helper()
	if !o.Completed || o.Usage != nil {
		t.Errorf("got %+v", o)
	}
}

func failed(classes ...provider.FailureClass) func(*testing.T, outcome) {
	return func(t *testing.T, o outcome) {
		t.Helper()
		for _, class := range classes {
			if o.Failed == class && !o.Completed {
				return
			}
		}
		t.Errorf("got %+v, want one of %v", o, classes)
	}
}

// ask sends a request through a vendor's adapter as the gateway does.
func ask(t *testing.T, s site, body string) outcome {
	t.Helper()
	in, err := openai.ParseChat([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	vendor := vendors.Adapters()(s.kind)
	out, err := vendor.Prepare(in, s.target)
	if err != nil {
		t.Fatal(err)
	}
	res := s.do(t, out)
	defer func() { _ = res.Body.Close() }() // nothing is left to be told
	switch {
	case res.StatusCode != http.StatusOK:
		answer, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return outcome{Failed: vendor.Failure(res.StatusCode, res.Header, answer).Class}
	case in.Stream:
		return readStream(t, out.Stream(res.Body))
	default:
		return readUnary(t, out, res.Body)
	}
}

func readUnary(t *testing.T, out *provider.Outbound, body io.Reader) outcome {
	t.Helper()
	answer, err := io.ReadAll(body)
	if err != nil {
		return outcome{Failed: provider.Cut}
	}
	reply, err := out.Unary(answer)
	if err != nil {
		return outcome{Failed: classOf(err)}
	}
	var w struct {
		Choices []struct {
			Message struct {
				Content   string          `json:"content"`
				ToolCalls json.RawMessage `json:"tool_calls"`
			} `json:"message"`
		} `json:"choices"`
	}
	if err := json.Unmarshal(reply.Body, &w); err != nil || len(w.Choices) == 0 {
		t.Fatalf("%v: %s", err, reply.Body)
	}
	m := w.Choices[0].Message
	return outcome{Text: m.Content, Calls: string(m.ToolCalls), Finish: reply.Finish, Usage: reply.Usage, Completed: true}
}

// readStream puts a stream together as a client does.
func readStream(t *testing.T, s provider.Stream) outcome {
	t.Helper()
	var client bytes.Buffer
	for {
		chunk, err := s.Next()
		client.Write(chunk)
		if err == nil {
			continue
		}
		o := assemble(t, client.String())
		o.Usage, o.Finish = s.Progress().Usage, s.Progress().Finish
		if o.Completed = errors.Is(err, io.EOF); !o.Completed {
			o.Failed, o.Streamed = classOf(err), client.Len() > 0
		}
		return o
	}
}

type wireCall struct {
	Index    int    `json:"index"`
	ID       string `json:"id"`
	Function struct {
		Name      string `json:"name"`
		Arguments string `json:"arguments"`
	} `json:"function"`
}

func assemble(t *testing.T, stream string) outcome {
	t.Helper()
	var o outcome
	var list []wireCall
	for event := range strings.SplitSeq(strings.TrimSuffix(stream, "\n\n"), "\n\n") {
		var w struct {
			Choices []struct {
				Delta struct {
					Content   string     `json:"content"`
					ToolCalls []wireCall `json:"tool_calls"`
				} `json:"delta"`
			} `json:"choices"`
		}
		if event == "" {
			continue
		}
		if err := json.Unmarshal([]byte(strings.TrimPrefix(event, "data: ")), &w); err != nil {
			t.Fatalf("%v: %s", err, event)
		}
		for _, c := range w.Choices {
			o.Text += c.Delta.Content
			for _, call := range c.Delta.ToolCalls {
				if call.Index == len(list) {
					list = append(list, call)
					continue
				}
				list[call.Index].Function.Arguments += call.Function.Arguments
			}
		}
	}
	encoded, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	o.Calls = string(encoded)
	return o
}

func classOf(err error) provider.FailureClass {
	if f, ok := errors.AsType[*provider.Failure](err); ok {
		return f.Class
	}
	return provider.FailureClass(gateway.AsError(err).Kind)
}
