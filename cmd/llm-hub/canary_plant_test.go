package main_test

import (
	"encoding/json"
	"io"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// canaryPrompt is what nobody but the vendor may see.
const canaryPrompt = "canarypr0mpt"

// generated matches what the hub makes itself and shows once: a prefix, the public part,
// the secret part.
const generated = `lh_(?:live|oper|pers|invt|rset|frst)_[0-9A-Za-z]{12}_([0-9A-Za-z]{49})`

// firstRun is the token that the start has shown.
func (r *canaryRun) firstRun(t *testing.T) string {
	t.Helper()
	token := regexp.MustCompile(`lh_frst_\w+`).FindString(r.out.String())
	if token == "" {
		t.Fatalf("no first-run token:\n%s", r.out)
	}
	return token
}

// plant sees to it that there is a secret of every kind, and an object of every sort.
func (r *canaryRun) plant(t *testing.T) {
	t.Helper()
	r.person = r.setUp(t)
	r.add("a vendor's key, the client secret of single sign-on, a webhook's secret or one that was wrong", canary)
	r.add("a virtual key that was chosen", hubKey)
	r.add("a virtual key with a limit", limitedKey)
	r.add("the operator's token", r.token, "file operator.token")
	r.add("the master key", strings.TrimSpace(readText(t, filepath.Join(r.data, "master.key"))), "file master.key")
	r.add("a prompt", canaryPrompt)
	r.add("a password", personPassword)
	r.add("a session", r.person.session(r.hub))
	r.add("the first-run token", hiddenPart(t, r.firstRun(t)))
	r.add("the address of a person", personAddress, "the API")
	for _, order := range []struct{ name, path, body string }{
		{"an operator's token", "tokens", `{"name":"canary","role":"viewer"}`},
		{"an operator's token that was rolled", "tokens/canary/roll", ``},
		{"a virtual key", "keys?tenant=acme", `{"name":"canary"}`},
		{"a virtual key that was rolled", "keys/acme/canary/roll?overlap=1h", ``},
		{"an invite", "invites", `{"tenant":"acme","role":"member"}`},
		{"the reset of a new account", "accounts", `{"email":"other@acme.test","name":"Other"}`},
	} {
		r.add(order.name, hiddenPart(t, r.call(t, http.DefaultClient, http.MethodPost, order.path, order.body)))
	}
	r.add("a personal token", hiddenPart(t, r.call(t, r.person.client, http.MethodPost, "account/tokens", `{"name":"canary","role":"viewer"}`)))
	account := field(t, r.call(t, r.person.client, http.MethodGet, "accounts", ""), "id")
	r.add("the reset of an account", hiddenPart(t, r.call(t, http.DefaultClient, http.MethodPost, "accounts/"+account+"/reset", "")))
	r.call(t, http.DefaultClient, http.MethodPatch, "settings", `{"sso":{"issuer":"https://idp.example.com","client_id":"hub","client_secret":"`+ssoSecret+
		`","redirect_url":"https://hub.example.com/api/v1/sso/callback","domains":["acme.test"],"roles":[{"claim":"groups","value":"eng","tenant":"acme","role":"member"}]}}`)
	r.call(t, http.DefaultClient, http.MethodPost, "credentials?provider=openai", `{"name":"canary","api_key":"`+canary+`-openai-3"}`)
	r.call(t, http.DefaultClient, http.MethodPost, "teams?tenant=acme", `{"name":"canaries"}`)
	r.call(t, http.DefaultClient, http.MethodPost, "prices", `{"provider":"openai","model":"gpt-fake","input":"2.50","output":"10"}`)
	user := field(t, r.call(t, http.DefaultClient, http.MethodGet, "users?tenant=acme", ""), "id")
	for route, object := range map[string]string{
		"accounts/{id}": "accounts/" + account, "credentials/{provider}/{name}": "credentials/openai/canary", "keys/{tenant}/{name}": "keys/acme/canary",
		"models/{id}": "models/fake-openai", "prices/{provider}/{model}": "prices/openai/gpt-fake", "providers/{id}": "providers/openai",
		"teams/{tenant}/{name}": "teams/acme/canaries", "tenants/{id}": "tenants/acme", "tenants/{tenant}": "tenants/acme",
		"tokens/{id}": "tokens/canary", "users/{tenant}/{id}": "users/acme/" + user,
	} {
		r.objects[route] = object
	}
}

// hiddenPart is what must not be seen of the one generated secret in a text; its prefix and
// public part may be, and its last characters.
func hiddenPart(t *testing.T, text string) string {
	t.Helper()
	found := regexp.MustCompile(generated).FindAllStringSubmatch(text, -1)
	if len(found) != 1 {
		t.Fatalf("%d secrets in %s", len(found), text)
	}
	return found[0][1][:43]
}

// field is the first member of a name in an answer that has a list.
func field(t *testing.T, answer, name string) string {
	t.Helper()
	var page struct{ Items []map[string]any }
	if err := json.Unmarshal([]byte(answer), &page); err != nil || len(page.Items) == 0 {
		t.Fatalf("%v: %s", err, answer)
	}
	value, _ := page.Items[0][name].(string)
	return value
}

// call is answered with success, to the operator's token, or to whom the client's cookie is.
func (r *canaryRun) call(t *testing.T, client *http.Client, method, path, body string) string {
	t.Helper()
	status, answer := r.try(t, client, method, path, body)
	if status/100 != 2 {
		t.Fatalf("%s %s: %d %s", method, path, status, answer)
	}
	return answer
}

func (r *canaryRun) try(t *testing.T, client *http.Client, method, path, body string) (status int, answer string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, r.url+"/api/v1/"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if client.Jar == nil {
		req.Header.Set("Authorization", "Bearer "+r.token)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(raw)
}
