package llmhub_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestSecurityNamesTestsThatExist holds docs/SECURITY.md: 48 statements in their order, each
// with tests that exist, or with what is missing.
func TestSecurityNamesTestsThatExist(t *testing.T) {
	const statements = 48
	text, err := os.ReadFile(filepath.Join("docs", "SECURITY.md"))
	if err != nil {
		t.Fatal(err)
	}
	row := regexp.MustCompile(`(?m)^\| (\d+) \|(.*)\|(.*)\|(.*)\|$`)
	named := regexp.MustCompile("`(?:([\\w/-]+)\\.)?(Test\\w+)`")
	rows := row.FindAllStringSubmatch(string(text), -1)
	if len(rows) != statements {
		t.Errorf("there are %d statements, not %d", len(rows), statements)
	}
	for i, r := range rows {
		if r[1] != strconv.Itoa(i+1) {
			t.Errorf("row %d has the number %s", i+1, r[1])
		}
		tests := named.FindAllStringSubmatch(r[4], -1)
		if len(tests) == 0 && !strings.Contains(r[3], "Not yet") {
			t.Errorf("statement %s has neither a test nor what is missing", r[1])
		}
		for _, test := range tests {
			if !testExists(t, ".", test[1], test[2]) {
				t.Errorf("statement %s names %s, which is no test", r[1], test[0])
			}
		}
	}
}
