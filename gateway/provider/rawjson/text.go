package rawjson

import (
	"bytes"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// What follows is about text that is still escaped as between the quotes of a
// JSON string. It must be valid as such, but for what it is said to tolerate.

// Lengths of escapes, in bytes.
const (
	shortEscape   = 2 // \n
	unicodeEscape = 6 // \u00e4
)

// TextLen is how many bytes of UTF-8 the text has once it is unescaped.
func TextLen(raw []byte) int {
	at := bytes.IndexByte(raw, '\\')
	if at < 0 {
		return len(raw)
	}
	n := at
	for at < len(raw) {
		if raw[at] != '\\' {
			at++
			n++
			continue
		}
		size, r := escape(raw[at:])
		at += size
		n += utf8.RuneLen(r)
	}
	return n
}

// escape reads the escape, or the pair of them, that raw begins with. Halves of
// pairs that stand alone are the rune that stands for errors.
func escape(raw []byte) (size int, r rune) {
	if len(raw) < unicodeEscape || raw[1] != 'u' {
		return min(shortEscape, len(raw)), 'n'
	}
	r = hex(raw)
	if !utf16.IsSurrogate(r) {
		return unicodeEscape, r
	}
	if second := raw[unicodeEscape:]; len(second) >= unicodeEscape && second[0] == '\\' && second[1] == 'u' {
		if pair := utf16.DecodeRune(r, hex(second)); pair != utf8.RuneError {
			return 2 * unicodeEscape, pair
		}
	}
	return unicodeEscape, utf8.RuneError
}

func hex(escape []byte) rune {
	n, err := strconv.ParseUint(string(escape[2:unicodeEscape]), 16, 16)
	if err != nil {
		return utf8.RuneError
	}
	return rune(n)
}

// AppendText appends the text unescaped. What is not validly escaped it appends
// as it is.
func AppendText(dst, raw []byte) []byte {
	if bytes.IndexByte(raw, '\\') < 0 {
		return append(dst, raw...)
	}
	quoted := append(append(append(make([]byte, 0, len(raw)+2), '"'), raw...), '"')
	s, err := String(quoted)
	if err != nil {
		return append(dst, raw...)
	}
	return append(dst, s...)
}

// Boundary is the last place up to i where the text may be cut: neither within a
// rune nor within an escape.
func Boundary(raw []byte, i int) int {
	if i >= len(raw) {
		return len(raw)
	}
	for i > 0 && !utf8.RuneStart(raw[i]) {
		i--
	}
	for j := max(0, i-unicodeEscape+1); j < i; j++ {
		if raw[j] != '\\' || escaped(raw, j) {
			continue
		}
		size := shortEscape
		if raw[j+1] == 'u' {
			size = unicodeEscape
		}
		if j+size > i {
			return j
		}
	}
	return i
}

// escaped tells whether the backslash at j belongs to the escape before it.
func escaped(raw []byte, j int) bool {
	before := 0
	for before < j && raw[j-1-before] == '\\' {
		before++
	}
	return before%2 == 1
}
