package main_test

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestCanarySecrets plants a secret of every kind in one hub, uses them well and badly, and
// then looks for each of them in every place where something is kept or shown.
func TestCanarySecrets(t *testing.T) {
	t.Parallel()
	v := startVendor(t)
	config := withSettings(t, writeConfig(t, v.url), "  registration: invite\n  webhooks: [{url: "+v.url+"/hook, secret: "+canary+"-webhook-0123456789-0123456789}]\n")
	h := startHub(t, t.TempDir(), "--config", config, "--allow-private-cidrs", "127.0.0.0/8", "--archive", filepath.Join(t.TempDir(), "archive"))
	r := &canaryRun{hub: h, objects: map[string]string{}}
	r.plant(t)
	failed := r.use(t)
	r.drained()
	r.look(t, place{"answers to applications", failed, "error"})
	r.look(t, place{"answers to what is wrong", r.misuse(t), `"status":401`})
	for _, p := range r.shown(t) {
		r.look(t, p)
	}
	verified(t, r.data)
	if err := r.interrupt(); err != nil {
		t.Fatal(err)
	}
	for _, p := range r.kept(t) {
		r.look(t, p)
	}
}

// canaryRun is a hub in which secrets are planted.
type canaryRun struct {
	*hub
	person  *person
	secrets []planted
	objects map[string]string // of routes with parameters: what to ask for
	backup  string            // file
}

// planted is a secret.
type planted struct {
	name, text string
	belongs    []string // places that hold or show it on purpose
}

// place is where a secret might be.
type place struct {
	name, text string
	has        string // what is surely in it: whoever cannot find this would find no secret either
}

func (r *canaryRun) add(name, text string, belongs ...string) {
	r.secrets = append(r.secrets, planted{name, text, belongs})
}

// look fails for every secret that is in a place without belonging there.
func (r *canaryRun) look(t *testing.T, p place) {
	t.Helper()
	if !strings.Contains(p.text, p.has) {
		t.Errorf("%s: %d bytes without %q are not what was to be searched: %.200s", p.name, len(p.text), p.has, p.text)
	}
	for _, s := range r.secrets {
		if len(s.text) < len("canarypr0mpt") {
			t.Fatalf("%s: %q is found by chance", s.name, s.text)
		}
		at := strings.Index(p.text, s.text)
		if at >= 0 && !slices.Contains(s.belongs, p.name) {
			t.Errorf("%s is in %s: ...%s", s.name, p.name, p.text[max(0, at-200):min(len(p.text), at+len(s.text)+40)])
		}
	}
}

// use sends requests that may fail in every way, and gives what was said of those that did.
func (r *canaryRun) use(t *testing.T) string {
	t.Helper()
	var failed strings.Builder
	for _, model := range []string{"fake-openai", "fake-anthropic", "fake-gemini", "cut-openai", "broken", "flaky", "limited", "no-such-model"} {
		for _, stream := range []bool{false, true} {
			a, err := r.chat(context.Background(), model, stream, canaryPrompt)
			if err != nil {
				t.Fatal(err)
			}
			if a.failed {
				failed.WriteString(a.body)
			}
			if model == "fake-openai" {
				r.objects["requests/{id}"] = "requests/" + a.request
			}
		}
	}
	for _, body := range []string{`{`, `{"model":"fake-openai","messages":"` + canaryPrompt + `"}`, `{"model":"` + hubKey + `","messages":[]}`} {
		a, err := r.post(context.Background(), []byte(body))
		if err != nil || a.status != 400 {
			t.Fatalf("%s: status %d, %v", body, a.status, err)
		}
		failed.WriteString(strings.ReplaceAll(a.body, hubKey, "")) // an unknown model's name is given back
	}
	return failed.String()
}

// kept is what a stopped hub leaves: what it has said, its files, the messages and rows in
// them as whoever reads them gets them, and those of its backup.
func (r *canaryRun) kept(t *testing.T) []place {
	t.Helper()
	restored := filepath.Join(t.TempDir(), "restored")
	must(t, "restore", "--from", r.backup, "--data", restored)
	places := []place{
		{"the output", r.said(t), "listens on"},
		{"messages of the log", messagesOf(t, r.data), "fake-openai"},
		{"messages of the backup", messagesOf(t, restored), "fake-openai"},
		{"rows of ClickHouse", rowsOf(t, r.data), "fake-openai"},
	}
	err := filepath.WalkDir(r.data, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(path)
		places = append(places, place{"file " + strings.TrimPrefix(path, r.data+"/"), string(b), ""})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return places
}

// said is the output without the one line that shows the first-run token.
func (r *canaryRun) said(t *testing.T) string {
	t.Helper()
	before, after, shown := strings.Cut(r.out.String(), "  "+r.firstRun(t)+"\n")
	if !shown {
		t.Error("the first-run token is not on a line of its own")
	}
	return before + after
}
