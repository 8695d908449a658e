package main_test

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// literals are private addresses in forms that no name server is asked for. The victim
// listens at 127.0.0.2. Names and what else needs a resolver are in package outbound.
func literals() []string {
	return []string{
		"127.0.0.2", "[::ffff:127.0.0.2]", "[::ffff:7f00:2]", "[0:0:0:0:0:FFFF:7F00:0002]", "[::127.0.0.2]", "[::7f00:2]", "[64:ff9b::7f00:2]", "[64:ff9b::127.0.0.2]", "[64:ff9b:1::7f00:2]",
		"[2002:7f00:2::]", "[2001:0:7f00:2::]", "[::ffff:0:7f00:2]", "[::]", "[::1]", "0.0.0.0", "0.0.0.2", "10.0.0.1", "100.64.0.1", "100.100.100.200", "169.254.169.254", "[::ffff:169.254.169.254]", "[fd00:ec2::254]",
		"172.16.0.1", "192.168.0.1", "192.0.0.192", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "[fe80::1]", "[fec0::1]", "[ff02::1]",
	}
}

// malformed are such that must not even be configured; %s is the victim.
func malformed() []string {
	return []string{
		"http://vendor.test@%s", "http://user:pass@%s", "http://%s#@vendor.test", `http://%s\@vendor.test`, "http://vendor.test\t@%s", "gopher://%s", "file:///etc/passwd", "dict://%s",
		"ftp://%s", "javascript:alert(1)", "//%s", "%s", "http:/%s", "http:///%s", "http://", "unix:///var/run/docker.sock", "http://[::1", "http://127.0.0.2:99999", "http://①②⑦.⓪.⓪.②", "http://127。0。0。2", "http://lo%%63alhost",
		"http://%s\x00.vendor.test", " http://%s", "http://%s\r\nX: y", "HTTP//%s", "data:text/plain,x", "jar:http://%s!/", "http://127.0.0.2:-1", "http://127.0.0.2:%%38%%30",
	}
}

// victim must never be called.
type victim struct {
	addr string
	hits atomic.Int64
}

func (v *victim) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	v.hits.Add(1)
	w.WriteHeader(http.StatusTeapot)
}

func startVictim(t *testing.T, host string) *victim {
	t.Helper()
	v := &victim{}
	l, err := net.Listen("tcp", host+":0")
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewUnstartedServer(v)
	srv.Listener.Close()
	srv.Listener = l
	srv.Start()
	t.Cleanup(srv.Close)
	v.addr = l.Addr().String()
	return v
}

// attackDestinations makes the hub call where it must not: as a vendor, by a vendor's
// redirect, and to tell of alerts.
func attackDestinations(t *testing.T, r *attackRange) {
	v, seen := startVictim(t, "127.0.0.2"), startVictim(t, "127.0.0.1")
	_, port, _ := strings.Cut(v.addr, ":")
	redirects := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if strings.HasPrefix(req.URL.Path, "/hook") {
			seen.hits.Add(1)
		}
		var status int
		_, _ = fmt.Sscanf(strings.TrimLeft(req.URL.Path, "/hok"), "%d", &status)
		http.Redirect(w, req, "http://"+v.addr+"/", status)
	}))
	defer redirects.Close()
	attackVendors(t, r, v, port, redirects.URL)
	attackForms(t, r, v)
	attackHooks(t, r, v, seen, port, redirects.URL)
	if n := v.hits.Load(); n > 0 {
		t.Errorf("the victim was called %d times", n)
	}
}

