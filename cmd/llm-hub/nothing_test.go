package main_test

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// TestFromNothing is a new operator's way: a hub without any configuration, and the
// commands of the README, as they stand there, to the first answer. Only where the hub
// and the vendor are is another.
func TestFromNothing(t *testing.T) {
	t.Parallel()
	script := fromReadme(t, "## From nothing to the first call")
	lines := strings.Split(strings.TrimSpace(script), "\n")
	if len(lines) >= 10 || !strings.HasPrefix(lines[0], "bin/llm-hub serve --data data") {
		t.Fatalf("%d commands:\n%s", len(lines), script)
	}
	v := startVendor(t)
	h := startHub(t, t.TempDir(), "--allow-private-cidrs", "127.0.0.0/8")
	if !strings.Contains(h.out.String(), "No vendor found") {
		t.Errorf("it does not say what it lacks:\n%s", h.out)
	}
	here := map[string]string{
		"http://127.0.0.1:4000": h.url, "data/operator.token": "'" + h.data + "/operator.token'", "gpt-5.2": "gpt-fake",
		`"kind": "openai",`: `"kind": "openai", "base_url": "` + v.url + `/openai/v1",`,
	}
	rest := strings.Join(lines[1:], "\n")
	for old, now := range here {
		if !strings.Contains(rest, old) {
			t.Errorf("%q is not in\n%s", old, rest)
		}
		rest = strings.ReplaceAll(rest, old, now)
	}
	sh := exec.Command("sh", "-e")
	sh.Stdin, sh.Env = strings.NewReader(rest), append(os.Environ(), "OPENAI_API_KEY=sk-1")
	out, err := sh.CombinedOutput()
	if err != nil || !regexp.MustCompile(`"object":\s*"chat.completion"`).Match(out) || !regexp.MustCompile(`"finish_reason":\s*"stop"`).Match(out) {
		t.Errorf("%v\n%s", err, out)
	}
}

// fromReadme is the first block of commands below a heading of the README.
func fromReadme(t *testing.T, heading string) string {
	t.Helper()
	_, below, found := strings.Cut(readText(t, "../../README.md"), heading+"\n")
	_, block, open := strings.Cut(below, "\n```sh\n")
	block, _, closed := strings.Cut(block, "\n```\n")
	if !found || !open || !closed {
		t.Fatalf("the README has no commands below %q", heading)
	}
	return block
}
