package fakellm_test

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/llm-hub/llm-hub/cmd/fake-llm/fakellm"
)

const (
	hiOpenAI = `{"model":"gpt","messages":[{"role":"user","content":"hi"}]}`
	hiGemini = `{"contents":[{"role":"user","parts":[{"text":"hi"}]}]}`
	hiClaude = `{"anthropic_version":"vertex-2023-10-16","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}`
	hiNova   = `{"messages":[{"role":"user","content":[{"text":"hi"}]}]}`

	project = "/vertex/v1/projects/p/locations/l"
)

// TestCloudsAreStrict: what a cloud would refuse is refused, in its own words.
func TestCloudsAreStrict(t *testing.T) {
	apiKey, token := map[string]string{"Api-Key": "k"}, map[string]string{"Authorization": "Bearer token"}
	merge := func(a map[string]string, k, v string) map[string]string {
		out := map[string]string{k: v}
		for name, value := range a {
			out[name] = value
		}
		return out
	}
	tests := map[string]struct {
		path, body string
		header     map[string]string
		status     int
		want       string
	}{
		"azure":                 {"/azure/openai/v1/chat/completions", hiOpenAI, apiKey, 200, `"prompt_filter_results":[{"prompt_index":0`},
		"azure's filter":        {"/azure/openai/v1/chat/completions", strings.Replace(hiOpenAI, "gpt", "gpt+refusal", 1), apiKey, 400, `"innererror":{"code":"ResponsibleAIPolicyViolation"`},
		"azure by token":        {"/azure/openai/v1/chat/completions", hiOpenAI, token, 200, `"content_filter_results"`},
		"azure's bad key":       {"/azure/openai/v1/chat/completions", hiOpenAI, map[string]string{"Api-Key": "bad"}, 401, "invalid subscription key"},
		"azure, no key":         {"/azure/openai/v1/chat/completions", hiOpenAI, nil, 401, "invalid subscription key"},
		"azure, dated":          {"/azure/openai/deployments/prod/chat/completions?api-version=2024-10-21", hiOpenAI, apiKey, 200, `"model":"prod"`},
		"azure, no date":        {"/azure/openai/deployments/prod/chat/completions", hiOpenAI, apiKey, 404, "Resource not found"},
		"azure, other path":     {"/azure/openai/deployments/prod/other?api-version=2024-10-21", hiOpenAI, apiKey, 404, "Resource not found"},
		"azure's embedding":     {"/azure/openai/v1/embeddings", `{"model":"e","input":"hi"}`, apiKey, 200, `"embedding"`},
		"azure's completion":    {"/azure/openai/v1/completions", `{"model":"c","prompt":"hi"}`, apiKey, 200, `"text_completion"`},
		"azure's speech":        {"/azure/openai/deployments/voice/audio/speech?api-version=2024-10-21", `{"model":"tts-1","input":"hi","voice":"alloy"}`, apiKey, 200, "end"},
		"azure, speech, nobody": {"/azure/openai/v1/audio/speech", `{"model":"tts-1","input":"hi","voice":"alloy"}`, nil, 401, "invalid subscription key"},
		"azure moderates not":   {"/azure/openai/v1/moderations", `{"model":"m","input":"hi"}`, apiKey, 404, "Resource not found"},
		"azure varies not":      {"/azure/openai/deployments/d/images/variations?api-version=2024-10-21", `{"model":"m"}`, apiKey, 404, "Resource not found"},
		"azure's limit":         {"/azure/openai/v1/chat/completions", strings.Replace(hiOpenAI, "gpt", "gpt+429:after=6", 1), apiKey, 429, "Please retry after 6 seconds"},
		"vertex":                {project + "/publishers/google/models/g:generateContent", hiGemini, token, 200, `"finishReason": "STOP"`},
		"vertex, express":       {"/vertex/v1/publishers/google/models/g:generateContent", hiGemini, map[string]string{"X-Goog-Api-Key": "k"}, 200, "STOP"},
		"vertex, key":           {project + "/publishers/google/models/g:generateContent", hiGemini, map[string]string{"X-Goog-Api-Key": "k"}, 401, "UNAUTHENTICATED"},
		"vertex, forged token":  {project + "/publishers/google/models/g:generateContent", hiGemini, map[string]string{"Authorization": "Bearer ya29.mine"}, 401, "UNAUTHENTICATED"},
		"vertex, no role":       {project + "/publishers/google/models/g:generateContent", strings.Replace(hiGemini, `"role":"user",`, "", 1), token, 400, "valid role"},
		"vertex, no type":       {project + "/publishers/google/models/g:generateContent", `{"contents":[{"role":"user","parts":[{"fileData":{"fileUri":"gs://a/b"}}]}]}`, token, 400, "mimeType"},
		"vertex, other":         {project + "/publishers/google/models/g:other", hiGemini, token, 404, "Invalid URL"},
		"vertex, publisher":     {project + "/publishers/nobody/models/g:rawPredict", hiGemini, token, 404, "Invalid URL"},
		"vertex, batch":         {project + "/publishers/google/models/g:batchEmbedContents", `{}`, token, 404, "Invalid URL"},
		"vertex's claude":       {project + "/publishers/anthropic/models/c@1:rawPredict", hiClaude, token, 200, `"model":"c@1"`},
		"claude, model":         {project + "/publishers/anthropic/models/c:rawPredict", strings.Replace(hiClaude, "{", `{"model":"c",`, 1), token, 400, "Extra inputs"},
		"claude, no version":    {project + "/publishers/anthropic/models/c:rawPredict", strings.Replace(hiClaude, "vertex-", "", 1), token, 400, "vertex-2023-10-16"},
		"claude, header":        {project + "/publishers/anthropic/models/c:rawPredict", hiClaude, merge(token, "Anthropic-Version", "2023-06-01"), 400, "not permitted"},
		"claude, stream":        {project + "/publishers/anthropic/models/c:streamRawPredict", hiClaude, token, 400, "does not fit"},
		"claude's count":        {project + "/publishers/anthropic/models/count-tokens:rawPredict", `{"anthropic_version":"vertex-2023-10-16","model":"c","messages":[{"role":"user","content":"hi"}]}`, token, 200, `{"input_tokens":1}`},
		"vertex's others":       {project + "/endpoints/openapi/chat/completions", hiOpenAI, token, 200, `"finish_reason": "stop"`},
		"bedrock":               {"/bedrock/model/a.b-v1%3A0/converse", hiNova, token, 200, `"stopReason":"end_turn"`},
		"bedrock's count":       {"/bedrock/model/m/count-tokens", `{"input":{"converse":` + hiNova + `}}`, token, 200, `{"inputTokens":1}`},
		"bedrock's bad key":     {"/bedrock/model/m/converse", hiNova, map[string]string{"Authorization": "Bearer bad"}, 403, "security token"},
		"bedrock, not signed":   {"/bedrock/model/m/converse", hiNova, map[string]string{"Authorization": "AWS4-HMAC-SHA256 Credential=a/b/c/d/aws4_request, SignedHeaders=host, Signature=x"}, 403, "Date in Credential"},
		"bedrock, no key":       {"/bedrock/model/m/converse", hiNova, nil, 403, "Missing Authentication"},
		"bedrock, unknown":      {"/bedrock/model/m/converse", `{"max_tokens":1,"messages":[]}`, token, 400, "Malformed input request"},
		"bedrock, assistant":    {"/bedrock/model/m/converse", `{"messages":[{"role":"assistant","content":[{"text":"hi"}]}]}`, token, 400, "must start with a user message"},
		"bedrock, blank":        {"/bedrock/model/m/converse", `{"messages":[{"role":"user","content":[{"text":" "}]}]}`, token, 400, "is blank"},
		"bedrock, twice":        {"/bedrock/model/m/converse", `{"messages":[{"role":"user","content":[{"text":"a"}]},{"role":"user","content":[{"text":"b"}]}]}`, token, 400, "alternate"},
		"bedrock, no tools":     {"/bedrock/model/m/converse", `{"messages":[{"role":"user","content":[{"text":"a"}]},{"role":"assistant","content":[{"toolUse":{"toolUseId":"x","name":"f","input":{}}}]},{"role":"user","content":[{"toolResult":{"toolUseId":"x","content":[{"text":"r"}]}}]}]}`, token, 400, "toolConfig field must be defined"},
		"bedrock, odd id":       {"/bedrock/model/m/converse", `{"messages":[{"role":"user","content":[{"text":"a"}]},{"role":"assistant","content":[{"toolUse":{"toolUseId":"x.1","name":"f","input":{}}}]}]}`, token, 400, "toolUseId"},
		"bedrock, temperature":  {"/bedrock/model/m/converse", strings.Replace(hiNova, "{", `{"inferenceConfig":{"temperature":1.5},`, 1), token, 400, "temperature"},
		"bedrock, no such call": {"/bedrock/model/m/other", hiNova, token, 404, "Unknown operation"},
		"bedrock's fault":       {"/bedrock/model/m+error=0/converse-stream", hiNova, token, 200, "internalServerException"},
	}
	inWorld(t, fakellm.Config{}, func(w *world) {
		for name, tt := range tests {
			g := w.do(ask{path: tt.path, body: tt.body, header: tt.header})
			if g.err != nil || g.status != tt.status || !strings.Contains(g.body, tt.want) {
				t.Errorf("%s: status %d, %v: %s", name, g.status, g.err, g.body)
			}
		}
	})
}

