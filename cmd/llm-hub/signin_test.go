package main_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"
)

// person is a browser of one of the hubs' users.
type person struct {
	t      *testing.T
	client *http.Client
}

func newPerson(t *testing.T) *person {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &person{t, &http.Client{Jar: jar}}
}

// ask makes a call and tells its status.
func (p *person) ask(h *hub, method, path string, body any) int {
	p.t.Helper()
	raw, err := json.Marshal(body)
	if err != nil {
		p.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(p.t.Context(), method, h.url+"/api/v1/"+path, bytes.NewReader(raw))
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := p.client.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}

func (p *person) must(h *hub, method, path string, body any) {
	p.t.Helper()
	if status := p.ask(h, method, path, body); status/100 != 2 {
		p.t.Fatalf("%s %s: status %d", method, path, status)
	}
}

// session is the token that the browser holds.
func (p *person) session(h *hub) string {
	p.t.Helper()
	u, err := url.Parse(h.url)
	if err != nil {
		p.t.Fatal(err)
	}
	for _, c := range p.client.Jar.Cookies(u) {
		return c.Value
	}
	p.t.Fatal("nobody is signed in")
	return ""
}

const (
	personAddress  = "someone@acme.test"
	personPassword = "canary of every passw0rd"
)

// setUp makes the first account of a hub by what its start has shown.
func (h *hub) setUp(t *testing.T) *person {
	t.Helper()
	token := regexp.MustCompile(`lh_frst_\w+`).FindString(h.out.String())
	if token == "" {
		t.Fatalf("no first-run token:\n%s", h.out)
	}
	p := newPerson(t)
	p.must(h, http.MethodPost, "setup", map[string]string{"token": token, "email": personAddress, "name": "Someone", "password": personPassword})
	return p
}

// signInOnTwoNodes: who signs in on one node is known on another, and what ends a
// session on one ends it on the other within a second.
func signInOnTwoNodes(live *pace, first, second *hub) {
	t := live.t
	t.Helper()
	if out := second.out.String(); !strings.Contains(out, "was shown before") || strings.Contains(out, "lh_frst_") {
		t.Errorf("the second node shows another first-run token:\n%s", out)
	}
	p := first.setUp(t)
	login := map[string]string{"email": personAddress, "password": personPassword}
	ended := func(what string, end func(p *person)) {
		t.Helper()
		end(p)
		since := time.Now()
		eventually(t, settleTimeout, what, func() error {
			if status := p.ask(second, http.MethodGet, "session", nil); status != http.StatusUnauthorized {
				return fmt.Errorf("status %d", status)
			}
			return nil
		})
		live.note(what, time.Since(since))
		p = newPerson(t)
		eventually(t, settleTimeout, "sign in again", func() error {
			if status := p.ask(second, http.MethodPost, "login", login); status != http.StatusOK {
				return errors.New(http.StatusText(status))
			}
			return nil
		})
	}
	elsewhere := newPerson(t)
	elsewhere.must(first, http.MethodPost, "login", login)
	p.must(second, http.MethodGet, "session", nil)
	p.must(second, http.MethodGet, "accounts", nil)
	ended("a session that was left is over", func(p *person) {
		u, err := url.Parse(first.url)
		if err != nil {
			t.Fatal(err)
		}
		kept := p.client.Jar.Cookies(u)
		p.must(first, http.MethodPost, "logout", map[string]string{})
		p.client.Jar.SetCookies(u, kept) // as somebody who had copied it
	})
	p.must(first, http.MethodGet, "session", nil)
	ended("a session is over when the password is another", func(*person) {
		login["password"] = "another " + personPassword
		elsewhere.must(first, http.MethodPost, "account/password", map[string]string{"current": personPassword, "password": login["password"]})
	})
	if out, code := command(t, "accounts", "disable", "--data", first.data, personAddress); code != 0 || !strings.Contains(out, "is disabled") {
		t.Fatalf("exit %d: %s", code, out)
	}
	eventually(t, settleTimeout, "a disabled account has no session", func() error {
		if status := p.ask(second, http.MethodGet, "session", nil); status != http.StatusUnauthorized {
			return fmt.Errorf("status %d", status)
		}
		return nil
	})
}
