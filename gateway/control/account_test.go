package control_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/gateway/control"
	"github.com/llm-hub/llm-hub/gateway/provider/azure"
	"github.com/llm-hub/llm-hub/gateway/provider/bedrock"
	"github.com/llm-hub/llm-hub/gateway/provider/vertex"
)

func clouds() []control.Kind {
	tiers := control.Tiers{Smart: "s", Fast: "f", Cheap: "c"}
	return []control.Kind{
		{Name: "azure", Account: azure.Account()},
		{Name: "vertex", Account: vertex.Account(), Models: tiers},
		{Name: "bedrock", Account: bedrock.Account(), Models: tiers},
	}
}

// googleKey is the content of a service account's key file.
func googleKey(t *testing.T) string {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.MarshalIndent(map[string]string{
		"type": "service_account", "client_email": "robot@acme-1.iam.test", "private_key_id": "k1",
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})), "token_uri": "https://tokens.test/",
	}, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestClouds(t *testing.T) {
	l, file := loader(), googleKey(t)
	l.Env = func(name string) (string, bool) { return file, name == "GOOGLE_KEY_FILE" }
	w, err := l.Load("testdata/clouds.yaml")
	c := catalogOf(t, w, err)
	again, err := l.Load("testdata/clouds.yaml")
	robot := c.Providers["vertex"].Credentials[0].Authorizer
	if robot == nil || catalogOf(t, again, err).Providers["vertex"].Credentials[0].Authorizer != robot {
		t.Error("a token would be fetched anew for every catalog")
	}
	got, proofs := map[string]string{}, map[string]string{}
	for name, p := range c.Providers {
		got[name] = p.BaseURL
		for _, credential := range p.Credentials {
			proofs[name+" "+credential.Name] = proofOf(t, credential)
		}
	}
	want := map[string]string{
		"azure":       "https://acme.openai.azure.com/openai/v1",
		"azure-dated": "https://acme.openai.azure.com/openai/deployments/{model}?api-version=2024-10-21",
		"vertex":      "https://europe-west1-aiplatform.googleapis.com/v1/projects/acme-1/locations/europe-west1",
		"express":     "https://aiplatform.googleapis.com/v1",
		"bedrock":     "https://bedrock-runtime.eu-central-1.amazonaws.com",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("addresses (-want +got):\n%s", diff)
	}
	wantProofs := map[string]string{
		"azure key": "Api-Key", "azure token": "Authorization", "azure app": "fetched", "azure-dated key": "Api-Key",
		"vertex robot": "fetched", "vertex token": "Authorization", "express key": "api_key",
		"bedrock key": "Authorization", "bedrock access": "Authorization", "bedrock lent": "Authorization X-Amz-Security-Token",
	}
	if diff := cmp.Diff(wantProofs, proofs); diff != "" {
		t.Errorf("proofs (-want +got):\n%s", diff)
	}
	if d := c.Providers["azure"].Deployments; len(d) != 1 || d["gpt-x"] != "prod-gpt" {
		t.Errorf("deployments %v", d)
	}
}

type noWay struct{ asked bool }

func (n *noWay) RoundTrip(*http.Request) (*http.Response, error) {
	n.asked = true
	return nil, http.ErrHandlerTimeout
}