// attackVendors calls every address at once: a call that fails is tried again for a while.
func attackVendors(t *testing.T, r *attackRange, v *victim, port, redirects string) {
	t.Helper()
	addresses := []string{redirects + "/301", redirects + "/302", redirects + "/303", redirects + "/307", redirects + "/308"}
	for i, host := range literals() {
		addresses = append(addresses, []string{"http://", "https://"}[i%2]+host+":"+port)
	}
	spec := map[string]any{"providers": []any{}, "models": []any{}}
	add := func(sort string, one map[string]any) { spec[sort] = append(spec[sort].([]any), one) }
	name := func(i int) string { return fmt.Sprintf("evil-%d", i) }
	for i, address := range addresses {
		add("providers", map[string]any{"name": name(i), "kind": "vllm", "base_url": address})
		add("models", map[string]any{"name": name(i), "targets": []any{map[string]any{"provider": name(i), "model": "m"}}})
	}
	r.must(t, "POST", "/api/v1/config", spec)
	var calls sync.WaitGroup
	for i, address := range addresses {
		calls.Go(func() {
			a, err := r.chat(t.Context(), name(i), false, "Hi.")
			if err != nil || a.status < 400 || a.complete {
				t.Errorf("%s: status %d, %v: %s", address, a.status, err, a.body)
			}
			for _, part := range []string{port, "127.0.0.", "private", "loopback"} { // which would make the hub a scanner
				if strings.Contains(strings.ReplaceAll(a.body, a.request, ""), part) { // the id has digits by chance
					t.Errorf("%s: the client is told %s", address, a.body)
				}
			}
		})
	}
	calls.Wait()
	for i := range addresses {
		r.must(t, "DELETE", "/api/v1/models/"+name(i), nil)
		r.must(t, "DELETE", "/api/v1/providers/"+name(i), nil)
	}
}

// attackForms configures what is no address of a vendor or webhook.
func attackForms(t *testing.T, r *attackRange, v *victim) {
	t.Helper()
	for _, form := range malformed() {
		address := strings.ReplaceAll(strings.ReplaceAll(form, "%%", "%"), "%s", v.addr)
		for target, patch := range map[string]map[string]any{
			"/api/v1/providers/openai": {"base_url": address},
			"/api/v1/settings":         {"webhooks": []any{map[string]any{"url": address, "secret": strings.Repeat("s", 32)}}},
		} {
			body, err := json.Marshal(patch)
			if err != nil {
				t.Fatal(err)
			}
			if status, said := r.api(t, "PATCH", target, string(body)); status != http.StatusBadRequest {
				t.Errorf("%s: %q: status %d: %s", target, address, status, said)
			}
		}
	}
}

func attackHooks(t *testing.T, r *attackRange, v, seen *victim, port, redirects string) {
	t.Helper()
	const key = "noisy-key-0123456789-0123456789-012"
	hooks := []any{}
	add := func(url string) {
		hooks = append(hooks, map[string]any{"url": url, "secret": strings.Repeat("s", 32)})
	}
	add(redirects + "/hook307")
	for _, host := range literals() {
		add("http://" + host + ":" + port + "/")
	}
	r.must(t, "PATCH", "/api/v1/settings", map[string]any{"webhooks": hooks})
	r.must(t, "POST", "/api/v1/keys?tenant=acme", map[string]any{
		"name": "noisy", "key": key, "limits": []any{map[string]any{"per": "day", "requests": 1, "mode": "soft"}},
	})
	body := map[string]any{"model": "fake-openai", "messages": []any{map[string]any{"role": "user", "content": "Hi."}}}
	for range 2 {
		if a, err := r.chatAs(t.Context(), key, body); err != nil || a.status != http.StatusOK {
			t.Fatalf("%d %s, %v", a.status, a.body, err)
		}
	}
	eventually(t, settleTimeout, "every webhook is tried", func() error {
		if failed := failedHooks(r.out.String()); failed < len(hooks) || seen.hits.Load() == 0 {
			return fmt.Errorf("%d of %d have failed, redirected %d", failed, len(hooks), seen.hits.Load())
		}
		return nil
	})
	r.must(t, "PATCH", "/api/v1/settings", map[string]any{"webhooks": nil})
	r.must(t, "DELETE", "/api/v1/keys/acme/noisy", nil)
}

// must does what is allowed.
func (r *attackRange) must(t *testing.T, method, target string, spec any) {
	t.Helper()
	body := ""
	if spec != nil {
		b, err := json.Marshal(spec)
		if err != nil {
			t.Fatal(err)
		}
		body = string(b)
	}
	if status, said := r.api(t, method, target, body); status/100 != 2 {
		t.Fatalf("%s %s %s: %d %s", method, target, body, status, said)
	}
}

// failedHooks counts the webhooks that the log says could not be told.
func failedHooks(log string) int {
	failed := map[string]bool{}
	for line := range strings.Lines(log) {
		var said struct{ Msg, Webhook string }
		if json.Unmarshal([]byte(line), &said) == nil && strings.HasPrefix(said.Msg, "an alert was ") {
			failed[said.Webhook] = true
		}
	}
	return len(failed)
}
