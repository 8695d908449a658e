package main_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/llm-hub/llm-hub/events/natslog/clustertest"
)

// configure makes one call of the operator's API.
func (h *hub) configure(t *testing.T, method, path string, body, into any) {
	t.Helper()
	raw, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), method, h.url+"/api/v1/"+path, bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+h.token)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode/100 != 2 {
		t.Fatalf("%s %s: %d %s %v", method, path, resp.StatusCode, answer, err)
	}
	if into != nil {
		if err := json.Unmarshal(answer, into); err != nil {
			t.Fatal(err)
		}
	}
}

// status is what a call of the operator's API is answered with.
func (h *hub) status(t *testing.T, token, method, path, body string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, h.url+"/api/v1/"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}

// pace notes how long changes take to be in force on another node.
type pace struct {
	t    *testing.T
	took []time.Duration
}

// Bounds of a pace: of every change, and of half of them where other tests run at the same
// time. A node that is told of nothing looks at the stream every ten seconds.
const (
	liveWithin     = time.Second
	liveWithinBusy = 3 * time.Second
)

func (p *pace) note(what string, took time.Duration) {
	p.t.Helper()
	p.t.Logf("%s after %s", what, took)
	p.took = append(p.took, took)
	if os.Getenv("LLMHUB_TEST_FULL") != "" && took > liveWithin {
		p.t.Errorf("%s took %s", what, took)
	}
}

func (p *pace) check() {
	p.t.Helper()
	slices.Sort(p.took)
	if half := p.took[len(p.took)/2]; half > liveWithinBusy {
		p.t.Errorf("half of all changes took more than %s", half)
	}
}

