package admin_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/llm-hub/llm-hub/client"
	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway/admin"
)

const oneProvider = `{"name": "p", "kind": "openai", "credentials": [{"name": "c", "api_key": "sk-0123456789abcdef"}, {"name": "d", "api_key": "sk-2"}]}`

// TestHistory: every version with who and what; any of them comes back as a change like
// every other.
func TestHistory(t *testing.T) {
	c := configure(t)
	c.send(201, "POST", "tenants", `{"name": "acme"}`)
	c.send(201, "POST", "providers", oneProvider)
	c.send(201, "POST", "models", `{"name": "smart", "targets": [{"provider": "p", "model": "one"}]}`)
	c.send(200, "PATCH", "models/smart", `{"targets": [{"provider": "p", "model": "two"}]}`, "Content-Type", "application/merge-patch+json")
	c.send(200, "PATCH", "models/smart", `{"limits": [{"per": "day", "requests": 9}]}`)
	first := decode[client.Entries](t, c.send(200, "GET", "models/smart/history?limit=2", ""))
	if len(first.Items) != 2 || first.Next == "" || first.Items[0].Cause != "model.patch" || first.Items[0].Actor != "operator" {
		t.Fatalf("%+v", first)
	}
	rest := decode[client.Entries](t, c.send(200, "GET", "models/smart/history?before="+first.Next, ""))
	if len(rest.Items) != 1 || rest.Next != "" || rest.Items[0].Before != nil {
		t.Fatalf("%+v", rest)
	}
	if d := first.Items[1].Diff; len(d) != 1 || d[0].Field != "targets" {
		t.Errorf("diff %+v", d)
	}
	version := rest.Items[0].Seq
	back := fmt.Sprintf(`{"to": %d}`, version)
	messages := c.messages()
	dry := decode[client.Changed[client.Model]](t, c.send(200, "POST", "models/smart/rollback?dry_run=true", back))
	if len(dry.Changes) != 1 || c.messages() != messages {
		t.Errorf("dry run %+v", dry)
	}
	stale := fmt.Sprintf(`"%d"`, version)
	c.send(412, "POST", "models/smart/rollback", back, "If-Match", stale)
	now := decode[client.Changed[client.Model]](t, c.send(200, "POST", "models/smart/rollback", back))
	if now.Spec == nil || len(now.Spec.Limits) != 0 || now.Spec.Targets[0].Model != "one" || now.Version <= version {
		t.Errorf("%+v", now.Spec)
	}
	if all := decode[client.Entries](t, c.send(200, "GET", "models/smart/history", "")); len(all.Items) != 4 || all.Items[0].Cause != "model.rollback" {
		t.Errorf("history %+v", all.Items)
	}
	for body, code := range map[string]string{`{"to": 1}`: "no_such_version", `{"to": 99}`: "no_such_version", `{}`: "no_such_version"} {
		if p := problem(t, c.send(404, "POST", "models/smart/rollback", body)); p.Code != code {
			t.Errorf("%s: %+v", body, p)
		}
	}
	c.send(400, "POST", "models/smart/rollback", `{"version": 1}`)
	c.send(404, "POST", "models/none/rollback", back)
	c.send(200, "GET", "settings/history", "")
}

// TestRollbackThatDoesNotFit: what was right once and is not now is refused, and says why.
func TestRollbackThatDoesNotFit(t *testing.T) {
	c := configure(t)
	c.send(201, "POST", "providers", oneProvider)
	c.send(201, "POST", "providers", `{"name": "q", "kind": "openai", "credentials": [{"name": "c", "api_key": "sk-3"}]}`)
	made := decode[client.Changed[client.Model]](t, c.send(201, "POST", "models", `{"name": "smart", "targets": [{"provider": "p", "model": "one"}]}`))
	c.send(200, "PATCH", "models/smart", `{"targets": [{"provider": "q", "model": "two"}]}`)
	c.send(200, "DELETE", "providers/p", "")
	p := problem(t, c.send(409, "POST", "models/smart/rollback", fmt.Sprintf(`{"to": %d}`, made.Version)))
	if p.Code != "does_not_fit" || !strings.Contains(p.Detail, "does not fit what is configured now") || !strings.Contains(p.Detail, "p") {
		t.Errorf("%+v", p)
	}
}

