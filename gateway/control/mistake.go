package control

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Mistake is one thing that is wrong with a configuration.
type Mistake struct {
	File string
	Line int    // from 1; 0: the file as a whole
	Col  int    // from 1
	Path string // e.g. models[0].targets[1].provider; empty: the file as a whole
	Text string // what is wrong; never a secret
}

// String gives `hub.yaml:12:17: models[0].targets[1].provider: what is wrong`.
func (m *Mistake) String() string {
	s := m.File
	if m.Line > 0 {
		s += fmt.Sprintf(":%d:%d", m.Line, m.Col)
	}
	if m.Path != "" {
		s += ": " + m.Path
	}
	return s + ": " + m.Text
}

// Mistakes finds every [Mistake] in an error of [Loader], in the order of the file.
func Mistakes(err error) []*Mistake {
	if list, ok := errors.AsType[mistakes](err); ok {
		return list
	}
	return nil
}

// mistakes is all that is wrong, a line each.
type mistakes []*Mistake

func (l mistakes) Error() string {
	lines := make([]string, len(l))
	for i, m := range l {
		lines[i] = m.String()
	}
	return strings.Join(lines, "\n")
}

// err is nil without mistakes.
func (l mistakes) err() error {
	if len(l) == 0 {
		return nil
	}
	slices.SortStableFunc(l, func(a, b *Mistake) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Col, b.Col))
	})
	return l
}

// didYouMean gives ` (did you mean "x"?)` for the one of known that is nearest to
// s, or nothing when none is near.
func didYouMean(s string, known []string) string {
	const farthest = 3
	best, distance := "", min(farthest, len(s)/2+1)
	for _, k := range known {
		if d := editDistance(s, k); d < distance {
			best, distance = k, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(" (did you mean %q?)", best)
}

// editDistance counts the insertions, deletions, replacements and swaps of
// neighbours that lead from a to b.
func editDistance(a, b string) int {
	const longest = 64 // beyond it nobody mistypes just a letter
	if len(a) > longest || len(b) > longest {
		return longest
	}
	var before, row [longest + 1]int
	var next [longest + 1]int
	for j := range len(b) + 1 {
		row[j] = j
	}
	for i := range len(a) {
		next[0] = i + 1
		for j := range len(b) {
			change := 1
			if a[i] == b[j] {
				change = 0
			}
			next[j+1] = min(row[j]+change, row[j+1]+1, next[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				next[j+1] = min(next[j+1], before[j-1]+1)
			}
		}
		before, row, next = row, next, before
	}
	return row[len(b)]
}
