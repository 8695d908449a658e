package main_test

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The clouds: vendors whose accounts are more than a key, asked in every dialect.

// cloudsConfig is a hub.yaml for the clouds of a fake vendor. The key of the second
// robot is not the one that the vendor knows.
const cloudsConfig = `
providers:
  - name: azure
    kind: azure
    base_url: %[1]s/azure
    deployments: [{model: gpt-x, name: prod}]
    credentials: [{name: main, api_key: canary-azure-key}]
  - name: azure-dated
    kind: azure
    base_url: %[1]s/azure
    api_version: "2024-10-21"
    credentials: [{name: main, access_token: canary-entra-token}]
  - name: vertex
    kind: vertex
    base_url: %[1]s/vertex
    project: acme-1
    location: europe-west1
    credentials: [{name: robot, service_account: "file:%[2]s"}]
  - name: vertex-stranger
    kind: vertex
    base_url: %[1]s/vertex
    project: acme-1
    credentials: [{name: robot, service_account: "file:%[3]s"}]
  - name: bedrock
    kind: bedrock
    base_url: %[1]s/bedrock
    region: eu-central-1
    credentials: [{name: main, access_key: CANARYID, secret_key: secret-of-CANARYID, session_token: canary-session}]
  - name: bedrock-key
    kind: bedrock
    base_url: %[1]s/bedrock
    region: eu-central-1
    credentials: [{name: main, api_key: canary-bedrock-key}]
models:
  - {name: azure, targets: [{provider: azure, model: gpt-x}]}
  - {name: azure-dated, targets: [{provider: azure-dated, model: gpt-x+cached=2+reasoning=3+in=9}]}
  - {name: vertex-gemini, targets: [{provider: vertex, model: gemini-x+cached=2+reasoning=3+in=9}]}
  - {name: vertex-claude, targets: [{provider: vertex, model: claude-x+cached=2+write=3+reasoning=3+in=9}]}
  - {name: vertex-other, targets: [{provider: vertex, model: meta/llama-x}]}
  - {name: bedrock, targets: [{provider: bedrock, model: "eu.anthropic.claude-sonnet-4-5-20250929-v1:0+cached=2+write=3+write1h=1+in=9"}]}
  - {name: bedrock-key, targets: [{provider: bedrock-key, model: amazon.nova-pro-v1:0}]}
  - {name: stranger, targets: [{provider: vertex-stranger, model: gemini-x, priority: 1}, {provider: bedrock, model: nova, priority: 2}]}
  - {name: throttled, targets: [{provider: bedrock, model: "nova+429"}]}
  - {name: filtered, targets: [{provider: azure, model: gpt-x+refusal}]}
tenants:
  - {name: acme, keys: [{name: test, key: %[4]s}]}
`

// startClouds starts a hub in front of the clouds of a vendor.
func startClouds(t *testing.T, v *vendor) *hub {
	t.Helper()
	dir := t.TempDir()
	key, err := getText(v.url + "/_fake/service-account")
	if err != nil {
		t.Fatal(err)
	}
	stranger := startVendor(t) // has a service account of the same name
	strange, err := getText(stranger.url + "/_fake/service-account")
	if err != nil {
		t.Fatal(err)
	}
	strange = strings.ReplaceAll(strange, stranger.url, v.url)
	files := map[string]string{"key.json": key, "strange.json": strange}
	config := fmt.Sprintf(cloudsConfig, v.url, filepath.Join(dir, "key.json"), filepath.Join(dir, "strange.json"), hubKey)
	files["hub.yaml"] = config
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return startHub(t, t.TempDir(), "--config", filepath.Join(dir, "hub.yaml"), "--allow-private-cidrs", "127.0.0.0/8")
}

