package main_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const (
	ssoSecret   = canary + "-sso-client"
	ssoPassword = canary + "-at-the-provider"
)

// TestSSO signs people in by a real provider of OpenID Connect, from the browser's click
// to a session, and again after the provider says something else of them.
func TestSSO(t *testing.T) {
	t.Parallel()
	v := startVendor(t)
	h := startHub(t, t.TempDir(), serveArgs(t, v)...)
	p := startProvider(t, h)
	r := &attackRange{hub: h}
	r.must(t, "PATCH", "/api/v1/settings", map[string]any{"sso": map[string]any{
		"issuer": p.url, "client_id": "hub", "client_secret": ssoSecret, "redirect_url": h.url + "/api/v1/sso/callback", "domains": []string{"acme.test"},
		"roles": []any{
			map[string]any{"claim": "groups", "value": "eng", "tenant": "acme", "role": "member"},
			map[string]any{"claim": "groups", "value": "ops", "role": "operator"},
		},
	}})
	p.groups(t, "jane", "eng")
	jane := newVisitor(t)
	if at, _ := jane.signIn(t, h, "jane"); at != h.url+"/" {
		t.Fatalf("ended at %s", at)
	}
	jane.is(t, h, "acme", "member")
	p.groups(t, "jane", "ops admins")
	if at, said := jane.signIn(t, h, "jane"); at != h.url+"/" {
		t.Fatalf("ended at %s: %s", at, said)
	}
	jane.is(t, h, "", "operator")
	p.groups(t, "jane", "")
	p.groups(t, "unknown", "ops")
	for _, name := range []string{"jane", "unknown"} { // whom no rule names, and whose address nobody has verified
		stranger := newVisitor(t)
		if at, said := stranger.signIn(t, h, name); !strings.Contains(said, `"status":403`) || strings.Contains(at, "/login") {
			t.Errorf("%s ended at %s: %s", name, at, said)
		}
		if status, _ := stranger.get(t, h.url+"/api/v1/session"); status != http.StatusUnauthorized {
			t.Errorf("%s: status %d", name, status)
		}
	}
	jane.replay(t, h)
	verified(t, h.data)
	if err := h.interrupt(); err != nil {
		t.Fatal(err)
	}
	nowhere(t, h, ssoSecret, ssoPassword, "jane@acme.test", jane.callback.Query().Get("code"))
}

// replay uses what has been used: the same answer of the provider, in the same browser
// and in another.
func (b *visitor) replay(t *testing.T, h *hub) {
	t.Helper()
	for _, who := range []*visitor{b, newVisitor(t)} {
		if status, said := who.get(t, b.callback.String()); status != http.StatusUnauthorized || !strings.Contains(said, "sso_state") {
			t.Errorf("the same answer again: %d %s", status, said)
		}
	}
}

// nowhere fails if a secret is in what a stopped hub has said or keeps.
func nowhere(t *testing.T, h *hub, secrets ...string) {
	t.Helper()
	for _, s := range secrets {
		if s == "" || strings.Contains(h.out.String(), s) {
			t.Errorf("%q is empty or shown", s)
		}
	}
	err := filepath.WalkDir(h.data, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(path)
		for _, s := range secrets {
			if strings.Contains(string(b), s) {
				t.Errorf("%q is kept in %s", s, path)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// oidcProvider is a provider as a process, see testdata/oidc-provider.
type oidcProvider struct {
	*process
	url string // as tokens name it
}

func startProvider(t *testing.T, h *hub) *oidcProvider {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "oidc-provider")
	build := exec.Command("go", "build", "-o", binary, ".")
	build.Dir = filepath.Join("testdata", "oidc-provider")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	p := &oidcProvider{process: startCommand(t, exec.Command(binary, "-secret", ssoSecret, "-redirect", h.url+"/api/v1/sso/callback", "-password", ssoPassword))}
	eventually(t, startTimeout, "the provider starts", func() error {
		_, rest, ok := strings.Cut(p.out.String(), "oidc-provider listening on ")
		address, _, whole := strings.Cut(rest, "\n")
		if !ok || !whole {
			return errors.New("no address yet: " + p.out.String())
		}
		p.url = address
		return nil
	})
	return p
}

// groups says which groups somebody is in.
func (p *oidcProvider) groups(t *testing.T, name, groups string) {
	t.Helper()
	resp, err := http.PostForm(p.url+"_test/groups", url.Values{"name": {name}, "groups": {groups}})
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
}

// visitor is somebody with a browser.
type visitor struct {
	client   *http.Client
	callback *url.URL // where the provider sent them last
}

func newVisitor(t *testing.T) *visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	b := &visitor{client: &http.Client{Jar: jar}}
	b.client.CheckRedirect = func(req *http.Request, _ []*http.Request) error {
		if strings.HasSuffix(req.URL.Path, "/sso/callback") {
			b.callback = req.URL
		}
		return nil
	}
	return b
}

func (b *visitor) get(t *testing.T, address string) (status int, body string) {
	t.Helper()
	resp, err := b.client.Get(address)
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

// signIn goes to the hub, follows it to the provider, says name and password there, and
// tells where it ends and what is said there.
func (b *visitor) signIn(t *testing.T, h *hub, name string) (at, said string) {
	t.Helper()
	resp, err := b.client.Get(h.url + "/api/v1/sso/login")
	if err != nil {
		t.Fatal(err)
	}
	page, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	id := regexp.MustCompile(`name="id" value="([^"]+)"`).FindSubmatch(page)
	if err != nil || id == nil {
		t.Fatalf("at %s: %v: %s", resp.Request.URL, err, page)
	}
	form := url.Values{"id": {string(id[1])}, "username": {name}, "password": {ssoPassword}}
	resp, err = b.client.PostForm(resp.Request.URL.String(), form)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.Request.URL.String(), string(body)
}

// is checks as whom the browser's session acts.
func (b *visitor) is(t *testing.T, h *hub, tenant, role string) {
	t.Helper()
	status, body := b.get(t, h.url+"/api/v1/session")
	var who struct{ Acting struct{ Tenant, Role string } }
	if err := json.Unmarshal([]byte(body), &who); err != nil || status != http.StatusOK || who.Acting.Tenant != tenant || who.Acting.Role != role {
		t.Errorf("%d %s, want %s of %q", status, body, role, tenant)
	}
}