// TestRollbackKeepsSecrets: a vendor key comes back as it was; a virtual key's or token's
// secret that was replaced never works again.
func TestRollbackKeepsSecrets(t *testing.T) {
	c := configure(t)
	c.send(201, "POST", "tenants", `{"name": "acme"}`)
	c.send(201, "POST", "providers", oneProvider)
	versions := decode[client.Entries](t, c.send(200, "GET", "credentials/p/c/history", ""))
	c.send(200, "PATCH", "credentials/p/c", `{"api_key": "sk-another-0123456789"}`)
	c.send(200, "POST", "credentials/p/c/rollback", fmt.Sprintf(`{"to": %d}`, versions.Items[0].Seq))
	if key := c.plane.Live().Current().Providers["p"].Credentials[0].APIKey.Reveal(); key != "sk-0123456789abcdef" {
		t.Errorf("the vendor key is %q", key)
	}
	c.send(200, "PATCH", "providers/p", `{"base_url": "https://elsewhere.test/v1"}`)
	if p := problem(t, c.send(409, "POST", "credentials/p/c/rollback", fmt.Sprintf(`{"to": %d}`, versions.Items[0].Seq))); p.Code != "unreadable_version" {
		t.Errorf("a key of another address: %+v", p)
	}

	made := decode[client.Changed[client.Key]](t, c.send(201, "POST", "keys?tenant=acme", `{"name": "k", "tags": ["a"]}`))
	rolled := decode[client.Changed[client.Key]](t, c.send(200, "POST", "keys/acme/k/roll", ""))
	c.send(200, "PATCH", "keys/acme/k", `{"tags": ["b"]}`)
	now := decode[client.Changed[client.Key]](t, c.send(200, "POST", "keys/acme/k/rollback", fmt.Sprintf(`{"to": %d}`, made.Version)))
	catalog := c.plane.Live().Current()
	if now.Spec.Tags[0] != "a" || catalog.KeyBySecret(made.Keys[0].Key) != nil || catalog.KeyBySecret(rolled.Keys[0].Key) == nil {
		t.Errorf("%+v", now.Spec)
	}
	c.send(200, "PATCH", "keys/acme/k", `{"state": "revoked"}`)
	c.send(409, "POST", "keys/acme/k/rollback", fmt.Sprintf(`{"to": %d}`, made.Version))
}

// TestCooldown: an operator's word is one command on the log, with its end; a release
// overrules it.
func TestCooldown(t *testing.T) {
	c := configure(t)
	c.send(201, "POST", "providers", oneProvider)
	said := func() (until, released time.Time) {
		now, target := c.plane.Live().Current().Cooldowns, events.Target{Provider: "p", Credential: "c"}
		return now.Until[target], now.Released[target]
	}
	began := time.Now()
	done := decode[client.Changed[client.Cooldown]](t, c.send(200, "POST", "credentials/p/c/cooldown", `{"for": "10m", "reason": "Anna looks into it"}`, "Authorization", "Bearer operator"))
	if until, released := said(); until.Before(began.Add(10*time.Minute)) || until.After(time.Now().Add(10*time.Minute+2*time.Second)) || !released.IsZero() {
		t.Errorf("until %s, released %s", until, released)
	}
	if done.Spec == nil || done.Spec.Reason != "Anna looks into it" || done.ID != "p/c" {
		t.Errorf("%+v", done)
	}
	commands, err := c.log.Commands(t.Context(), 1, 100)
	if err != nil {
		t.Fatal(err)
	}
	if last := string(commands[len(commands)-1].Data); strings.Contains(last, "Anna") || !strings.Contains(last, "cooldown.set") {
		t.Errorf("on the log: %s", last)
	}
	c.send(200, "POST", "credentials/p/d/cooldown", `{"for": "1h", "model": "gpt/x"}`)
	if all := decode[client.Page[client.Cooldown]](t, c.send(200, "GET", "cooldowns", "")); len(all.Items) != 2 || all.Items[1].ID != "p/d/gpt/x" {
		t.Errorf("%+v", all)
	}
	c.send(200, "POST", "credentials/p/c/release", "")
	if until, released := said(); !until.IsZero() || released.Before(began) {
		t.Errorf("released: until %s, released %s", until, released)
	}
	for body, field := range map[string]string{
		`{}`: "for", `{"for": "soon"}`: "for", `{"for": "-1m"}`: "for", `{"for": "721h"}`: "for", `{"for": "1m", "model": "a b"}`: "model", `{"for": "1m", "reason": "` + strings.Repeat("x", 201) + `"}`: "reason",
	} {
		if p := problem(t, c.send(400, "POST", "credentials/p/c/cooldown", body)); p.Field != field {
			t.Errorf("%s: %+v", body, p)
		}
	}
	c.send(404, "POST", "credentials/p/none/cooldown", `{"for": "1m"}`)
	c.send(403, "POST", "credentials/p/c/cooldown", `{"for": "1m"}`, "Authorization", "Bearer viewer")
	config := c.send(200, "GET", "config", "").Body.String()
	if strings.Contains(config, "cooldown") {
		t.Errorf("the file has words for it: %s", config)
	}
	c.send(200, "DELETE", "credentials/p/d", "")
	if all := decode[client.Page[client.Cooldown]](t, c.send(200, "GET", "cooldowns", "")); len(all.Items) != 1 {
		t.Errorf("of a credential that is gone: %+v", all)
	}
	page := decode[admin.AuditPage](t, c.send(200, "GET", "audit?sort=cooldown&cause=cooldown.release", ""))
	if len(page.Items) != 1 {
		t.Errorf("audit %+v", page)
	}
}