func TestSignaturesAreChecked(t *testing.T) {
	fake := fakellm.New(fakellm.Config{})
	hash := "bfc7b7f1b7b8a4a0c8e7f5b3c0d6d0c2bfc7b7f1b7b8a4a0c8e7f5b3c0d6d0c2"
	tests := map[string]struct {
		secret, service, session string
		at                       time.Duration
		change                   func(r *http.Request)
		body                     string
		status                   int
	}{
		"good":           {status: 200},
		"lent":           {session: "s", status: 200},
		"wrong secret":   {secret: "other", status: 403},
		"wrong service":  {service: "s3", status: 403},
		"too old":        {at: -time.Hour, status: 403},
		"another body":   {body: strings.Replace(hiNova, "hi", "ho", 1), status: 403},
		"another header": {change: func(r *http.Request) { r.Header.Set("X-Llmhub-Request", "r2") }, status: 403},
		"another path":   {change: func(r *http.Request) { r.URL.Path, r.URL.RawPath = "/bedrock/model/n/converse", "" }, status: 403},
		"hash of others": {change: func(r *http.Request) { r.Header.Set("X-Amz-Content-Sha256", hash) }, status: 403},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			body := hiNova
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "http://bedrock.test/bedrock/model/a.b-v1%3A0/converse", strings.NewReader(body))
			r.Header.Set("X-Llmhub-Request", "r1")
			secret, service := fakellm.AWSSecret("AKID"), "bedrock"
			if tt.secret != "" {
				secret = tt.secret
			}
			if tt.service != "" {
				service = tt.service
			}
			credentials := aws.Credentials{AccessKeyID: "AKID", SecretAccessKey: secret, SessionToken: tt.session}
			sum := sha256.Sum256([]byte(body))
			if err := v4.NewSigner().SignHTTP(t.Context(), credentials, r, hex.EncodeToString(sum[:]), service, "eu-central-1", time.Now().Add(tt.at)); err != nil {
				t.Fatal(err)
			}
			if tt.change != nil {
				tt.change(r)
			}
			if tt.body != "" {
				body = tt.body
			}
			r.Body = io.NopCloser(strings.NewReader(body))
			w := httptest.NewRecorder()
			fake.ServeHTTP(w, r)
			if w.Code != tt.status {
				t.Errorf("status %d: %s", w.Code, w.Body)
			}
		})
	}
}

func TestTokenEndpointRefuses(t *testing.T) {
	inWorld(t, fakellm.Config{}, func(w *world) {
		for name, form := range map[string]url.Values{
			"no grant":     {},
			"other grant":  {"grant_type": {"client_credentials"}},
			"no assertion": {"grant_type": {"urn:ietf:params:oauth:grant-type:jwt-bearer"}},
			"not signed":   {"grant_type": {"urn:ietf:params:oauth:grant-type:jwt-bearer"}, "assertion": {"e30.e30."}},
		} {
			g := w.do(ask{path: "/vertex/token", body: form.Encode(), header: map[string]string{"Content-Type": "application/x-www-form-urlencoded"}})
			if g.status != http.StatusBadRequest || !strings.Contains(g.body, `"error"`) {
				t.Errorf("%s: %d %s", name, g.status, g.body)
			}
		}
		if n := w.fake.TokensMinted(); n != 0 {
			t.Errorf("%d tokens were given out", n)
		}
	})
}
