package migrations_test

import (
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/migrations"
)

var update = flag.Bool("update", false, "write the golden files anew")

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := fs.ReadFile(migrations.FS, name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestOnClusterGolden holds each kind of statement to its text on a cluster; on a single
// server it is that of the file.
func TestOnClusterGolden(t *testing.T) {
	for _, name := range []string{
		"0001_usage.up.sql", "0001_usage.down.sql", "0005_usage_15m_view.up.sql", "0005_usage_15m_view.down.sql", "0007_usage_15m_classes.up.sql",
		"0008_usage_15m_view_classes.up.sql", "0010_requests_15m.up.sql",
	} {
		golden := filepath.Join("testdata", strings.TrimSuffix(name, ".sql")+".golden")
		got := migrations.OnCluster(read(t, name), "main")
		if *update {
			if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestOnCluster: on a cluster every migration is one statement for all servers, and makes
// no table that one of them alone would hold.
func TestOnCluster(t *testing.T) {
	names, err := fs.Glob(migrations.FS, "*.sql")
	if err != nil || len(names) == 0 {
		t.Fatal(names, err)
	}
	engine := regexp.MustCompile(`(?i)engine\s*=\s*(\w+)`)
	for _, name := range names {
		text := migrations.OnCluster(read(t, name), "{cluster}")
		if n := strings.Count(text, " ON CLUSTER '{cluster}'"); n != 1 {
			t.Errorf("%s is for all servers %d times:\n%s", name, n, text)
		}
		for _, m := range engine.FindAllStringSubmatch(text, -1) {
			if !strings.HasPrefix(m[1], "Replicated") {
				t.Errorf("%s makes a table with engine %s", name, m[1])
			}
		}
		if strings.Contains(text, "non_replicated") {
			t.Errorf("%s has a window of tables that are not replicated", name)
		}
	}
}

func TestValidCluster(t *testing.T) {
	for name, want := range map[string]bool{"main": true, "{cluster}": true, "eu-1.prod_2": true, "": false, "a b": false, "a'": false, "a`": false} {
		if migrations.ValidCluster(name) != want {
			t.Errorf("%q: %t", name, !want)
		}
	}
}
