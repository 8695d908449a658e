package providertest

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The sections of a transcript.
const (
	sectionModel         = "model"
	sectionClientRequest = "client request"
	sectionVendorRequest = "vendor request"
	sectionVendorAnswer  = "vendor answer"
	sectionClientAnswer  = "client answer"
	sectionFacts         = "facts"
)

// section is a named text; order counts.
type section struct{ name, text string }

type transcript struct {
	path     string
	sections []section
}

var sectionLine = regexp.MustCompile(`(?m)^-- (.+) --\n`)

// load reads the transcripts of a directory; it must have some.
func load(t testing.TB, dir string) []transcript {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*.txt"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no transcripts in %s (%v)", dir, err)
	}
	all := make([]transcript, len(paths))
	for i, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		all[i] = transcript{path: path, sections: split(string(data))}
	}
	return all
}

func split(text string) []section {
	marks := sectionLine.FindAllStringSubmatchIndex(text, -1)
	sections := make([]section, len(marks))
	for i, m := range marks {
		end := len(text)
		if i+1 < len(marks) {
			end = marks[i+1][0]
		}
		sections[i] = section{name: text[m[2]:m[3]], text: text[m[1]:end]}
	}
	return sections
}

// get gives a section's text without its last line end.
func (tr transcript) get(name string) string {
	for _, s := range tr.sections {
		if s.name == name {
			return strings.TrimSuffix(s.text, "\n")
		}
	}
	return ""
}

// vendorAnswer is the bytes that the vendor sends.
func (tr transcript) vendorAnswer() string {
	for _, s := range tr.sections {
		kind, how, _ := strings.Cut(s.name, ", ")
		if kind != sectionVendorAnswer {
			continue
		}
		text := s.text
		if how == "crlf" {
			text = strings.ReplaceAll(text, "\n", "\r\n")
		}
		if how == "torn" {
			text = strings.TrimRight(text, "\n")
		}
		if strings.HasPrefix(how, "frames") {
			text = frames(text, strings.HasSuffix(how, "torn"))
		}
		return text
	}
	return ""
}

// set replaces a section or adds it at the end.
func (tr *transcript) set(name, text string) {
	for i := range tr.sections {
		if tr.sections[i].name == name {
			tr.sections[i].text = text + "\n"
			return
		}
	}
	tr.sections = append(tr.sections, section{name, text + "\n"})
}

func (tr transcript) save(t *testing.T) {
	t.Helper()
	var b bytes.Buffer
	for _, s := range tr.sections {
		fmt.Fprintf(&b, "-- %s --\n%s", s.name, s.text)
	}
	if err := os.WriteFile(tr.path, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}
