package llmhub_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// quickMutants are tried in every run, because their packages build in seconds;
// all are with LLMHUB_TEST_FULL.
var quickMutants = []string{"gap-ignored", "late-end-counted", "orphan-charged-twice"}

// mutantTimeout is how long the tests may take that are to kill a mutant; a
// mutant that makes them hang is killed by it.
const mutantTimeout = "2m"

// mutant is a bug that is sown into one file, and the tests that must find it.
// The file itself is not touched: the tests are built with an overlay.
//
// It is written as lines of `key: value`, then the text to replace after a line
// `--- old` and what takes its place after a line `--- new`.
type mutant struct {
	name     string
	why      string // it is a bug
	file     string // the source it is sown into
	pkg      string // whose tests must find it
	run      string // which tests, as for `go test -run`
	old, new string
}

// TestMutants sows bugs into the code, one at a time, and wants each found by the
// tests that claim to hold what it breaks.
func TestMutants(t *testing.T) {
	full := os.Getenv("LLMHUB_TEST_FULL") != ""
	files, err := filepath.Glob("testdata/mutants/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	const least = 12
	if len(files) < least {
		t.Errorf("%d mutants, want at least %d", len(files), least)
	}
	quick := 0
	for _, file := range files {
		m, err := readMutant(file)
		if err != nil {
			t.Error(err)
			continue
		}
		source, err := m.sow(".")
		if err != nil {
			t.Error(err) // also for those that are not tried now
			continue
		}
		isQuick := slices.Contains(quickMutants, m.name)
		if isQuick {
			quick++
		}
		if !full && !isQuick {
			continue
		}
		t.Run(m.name, func(t *testing.T) {
			by, err := m.try(".", source, t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%s\n%s", m.why, by)
		})
	}
	if quick != len(quickMutants) {
		t.Errorf("%d of the quick mutants %v are there", quick, quickMutants)
	}
}

// readMutant reads a mutant's file.
func readMutant(file string) (mutant, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return mutant{}, err
	}
	m := mutant{name: strings.TrimSuffix(filepath.Base(file), ".txt")}
	fields := map[string]*string{"why": &m.why, "file": &m.file, "package": &m.pkg, "run": &m.run}
	head, rest, ok := strings.Cut(string(text), "--- old\n")
	var changed bool
	m.old, m.new, changed = strings.Cut(rest, "--- new\n")
	if !ok || !changed || m.old == m.new || strings.TrimSpace(m.old) == "" {
		return m, fmt.Errorf("%s: needs `--- old` and `--- new` with texts that differ", file)
	}
	for line := range strings.Lines(head) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		if fields[key] == nil {
			return m, fmt.Errorf("%s: unknown field %q", file, key)
		}
		*fields[key] = value
	}
	for key, value := range fields {
		if *value == "" {
			return m, fmt.Errorf("%s: %s is missing", file, key)
		}
	}
	return m, nil
}

// sow returns the source with the bug in it. The text to replace must be there
// once, or the code has gone on and the mutant must follow.
func (m mutant) sow(root string) ([]byte, error) {
	source, err := os.ReadFile(filepath.Join(root, m.file))
	if err != nil {
		return nil, fmt.Errorf("mutant %s: %w", m.name, err)
	}
	if n := strings.Count(string(source), m.old); n != 1 {
		return nil, fmt.Errorf("mutant %s: its text is %d times in %s, must be there once", m.name, n, m.file)
	}
	return []byte(strings.Replace(string(source), m.old, m.new, 1)), nil
}

// try builds the tests with the bug and runs them. It returns what found the bug;
// the error says that nothing did, or that there was nothing to find.
func (m mutant) try(root string, source []byte, dir string) (by string, err error) {
	overlay, err := m.overlay(root, source, dir)
	if err != nil {
		return "", err
	}
	binary := filepath.Join(dir, "mutant.test")
	build := exec.Command("go", "test", "-c", "-overlay", overlay, "-o", binary, m.pkg)
	build.Dir, build.Env = root, append(os.Environ(), "CGO_ENABLED=0") // much of it is compiled so for other tests
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("mutant %s does not build, which finds no bug: %w\n%s", m.name, err, out)
	}
	run := exec.Command(binary, "-test.run", m.run, "-test.failfast", "-test.timeout", mutantTimeout)
	run.Dir = filepath.Join(root, m.pkg)
	run.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "LLMHUB_TEST_") })
	out, err := run.CombinedOutput()
	var exit *exec.ExitError
	switch {
	case strings.Contains(string(out), "no tests to run"):
		return "", fmt.Errorf("mutant %s: no test of %s is called %s", m.name, m.pkg, m.run)
	case err == nil:
		return "", fmt.Errorf("mutant %s lives: %s\n%s of %s found nothing", m.name, m.why, m.run, m.pkg)
	case !errors.As(err, &exit):
		return "", fmt.Errorf("mutant %s: %w", m.name, err)
	}
	found := regexp.MustCompile(`(?m)^\s*--- FAIL: .*|^panic: .*`).FindString(string(out))
	if found == "" {
		return "", fmt.Errorf("mutant %s: the tests could not be run: %w\n%s", m.name, err, out)
	}
	return strings.TrimSpace(found), nil
}

// overlay writes the source and the file that makes the build use it.
func (m mutant) overlay(root string, source []byte, dir string) (string, error) {
	original, err := filepath.Abs(filepath.Join(root, m.file))
	if err != nil {
		return "", err
	}
	replacement, overlay := filepath.Join(dir, filepath.Base(m.file)), filepath.Join(dir, "overlay.json")
	index, err := json.Marshal(map[string]map[string]string{"Replace": {original: replacement}})
	if err != nil {
		return "", err
	}
	return overlay, errors.Join(os.WriteFile(replacement, source, 0o600), os.WriteFile(overlay, index, 0o600))
}

// TestMutantsAreTried holds that the runner tells a bug that is found from one
// that is not, and from what is no trial at all.
func TestMutantsAreTried(t *testing.T) {
	root := t.TempDir()
	for name, text := range map[string]string{
		"go.mod":          "module small\n\ngo 1.26\n",
		"sum/sum.go":      "package sum\n\nfunc Of(a, b int) int { return a + b }\n",
		"sum/sum_test.go": "package sum\n\nimport \"testing\"\n\nfunc TestOf(t *testing.T) {\n\tif Of(2, 2) != 4 {\n\t\tt.Error(Of(2, 2))\n\t}\n}\n",
	} {
		path := filepath.Join(root, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	tests := []struct{ name, old, new, run, want string }{
		{"found", "a + b", "a - b", "TestOf", "--- FAIL: TestOf"},
		{"not found", "a + b", "a * b", "TestOf", "mutant m lives"},
		{"does not build", "a + b", "a +", "TestOf", "mutant m does not build"},
		{"no test", "a + b", "a - b", "TestNone", "no test of ./sum is called TestNone"},
		{"text is gone", "a / b", "a", "TestOf", "is 0 times in sum/sum.go"},
		{"text is not unique", "int", "uint", "TestOf", "is 2 times in sum/sum.go"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := mutant{name: "m", file: "sum/sum.go", pkg: "./sum", run: tt.run, old: tt.old, new: tt.new}
			source, err := m.sow(root)
			got := ""
			if err == nil {
				got, err = m.try(root, source, t.TempDir())
			}
			if err != nil {
				got = err.Error()
			}
			if !strings.Contains(got, tt.want) {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}
