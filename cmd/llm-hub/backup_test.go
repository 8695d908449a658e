package main_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// backups are what a hub leaves that is backed up before and after its master key is
// rotated, while requests run.
type backups struct {
	dir           string
	before, after string // backups
	both          string // file of both master keys, the new one first
	old, new      string // files of one each
}

// says runs a command and gives what it says in both ways.
func says(t *testing.T, env []string, args ...string) (text string, code int) {
	t.Helper()
	cmd := exec.Command(filepath.Join(binDir, "llm-hub"), args...)
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return string(out), exit.ExitCode()
	}
	if err != nil {
		t.Fatal(err)
	}
	return string(out), 0
}

// must runs a command that must succeed, and gives what it says.
func must(t *testing.T, args ...string) string {
	t.Helper()
	out, code := says(t, nil, args...)
	if code != 0 {
		t.Fatalf("llm-hub %v: exit %d\n%s", args, code, out)
	}
	return out
}

func writeText(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func readText(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// backedUp makes the backups of a running hub; live is what the hub had at the second.
func backedUp(t *testing.T, h *hub) (b backups) {
	t.Helper()
	b.dir = t.TempDir()
	at := func(name string) string { return filepath.Join(b.dir, name) }
	b.before, b.after = at("before.tar"), at("after.tar")
	stop, running := make(chan struct{}), make(chan struct{})
	go func() { // a backup is made of a hub that works
		defer close(running)
		for {
			select {
			case <-stop:
				return
			default:
				h.load(8, 7, []string{"fake-openai", "fake-anthropic"})
			}
		}
	}()
	h.load(40, 1, []string{"fake-openai", "fake-gemini", "broken"})
	must(t, "backup", "--data", h.data, "--to", b.before, "--plaintext")
	b.old = writeText(t, at("old.key"), readText(t, filepath.Join(h.data, "master.key")))
	must(t, "master-key", "rotate", "--data", h.data)
	b.new = writeText(t, at("new.key"), readText(t, filepath.Join(h.data, "master.key")))
	b.both = writeText(t, at("both.key"), readText(t, b.new)+readText(t, b.old))
	close(stop)
	<-running
	h.drained()
	must(t, "backup", "--data", h.data, "--to", b.after, "--plaintext")
	return b
}

// TestBackup: what a backup was made of is there again, to the byte and to the
// nano-dollar, with the right master key alone or among others; with a wrong one it is
// said which one is needed.
func TestBackup(t *testing.T) {
	t.Parallel()
	v := startVendor(t)
	h := startHub(t, t.TempDir(), "--config", writeConfig(t, v.url), "--allow-private-cidrs", "127.0.0.0/8")
	b := backedUp(t, h)
	if bytes.Contains([]byte(readText(t, b.after)), []byte(canary)) {
		t.Error("a secret is in clear in the backup")
	}
	history := must(t, "replay", "--data", h.data, "--format", "jsonl")
	audit, _ := command(t, "audit", "export", "--data", h.data)
	verify := must(t, "verify", "--data", h.data)
	if err := h.interrupt(); err != nil {
		t.Fatal(err)
	}

	for name, tt := range map[string]struct {
		from, key string
		whole     bool // it has all that the hub had
	}{
		"before, old key":   {b.before, b.old, false},
		"before, both keys": {b.before, b.both, false},
		"after, new key":    {b.after, b.new, true},
		"after, both keys":  {b.after, b.both, true},
	} {
		data := filepath.Join(b.dir, strings.ReplaceAll(name, ", ", "-"))
		must(t, "restore", "--from", tt.from, "--data", data, "--master-key-file", tt.key)
		got := must(t, "replay", "--data", data, "--format", "jsonl")
		if got == "" || !strings.HasPrefix(history, got) || tt.whole && got != history {
			t.Errorf("%s: %d bytes of history of %d, or other ones", name, len(got), len(history))
		}
		if out := must(t, "verify", "--data", data); tt.whole && firstLines(out) != firstLines(verify) {
			t.Errorf("%s: verified as\n%s\nwas\n%s", name, out, verify)
		}
		must(t, "verify", "--audit", "--data", data)
		if out, _ := command(t, "audit", "export", "--data", data); !strings.HasPrefix(audit, out) || tt.whole && out != audit {
			t.Errorf("%s: another audit", name)
		}
		if out := must(t, "users", "list", "--data", data); !strings.Contains(out, "someone@acme.test") {
			t.Errorf("%s: what was sealed does not open:\n%s", name, out)
		}
	}
	wrongKeys(t, b)
	servesAgain(t, filepath.Join(b.dir, "after-new key"))
}

// firstLines are those of verify that tell of the log and the counters.
func firstLines(out string) string {
	text, _, _ := strings.Cut(out, "  tables")
	return text
}

func wrongKeys(t *testing.T, b backups) {
	t.Helper()
	for name, tt := range map[string]struct{ from, key string }{"before, new key": {b.before, b.new}, "after, old key": {b.after, b.old}} {
		data := filepath.Join(b.dir, "wrong")
		out, code := says(t, nil, "restore", "--from", tt.from, "--data", data, "--master-key-file", tt.key)
		if code != 2 || !regexp.MustCompile(`--master-key-file: the backup is sealed by master key [0-9a-f]{12}; given is [0-9a-f]{12}:`).MatchString(out) {
			t.Errorf("%s: exit %d\n%s", name, code, out)
		}
		if left, _ := filepath.Glob(data + "*"); len(left) > 0 {
			t.Errorf("%s: left %v", name, left)
		}
	}
}

// servesAgain starts the restored hub: it answers, and its books go on.
func servesAgain(t *testing.T, data string) {
	t.Helper()
	h := startHub(t, data, "--allow-private-cidrs", "127.0.0.0/8")
	if a, err := h.chat(t.Context(), "fake-openai", false, "hello"); err != nil || !a.complete {
		t.Errorf("%+v, %v", a, err)
	}
	h.drained()
	verified(t, data)
}

// TestBackupRefused: a backup is encrypted or said not to be; one that is cut off, was
// changed, or is for somebody else is refused and leaves nothing; a directory that has
// something in it is left alone.
func TestBackupRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	hub := at("hub")
	if err := os.Mkdir(hub, 0o700); err != nil {
		t.Fatal(err)
	}
	pass := []string{"LLMHUB_BACKUP_PASSPHRASE=words that nobody guesses"}
	for _, tt := range []struct {
		env  []string
		args []string
		code int
		want string
	}{
		{nil, []string{"backup", "--data", hub, "--to", at("none")}, 2, "--recipient, LLMHUB_BACKUP_PASSPHRASE or --plaintext"},
		{nil, []string{"backup", "--data", hub, "--to", at("none"), "--recipient", "age1nonsense"}, 2, "not a recipient"},
		{nil, []string{"backup", "--data", hub, "--to", at("plain"), "--plaintext"}, 0, "ok: 6 parts"},
		{nil, []string{"backup", "--data", hub, "--to", at("plain"), "--plaintext"}, 2, "--to"},
		{pass, []string{"backup", "--data", hub, "--to", at("sealed")}, 0, "ok: 6 parts"},
		{nil, []string{"restore", "--from", at("sealed"), "--data", at("r")}, 2, "--identity or LLMHUB_BACKUP_PASSPHRASE: the backup is encrypted"},
		{[]string{"LLMHUB_BACKUP_PASSPHRASE=others"}, []string{"restore", "--from", at("sealed"), "--data", at("r")}, 1, "another key or passphrase"},
		{pass, []string{"restore", "--from", at("sealed"), "--data", hub}, 2, "--data: " + hub + " is not empty"},
		{pass, []string{"restore", "--from", at("sealed"), "--data", at("r")}, 0, "Put the master key to"},
		{nil, []string{"restore", "--from", at("nowhere"), "--data", at("r2")}, 2, "--from"},
	} {
		if out, code := says(t, tt.env, tt.args...); code != tt.code || !strings.Contains(out, tt.want) {
			t.Errorf("llm-hub %v: exit %d, want %d\n%s", tt.args, code, tt.code, out)
		}
	}
	for _, none := range []string{"none", "r2", "r2.restoring"} {
		if _, err := os.Stat(at(none)); err == nil {
			t.Errorf("%s is left", none)
		}
	}
	plain := readText(t, at("plain"))
	for name, tt := range map[string]struct{ text, want string }{
		"cut":     {plain[:strings.Index(plain, "HUB_TRAFFIC/end.json")], "part HUB_TRAFFIC: it is cut off"},
		"changed": {strings.Replace(plain, `"name":"HUB_CONTROL"`, `"name":"HUB_CONTROl"`, 1), "HUB_CONTROL"},
		"other":   {"something else", "its start"},
	} {
		if name == "changed" && tt.text == plain {
			t.Fatal("nothing was changed")
		}
		from := writeText(t, at(name), tt.text)
		if out, code := says(t, nil, "restore", "--from", from, "--data", at("x")); code != 1 || !strings.Contains(out, tt.want) {
			t.Errorf("%s: exit %d\n%s", name, code, out)
		}
		if left, _ := filepath.Glob(at("x*")); len(left) > 0 {
			t.Errorf("%s: left %v", name, left)
		}
	}
}
