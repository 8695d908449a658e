package rawjson

import "slices"

// Edit replaces data[From:To] with With.
type Edit struct {
	From, To int
	With     []byte
}

// Apply makes the edits, which must not overlap, on a copy of data.
func Apply(data []byte, edits ...Edit) []byte {
	slices.SortFunc(edits, func(a, b Edit) int { return a.From - b.From })
	size := len(data)
	for _, e := range edits {
		size += len(e.With) - (e.To - e.From)
	}
	out := make([]byte, 0, size)
	done := 0
	for _, e := range edits {
		out = append(append(out, data[done:e.From]...), e.With...)
		done = e.To
	}
	return append(out, data[done:]...)
}

// fewNames is how many names are compared one by one; beyond it a map serves.
const fewNames = 32

// Names remembers the names of an object's members, to find the one that comes twice.
type Names struct {
	few  [fewNames][]byte
	n    int
	many map[string]struct{}
}

// Add remembers name and tells whether it is new.
func (s *Names) Add(name []byte) bool {
	for _, old := range s.few[:min(s.n, fewNames)] {
		if string(old) == string(name) {
			return false
		}
	}
	if s.n < fewNames {
		s.few[s.n] = name
		s.n++
		return true
	}
	if _, old := s.many[string(name)]; old {
		return false
	}
	if s.many == nil {
		s.many = make(map[string]struct{})
	}
	s.many[string(name)] = struct{}{}
	return true
}
