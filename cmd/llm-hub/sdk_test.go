package main_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestOpenAISDK runs OpenAI's own client against the hub, changed in nothing but
// base URL and key, over all three wire formats.
func TestOpenAISDK(t *testing.T) {
	t.Parallel()
	const dir = "testdata/openai-sdk"
	if _, err := os.Stat(filepath.Join(dir, "node_modules", "openai")); err != nil {
		t.Fatalf("the SDK is missing, run `make test-deps`: %v", err)
	}
	v := startVendor(t)
	h := startHub(t, t.TempDir(), serveArgs(t, v)...)
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
