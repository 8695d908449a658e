package foreign

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/llm-hub/llm-hub/gateway/control"
)

// Note is one thing that was not carried over, or is not quite the same.
type Note struct {
	File string
	Line int    // from 1; 0: the file as a whole
	Path string // like model_list[0].litellm_params.seed; empty: the file as a whole
	Text string // what became of it; never a secret
}

// String gives `config.yaml:12: model_list[0].litellm_params.seed: what became of it`.
func (n Note) String() string {
	s := n.File
	if n.Line > 0 {
		s += fmt.Sprintf(":%d", n.Line)
	}
	if n.Path != "" {
		s += ": " + n.Path
	}
	return s + ": " + n.Text
}

// Result is what came of an import.
type Result struct {
	YAML  []byte // the hub.yaml
	Notes []Note // in the order of the files

	Providers, Models, Users, Keys int // that are in it
}

// notes collects what is to be told of one file.
type notes struct {
	file string
	list []Note
}

func (n *notes) add(line int, path, format string, args ...any) {
	n.list = append(n.list, Note{File: n.file, Line: line, Path: path, Text: fmt.Sprintf(format, args...)})
}

// sorted is in the order of the files, this one first; each thing is told once.
func (n *notes) sorted() []Note {
	other := func(of Note) int {
		if of.File == n.file {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(n.list, func(a, b Note) int {
		return cmp.Or(cmp.Compare(other(a), other(b)), cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line))
	})
	return slices.Compact(n.list)
}

// unread is the error of a file that is not what it should be.
func unread(file string, m *control.Mistake) error {
	return errors.New(Note{File: file, Line: m.Line, Text: m.Text}.String())
}
