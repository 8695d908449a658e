package openapi_test

import (
	"strings"
	"testing"

	"github.com/llm-hub/llm-hub/gateway/provider/providertest/openapi"
)

const (
	chat    = "post /chat/completions"
	whole   = `{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"finish_reason":"stop","logprobs":null,"message":{"role":"assistant","content":"Hi.","refusal":null}}]}`
	chunk   = `{"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":"Hi."},"finish_reason":null}]}`
	failure = `{"error":{"message":"No.","type":"invalid_request_error","param":null,"code":null}}`
)

// TestDescription: what is as published passes, and what lacks a member does not.
func TestDescription(t *testing.T) {
	d, err := openapi.Load()
	if err != nil {
		t.Fatal(err)
	}
	answer := func(body string) error { return d.Answer(chat, []byte(body)) }
	stream := func(body string) error { return d.Stream(chat, body) }
	fail := func(body string) error { return d.Error([]byte(body)) }
	tests := map[string]struct {
		check func(string) error
		body  string
		lacks string // the member without which it must not pass
	}{
		"answer":          {answer, whole, `"refusal":null`},
		"answer's object": {answer, whole, `"object":"chat.completion",`},
		"chunk":           {stream, "data: " + chunk + "\n\ndata: [DONE]\n\n", `"model":"m",`},
		"error":           {fail, failure, `"param":null,`},
		"error at an end": {stream, "data: " + chunk + "\n\ndata: " + failure + "\n\n", `,"code":null`},
		"model":           {func(s string) error { return d.Answer("get /models/{model}", []byte(s)) }, `{"id":"m","object":"model","created":1,"owned_by":"o"}`, `,"owned_by":"o"`},
		"named schema":    {func(s string) error { return d.Is("CreateTranscriptionResponseVerboseJson", []byte(s)) }, `{"text":"a","language":"english","duration":1.5}`, `,"duration":1.5`},
		"legacy chunk":    {func(s string) error { return d.Stream("post /completions", s) }, `data: {"id":"c","object":"text_completion","created":1,"model":"m","choices":[{"index":0,"finish_reason":"stop","logprobs":null,"text":""}]}`, `"created":1,`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if err := test.check(test.body); err != nil {
				t.Error(err)
			}
			if err := test.check(strings.Replace(strings.Replace(test.body, test.lacks, "", 1), ",}", "}", 1)); err == nil {
				t.Errorf("passed without %s", test.lacks)
			}
		})
	}
	for name, err := range map[string]error{
		"no endpoint": d.Answer("post /songs", []byte("{}")), "no events": stream(""), "no JSON": answer("{"), "no schema": d.Is("Song", []byte("{}")),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