// proofOf tells how a credential proves who asks.
func proofOf(t *testing.T, c *control.Credential) string {
	t.Helper()
	if c.Authorizer == nil {
		return "api_key"
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://vendor.test/", nil)
	if err != nil {
		t.Fatal(err)
	}
	way := &noWay{}
	switch err := c.Authorizer.Authorize(way, r, nil); {
	case way.asked:
		return "fetched"
	case err != nil:
		t.Error(err)
	}
	var names []string
	for _, name := range []string{"Api-Key", "Authorization", "X-Amz-Security-Token"} {
		if r.Header.Get(name) != "" {
			names = append(names, name)
		}
	}
	return strings.Join(names, " ")
}

func TestCloudsFromEnvironment(t *testing.T) {
	file := filepath.Join(t.TempDir(), "key.json")
	if err := os.WriteFile(file, []byte(googleKey(t)), 0o600); err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(t.TempDir(), "other.json")
	if err := os.WriteFile(other, []byte(`{"type":"authorized_user"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	azureVars := map[string]string{"AZURE_OPENAI_API_KEY": "k", "AZURE_OPENAI_ENDPOINT": "https://a.test"}
	with := func(vars map[string]string, more ...string) map[string]string {
		out := map[string]string{"OPENAI_API_KEY": "sk-1"}
		for k, v := range vars {
			out[k] = v
		}
		for i := 0; i < len(more); i += 2 {
			out[more[i]] = more[i+1]
		}
		return out
	}
	aws := map[string]string{"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "s", "AWS_DEFAULT_REGION": "us-east-1"}
	tests := map[string]struct {
		env          map[string]string
		smart, found string
	}{
		"azure":                   {with(azureVars, "AZURE_OPENAI_DEPLOYMENT", "gpt"), "azure/gpt openai/gpt-s", "found azure by AZURE_OPENAI_API_KEY and AZURE_OPENAI_ENDPOINT"},
		"azure without a model":   {with(azureVars), "openai/gpt-s", ""},
		"vertex":                  {with(nil, "GOOGLE_APPLICATION_CREDENTIALS", file, "GOOGLE_CLOUD_PROJECT", "p"), "vertex/s openai/gpt-s", "found vertex by GOOGLE_APPLICATION_CREDENTIALS and GOOGLE_CLOUD_PROJECT"},
		"a person's key file":     {with(nil, "GOOGLE_APPLICATION_CREDENTIALS", other, "GOOGLE_CLOUD_PROJECT", "p"), "openai/gpt-s", `vertex is left out, although GOOGLE_APPLICATION_CREDENTIALS and GOOGLE_CLOUD_PROJECT is there: service_account: not the key file of a service account: its type is not "service_account"`},
		"bedrock by key":          {with(nil, "AWS_BEARER_TOKEN_BEDROCK", "b", "AWS_REGION", "us-east-1"), "bedrock/s openai/gpt-s", "found bedrock by AWS_BEARER_TOKEN_BEDROCK and AWS_REGION"},
		"bedrock by access key":   {with(aws), "bedrock/s openai/gpt-s", "found bedrock by AWS_ACCESS_KEY_ID and AWS_DEFAULT_REGION and AWS_SECRET_ACCESS_KEY"},
		"bedrock without region":  {with(nil, "AWS_BEARER_TOKEN_BEDROCK", "b"), "openai/gpt-s", ""},
		"bedrock with odd region": {with(nil, "AWS_BEARER_TOKEN_BEDROCK", "b", "AWS_REGION", "no region"), "openai/gpt-s", "bedrock is left out, although AWS_BEARER_TOKEN_BEDROCK and AWS_REGION is there: region: not a name of 1 to 64 of a-z, 0-9 and -"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			l := loader()
			l.Env = func(name string) (string, bool) { v, ok := tt.env[name]; return v, ok }
			w, notices, err := l.FromEnvironment(nil)
			c := catalogOf(t, w, err)
			var smart, texts []string
			for _, target := range c.Models["smart"].Targets {
				smart = append(smart, target.Provider.Name+"/"+target.Model)
			}
			for _, n := range notices {
				texts = append(texts, n.Text)
			}
			if got := strings.Join(smart, " "); got != tt.smart {
				t.Errorf("smart is %s, want %s", got, tt.smart)
			}
			if all := strings.Join(texts, "\n"); !strings.Contains(all, tt.found) || tt.found == "" && strings.Contains(all, "cloud") {
				t.Errorf("notices %s", all)
			}
		})
	}
}

// TestCloudsOnTheLog: what a cloud's credential consists of is sealed, comes back
// whole on every node, and is lost as a whole when the provider moves.
func TestCloudsOnTheLog(t *testing.T) {
	w, key := newWorld(t), googleKey(t)
	p := w.node()
	text := strings.ReplaceAll(readFile(t, "testdata/clouds.yaml"), "env:GOOGLE_KEY_FILE", "'"+strings.ReplaceAll(key, "\n", " ")+"'")
	w.apply(p, text)
	var file struct {
		Key string `json:"private_key"`
	}
	if err := json.Unmarshal([]byte(key), &file); err != nil {
		t.Fatal(err)
	}
	line, err := json.Marshal(file.Key)
	if err != nil {
		t.Fatal(err)
	}
	exported, err := p.Export(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range w.commands() {
		for _, secret := range []string{"literal-", "AKIDEXAMPLE", "ya29", strings.Trim(string(line), `"`)} {
			if strings.Contains(string(c.Data), secret) || strings.Contains(string(exported), secret) {
				t.Errorf("message %d or the export shows %q", c.Seq, secret)
			}
		}
	}
	for _, node := range []*control.Plane{p, w.node()} {
		bedrock := node.Live().Current().Providers["bedrock"].Credentials
		if len(bedrock) != 3 || proofOf(t, bedrock[2]) != "Authorization X-Amz-Security-Token" {
			t.Errorf("%d credentials of bedrock", len(bedrock))
		}
		if robot := node.Live().Current().Providers["vertex"].Credentials[0]; proofOf(t, robot) != "fetched" {
			t.Error("the service account is lost")
		}
	}
	w.apply(p, "providers: [{name: bedrock, kind: bedrock, region: eu-central-1, base_url: \"https://evil.example\", credentials: [{name: key, api_key: new}]}]")
	for _, node := range []*control.Plane{p, w.node()} {
		if cs := node.Live().Current().Providers["bedrock"].Credentials; len(cs) != 1 || cs[0].Name != "key" {
			t.Errorf("%d credentials moved along", len(cs))
		}
	}
}
