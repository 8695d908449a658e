package main_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// limitedKey may make one request a day.
const limitedKey = "test-limited-key-0123456789-0123456789-01"

// canary marks everything secret, so that it can be looked for afterwards.
const canary = "canary5ecret"

// writeConfig writes a hub.yaml for a vendor process. Each vendor's model can be
// reached alone, misbehaving, and behind a fallback.
func writeConfig(t *testing.T, vendorURL string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "hub.yaml")
	var b strings.Builder
	fmt.Fprintf(&b, `providers:
  - {name: openai, kind: openai, base_url: "%[1]s/openai/v1", credentials: [{name: main, api_key: %[2]s-openai-1}, {name: spare, api_key: %[2]s-openai-2}]}
  - {name: anthropic, kind: anthropic, base_url: "%[1]s/anthropic", credentials: [{name: main, api_key: %[2]s-anthropic-1}]}
  - {name: gemini, kind: gemini, base_url: "%[1]s/gemini", credentials: [{name: main, api_key: %[2]s-gemini-1}]}
  - {name: cohere, kind: cohere, base_url: "%[1]s/cohere", credentials: [{name: main, api_key: %[2]s-cohere-1}]}
models:
`, vendorURL, canary)
	for _, v := range []struct{ provider, model string }{{"openai", "gpt-fake"}, {"anthropic", "claude-fake"}, {"gemini", "gemini-fake"}, {"cohere", "command-fake"}} {
		fmt.Fprintf(&b, "  - {name: fake-%[1]s, targets: [{provider: %[1]s, model: %[2]s}]}\n", v.provider, v.model)
		for name, directive := range map[string]string{
			"cut": "cut=3", "slow": "delay=5ms", "nousage": "usage=none",
			"details": "cached=4+reasoning=5",
		} {
			fmt.Fprintf(&b, "  - {name: %s-%s, targets: [{provider: %s, model: %s+%s}]}\n", name, v.provider, v.provider, v.model, directive)
		}
	}
	b.WriteString(`  - {name: limited, targets: [{provider: openai, model: "gpt-fake+429:after=1", priority: 1}, {provider: gemini, model: gemini-fake, priority: 2}]}
  - {name: broken, targets: [{provider: anthropic, model: claude-fake+529, priority: 1}, {provider: openai, model: gpt-fake, priority: 2}]}
  - {name: flaky, targets: [{provider: gemini, model: "gemini-fake+500:p=0.5", priority: 1}, {provider: anthropic, model: claude-fake, priority: 2}]}
tenants:
  - name: acme
    users: [{email: someone@acme.test, role: member}]
    keys:
`)
	fmt.Fprintf(&b, "      - {name: ci, key: %s}\n      - {name: limited, key: %s, limits: [{per: day, requests: 1}]}\n", hubKey, limitedKey)
	b.WriteString("settings:\n  time_zone: " + steadyZone() + "\n")
	b.WriteString(`  prices:
    - {model: gpt-fake, input: "2.50", output: "10", cache_read: "1.25"}
    - {model: claude-fake, input: "3", output: "15", cache_read: "0.30", cache_write: "3.75"}
    - {model: gemini-fake, input: "0.30", output: "2.50", cache_read: "0.075"}
    - {model: command-fake, input: "2.50", output: "10", search_units: "0.002"}
`)
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// serveArgs are the flags for a vendor on loopback.
func serveArgs(t *testing.T, v *vendor) []string {
	t.Helper()
	return []string{"--config", writeConfig(t, v.url), "--allow-private-cidrs", "127.0.0.0/8"}
}
