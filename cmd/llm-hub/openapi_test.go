package main_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/llm-hub/llm-hub/gateway/provider/providertest/openapi"
)

// checkOpenAPI holds what OpenAI's clients get, from every vendor and in every form, to
// OpenAI's published description.
func (h *hub) checkOpenAPI(t *testing.T) {
	t.Parallel()
	published, err := openapi.Load()
	if err != nil {
		t.Fatal(err)
	}
	for _, vendor := range []string{"openai", "anthropic", "gemini", "cohere"} {
		for name, c := range openAPICases(vendor) {
			t.Run(vendor+"/"+name, func(t *testing.T) {
				status, media, body := h.fetch(t, c.endpoint, strings.ReplaceAll(c.body, "MODEL", "fake-"+vendor))
				var err error
				switch {
				case status != http.StatusOK && c.refused:
					err = published.Error(body)
				case status != http.StatusOK || c.refused:
					err = fmt.Errorf("status %d: %s", status, body)
				case media == openapi.Events:
					err = published.Stream(c.endpoint, string(body))
				default:
					err = published.Answer(c.endpoint, body)
				}
				if err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// openAPICase is a request of OpenAI's API.
type openAPICase struct {
	endpoint string // in the description's words
	body     string // MODEL stands for the model
	refused  bool
}

// openAPICases are requests to a vendor's model: what comes of them differs in form.
func openAPICases(vendor string) map[string]openAPICase {
	const (
		chats   = "post /chat/completions"
		begin   = `{"model":"MODEL"`
		user    = begin + `,"messages":[{"role":"user","content":"Say something about the sea."}]`
		calling = begin + `,"messages":[{"role":"user","content":"use tools for two cities"}],"tools":[{"type":"function","function":{"name":"weather","parameters":{"type":"object","properties":{"city":{"type":"string"}}}}}]`
		usage   = `,"stream":true,"stream_options":{"include_usage":true}`
	)
	cases := map[string]openAPICase{
		"chat":           {chats, user + `}`, false},
		"stream":         {chats, user + `,"stream":true}`, false},
		"usage":          {chats, user + usage + `}`, false},
		"length":         {chats, user + `,"max_completion_tokens":2}`, false},
		"calls":          {chats, calling + `}`, false},
		"streamed calls": {chats, calling + usage + `}`, false},
		"broken":         {chats, strings.Replace(user, "MODEL", "cut-"+vendor, 1) + usage + `}`, false},
		"refused":        {chats, begin + `,"messages":"hello"}`, true},
		"no such model":  {chats, `{"model":"none","messages":[{"role":"user","content":"Hi."}]}`, true},
		"models":         {"get /models", "", false},
		"model":          {"get /models/{model}", begin, false},
	}
	const respond, input = "post /responses", begin + `,"input":"Say something about the sea."`
	for form, more := range map[string]string{"": `}`, " streamed": `,"stream":true}`} {
		cases["response"+form] = openAPICase{respond, input + more, false}
		cases["short response"+form] = openAPICase{respond, strings.Replace(input, "sea", strings.Repeat("sea ", 40), 1) + `,"max_output_tokens":16` + more, false}
		cases["response that calls"+form] = openAPICase{respond, begin + `,"input":"use tools for two cities","tools":[{"type":"function","name":"weather","strict":false,"parameters":{"type":"object","properties":{"city":{"type":"string"}}}}]` + more, false}
	}
	cases["broken response"] = openAPICase{respond, strings.Replace(input, "MODEL", "cut-"+vendor, 1) + `,"stream":true}`, false}
	cases["refused response"] = openAPICase{respond, begin + `,"input":3}`, true}
	cases["count of a prompt"] = openAPICase{"post /responses/input_tokens", input + `}`, false}
	embeds := vendor != "anthropic"
	for form, more := range map[string]string{"floats": `}`, "base64": `,"encoding_format":"base64"}`} {
		cases["embeddings as "+form] = openAPICase{"post /embeddings", begin + `,"input":["the sea","the land"]` + more, !embeds}
	}
	asked := begin + `,"input":"Say something about the sea."`
	cases["response"] = openAPICase{"post /responses", asked + `}`, false}
	cases["streamed response"] = openAPICase{"post /responses", asked + `,"stream":true}`, false}
	cases["response with calls"] = openAPICase{"post /responses", begin + `,"input":"use tools for two cities","tools":[{"type":"function","name":"weather","strict":false,"parameters":{"type":"object","properties":{"city":{"type":"string"}}}}]}`, false}
	cases["input tokens"] = openAPICase{"post /responses/input_tokens", asked + `}`, false}
	if vendor == "openai" {
		cases["image"] = openAPICase{"post /images/generations", begin + `,"prompt":"The sea"}`, false}
		cases["moderation"] = openAPICase{"post /moderations", begin + `,"input":"the sea"}`, false}
		cases["broken speech"] = openAPICase{"post /audio/speech", `{"model":"cut-openai","input":"the sea","voice":"alloy","stream_format":"sse"}`, false}
	}
	completion := begin + `,"prompt":"The sea","max_tokens":9`
	cases["completion"] = openAPICase{"post /completions", completion + `}`, false}
	cases["streamed completion"] = openAPICase{"post /completions", completion + usage + `}`, false}
	return cases
}

// fetch calls an endpoint of OpenAI's API as it stands in the description.
func (h *hub) fetch(t *testing.T, endpoint, body string) (status int, media string, answer []byte) {
	t.Helper()
	method, path, _ := strings.Cut(endpoint, " ")
	if name, isModel := strings.CutPrefix(body, `{"model":"`); isModel && method == "get" {
		path, body = strings.Replace(path, "{model}", strings.Trim(name, `"`), 1), ""
	}
	req, err := http.NewRequestWithContext(t.Context(), strings.ToUpper(method), h.url+"/v1"+path, bytes.NewReader([]byte(body)))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+hubKey)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if answer, err = io.ReadAll(resp.Body); err != nil {
		t.Fatal(err)
	}
	media, _, _ = strings.Cut(resp.Header.Get("Content-Type"), ";")
	return resp.StatusCode, media, answer
}
