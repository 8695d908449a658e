package main_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestFromNothing is a new operator's way: a hub without any configuration, and four
// commands later the first answer.
func TestFromNothing(t *testing.T) {
	t.Parallel()
	v := startVendor(t)
	h := startHub(t, t.TempDir(), "--allow-private-cidrs", "127.0.0.0/8")
	if !strings.Contains(h.out.String(), "No vendor found") {
		t.Errorf("it does not say what it lacks:\n%s", h.out)
	}
	give := func(noun, spec string) {
		t.Helper()
		file := filepath.Join(t.TempDir(), noun)
		if err := os.WriteFile(file, []byte(spec), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, code := command(t, noun, "create", "--data", h.data, "-f", file); code != 0 {
			t.Fatalf("%s: exit %d\n%s", noun, code, out)
		}
	}
	give("providers", fmt.Sprintf(`{"name": "openai", "kind": "openai", "base_url": "%s/openai/v1", "credentials": [{"name": "main", "api_key": "sk-1"}]}`, v.url))
	give("models", `{"name": "smart", "targets": [{"provider": "openai", "model": "gpt-fake"}]}`)
	give("tenants", `{"name": "acme"}`)
	out, code := command(t, "keys", "create", "--data", h.data, "--tenant", "acme", "ci")
	key := regexp.MustCompile(`lh_live_\w+`).FindString(out)
	if code != 0 || key == "" {
		t.Fatalf("keys: exit %d\n%s", code, out)
	}
	a, err := h.chatAs(t.Context(), key, map[string]any{"model": "smart", "messages": []map[string]string{{"role": "user", "content": "Hello"}}})
	if err != nil || a.status != http.StatusOK || !a.complete {
		t.Errorf("%d %s, %v", a.status, a.body, err)
	}
}