// TestTwoNodesSeeOneCatalog: what is configured on one node is in force on another
// within a second, without a restart, and a changed limit keeps what was used.
func TestTwoNodesSeeOneCatalog(t *testing.T) {
	t.Parallel()
	v, cluster := startVendor(t), clustertest.Start(t, clustertest.Options{Nodes: 1})
	args := []string{"--nats-url", cluster.URL(), "--allow-private-cidrs", "127.0.0.0/8", "--master-key-file", filepath.Join(t.TempDir(), "master.key")}
	live := &pace{t: t}
	first := startHub(t, t.TempDir(), append(args, "--config", writeConfig(t, v.url))...)
	second := startHub(t, t.TempDir(), args...) // it brings no configuration

	asks := func(h *hub, key string) answer {
		a, err := h.chatAs(t.Context(), key, map[string]any{"model": "fake-openai", "messages": []map[string]string{{"role": "user", "content": "Hi"}}})
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	// becomes waits for a status.
	becomes := func(h *hub, key string, want int, what string) {
		t.Helper()
		since := time.Now()
		eventually(t, settleTimeout, what, func() error {
			if a := asks(h, key); a.status != want {
				return fmt.Errorf("status %d: %s", a.status, a.body)
			}
			return nil
		})
		live.note(what, time.Since(since))
	}
	if a := asks(second, hubKey); a.status != http.StatusOK {
		t.Fatalf("the second node: %d %s", a.status, a.body)
	}
	var made struct{ Keys []struct{ Key string } }
	first.configure(t, http.MethodPost, "keys?tenant=acme", map[string]any{"name": "live"}, &made)
	key := made.Keys[0].Key
	becomes(second, key, http.StatusOK, "a new key works")
	first.configure(t, http.MethodPatch, "keys/acme/live", map[string]any{"state": "revoked"}, nil)
	becomes(second, key, http.StatusUnauthorized, "a revoked key is refused")

	// A role that changes on one node is another on the other, and goes with its user.
	var user struct{ ID string }
	first.configure(t, http.MethodPost, "users?tenant=acme", map[string]any{"email": "ann@acme.test", "role": "admin"}, &user)
	first.configure(t, http.MethodPost, "tokens", map[string]any{"name": "ann", "role": "owner", "tenant": "acme", "user": user.ID}, &made)
	person := made.Keys[0].Key
	mayManage := func(want int, what string) {
		t.Helper()
		since := time.Now()
		eventually(t, settleTimeout, what, func() error {
			if got := second.status(t, person, http.MethodPost, "users?tenant=acme&dry_run=true", `{"email": "bob@acme.test"}`); got != want {
				return fmt.Errorf("status %d", got)
			}
			return nil
		})
		live.note(what, time.Since(since))
	}
	mayManage(http.StatusCreated, "an admin of a tenant manages people")
	first.configure(t, http.MethodPatch, "users/acme/"+user.ID, map[string]any{"role": "viewer"}, nil)
	mayManage(http.StatusForbidden, "a lesser role holds")
	first.configure(t, http.MethodDelete, "users/acme/"+user.ID, nil, nil)
	mayManage(http.StatusUnauthorized, "a removed user's token is refused")

	first.configure(t, http.MethodPost, "teams?tenant=acme", map[string]any{"name": "red", "limits": []map[string]any{{"per": "day", "requests": 1}}}, nil)
	first.configure(t, http.MethodPost, "keys?tenant=acme", map[string]any{"name": "of-red", "team": "red"}, &made)
	ofTeam := made.Keys[0].Key
	becomes(second, ofTeam, http.StatusOK, "the one request a day of a team")
	becomes(first, ofTeam, http.StatusTooManyRequests, "the team's limit holds")
	first.configure(t, http.MethodDelete, "keys/acme/of-red", nil, nil)

	if a := asks(first, limitedKey); a.status != http.StatusOK {
		t.Fatalf("the first of one request a day: %d %s", a.status, a.body)
	}
	becomes(second, limitedKey, http.StatusTooManyRequests, "the limit holds")
	second.configure(t, http.MethodPatch, "keys/acme/limited", map[string]any{"limits": []map[string]any{{"per": "day", "requests": 2}}}, nil)
	becomes(first, limitedKey, http.StatusOK, "the second of two requests")
	becomes(second, limitedKey, http.StatusTooManyRequests, "what was used counts")
	eventually(t, settleTimeout, "the budget shows both requests", func() error {
		var budgets struct {
			Rows []struct {
				ID         string
				Used, Left int64
			}
		}
		if err := getJSON(second.url+"/api/v1/budgets?tenant=acme", second.token, &budgets); err != nil {
			return err
		}
		for _, b := range budgets.Rows {
			if b.ID == "acme/limited" && b.Used == 2 && b.Left == 0 {
				return nil
			}
		}
		return fmt.Errorf("budgets are %+v", budgets.Rows)
	})

	first.remembers(t, "/api/v1/budgets?tenant=acme", func() {
		second.configure(t, http.MethodPatch, "keys/acme/limited", map[string]any{"limits": []map[string]any{{"per": "day", "requests": 3}}}, nil)
		becomes(first, limitedKey, http.StatusOK, "the third of three requests")
	})

	first.configure(t, http.MethodPatch, "providers/openai", map[string]any{"state": "disabled"}, nil)
	becomes(second, hubKey, http.StatusBadGateway, "a disabled provider is not called")
	first.configure(t, http.MethodPatch, "providers/openai", map[string]any{"state": "enabled"}, nil)
	becomes(second, hubKey, http.StatusOK, "an enabled provider is called")

	for _, name := range []string{"main", "spare"} {
		first.configure(t, http.MethodPost, "credentials/openai/"+name+"/cooldown", map[string]any{"for": "10m", "reason": "looked into"}, nil)
	}
	becomes(second, hubKey, http.StatusTooManyRequests, "credentials that an operator has cooled down are left alone")
	second.configure(t, http.MethodPost, "credentials/openai/main/release", map[string]any{}, nil)
	becomes(first, hubKey, http.StatusOK, "a credential that is released is used again")

	var one, two struct{ Items []json.RawMessage }
	if err := errors.Join(getJSON(first.url+"/api/v1/keys", first.token, &one), getJSON(second.url+"/api/v1/keys", second.token, &two)); err != nil {
		t.Fatal(err)
	}
	if len(one.Items) != 3 || fmt.Sprintf("%s", one.Items) != fmt.Sprintf("%s", two.Items) {
		t.Errorf("keys\n%s\n%s", one.Items, two.Items)
	}
	signInOnTwoNodes(live, first, second)
	live.check()
}

// remembers asks how budgets stand, lets something happen, and asks how they stood.
func (h *hub) remembers(t *testing.T, path string, happen func()) {
	t.Helper()
	type budgets struct {
		Rows []struct {
			ID         string
			Used, Left int64
		}
	}
	var now, then, later budgets
	at := time.Now().UTC().Format(time.RFC3339Nano)
	if err := getJSON(h.url+path, h.token, &now); err != nil {
		t.Fatal(err)
	}
	happen()
	if err := getJSON(h.url+path+"&at="+at, h.token, &then); err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(now) != fmt.Sprint(then) {
		t.Errorf("at %s the budgets were %+v, now they are said to have been %+v", at, now, then)
	}
	eventually(t, settleTimeout, "budgets of now are others", func() error {
		if err := getJSON(h.url+path, h.token, &later); err != nil {
			return err
		}
		if fmt.Sprint(now) == fmt.Sprint(later) {
			return errors.New("they are the same")
		}
		return nil
	})
}
