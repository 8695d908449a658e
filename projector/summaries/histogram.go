package summaries

import (
	"maps"
	"math/bits"
	"slices"

	"github.com/llm-hub/llm-hub/events"
)

// precision is how many bits of a value are kept after its first one: cells are no
// wider than a sixteenth of what is in them.
const precision = 4

// histogram counts values by cell. The zero histogram is empty.
type histogram struct{ cells map[int]int64 }

func cell(v int64) int {
	length := bits.Len64(uint64(v))
	if length <= precision+1 {
		return int(v)
	}
	shift := length - precision - 1
	return shift<<(precision+1) | int(v>>shift)
}

// middle is the value in the middle of a cell.
func middle(c int) int64 {
	shift := c >> (precision + 1)
	low := int64(c&(1<<(precision+1)-1)) << shift
	return low + int64(1)<<shift/2
}

func (h *histogram) add(v int64) {
	if h.cells == nil {
		h.cells = map[int]int64{}
	}
	h.cells[cell(max(v, 0))]++
}

func (h *histogram) merge(o histogram) {
	if h.cells == nil {
		h.cells = map[int]int64{}
	}
	for c, n := range o.cells {
		h.cells[c] += n
	}
}

func (h *histogram) spread() events.Spread {
	n := int64(0)
	for _, of := range h.cells {
		n += of
	}
	return events.Spread{P50: h.quantile((n + 1) / 2), P95: h.quantile((n*95 + 99) / 100)}
}

// quantile is the value of a rank, from 1; 0 if there is none.
func (h *histogram) quantile(rank int64) int64 {
	for _, c := range slices.Sorted(maps.Keys(h.cells)) {
		if rank -= h.cells[c]; rank <= 0 {
			return middle(c)
		}
	}
	return 0
}
