package llmhub_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestDocsNameTestsThatExist holds the invariants in doc.go files to their
// tests: every [TestX] or [pkg.FuzzY] named there is a function of that package.
func TestDocsNameTestsThatExist(t *testing.T) {
	named := regexp.MustCompile(`\b(?:([\w/.-]+)\.)?((?:Test|Fuzz)[A-Z]\w*)`)
	found := 0
	for _, dir := range goDirs(t) {
		doc, err := os.ReadFile(filepath.Join(dir, "doc.go"))
		if err != nil {
			continue
		}
		for _, m := range named.FindAllStringSubmatch(string(doc), -1) {
			found++
			if !testExists(t, dir, m[1], m[2]) {
				t.Errorf("%s/doc.go names %s, which is no test", dir, m[0])
			}
		}
	}
	if found == 0 {
		t.Error("no doc.go names a test: the pattern is wrong")
	}
}

// testExists looks in the package's own folder, below it, and from the module's root.
func testExists(t *testing.T, dir, pkg, test string) bool {
	t.Helper()
	for _, place := range []string{filepath.Join(dir, pkg), filepath.Join(filepath.Dir(dir), pkg), pkg, dir} {
		files, err := filepath.Glob(filepath.Join(place, "*_test.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			src, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(string(src), "func "+test+"(") {
				return true
			}
		}
	}
	return false
}

func goDirs(t *testing.T) []string {
	t.Helper()
	var dirs []string
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		if name := d.Name(); name == "node_modules" || name == "testdata" || name == ".git" {
			return fs.SkipDir
		}
		dirs = append(dirs, path)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return dirs
}

// TestDocsNamePathsThatExist holds links and folder names in the documents.
func TestDocsNamePathsThatExist(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)#:]+)\)`)
	row := regexp.MustCompile("(?m)^\\| `([\\w/.-]+)` \\|")
	for _, doc := range []string{"README.md", "CONTRIBUTING.md", "ROADMAP.md"} {
		text, err := os.ReadFile(doc)
		if err != nil {
			t.Fatal(err)
		}
		for _, pattern := range []*regexp.Regexp{link, row} {
			for _, m := range pattern.FindAllStringSubmatch(string(text), -1) {
				if strings.HasPrefix(m[1], "--") || m[1] == "strict" || m[1] == "first-byte" || m[1] == "async" {
					continue
				}
				if _, err := os.Stat(m[1]); err != nil {
					t.Errorf("%s names %s: %v", doc, m[1], err)
				}
			}
		}
	}
}

// TestMakeTargetsExist holds that the documents name only targets there are.
func TestMakeTargetsExist(t *testing.T) {
	makefile, err := os.ReadFile("Makefile")
	if err != nil {
		t.Fatal(err)
	}
	target := regexp.MustCompile("(?m)(?:^|`)make ([a-z-]+)")
	for _, doc := range []string{"README.md", "CONTRIBUTING.md", ".ci/run"} {
		text, err := os.ReadFile(doc)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range target.FindAllStringSubmatch(string(text), -1) {
			if !strings.Contains(string(makefile), "\n"+m[1]+":") {
				t.Errorf("%s names `make %s`, which the Makefile does not have", doc, m[1])
			}
		}
	}
}
