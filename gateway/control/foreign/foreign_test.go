package foreign_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/gateway/control"
	"github.com/llm-hub/llm-hub/gateway/control/foreign"
	"github.com/llm-hub/llm-hub/gateway/provider/vendors"
)

var update = flag.Bool("update", false, "write golden files anew")

// loader reads hub.yaml in an environment where every variable is set.
func loader(t testing.TB) *control.Loader {
	t.Helper()
	book, err := accounting.ShippedBook()
	if err != nil {
		t.Fatal(err)
	}
	var kinds []control.Kind
	for _, v := range vendors.List() {
		kinds = append(kinds, control.Kind{Name: v.Kind, BaseURL: v.BaseURL, EnvKeys: v.KeyEnv, NoKey: v.Local, Account: v.Account})
	}
	env := func(name string) (string, bool) {
		switch {
		case strings.Contains(name, "BASE"):
			return "https://" + strings.ToLower(strings.ReplaceAll(name, "_", "-")) + ".example", true
		case strings.Contains(name, "REGION"):
			return "eu-central-1", true
		}
		return name + strings.Repeat("-value", 8), true
	}
	return &control.Loader{Env: env, Kinds: kinds, Prices: book}
}

func file(t testing.TB, name string) foreign.File {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return foreign.File{Name: name, Data: data}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got; -update writes it anew):\n%s", path, diff)
	}
}

// told are notes, a line each.
func told(r *foreign.Result) string {
	var b strings.Builder
	for _, n := range r.Notes {
		fmt.Fprintln(&b, n)
	}
	return b.String()
}

// accepted fails unless hub.yaml is taken. Key files of Google are not there: their
// place is taken by a token.
func accepted(t testing.TB, text []byte) *control.Catalog {
	t.Helper()
	text = regexp.MustCompile(`service_account: .*`).ReplaceAll(text, []byte("access_token: stub"))
	wanted, err := loader(t).Parse(text, "hub.yaml")
	if err != nil {
		t.Fatalf("not accepted: %v\n%s", err, text)
	}
	c, err := wanted.Catalog()
	if err != nil {
		t.Fatal(err)
	}
	return c
}
