package main_test

import (
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
)

// canaryWrong is a secret that is nobody's, or stands where none belongs.
const canaryWrong = canary + "-wrong-0123456789-0123456789-0123456789"

// mistake is a request with a secret that must be refused.
type mistake struct{ method, path, body, credential string }

// signInMistakes are of people without a session.
func signInMistakes() []mistake {
	const wrong = `"` + canaryWrong + `"`
	return []mistake{
		{"POST", "/api/v1/login", `{"email":"` + personAddress + `","password":` + wrong + `}`, ""},
		{"POST", "/api/v1/login", `{"email":` + wrong + `,"password":"a password that nobody has"}`, ""},
		{"POST", "/api/v1/login", `{"email":"` + personAddress + `","password":"` + canaryWrong, ""},
		{"POST", "/api/v1/login", `{"email":"` + personAddress + `","password":[` + wrong + `]}`, ""},
		{"POST", "/api/v1/setup", `{"email":"x@acme.test","password":"a password that nobody has","token":` + wrong + `}`, ""},
		{"POST", "/api/v1/reset", `{"password":"a password that nobody has","token":` + wrong + `}`, ""},
		{"POST", "/api/v1/register", `{"email":"x@acme.test","password":` + wrong + `,"invite":"lh_invt_` + canaryWrong + `"}`, ""},
		{"GET", "/api/v1/sso/callback?state=" + canaryWrong + "&code=" + canaryWrong, "", ""},
		{"GET", "/api/v1/sso/callback?error=" + canaryWrong, "", ""},
		{"GET", "/api/v1/status", "", canaryWrong},
		{"GET", "/api/v1/status", "", "lh_oper_0123456789ab_" + canaryWrong},
		{"GET", "/api/v1/status", "", hubKey},
		{"GET", "/v1/models", "", canaryWrong},
		{"GET", "/v1/models", "", hubKey + "x"},
		{"GET", "/v1beta/models?key=" + canaryWrong, "", ""},
		{"POST", "/v1beta/models/fake-gemini:generateContent?key=" + canaryWrong, `{"contents":[]}`, ""},
		{"POST", "/v1/messages", `{"model":"fake-anthropic"}`, "lh_live_" + canaryWrong},
	}
}

// operatorMistakes are of operators.
func operatorMistakes(token string) (list []mistake) {
	const wrong = `"` + canaryWrong + `"`
	for _, m := range []struct{ method, path, body string }{
		{"POST", "providers", `{"name":"x","kind":"openai","base_url":"https://user:` + canaryWrong + `@api.example.com/v1"}`},
		{"POST", "providers", `{"name":"x","kind":"openai","base_url":"https://api.example.com/v1?key=` + canaryWrong + `"}`},
		{"POST", "providers", `{"name":"x","kind":"openai","base_url":` + wrong + `}`},
		{"POST", "providers", `{"name":"x","kind":"none","credentials":[{"name":"main","api_key":` + wrong + `}]}`},
		{"PATCH", "providers/openai", `{"base_url":"ftp://user:` + canaryWrong + `@api.example.com"}`},
		{"POST", "credentials?provider=openai", `{"name":"wrong","api_key":"` + canaryWrong + `\n"}`},
		{"POST", "credentials?provider=openai", `{"name":"wrong","api_key":[` + wrong + `]}`},
		{"POST", "credentials?provider=none", `{"name":"wrong","api_key":` + wrong + `}`},
		{"POST", "credentials?provider=openai", `{"name":"wrong","api_key":` + wrong},
		{"PATCH", "credentials/openai/canary", `{"api_key":{"is":` + wrong + `}}`},
		{"POST", "keys?tenant=acme", `{"name":"wrong","key":"` + canary + `"}`},
		{"POST", "keys?tenant=acme", `{"name":"wrong","key":"lh_live_` + canaryWrong + ` "}`},
		{"POST", "tokens", `{"name":"wrong","role":"viewer","key":"` + canary + `"}`},
		{"POST", "tokens", `{"name":"wrong","role":"none","key":` + wrong + `}`},
		{"PATCH", "settings", `{"webhooks":[{"url":"https://user:` + canaryWrong + `@hooks.example.com/","secret":` + wrong + `}]}`},
		{"PATCH", "settings", `{"webhooks":[{"url":"https://hooks.example.com/","secret":"` + canary + `"}]}`},
		{"PATCH", "settings", `{"sso":{"issuer":"https://user:` + canaryWrong + `@idp.example.com","client_secret":[` + wrong + `]}}`},
		{"PATCH", "settings", `{"sso":{"client_secret":"` + canaryWrong + `\u0000"}}`},
		{"POST", "config", `{"providers":[{"name":"openai","kind":"openai","credentials":[{"name":"main","api_key":[` + wrong + `]}]}]}`},
		{"POST", "config", `{"providers":[{"name":"openai","credentials":[{"name":"main","api_key":` + wrong},
		{"POST", "exports/usage?store=s3://id:" + canaryWrong + "@bucket/prefix", ``},
		{"POST", "session/join", `{"invite":` + wrong + `}`},
	} {
		list = append(list, mistake{m.method, "/api/v1/" + m.path, m.body, token})
	}
	return list
}

// misuse makes every mistake, and gives what was said of them.
func (r *canaryRun) misuse(t *testing.T) string {
	t.Helper()
	var said strings.Builder
	for _, m := range append(signInMistakes(), operatorMistakes(r.token)...) {
		req, err := http.NewRequestWithContext(t.Context(), m.method, r.url+m.path, strings.NewReader(m.body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		if m.credential != "" {
			req.Header.Set("Authorization", "Bearer "+m.credential)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		said.WriteString("\n" + m.method + " " + req.URL.Path + ": ")
		_ = resp.Header.Write(&said) // a Builder takes everything
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode/100 != 4 {
			t.Errorf("%s %s %s: status %d, %v: %s", m.method, m.path, m.body, resp.StatusCode, err, body)
		}
		said.Write(body)
	}
	for _, config := range []string{
		"providers:\n  - {name: a, kind: openai, credentials: [{name: b, api_key: \"" + canaryWrong + "\n",
		"providers:\n  - {name: a, kind: openai, base_url: \"https://x:" + canaryWrong + "@example.com\", credentials: [{name: b, api_key: [" + canaryWrong + "]}]}\n" +
			"settings: {webhooks: [{url: \"https://hooks.example.com/\", secret: " + canary + "}]}\n",
	} {
		out, code := says(t, nil, "apply", "--data", r.data, writeText(t, filepath.Join(t.TempDir(), "wrong.yaml"), config))
		if code == 0 {
			t.Errorf("%s was applied: %s", config, out)
		}
		said.WriteString(out)
	}
	return said.String()
}
