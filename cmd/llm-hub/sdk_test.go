package main_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The clients of each dialect, changed in nothing but base URL and key, run against one
// hub, over the wire formats of all vendors.

// sdk is a client in a folder of testdata.
type sdk struct {
	name, dir string
	needs     string // what must be there
	command   []string
}

// sdks are the clients. To compile those in Go takes minutes of processor time, so they
// are for the long run.
func sdks() []sdk {
	var all []sdk
	for name, needs := range map[string]string{
		"openai": "openai", "anthropic": "@anthropic-ai/sdk", "genai": "@google/genai", "vercel": "ai", "langchain": "@langchain/core",
	} {
		all = append(all, sdk{name, name + "-sdk", filepath.Join("node_modules", needs), []string{"node", "client.mjs"}})
	}
	if os.Getenv("LLMHUB_TEST_FULL") != "" {
		for _, name := range []string{"openai", "anthropic"} {
			all = append(all, sdk{"go-" + name, "go-sdk", name, []string{"go", "run", "./" + name}})
		}
	}
	return all
}

func TestSDKs(t *testing.T) {
	t.Parallel()
	v := startVendor(t)
	h := startHub(t, t.TempDir(), sdkArgs(t, v)...)
	t.Run("clients", func(t *testing.T) {
		for _, client := range sdks() {
			t.Run(client.name, func(t *testing.T) {
				t.Parallel()
				client.run(t, h)
			})
		}
		t.Run("openapi", h.checkOpenAPI)
		t.Run("contract", h.checkContract)
		t.Run("edges", h.checkEdges)
	})
	verified(t, h.data)
}

func (c sdk) run(t *testing.T, h *hub) {
	t.Helper()
	dir := filepath.Join("testdata", c.dir)
	if _, err := os.Stat(filepath.Join(dir, c.needs)); err != nil {
		t.Fatalf("the SDK is missing, run `make test-deps`: %v", err)
	}
	cmd := exec.Command(c.command[0], c.command[1:]...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "HUB_URL="+h.url, "HUB_KEY="+hubKey, "HUB_LIMITED_KEY="+c.limitedKey())
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Fatalf("%v\nhub: %s", err, h.out)
	}
}

// limitedKey is the client's own key that may make one request a day.
func (c sdk) limitedKey() string { return limitedKey + "-" + c.name }

// sdkArgs are [serveArgs] with models that think, what they show of it is signed, with
// a limited key for every client, and with answers that are kept.
func sdkArgs(t *testing.T, v *vendor) []string {
	t.Helper()
	args := serveArgs(t, v)
	config, err := os.ReadFile(args[1])
	if err != nil {
		t.Fatal(err)
	}
	models := "models:\n"
	for _, m := range []struct{ provider, model string }{{"openai", "gpt-fake"}, {"anthropic", "claude-fake"}, {"gemini", "gemini-3-fake"}} {
		models += fmt.Sprintf("  - {name: think-%[1]s, targets: [{provider: %[1]s, model: %[2]s+reasoning=8}]}\n", m.provider, m.model)
	}
	keys := "    keys:\n"
	for _, client := range sdks() {
		keys += fmt.Sprintf("      - {name: limited-%s, key: %s, limits: [{per: day, requests: 1}]}\n", client.name, client.limitedKey())
	}
	more := strings.NewReplacer(
		"models:\n", models, "    keys:\n", keys, "settings:\n", "settings:\n  retention: {content_days: 1}\n",
	).Replace(string(config))
	if err := os.WriteFile(args[1], []byte(more), 0o600); err != nil {
		t.Fatal(err)
	}
	return args
}
