package main_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The official clients of each dialect run against the hub, changed in nothing but
// base URL and key, over the wire formats of all vendors.

func TestOpenAISDK(t *testing.T)    { runSDK(t, "openai-sdk", "openai") }
func TestAnthropicSDK(t *testing.T) { runSDK(t, "anthropic-sdk", "@anthropic-ai/sdk") }
func TestGenAISDK(t *testing.T)     { runSDK(t, "genai-sdk", "@google/genai") }

// runSDK runs the client in testdata/dir, which needs a package.
func runSDK(t *testing.T, dir, needs string) {
	t.Parallel()
	dir = filepath.Join("testdata", dir)
	if _, err := os.Stat(filepath.Join(dir, "node_modules", needs)); err != nil {
		t.Fatalf("the SDK is missing, run `make test-deps`: %v", err)
	}
	v := startVendor(t)
	h := startHub(t, t.TempDir(), sdkArgs(t, v)...)
	cmd := exec.Command("node", "client.mjs")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "HUB_URL="+h.url, "HUB_KEY="+hubKey, "HUB_LIMITED_KEY="+limitedKey)
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Fatalf("%v\nhub: %s", err, h.out)
	}
	verified(t, h.data)
}

// sdkArgs are [serveArgs] with models that think: what they show of it is signed.
func sdkArgs(t *testing.T, v *vendor) []string {
	t.Helper()
	args := serveArgs(t, v)
	config, err := os.ReadFile(args[1])
	if err != nil {
		t.Fatal(err)
	}
	models := "models:\n"
	for _, m := range []struct{ provider, model string }{{"anthropic", "claude-fake"}, {"gemini", "gemini-3-fake"}} {
		models += fmt.Sprintf("  - {name: think-%[1]s, targets: [{provider: %[1]s, model: %[2]s+reasoning=8}]}\n", m.provider, m.model)
	}
	thinking := strings.Replace(string(config), "models:\n", models, 1)
	if err := os.WriteFile(args[1], []byte(thinking), 0o600); err != nil {
		t.Fatal(err)
	}
	return args
}
