package azure_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/azure"
	"github.com/llm-hub/llm-hub/gateway/provider/openai"
	"github.com/llm-hub/llm-hub/gateway/provider/providertest"
)

func TestAddress(t *testing.T) {
	const v1 = "https://a.openai.azure.com/openai/v1"
	dated := "https://a.openai.azure.com/openai/deployments/{model}?api-version=2024-10-21"
	tests := map[string]struct{ base, version, want string }{
		"resource":         {"https://a.openai.azure.com", "", v1},
		"slash":            {"https://a.openai.azure.com/", "", v1},
		"api":              {v1, "", v1},
		"version v1":       {"https://a.openai.azure.com/openai", "v1", v1},
		"dated":            {"https://a.openai.azure.com", "2024-10-21", dated},
		"dated, of v1":     {v1, "2024-10-21", dated},
		"another's proxy":  {"https://proxy.test/llm/v1", "", "https://proxy.test/llm/v1"},
		"below a resource": {"https://proxy.test/azure", "", "https://proxy.test/azure/openai/v1"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			place := provider.Settings{provider.BaseURL: tt.base}
			if tt.version != "" {
				place[provider.APIVersion] = tt.version
			}
			if got, err := azure.Account().Address(place); err != nil || got != tt.want {
				t.Errorf("address %s, %v, want %s", got, err, tt.want)
			}
		})
	}
}

// TestDeployment holds where the name of a deployment goes, and that it is not
// taken for the model's.
func TestDeployment(t *testing.T) {
	in, err := openai.ParseChat([]byte(`{"model":"smart","messages":[{"role":"user","content":"x"}],"temperature":0.5}`))
	if err != nil {
		t.Fatal(err)
	}
	base := "https://a.test/openai/deployments/" + openai.ModelInAddress + "?api-version=2024-10-21"
	out, err := openai.Vendor{}.Prepare(in, provider.Target{BaseURL: base, Model: "prod gpt"})
	if err != nil {
		t.Fatal(err)
	}
	if want := "https://a.test/openai/deployments/prod%20gpt/chat/completions?api-version=2024-10-21"; out.URL != want {
		t.Errorf("address %s, want %s", out.URL, want)
	}
	if !strings.Contains(string(out.Body), `"model":"prod gpt"`) {
		t.Errorf("body %s", out.Body)
	}
}

// TestPaths: what else a deployment does is asked of it by its name, in either API.
func TestPaths(t *testing.T) {
	type prepare = func(*provider.Inbound, provider.Target) (*provider.Outbound, error)
	vendor := openai.New(nil, openai.Traits{Tasks: []provider.Task{provider.Speak}})
	for path, tt := range map[string]struct {
		parse   func([]byte) (*provider.Inbound, error)
		prepare prepare
		body    string
	}{
		"completions":  {openai.ParseCompletion, vendor.PrepareCompletion, `{"model":"smart","prompt":"x"}`},
		"embeddings":   {openai.ParseEmbeddings, vendor.PrepareEmbeddings, `{"model":"smart","input":"x"}`},
		"audio/speech": {openai.ParseSpeech, vendor.PrepareTask, `{"model":"smart","input":"x","voice":"v"}`},
	} {
		in, err := tt.parse([]byte(tt.body))
		if err != nil {
			t.Fatal(err)
		}
		for version, want := range map[string]string{
			"":           "https://a.test/openai/v1/" + path,
			"2024-10-21": "https://a.test/openai/deployments/prod/" + path + "?api-version=2024-10-21",
		} {
			base, err := azure.Account().Address(provider.Settings{provider.BaseURL: "https://a.test", provider.APIVersion: version})
			if err != nil {
				t.Fatal(err)
			}
			out, err := tt.prepare(in, provider.Target{BaseURL: base, Model: "prod"})
			if err != nil {
				t.Fatal(err)
			}
			if out.URL != want || !strings.Contains(string(out.Body), `"model":"prod"`) {
				t.Errorf("%s: %s gets %s", path, out.URL, out.Body)
			}
		}
	}
}

func TestEntraApplication(t *testing.T) {
	auth, err := azure.Account().Authorizer(nil, provider.Settings{
		provider.EntraTenant: "tenant-1", provider.ClientID: "client-1", provider.ClientSecret: "not-to-be-shown",
	})
	if err != nil {
		t.Fatal(err)
	}
	asked := &asking{}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://a.test/", nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := auth.Authorize(asked, r, nil); err != nil {
		t.Fatal(err)
	}
	want := url.Values{
		"grant_type": {"client_credentials"}, "scope": {"https://cognitiveservices.azure.com/.default"},
		"client_id": {"client-1"}, "client_secret": {"not-to-be-shown"},
	}
	if asked.url != "https://login.microsoftonline.com/tenant-1/oauth2/v2.0/token" || asked.form != want.Encode() {
		t.Errorf("asked %s for %s", asked.url, asked.form)
	}
	if got := r.Header.Get("Authorization"); got != "Bearer t-1" {
		t.Errorf("authorization %s", got)
	}
	if shown := fmt.Sprintf("%v %+v", auth, auth); strings.Contains(shown, "not-to-be-shown") {
		t.Errorf("the secret is shown: %s", shown)
	}
}

type asking struct{ url, form string }

func (a *asking) RoundTrip(r *http.Request) (*http.Response, error) {
	form, err := io.ReadAll(r.Body)
	a.url, a.form = r.URL.String(), string(form)
	body := []byte(`{"access_token":"t-1","expires_in":3599}`)
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(bytes.NewReader(body))}, errors.Join(err)
}

func TestFailures(t *testing.T) {
	providertest.Failures(t, openai.Vendor{}, map[string]providertest.Failure{
		"filter": {
			Status: 400,
			Body:   `{"error":{"message":"The response was filtered due to the prompt triggering Azure OpenAI's content management policy.","type":null,"param":"prompt","code":"content_filter","status":400,"innererror":{"code":"ResponsibleAIPolicyViolation","content_filter_result":{"hate":{"filtered":true,"severity":"high"}}}}}`,
			Class:  provider.Refused, Code: "content_filter", Message: "was filtered",
		},
		"wrong key": {
			Status: 401, Body: `{"error":{"code":"401","message":"Access denied due to invalid subscription key or wrong API endpoint."}}`,
			Class: provider.BadCredential, Message: "Access denied",
		},
		"wrong token":     {Status: 401, Body: `{"statusCode":401,"message":"Unauthorized. Access token is missing, invalid, audience is incorrect, or have expired."}`, Class: provider.BadCredential, Message: "Unauthorized"},
		"no deployment":   {Status: 404, Body: `{"error":{"code":"DeploymentNotFound","message":"The API deployment for this resource does not exist."}}`, Class: provider.BadCredential},
		"limit":           {Status: 429, Header: map[string]string{"Retry-After": "6", "Retry-After-Ms": "5500"}, Body: `{"error":{"code":"429","message":"Please retry after 6 seconds."}}`, Class: provider.RateLimited, RetryAfter: 5500e6},
		"limit by header": {Status: 429, Header: map[string]string{"X-Ratelimit-Remaining-Tokens": "0", "X-Ratelimit-Reset-Tokens": "8s"}, Class: provider.RateLimited, RetryAfter: 8e9},
		"too long":        {Status: 400, Body: `{"error":{"message":"This model's maximum context length is 8192 tokens.","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}}`, Class: provider.TooLong, Code: "context_length_exceeded"},
	})
}
