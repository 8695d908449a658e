package control_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway/control"
)

func TestGenerateKey(t *testing.T) {
	form := regexp.MustCompile(`^lh_live_[0-9A-Za-z]{12}_[0-9A-Za-z]{49}$`)
	first, second := control.GenerateKey(), control.GenerateKey()
	if first.Equal(second) {
		t.Error("two keys are alike")
	}
	text := first.Reveal()
	if !form.MatchString(text) || !control.WellFormed(text) {
		t.Errorf("key %q", text)
	}
	for i := len("lh_live_"); i < len(text); i++ {
		other := byte('x')
		if text[i] == other {
			other = 'y'
		}
		if control.WellFormed(text[:i] + string(other) + text[i+1:]) {
			t.Errorf("a mistake in character %d is not noticed", i)
		}
	}
	if control.WellFormed(text[:len(text)-1]) || control.WellFormed(text+"0") {
		t.Error("a wrong length is not noticed")
	}
	if !control.WellFormed("sk-of-another-form") {
		t.Error("a key of another form is judged")
	}
}

func TestKeyFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.json")
	store := control.KeyFile(path)
	if none, err := store.Find("acme", "ci"); err != nil || !none.Empty() {
		t.Fatalf("without a file: %v", err)
	}
	first, err := store.Keep("acme", "ci")
	if err != nil || !control.WellFormed(first.Reveal()) {
		t.Fatalf("first: %v", err)
	}
	if other, err := store.Keep("acme", "other"); err != nil || other.Equal(first) {
		t.Fatalf("other: %v", err)
	}
	for name, get := range map[string]func(events.TenantID, string) (control.Secret, error){"found": store.Find, "kept": store.Keep} {
		if again, err := get("acme", "ci"); err != nil || !again.Equal(first) {
			t.Errorf("%s: the same %t, %v", name, again.Equal(first), err)
		}
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if entries, _ := os.ReadDir(filepath.Dir(path)); len(entries) != 1 {
		t.Errorf("left behind: %v", entries)
	}
	if err := os.WriteFile(path, []byte(`{"acme/ci": "`+first.Reveal()), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Find("acme", "ci"); err == nil || strings.Contains(err.Error(), first.Reveal()) || !strings.Contains(err.Error(), path) {
		t.Errorf("a torn file: %v", err)
	}
	if _, err := control.KeyFile(filepath.Join(path, "below")).Keep("acme", "ci"); err == nil {
		t.Error("a path that cannot be")
	}
}

func TestUserID(t *testing.T) {
	id := control.UserID("acme", "a@acme.test")
	if !regexp.MustCompile(`^u_[0-9a-f]{16}$`).MatchString(id) || !events.ValidID(id) {
		t.Errorf("id %q", id)
	}
	if control.UserID("acme", "A@ACME.test") != id || control.UserID("other", "a@acme.test") == id || control.UserID("acme", "b@acme.test") == id {
		t.Error("ids do not tell people apart as they should")
	}
}

func TestVersion(t *testing.T) {
	text, err := os.ReadFile("testdata/full.yaml")
	if err != nil {
		t.Fatal(err)
	}
	version := func(edits ...string) string {
		t.Helper()
		w, err := loader().Parse([]byte(strings.NewReplacer(edits...).Replace(string(text))), "testdata/x.yaml")
		c := catalogOf(t, w, err)
		return c.Version
	}
	base := version()
	if same := version("# Every key", "# Another comment", "{connect: 2s, first_byte: 30s,", "{first_byte: 30s, connect: 2000ms,"); same != base {
		t.Errorf("form: %s, want %s", same, base)
	}
	if same := version("literal-key", "another-key"); same != base {
		t.Errorf("a secret changes the version: %s, want %s", same, base)
	}
	for name, edit := range map[string][]string{
		"limit":  {"requests: 60", "requests: 61"},
		"target": {"gpt-x, priority: 1", "gpt-x, priority: 3"},
		"price":  {`input: "0.15"`, `input: "0.16"`},
		"zone":   {"Europe/Berlin", "UTC"},
	} {
		if version(edit...) == base {
			t.Errorf("%s does not change the version", name)
		}
	}
	if !regexp.MustCompile(`^[0-9a-f]{16}$`).MatchString(base) {
		t.Errorf("version %q", base)
	}
}

func TestFromEnvironment(t *testing.T) {
	l := loader()
	l.Env = func(name string) (string, bool) {
		v, ok := map[string]string{"OPENAI_API_KEY": "sk-1", "GOOGLE_API_KEY": "g-1", "GEMINI_API_KEY": "", "ANTHROPIC_API_KEY": ""}[name]
		return v, ok
	}
	var probed []string
	w, notices, err := l.FromEnvironment(func(baseURL string) ([]string, error) {
		probed = append(probed, baseURL)
		return []string{"llama3:8b", "older"}, nil
	})
	c := catalogOf(t, w, err)
	if diff := cmp.Diff([]string{"http://127.0.0.1:11434/v1"}, probed); diff != "" {
		t.Errorf("probed (-want +got):\n%s", diff)
	}
	got := map[string][]string{}
	for name, m := range c.Models {
		for i, target := range m.Targets {
			if target.Priority != i+1 {
				t.Errorf("%s: target %d has priority %d", name, i, target.Priority)
			}
			got[name] = append(got[name], target.Provider.Name+"/"+target.Model)
		}
	}
	want := map[string][]string{
		"smart": {"openai/gpt-s", "gemini/gem-s", "ollama/llama3:8b"},
		"fast":  {"openai/gpt-f", "gemini/gem-f", "ollama/llama3:8b"},
		"cheap": {"openai/gpt-f", "gemini/gem-c", "ollama/llama3:8b"},
		"any":   {"openai/gpt-f", "gemini/gem-c", "ollama/llama3:8b", "gemini/gem-f", "openai/gpt-s", "gemini/gem-s"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("models (-want +got):\n%s", diff)
	}
	if key := c.Providers["gemini"].Credentials[0].APIKey; key.Reveal() != "g-1" {
		t.Error("the second usual variable is not used")
	}
	if tenant := c.Tenants["default"]; tenant == nil || len(tenant.Keys) != 1 || tenant.Keys[0].Name != "default" {
		t.Errorf("tenant %+v", tenant)
	}
	var texts []string
	for _, n := range notices {
		texts = append(texts, n.Text)
	}
	wantTexts := []string{
		"found openai by OPENAI_API_KEY", "found gemini by GOOGLE_API_KEY",
		"found ollama at http://127.0.0.1:11434/v1, using its model llama3:8b",
	}
	if diff := cmp.Diff(wantTexts, texts); diff != "" {
		t.Errorf("notices (-want +got):\n%s", diff)
	}
}

func TestFromEnvironmentFails(t *testing.T) {
	absent := func(string) ([]string, error) { return nil, errors.New("connection refused") }
	tests := []struct {
		name, value, want string
		probe             func(string) ([]string, error)
	}{
		{"nothing", "", "no vendor found: set OPENAI_API_KEY, ANTHROPIC_API_KEY, GEMINI_API_KEY, ..., start Ollama, or give a configuration file", absent},
		{"nothing probed", "", "no vendor found: set OPENAI_API_KEY, ANTHROPIC_API_KEY, GEMINI_API_KEY, ..., start Ollama, or give a configuration file", nil},
		{"unfit", "two words", "environment: OPENAI_API_KEY: has a space or a character that is not visible ASCII", absent},
		{"odd model", "sk-1", `environment: ollama: lists a model whose name has a space or a character that is not visible ASCII`, func(string) ([]string, error) { return []string{"a b"}, nil }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := loader()
			l.Env = func(name string) (string, bool) { return tt.value, name == "OPENAI_API_KEY" && tt.value != "" }
			if tt.value == "" {
				l.Env = nil
			}
			c, _, err := l.FromEnvironment(tt.probe)
			if c != nil || err == nil || err.Error() != tt.want {
				t.Errorf("catalog %v, error %v\nwant %s", c, err, tt.want)
			}
		})
	}
}

func TestDemo(t *testing.T) {
	demo := control.Demo{OpenAI: "http://127.0.0.1:1/openai/v1", Anthropic: "http://127.0.0.1:1/anthropic", Gemini: "http://127.0.0.1:1/gemini"}
	l := loader()
	w, err := l.Demo(demo)
	c := catalogOf(t, w, err)
	if len(c.Tenants["demo"].Keys) != 1 {
		t.Errorf("tenant %+v", c.Tenants["demo"])
	}
	names := slices.Sorted(maps.Keys(c.Models))
	if diff := cmp.Diff([]string{"any", "cheap", "fake-anthropic", "fake-gemini", "fake-openai", "fast", "smart"}, names); diff != "" {
		t.Errorf("models (-want +got):\n%s", diff)
	}
	for _, m := range c.Models {
		for _, target := range m.Targets {
			if len(target.Provider.Credentials) != 2 || !strings.HasPrefix(target.Provider.BaseURL, "http://127.0.0.1:1/"+target.Provider.Kind) {
				t.Errorf("provider %+v", target.Provider)
			}
			all := events.Usage{Input: 1, Output: 1, CacheRead: 1, CacheWrite: 1, Reasoning: 1}
			if charge := c.Prices.Price(accounting.Item{Kind: target.Provider.Kind, Model: target.Model}, all); charge.CostNanoUSD == nil {
				t.Errorf("%s has no price", target.Model)
			}
		}
	}
	demo.Key = `a-key-with-"quotes"-and-\backslashes\`
	w, err = l.Demo(demo)
	if catalogOf(t, w, err).KeyBySecret(demo.Key) == nil {
		t.Error("the key is not the one that was given")
	}
	demo.OpenAI = ""
	if _, err := l.Demo(demo); len(control.Mistakes(err)) != 1 {
		t.Errorf("without an address: %v", err)
	}
}

func TestLive(t *testing.T) {
	first, second := full(t), full(t)
	live := control.NewLive(first)
	held := live.Current()
	live.Replace(second)
	if held != first || live.Current() != second {
		t.Error("the catalog in force is not the last one given")
	}
}

func TestLoadErrors(t *testing.T) {
	if _, err := loader().Load("testdata/none.yaml"); !errors.Is(err, fs.ErrNotExist) || control.Mistakes(err) != nil {
		t.Errorf("no such file: %v", err)
	}
	l := loader()
	l.Prices = nil
	if _, err := l.Load("testdata/full.yaml"); err == nil || !strings.Contains(err.Error(), "Prices") {
		t.Errorf("without prices: %v", err)
	}
}

// TestHostile feeds texts that parsers have choked on.
func TestHostile(t *testing.T) {
	const n = 10_000
	for name, text := range map[string]string{
		"brackets":      strings.Repeat("[", n),
		"braces":        strings.Repeat("{a: ", n),
		"dashes":        strings.Repeat("- ", n),
		"questions":     strings.Repeat("? ", n),
		"tags":          strings.Repeat("!!a ", n),
		"anchors":       strings.Repeat("&a ", n),
		"mixed":         strings.Repeat("- ? ", n),
		"in brackets":   "[" + strings.Repeat("? ", n),
		"colons":        strings.Repeat("a: ", n),
		"long line":     strings.Repeat("a", n) + ": b",
		"laughs":        "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n",
		"too large":     "# " + strings.Repeat("x", 5<<20),
		"nul":           "a: \x00",
		"not UTF-8":     "providers: \xff\xfe",
		"byte order":    "\ufeff{}: x",
		"carriage":      "a: b\rc: d\r\n",
		"merge":         "<<: {a: b}\n",
		"complex key":   "{[a, b]: c}\n",
		"null key":      "null: x\n: y\n",
		"literal block": "providers: |\n  - a\n",
	} {
		t.Run(name, func(t *testing.T) {
			c, err := loader().Parse([]byte(text), "x.yaml")
			if c != nil || err == nil || len(err.Error()) > 4*len(text)+1000 {
				t.Errorf("catalog %v, error of %d bytes", c, len(fmt.Sprint(err)))
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	names, _ := filepath.Glob("testdata/*.yaml")
	wrong, _ := filepath.Glob("testdata/wrong/*.yaml")
	for _, name := range append(names, wrong...) {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		l := &control.Loader{Env: environment, Kinds: kinds(), Prices: &accounting.Book{}}
		c, err := l.Parse(data, "testdata/x.yaml")
		if (c == nil) == (err == nil) {
			t.Fatalf("catalog %v, error %v", c, err)
		}
		if err != nil && strings.Contains(err.Error(), "not-to-be-shown!") && !bytes.Contains(data, []byte("not-to-be-shown!")) {
			t.Errorf("a value from outside is shown: %v", err)
		}
	})
}