// askCloud sends a question in a dialect.
func (h *hub) askCloud(t *testing.T, dialect, model string, stream bool) (status int, body string) {
	t.Helper()
	const chat = `{"model":%q,"max_tokens":4000,"stream":%t,"messages":[{"role":"user","content":"good morning"}]}`
	path, text := "/v1/chat/completions", fmt.Sprintf(chat, model, stream)
	switch dialect {
	case "anthropic":
		path = "/v1/messages"
	case "responses":
		path, text = "/v1/responses", fmt.Sprintf(`{"model":%q,"stream":%t,"input":"good morning"}`, model, stream)
	case "gemini":
		path, text = "/v1beta/models/"+model+":generateContent", `{"contents":[{"role":"user","parts":[{"text":"good morning"}]}]}`
		if stream {
			path = "/v1beta/models/" + model + ":streamGenerateContent?alt=sse"
		}
	}
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, h.url+path, strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	req.Header = http.Header{"Authorization": {"Bearer " + hubKey}, "Content-Type": {"application/json"}, "Anthropic-Version": {"2023-06-01"}}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(answer)
}

// TestClouds asks every cloud in every dialect; the books are what the vendor billed,
// and nothing that proves who asks is kept or shown.
func TestClouds(t *testing.T) {
	t.Parallel()
	v := startVendor(t)
	h := startClouds(t, v)
	ends := map[string]string{"openai": "[DONE]", "anthropic": "message_stop", "gemini": `"finishReason"`, "responses": "response.completed"}
	for _, model := range []string{"azure", "azure-dated", "vertex-gemini", "vertex-claude", "vertex-other", "bedrock", "bedrock-key", "stranger"} {
		for dialect, end := range ends {
			for _, stream := range []bool{false, true} {
				status, body := h.askCloud(t, dialect, model, stream)
				if status != http.StatusOK || !stream && !strings.Contains(body, "good morning") || stream && !strings.Contains(body, end) {
					t.Errorf("%s by %s, stream %t: %d %s", model, dialect, stream, status, body)
				}
			}
		}
	}
	for model, want := range map[string]struct {
		status int
		text   string
	}{"throttled": {http.StatusTooManyRequests, "rate limit"}, "filtered": {http.StatusBadRequest, "content_filter"}} {
		if status, body := h.askCloud(t, "openai", model, false); status != want.status || !strings.Contains(body, want.text) {
			t.Errorf("%s: %d %s", model, status, body)
		}
	}
	h.drained()
	verified(t, h.data)
	h.checkBilled(t, v)
	h.checkKept(t)
}

// checkBilled compares what is on the books with what the vendor served.
func (h *hub) checkBilled(t *testing.T, v *vendor) {
	t.Helper()
	served := servedByRequest(readLedger(t, v.url))
	billed, deployed := 0, false
	for id, a := range books(t, h.data) {
		if a.admitted == 0 || a.records == 0 {
			continue
		}
		billed++
		s, ok := served[id]
		if !ok || a.input != s.Input || a.output != s.Output || a.estimated {
			t.Errorf("%s: booked %d and %d (estimated %t), the vendor says %+v", id, a.input, a.output, a.estimated, s)
		}
		deployed = deployed || s.Model == "prod "
	}
	if want := 8 * 4 * 2; billed != want {
		t.Errorf("%d requests are billed, want %d", billed, want)
	}
	if !deployed {
		t.Error("no deployment was asked by its name")
	}
}

// checkKept looks for secrets in all that a hub keeps and says.
func (h *hub) checkKept(t *testing.T) {
	t.Helper()
	events, _ := command(t, "replay", "--data", h.data, "--format", "jsonl")
	if err := h.interrupt(); err != nil {
		t.Fatal(err)
	}
	said := events + h.out.String()
	secrets := []string{"canary-", "CANARYID", "ya29.fake-", "PRIVATE KEY"}
	check := func(where, text string) {
		for _, s := range secrets {
			if strings.Contains(text, s) {
				t.Errorf("%q is in %s", s, where)
			}
		}
	}
	check("what was said", said)
	err := filepath.WalkDir(h.data, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(path)
		check(path, string(b))
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
