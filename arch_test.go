// Package llmhub_test holds the rules about the tree as a whole.
package llmhub_test

import (
	"encoding/json"
	"errors"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const module = "github.com/llm-hub/llm-hub/"

// pkg is what `go list -json` tells of a package.
type pkg struct {
	ImportPath string
	Dir        string
	Imports    []string
	Deps       []string
}

func list(t *testing.T) []pkg {
	t.Helper()
	out, err := exec.Command("go", "list", "-deps=false", "-json=ImportPath,Dir,Imports,Deps", "./...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var pkgs []pkg
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return pkgs
		} else if err != nil {
			t.Fatal(err)
		}
		pkgs = append(pkgs, p)
	}
}

// TestDirections holds the direction of imports:
// events <- accounting <- {gateway, projector} <- cmd.
func TestDirections(t *testing.T) {
	forbidden := []struct{ from, to, reason string }{
		{"events", "accounting", "what can happen does not know what it costs"},
		{"events", "gateway", "events are the bottom"},
		{"events", "projector", "events are the bottom"},
		{"accounting", "gateway", "rules are pure: they do not know who asks"},
		{"accounting", "projector", "rules are pure: they do not know who tells"},
		{"accounting", "events/natslog", "rules do no I/O"},
		{"gateway", "projector", "each declares the ports it needs; cmd passes the implementation"},
		{"projector", "gateway", "each declares the ports it needs; cmd passes the implementation"},
		{"gateway", "cmd", "cmd is imported by nothing"},
		{"projector", "cmd", "cmd is imported by nothing"},
		{"events", "cmd", "cmd is imported by nothing"},
		{"accounting", "cmd", "cmd is imported by nothing"},
		{"migrations", "projector", "the schema is data"},
		{"client", "gateway", "whoever calls the API needs none of what serves it"},
		{"client", "projector", "whoever calls the API needs none of what serves it"},
	}
	pkgs := list(t)
	for _, f := range forbidden {
		for _, p := range pkgs {
			if !under(p.ImportPath, f.from) {
				continue
			}
			for _, dep := range p.Deps {
				if under(dep, f.to) {
					t.Errorf("%s depends on %s: %s", p.ImportPath, dep, f.reason)
				}
			}
		}
	}
}

// TestOneHome holds that an outside technology is imported in one place only.
func TestOneHome(t *testing.T) {
	homes := []struct {
		technology string
		homes      []string
	}{
		{"github.com/nats-io/nats.go", []string{"events/natslog"}},
		{"github.com/synadia-io/orbit.go", []string{"events/natslog"}},
		{"github.com/nats-io/nats-server", []string{"events/natslog/embedded"}},
		{"github.com/ClickHouse/clickhouse-go", []string{"projector/clickhouse"}},
		{"github.com/golang-migrate/migrate", []string{"projector/clickhouse"}},
		{"github.com/ClickHouse/ch-go", []string{"projector/clickhouse/embedded"}},
		{"github.com/tiktoken-go/tokenizer", []string{"gateway/estimate"}},
		{"github.com/ebitengine/purego", []string{"projector/clickhouse/embedded"}},
		{"github.com/labstack/echo", []string{"gateway"}},
		{"github.com/goccy/go-yaml", []string{"gateway/control"}},
		{"github.com/aws/aws-sdk-go-v2", []string{"gateway/provider/bedrock", "gateway/provider/providertest"}},
		{"github.com/alecthomas/kong", []string{"cmd/llm-hub"}},
		{"github.com/danielgtaylor/huma", []string{"gateway/admin/openapi"}},
		{"github.com/parquet-go/parquet-go", []string{"projector/export"}},
		{"github.com/coreos/go-oidc", []string{"gateway/sso"}},
		{"golang.org/x/oauth2", []string{"gateway/sso"}},
		{"filippo.io/age", []string{"events/backup"}},
		{"github.com/klauspost/compress", []string{"projector/archive"}},
		{"github.com/minio/minio-go", []string{"projector/objectstore"}},
		{"github.com/johannesboyne/gofakes3", []string{"projector/objectstore/objectstoretest"}},
	}
	pkgs := list(t)
	for _, h := range homes {
		seen := false
		for _, p := range pkgs {
			for _, imp := range p.Imports {
				if imp != h.technology && !strings.HasPrefix(imp, h.technology+"/") {
					continue
				}
				seen = true
				if !underAny(p.ImportPath, h.homes) {
					t.Errorf("%s imports %s, whose home is %s", p.ImportPath, imp, strings.Join(h.homes, ", "))
				}
			}
		}
		if !seen {
			t.Errorf("nothing imports %s: drop its row", h.technology)
		}
	}
}

// TestEventsImportStdlibOnly keeps the vocabulary free of outside code.
func TestEventsImportStdlibOnly(t *testing.T) {
	for _, p := range list(t) {
		name := strings.TrimPrefix(p.ImportPath, module)
		if name != "events" && name != "accounting" && name != "events/memlog" && name != "events/publish" {
			continue
		}
		for _, dep := range p.Deps {
			if strings.Contains(strings.SplitN(dep, "/", 2)[0], ".") && !strings.HasPrefix(dep, module) {
				t.Errorf("%s depends on %s, it may use the standard library only", p.ImportPath, dep)
			}
		}
	}
}

// TestPackageComments holds that every package has exactly one package comment.
func TestPackageComments(t *testing.T) {
	for _, p := range list(t) {
		files, err := filepath.Glob(filepath.Join(p.Dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		var with []string
		sources := 0
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			sources++
			f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.PackageClauseOnly|parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			if f.Doc != nil {
				with = append(with, filepath.Base(file))
			}
		}
		if sources > 0 && len(with) != 1 {
			t.Errorf("%s: package comments in %v, want exactly one", p.ImportPath, with)
		}
	}
}

// TestMigrationNumbers holds that every migration has one number, an up and a down.
func TestMigrationNumbers(t *testing.T) {
	count := map[string][]string{}
	err := filepath.WalkDir("migrations", func(path string, d fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".sql") {
			number, _, _ := strings.Cut(d.Name(), "_")
			count[number] = append(count[number], d.Name())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(count) == 0 {
		t.Fatal("no migrations found")
	}
	for number, files := range count {
		if len(files) != 2 {
			t.Errorf("migration %s: files %v, want one up and one down", number, files)
		}
	}
}

func under(path, dir string) bool {
	rest, ok := strings.CutPrefix(path, module)
	return ok && (rest == dir || strings.HasPrefix(rest, dir+"/"))
}

func underAny(path string, dirs []string) bool {
	for _, dir := range dirs {
		if under(path, dir) {
			return true
		}
	}
	return false
}
