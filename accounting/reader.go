package accounting

import (
	"encoding/json"
	"strconv"
	"time"
)

// reader reads JSON in one pass, as package events writes it: without white
// space, escapes and fractions. Anything else is not for it: then ok becomes
// false, for good, and what has been read means nothing. It accepts nothing that
// encoding/json would refuse or read differently.
type reader struct {
	b     []byte // what is still to be read
	ok    bool
	names *names
}

// names keeps one copy of the strings that come again and again.
type names map[string]string

const maxNames = 1 << 14

func (n *names) of(b []byte) string {
	if s, ok := (*n)[string(b)]; ok {
		return s
	}
	if *n == nil || len(*n) >= maxNames {
		*n = make(names)
	}
	s := string(b)
	(*n)[s] = s
	return s
}

func (r *reader) fail() { r.b, r.ok = nil, false }

// is consumes c if it comes next.
func (r *reader) is(c byte) bool {
	if len(r.b) == 0 || r.b[0] != c {
		return false
	}
	r.b = r.b[1:]
	return true
}

func (r *reader) must(c byte) {
	if !r.is(c) {
		r.fail()
	}
}

// object calls field for each member; field reads the value.
func (r *reader) object(field func(key []byte)) {
	r.must('{')
	if r.is('}') {
		return
	}
	for r.ok {
		key := r.bytes()
		r.must(':')
		field(key)
		if r.is('}') {
			return
		}
		r.must(',')
	}
}

// array calls element for each element; element reads it.
func (r *reader) array(element func()) {
	r.must('[')
	if r.is(']') {
		return
	}
	for r.ok {
		element()
		if r.is(']') {
			return
		}
		r.must(',')
	}
}

// bytes reads a string of plain ASCII.
func (r *reader) bytes() []byte {
	r.must('"')
	for i, c := range r.b {
		if c == '"' {
			s := r.b[:i]
			r.b = r.b[i+1:]
			return s
		}
		if c < ' ' || c >= 0x80 || c == '\\' {
			break
		}
	}
	r.fail()
	return nil
}

// text reads a string that is unlike all others, name one that is not.
func (r *reader) text() string { return string(r.bytes()) }
func (r *reader) name() string { return r.names.of(r.bytes()) }

// quoted reads any string.
func (r *reader) quoted() (s string) {
	plain := *r
	if b := plain.bytes(); plain.ok {
		*r = plain
		return string(b)
	}
	end := 1
	for end < len(r.b) && r.b[end] != '"' {
		if r.b[end] == '\\' {
			end++
		}
		end++
	}
	if end >= len(r.b) || json.Unmarshal(r.b[:end+1], &s) != nil {
		r.fail()
		return ""
	}
	r.b = r.b[end+1:]
	return s
}

func (r *reader) bool() bool {
	switch {
	case r.word("true"):
		return true
	case r.word("false"):
		return false
	}
	r.fail()
	return false
}

// word consumes w if it comes next.
func (r *reader) word(w string) bool {
	if len(r.b) < len(w) || string(r.b[:len(w)]) != w {
		return false
	}
	r.b = r.b[len(w):]
	return true
}

// digits reads the digits of a whole number.
func (r *reader) digits() []byte {
	n := 0
	for n < len(r.b) && '0' <= r.b[n] && r.b[n] <= '9' {
		n++
	}
	const safe = 18 // digits that fit into an int64 whatever they are
	if n == 0 || n > 1 && r.b[0] == '0' || n > safe {
		r.fail()
		return nil
	}
	if n < len(r.b) && (r.b[n] == '.' || r.b[n] == 'e' || r.b[n] == 'E') {
		r.fail()
		return nil
	}
	d := r.b[:n]
	r.b = r.b[n:]
	return d
}

func (r *reader) int64() int64 {
	negative := r.is('-')
	var n int64
	for _, c := range r.digits() {
		n = n*10 + int64(c-'0')
	}
	if negative {
		return -n
	}
	return n
}

func (r *reader) int() int { return int(r.int64()) }

// uint64 reads a number of up to 20 digits.
func (r *reader) uint64() uint64 {
	n := 0
	for n < len(r.b) && '0' <= r.b[n] && r.b[n] <= '9' {
		n++
	}
	v, err := strconv.ParseUint(string(r.b[:n]), 10, 64)
	if err != nil || n > 1 && r.b[0] == '0' || n < len(r.b) && r.b[n] != ',' && r.b[n] != '}' {
		r.fail()
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) time() (t time.Time) {
	if t.UnmarshalText(r.bytes()) != nil {
		r.fail()
	}
	return t
}

// unknown reads the value of a member that is not known. encoding/json finds
// members whatever their case, so one with a capital letter is not for a reader.
func (r *reader) unknown(key []byte) {
	for _, c := range key {
		if 'A' <= c && c <= 'Z' {
			r.fail()
			return
		}
	}
	r.skip(0)
}

func (r *reader) skip(depth int) {
	const maxDepth = 20
	if len(r.b) == 0 || depth > maxDepth {
		r.fail()
		return
	}
	switch r.b[0] {
	case '"':
		r.bytes()
	case '{':
		r.object(func([]byte) { r.skip(depth + 1) })
	case '[':
		r.array(func() { r.skip(depth + 1) })
	case 't', 'f':
		r.bool()
	case 'n':
		if !r.word("null") {
			r.fail()
		}
	default:
		r.int64()
	}
}