// TestRollToken: an operator's token rolls as a key does.
func TestRollToken(t *testing.T) {
	c := configure(t)
	secret := func(ch client.Changed[client.Token]) string { return ch.Keys[0].Key }
	works := func(token string) bool { return c.plane.Live().Current().TokenBySecret(token, time.Now()) != nil }
	first := secret(decode[client.Changed[client.Token]](t, c.send(201, "POST", "tokens", `{"name": "x", "role": "viewer"}`)))
	second := secret(decode[client.Changed[client.Token]](t, c.send(200, "POST", "tokens/x/roll?overlap=1h", "")))
	if !works(first) || !works(second) || c.plane.Live().Current().TokenBySecret(first, time.Now().Add(2*time.Hour)) != nil {
		t.Error("in the overlap and after it")
	}
	third := secret(decode[client.Changed[client.Token]](t, c.send(200, "POST", "tokens/x/roll", "")))
	if works(first) || works(second) || !works(third) {
		t.Error("without an overlap")
	}
	c.send(404, "POST", "tokens/none/roll", "")
	c.send(400, "POST", "tokens/x/roll?overlap=soon", "")
}

// TestStaleHasWhatIsNow: whoever was overtaken can merge without another question.
func TestStaleHasWhatIsNow(t *testing.T) {
	c := configure(t)
	made := c.send(201, "POST", "tenants", `{"name": "acme"}`)
	now := c.send(200, "PATCH", "tenants/acme", `{"on_disconnect": "cancel"}`)
	p := problem(t, c.send(412, "PATCH", "tenants/acme", `{"on_disconnect": "drain"}`, "If-Match", made.Header().Get("ETag")))
	extra, _ := p.Extra.(map[string]any)
	spec, _ := extra["spec"].(map[string]any)
	if fmt.Sprintf("%q", fmt.Sprint(extra["version"])) != now.Header().Get("ETag") || spec["on_disconnect"] != "cancel" {
		t.Errorf("%+v, the ETag is %s", p, now.Header().Get("ETag"))
	}
}

// TestFilters: lists narrow by what their objects say, page by page.
func TestFilters(t *testing.T) {
	c := configure(t)
	c.send(201, "POST", "providers", oneProvider)
	c.send(201, "POST", "providers", `{"name": "q", "kind": "openai", "state": "disabled", "credentials": [{"name": "c", "api_key": "sk-4"}]}`)
	c.send(201, "POST", "models", `{"name": "smart", "targets": [{"provider": "p", "model": "one"}]}`)
	c.send(201, "POST", "models", `{"name": "fast", "targets": [{"provider": "q", "model": "one"}]}`)
	c.send(201, "POST", "tenants", `{"name": "acme", "users": [{"email": "a@acme.test"}, {"email": "b@acme.test", "role": "admin"}],
		"keys": [{"name": "a", "tags": ["x", "y"], "models": ["smart"], "user": "a@acme.test"}, {"name": "b", "state": "paused", "tags": ["x"]}, {"name": "c"}]}`)
	c.send(201, "POST", "tokens", `{"name": "one", "role": "viewer"}`)
	owner := decode[client.Object[client.Key]](t, c.send(200, "GET", "keys/acme/a", "")).Spec.User
	for target, want := range map[string]string{
		"providers?state=enabled": "p", "providers?state=disabled": "q", "providers?kind=openai": "p q", "providers?kind=gemini": "",
		"credentials?provider=p": "p/c p/d", "credentials?state=disabled": "", "models?provider=q": "fast",
		"keys?state=active": "a c", "keys?state=paused": "b", "keys?tag=x": "a b", "keys?tag=y&state=paused": "", "keys?user=" + owner: "a",
		"keys?model=smart": "a b c", "keys?model=fast": "b c", "keys?tag=x&limit=1": "a", "tokens?role=viewer": "one", "tokens?role=admin": "",
	} {
		var got []string
		for _, v := range decode[admin.Page](t, c.send(200, "GET", target, "")).Items {
			got = append(got, v.ID)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %v, want %s", target, got, want)
		}
	}
	if n := len(decode[admin.Page](t, c.send(200, "GET", "users?role=member", "")).Items); n != 1 {
		t.Errorf("%d members", n)
	}
	c.send(400, "GET", "tenants?state=active", "")
}
