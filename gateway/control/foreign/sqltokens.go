package foreign

import (
	"bytes"
	"strings"
)

// peek is the next byte that is no space, 0 at the end.
func (d *dump) peek() byte {
	d.spaces()
	if d.at >= len(d.data) {
		return 0
	}
	return d.data[d.at]
}

// spaces goes behind spaces and comments.
func (d *dump) spaces() {
	for d.at < len(d.data) {
		rest := d.data[d.at:]
		switch {
		case rest[0] == '\n':
			d.line++
			d.at++
		case rest[0] == ' ' || rest[0] == '\t' || rest[0] == '\r':
			d.at++
		case bytes.HasPrefix(rest, []byte("--")) || rest[0] == '#' && d.escapes:
			d.at += lengthTo(rest, "\n", 0)
		case bytes.HasPrefix(rest, []byte("/*")):
			n := lengthTo(rest, "*/", 2)
			d.line += bytes.Count(rest[:n], []byte{'\n'})
			d.at += n
		default:
			return
		}
	}
}

// lengthTo is how many bytes there are up to end, and beyond it by more.
func lengthTo(b []byte, end string, more int) int {
	if i := bytes.Index(b, []byte(end)); i >= 0 {
		return i + more
	}
	return len(b)
}

// next reads a token.
func (d *dump) next() token {
	c := d.peek()
	t := token{line: d.line}
	switch {
	case c == 0 && d.at >= len(d.data):
		t.end = true
	case c == '\'':
		t.text, t.string = d.quoted('\'', d.escapes), true
	case c == '"':
		t.text, t.string = d.quoted('"', d.escapes), d.escapes
	case c == '`':
		t.text = d.quoted('`', false)
	case c == '[':
		t.text = d.quoted(']', false)
	case wordByte(c):
		from := d.at
		number := c >= '0' && c <= '9'
		for d.at < len(d.data) && (wordByte(d.data[d.at]) || number && numberByte(d.data[d.at], d.data[d.at-1])) {
			d.at++
		}
		t.text, t.word = string(d.data[from:d.at]), true
	default:
		d.at++
		t.text, t.word = string(c), true
	}
	return t
}

// A dot is inside numbers only: between names it is a sign.
func wordByte(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c == '$' || c >= 0x80
}

// numberByte tells whether c goes on with a number: its point, or the sign of its exponent.
func numberByte(c, before byte) bool {
	return c == '.' || (c == '-' || c == '+') && (before == 'e' || before == 'E')
}

// quoted reads up to the quote that ends a text; two of them are one.
func (d *dump) quoted(end byte, escapes bool) string {
	var b strings.Builder
	for d.at++; d.at < len(d.data); d.at++ {
		c := d.data[d.at]
		switch {
		case c == end && d.at+1 < len(d.data) && d.data[d.at+1] == end:
			d.at++
		case c == end:
			d.at++
			return b.String()
		case c == '\\' && escapes && d.at+1 < len(d.data):
			d.at++
			c = escaped(d.data[d.at])
		}
		if d.data[d.at] == '\n' {
			d.line++
		}
		b.WriteByte(c)
	}
	return b.String()
}

// escaped is what MySQL means by a letter behind a backslash.
func escaped(c byte) byte {
	switch c {
	case 'n':
		return '\n'
	case 't':
		return '\t'
	case 'r':
		return '\r'
	case '0':
		return 0
	}
	return c
}
