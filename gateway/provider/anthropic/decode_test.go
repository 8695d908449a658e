package anthropic_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/anthropic"
	"github.com/llm-hub/llm-hub/gateway/provider/chat"
)

// FuzzDecode holds that what is parsed is decoded or refused by name, that what is
// decoded can be told to a vendor, and that the fast lane changes the model alone,
// but for thinking.
func FuzzDecode(f *testing.F) {
	paths, err := filepath.Glob("testdata/client/*.txt")
	if err != nil || len(paths) == 0 {
		f.Fatalf("no transcripts: %v", err)
	}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		_, request, _ := strings.Cut(string(data), "-- client request --\n")
		request, _, _ = strings.Cut(request, "-- vendor answer --")
		f.Add([]byte(request))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		in, err := anthropic.ParseMessages(body)
		if err != nil {
			return
		}
		out, err := newNative().Prepare(in, provider.Target{Model: "vendor"})
		if err != nil {
			t.Fatal(err)
		}
		sameBut(t, body, out.Body)
		req, err := anthropic.Client{}.Decode(in)
		if err != nil {
			if e := gateway.AsError(err); e.Kind != gateway.Invalid || e.Param == "" || e.Public == "" {
				t.Fatalf("refused with %+v", e)
			}
			return
		}
		exchange, err := anthropic.Wire{}.Call(req, provider.Target{Model: "vendor"})
		if err != nil {
			if gateway.AsError(err).Kind != gateway.Invalid {
				t.Fatal(err)
			}
			return
		}
		if !json.Valid(exchange.Body) {
			t.Errorf("not JSON: %s", exchange.Body)
		}
	})
}

func sameBut(t *testing.T, was, is []byte) {
	t.Helper()
	a, b := decodeJSON(t, was), decodeJSON(t, is)
	if b["model"] != "vendor" {
		t.Errorf("model is %v", b["model"])
	}
	if bytes.Contains(was, []byte("thinking")) {
		delete(a, "messages")
		delete(b, "messages")
	}
	delete(a, "model")
	delete(b, "model")
	if diff := cmp.Diff(a, b); diff != "" {
		t.Errorf("more was changed (-was +is):\n%s", diff)
	}
}

func decodeJSON(t *testing.T, body []byte) map[string]any {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	var m map[string]any
	if err := dec.Decode(&m); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	return m
}

// TestDrops holds what the API has no word for, by the path that is told.
func TestDrops(t *testing.T) {
	half, one, zero := 0.5, int64(1), 0.0
	tests := map[string]struct {
		model string
		req   chat.Request
		want  []string
	}{
		"nothing":      {"claude-sonnet-4-5", chat.Request{Temperature: &half, TopK: &one, PresencePenalty: &zero, ServiceTier: "auto", User: "u"}, nil},
		"new model":    {"claude-opus-4-7", chat.Request{Temperature: &half, TopP: &half, TopK: &one}, []string{"temperature", "top_p", "top_k"}},
		"both":         {"claude-sonnet-4-5", chat.Request{Temperature: &half, TopP: &half}, []string{"top_p"}},
		"thinking":     {"claude-sonnet-4-6", chat.Request{Temperature: &half, Effort: chat.LowEffort}, []string{"temperature"}},
		"unknown":      {"m", chat.Request{PresencePenalty: &half, FrequencyPenalty: &half, Seed: &one, Logprobs: true, TopLogprobs: &one}, []string{"presence_penalty", "frequency_penalty", "seed", "logprobs", "top_logprobs"}},
		"format":       {"m", chat.Request{Format: chat.Format{Kind: chat.JSONFormat}}, []string{"response_format"}},
		"stop":         {"m", chat.Request{Stop: []string{"a", "\n", " "}}, []string{"stop"}},
		"account":      {"m", chat.Request{Metadata: map[string]string{"a": "1", "b": "2"}, ServiceTier: "flex"}, []string{"metadata", "service_tier"}},
		"user is told": {"m", chat.Request{Metadata: map[string]string{"user_id": "u"}}, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			tt.req.N = 1
			tt.req.Messages = []chat.Message{{Role: chat.User, Parts: []chat.Part{{Kind: chat.TextPart, Text: "Hi"}}}}
			x, err := anthropic.Wire{}.Call(&tt.req, provider.Target{Model: tt.model})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, tt.req.Dropped()); diff != "" {
				t.Errorf("dropped (-want +got):\n%s", diff)
			}
			for _, path := range tt.want {
				if strings.Contains(string(x.Body), `"`+path+`"`) {
					t.Errorf("%s is told: %s", path, x.Body)
				}
			}
		})
	}
}
