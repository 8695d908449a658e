package main_test

import (
	"bytes"
	"context"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestCanarySecrets sends secrets and prompts through every path that may fail,
// and then looks for them in everything that is kept or shown.
func TestCanarySecrets(t *testing.T) {
	t.Parallel()
	const prompt = "canarypr0mpt"
	v := startVendor(t)
	h := startHub(t, t.TempDir(), serveArgs(t, v)...)
	someone := h.setUp(t)
	session := someone.session(h)
	someone.must(h, http.MethodGet, "session", nil)
	if status := newPerson(t).ask(h, http.MethodPost, "login", map[string]string{"email": personPassword, "password": personPassword + "!"}); status != http.StatusUnauthorized {
		t.Errorf("status %d", status)
	}
	var shown bytes.Buffer
	for _, model := range []string{"fake-openai", "fake-anthropic", "fake-gemini", "cut-openai", "broken", "flaky", "limited", "no-such-model"} {
		for _, stream := range []bool{false, true} {
			a, err := h.chat(context.Background(), model, stream, prompt)
			if err != nil {
				t.Fatal(err)
			}
			if a.failed {
				shown.WriteString(a.body)
			}
		}
	}
	for _, body := range []string{`{`, `{"model":"fake-openai","messages":"` + prompt + `"}`, `{"model":"` + hubKey + `","messages":[]}`} {
		a, err := h.post(context.Background(), []byte(body))
		if err != nil {
			t.Fatal(err)
		}
		if a.status != http.StatusBadRequest {
			t.Errorf("%s: status %d", body, a.status)
		}
		shown.WriteString(strings.ReplaceAll(a.body, hubKey, "")) // an unknown model's name is given back
	}
	h.drained()
	for _, path := range []string{h.metrics + "/metrics", h.url + "/readyz"} {
		resp, err := http.Get(path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(&shown, resp.Body); err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	verified(t, h.data)
	events, _ := command(t, "replay", "--data", h.data, "--format", "jsonl")
	shown.WriteString(events)
	if err := h.interrupt(); err != nil {
		t.Fatal(err)
	}
	shown.WriteString(h.out.String())

	secrets := []string{canary, hubKey, limitedKey, h.token, prompt, personAddress, personPassword, session}
	for _, s := range secrets {
		if strings.Contains(shown.String(), s) {
			t.Errorf("%q is shown", s)
		}
	}
	err := filepath.WalkDir(h.data, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || filepath.Base(path) == "operator.token" {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, s := range secrets {
			if bytes.Contains(b, []byte(s)) {
				t.Errorf("%q is kept in %s", s, path)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
