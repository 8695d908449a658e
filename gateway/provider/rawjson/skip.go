package rawjson

import (
	"encoding/binary"
	"fmt"
	"math/bits"
)

func skipSpace(data []byte, pos int) int {
	for pos < len(data) {
		switch data[pos] {
		case ' ', '\t', '\n', '\r':
			pos++
		default:
			return pos
		}
	}
	return pos
}

// skipValue gives the position after the value that begins at pos.
func skipValue(data []byte, pos, depth int) (int, error) {
	if pos >= len(data) {
		return pos, fmt.Errorf("byte %d: want a value", pos)
	}
	switch c := data[pos]; {
	case c == '"':
		return skipString(data, pos)
	case c == '{' || c == '[':
		return skipNested(data, pos, depth)
	case c == 't':
		return skipWord(data, pos, "true")
	case c == 'f':
		return skipWord(data, pos, "false")
	case c == 'n':
		return skipWord(data, pos, "null")
	default:
		return skipNumber(data, pos)
	}
}

func skipWord(data []byte, pos int, word string) (int, error) {
	if end := pos + len(word); end <= len(data) && string(data[pos:end]) == word {
		return end, nil
	}
	return pos, fmt.Errorf("byte %d: want %s", pos, word)
}

// skipNested passes an object or an array.
func skipNested(data []byte, pos, depth int) (int, error) {
	if depth >= MaxDepth {
		return pos, fmt.Errorf("byte %d: %w", pos, ErrDepth)
	}
	isObject := data[pos] == '{'
	closing := byte(']')
	if isObject {
		closing = '}'
	}
	pos = skipSpace(data, pos+1)
	if pos < len(data) && data[pos] == closing {
		return pos + 1, nil
	}
	for {
		var err error
		if isObject {
			if pos, err = skipName(data, pos); err != nil {
				return pos, err
			}
		}
		if pos, err = skipValue(data, pos, depth+1); err != nil {
			return pos, err
		}
		pos = skipSpace(data, pos)
		switch {
		case pos < len(data) && data[pos] == closing:
			return pos + 1, nil
		case pos < len(data) && data[pos] == ',':
			pos = skipSpace(data, pos+1)
		default:
			return pos, fmt.Errorf("byte %d: want a comma or %q", pos, closing)
		}
	}
}

// skipName passes a member's name, the colon and the space after it.
func skipName(data []byte, pos int) (int, error) {
	if pos >= len(data) || data[pos] != '"' {
		return pos, fmt.Errorf("byte %d: want a member's name", pos)
	}
	pos, err := skipString(data, pos)
	if err != nil {
		return pos, err
	}
	pos = skipSpace(data, pos)
	if pos >= len(data) || data[pos] != ':' {
		return pos, fmt.Errorf("byte %d: want a colon", pos)
	}
	return skipSpace(data, pos+1), nil
}

const (
	wordLen     = 8 // bytes
	bitsPerByte = 8

	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// special finds the first quote, backslash or control character of eight bytes,
// the first byte being the lowest; 8 if there is none. (The bit trick may flag a
// byte falsely, but only behind one that it flags rightly.)
func special(x uint64) int {
	quote := x ^ ones*'"'
	slash := x ^ ones*'\\'
	hit := (quote-ones)&^quote | (slash-ones)&^slash | (x-ones*' ')&^x
	return bits.TrailingZeros64(hit&highs) / bitsPerByte
}

// skipString passes the string whose opening quote is at start.
func skipString(data []byte, start int) (int, error) {
	pos := start + 1
	for {
		for pos+wordLen <= len(data) {
			n := special(binary.LittleEndian.Uint64(data[pos:]))
			pos += n
			if n < wordLen {
				break
			}
		}
		if pos >= len(data) {
			return pos, fmt.Errorf("byte %d: string without end", start)
		}
		switch c := data[pos]; {
		case c == '"':
			return pos + 1, nil
		case c == '\\':
			n, err := escapeLen(data, pos)
			if err != nil {
				return pos, err
			}
			pos += n
		case c < ' ':
			return pos, fmt.Errorf("byte %d: control character in a string", pos)
		default:
			pos++
		}
	}
}

func escapeLen(data []byte, pos int) (int, error) {
	const unicodeLen = len(`\u0000`)
	if pos+1 < len(data) {
		switch data[pos+1] {
		case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
			return 2, nil
		case 'u':
			if pos+unicodeLen <= len(data) && isHex(data[pos+2:pos+unicodeLen]) {
				return unicodeLen, nil
			}
		}
	}
	return 0, fmt.Errorf("byte %d: bad escape", pos)
}

func isHex(digits []byte) bool {
	for _, c := range digits {
		if (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'f') {
			return false
		}
	}
	return true
}

func skipNumber(data []byte, start int) (int, error) {
	pos := start
	if pos < len(data) && data[pos] == '-' {
		pos++
	}
	switch {
	case pos < len(data) && data[pos] == '0':
		pos++
	case digits(data, pos) > 0:
		pos += digits(data, pos)
	default:
		return start, fmt.Errorf("byte %d: want a value", start)
	}
	if pos < len(data) && data[pos] == '.' {
		n := digits(data, pos+1)
		if n == 0 {
			return pos, fmt.Errorf("byte %d: want a digit", pos+1)
		}
		pos += 1 + n
	}
	if pos < len(data) && data[pos]|0x20 == 'e' {
		pos++
		if pos < len(data) && (data[pos] == '+' || data[pos] == '-') {
			pos++
		}
		n := digits(data, pos)
		if n == 0 {
			return pos, fmt.Errorf("byte %d: want a digit", pos)
		}
		pos += n
	}
	return pos, nil
}

func digits(data []byte, pos int) int {
	n := 0
	for pos+n < len(data) && data[pos+n] >= '0' && data[pos+n] <= '9' {
		n++
	}
	return n
}
