package openai_test

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/openai"
)

func parse(t testing.TB, body string) *provider.Inbound {
	t.Helper()
	in, err := openai.ParseChat([]byte(body))
	if err != nil {
		t.Fatalf("parse %s: %v", body, err)
	}
	return in
}

func prepare(t testing.TB, v provider.Vendor, in *provider.Inbound) *provider.Outbound {
	t.Helper()
	out, err := v.Prepare(in, provider.Target{BaseURL: "https://vendor.test/v1/", APIKey: "key", Model: `m"2`})
	if err != nil {
		t.Fatalf("prepare: %v", err)
	}
	return out
}

func TestPrepareSplices(t *testing.T) {
	strict := openai.New(nil, openai.Traits{Lacks: []string{"stream_options"}})
	tests := map[string]struct {
		vendor   openai.Vendor
		in, want string
	}{
		"only the model": {
			in:   ` {"x_new": [1.50, "\u00e9", {"a":null}] , "model" : "smart","messages":[{"role":"user"}],  "n":1e0}` + "\n",
			want: ` {"x_new": [1.50, "\u00e9", {"a":null}] , "model" : "m\"2","messages":[{"role":"user"}],  "n":1e0}` + "\n",
		},
		"escaped name of the model": {
			in:   `{"mod\u0065l":"smart","messages":[{"role":"user"}]}`,
			want: `{"mod\u0065l":"m\"2","messages":[{"role":"user"}]}`,
		},
		"a model elsewhere stays": {
			in:   `{"messages":[{"role":"user","model":"x"}],"metadata":{"model":"y"},"model":"smart"}`,
			want: `{"messages":[{"role":"user","model":"x"}],"metadata":{"model":"y"},"model":"m\"2"}`,
		},
		"stream without options": {
			in:   `{"model":"smart","messages":[{"role":"user"}],"stream":true }`,
			want: `{"model":"m\"2","messages":[{"role":"user"}],"stream":true ,"stream_options":{"include_usage":true}}`,
		},
		"options null": {
			in:   `{"model":"smart","stream_options":null,"messages":[{"role":"user"}],"stream":true}`,
			want: `{"model":"m\"2","stream_options":{"include_usage":true},"messages":[{"role":"user"}],"stream":true}`,
		},
		"options empty": {
			in:   `{"model":"smart","stream_options":{ },"messages":[{"role":"user"}],"stream":true}`,
			want: `{"model":"m\"2","stream_options":{ "include_usage":true},"messages":[{"role":"user"}],"stream":true}`,
		},
		"options with others": {
			in:   `{"model":"smart","stream_options":{"include_obfuscation":false},"messages":[{"role":"user"}],"stream":true}`,
			want: `{"model":"m\"2","stream_options":{"include_obfuscation":false,"include_usage":true},"messages":[{"role":"user"}],"stream":true}`,
		},
		"usage declined": {
			in:   `{"model":"smart","stream_options":{"include_usage": false},"messages":[{"role":"user"}],"stream":true}`,
			want: `{"model":"m\"2","stream_options":{"include_usage": true},"messages":[{"role":"user"}],"stream":true}`,
		},
		"options without stream stay": {
			in:   `{"model":"smart","stream_options":{"include_usage":false},"messages":[{"role":"user"}]}`,
			want: `{"model":"m\"2","stream_options":{"include_usage":false},"messages":[{"role":"user"}]}`,
		},
		"a vendor without options": {
			vendor: strict,
			in:     `{"model":"smart","stream":true, "stream_options":{"include_usage":true},"messages":[{"role":"user"}]}`,
			want:   `{"model":"m\"2","stream":true,"messages":[{"role":"user"}]}`,
		},
		"a vendor without options, first": {
			vendor: strict,
			in:     `{"stream_options":{} , "model":"smart","stream":true,"messages":[{"role":"user"}]}`,
			want:   `{"model":"m\"2","stream":true,"messages":[{"role":"user"}]}`,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			in := parse(t, tt.in)
			out := prepare(t, tt.vendor, in)
			if diff := cmp.Diff(tt.want, string(out.Body)); diff != "" {
				t.Errorf("body (-want +got):\n%s", diff)
			}
			if string(in.Body) != tt.in {
				t.Error("the client's bytes were changed")
			}
			if (out.Stream != nil) != in.Stream || (out.Unary != nil) == in.Stream {
				t.Error("the wrong reader is set")
			}
		})
	}
}

func TestPrepareCall(t *testing.T) {
	out := prepare(t, openai.Vendor{}, parse(t, `{"model":"smart","messages":[{"role":"user"}]}`))
	if out.Method != http.MethodPost || out.URL != "https://vendor.test/v1/chat/completions" {
		t.Errorf("call is %s %s", out.Method, out.URL)
	}
	want := http.Header{"Authorization": {"Bearer key"}, "Content-Type": {"application/json"}, "Accept": {"application/json"}}
	if diff := cmp.Diff(want, out.Header); diff != "" {
		t.Errorf("header (-want +got):\n%s", diff)
	}
	local, err := openai.Vendor{}.Prepare(parse(t, `{"model":"smart","messages":[{"role":"user"}]}`), provider.Target{})
	if err != nil || local.Header.Get("Authorization") != "" {
		t.Errorf("without a key: %v, %v", local.Header, err)
	}
}

func TestUnary(t *testing.T) {
	const body = `{"id":"c1", "model":"vendor-model","choices":[{"index":0,"message":{"role":"assistant","content":"12345678"},` +
		`"finish_reason":"stop"}],"usage":{"prompt_tokens":100,"completion_tokens":50,"total_tokens":150,` +
		`"prompt_tokens_details":{"cached_tokens":30},"completion_tokens_details":{"reasoning_tokens":20}},"x_unknown":1}`
	out := prepare(t, openai.Vendor{}, parse(t, `{"model":"smart","messages":[{"role":"user"}]}`))
	reply, err := out.Unary([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	if string(reply.Body) != body {
		t.Errorf("the body was changed: %s", reply.Body)
	}
	got, _ := json.Marshal(reply.Usage)
	if want := `{"input":70,"cache_read":30,"output":30,"reasoning":20}`; string(got) != want {
		t.Errorf("usage %s, want %s", got, want)
	}
	if reply.Finish != "stop" || reply.Output != 2 {
		t.Errorf("finish %q, output %d", reply.Finish, reply.Output)
	}
}
