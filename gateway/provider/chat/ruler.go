package chat

import "unicode/utf8"

// maxRuns bounds what a [Ruler] keeps, to 32 KiB.
const maxRuns = 4 << 10

// Ruler measures a text that comes in pieces, and turns places in it from characters
// into bytes and back. It keeps how wide the characters are, and not the text; in a
// text whose widths change too often, places behind the last that it has kept are not
// known.
type Ruler struct {
	runs  []run
	chars int
	full  bool
}

// run is a stretch of characters of one width in bytes.
type run struct{ width, count int32 }

// Add measures the next piece.
func (r *Ruler) Add(text string) {
	for at := 0; at < len(text); {
		_, width := utf8.DecodeRuneInString(text[at:])
		at += width
		r.chars++
		switch last := len(r.runs) - 1; {
		case r.full:
		case last >= 0 && r.runs[last].width == int32(width):
			r.runs[last].count++
		case last+1 == maxRuns:
			r.full = true
		default:
			r.runs = append(r.runs, run{int32(width), 1})
		}
	}
}

// Chars is the length of the text in characters.
func (r *Ruler) Chars() int { return r.chars }

// Bytes is the place of a character in bytes; false if it is not known.
func (r *Ruler) Bytes(char int) (int, bool) {
	at := 0
	for _, run := range r.runs {
		n := min(char, int(run.count))
		at += n * int(run.width)
		char -= n
		if char == 0 {
			return at, true
		}
	}
	return at, char == 0
}

// CharAt is the place of a byte in characters; false if it is not known.
func (r *Ruler) CharAt(byte int) (int, bool) {
	at := 0
	for _, run := range r.runs {
		n := min(byte/int(run.width), int(run.count))
		at += n
		byte -= n * int(run.width)
		if n < int(run.count) || byte == 0 {
			break
		}
	}
	return at, byte == 0
}
