// Package sqltext reads just enough of a ClickHouse statement to let it near the engine: that it is one statement, that it
// names no file, where the data of an INSERT begins, and which output format it asks for.
//
// It is the first gate, not the parser: the engine's own parser counts the statements again. Where this reader is in doubt
// it refuses.
package sqltext

import (
	"errors"
	"strings"
)

// What a text is refused for.
var (
	ErrEmpty        = errors.New("empty query")
	ErrMulti        = errors.New("multi-statements are not allowed")
	ErrFile         = errors.New("INTO OUTFILE, FROM INFILE and the function file are not allowed (quote the word where it is a name)")
	ErrUnterminated = errors.New("a string, quoted name or comment has no end")
	ErrTypographic  = errors.New("typographic quotes are not allowed outside of strings")
	ErrInsertForm   = errors.New("an INSERT needs VALUES, SELECT or FORMAT")
	ErrInsertPlace  = errors.New("INSERT must be the first word of its statement (quote the word where it is a name)")
)

// FormatValues is the input format of INSERT ... VALUES.
const FormatValues = "Values"

// Statement is one statement, taken apart.
type Statement struct {
	Keyword string // first word in upper case, "" where the text begins with something else
	SQL     string // the statement; of an INSERT with data only what comes before VALUES or FORMAT
	Format  string // output format if the text names one; of an INSERT with data the format of the data
	Data    string // data that follows an INSERT in the same text
	HasData bool   // an INSERT that takes rows from Data or from elsewhere, not from a SELECT
}

// Parse takes a text with exactly one statement apart.
func Parse(text string) (Statement, error) {
	p := parser{scanner: scanner{text: text}}
	first, err := p.advance()
	if err != nil {
		return Statement{}, err
	}
	for p.isPunctuation(first, '(') {
		if first, err = p.advance(); err != nil {
			return Statement{}, err
		}
	}
	if first.kind == tokenEnd || p.isPunctuation(first, ';') {
		return Statement{}, ErrEmpty
	}
	st := Statement{Keyword: p.word(first)}
	if st.Keyword == "INSERT" && p.depth == 0 {
		return p.insert(st)
	}
	return p.plain(st)
}

// parser walks the tokens and keeps the nesting depth.
type parser struct {
	scanner
	depth int
}

// advance reads a token, unless it reaches the file system.
func (p *parser) advance() (token, error) {
	t, err := p.next()
	if err != nil {
		return t, err
	}
	switch {
	case p.reachesFiles(t):
		return t, ErrFile
	case p.isPunctuation(t, '('), p.isPunctuation(t, '['), p.isPunctuation(t, '{'):
		p.depth++
	case p.isPunctuation(t, ')'), p.isPunctuation(t, ']'), p.isPunctuation(t, '}'):
		p.depth--
	}
	return t, nil
}

// reachesFiles finds what the engine's grants do not cover: INTO OUTFILE and FROM INFILE are the work of its client code, and
// the scalar function file asks for no grant. A function's name may be quoted, and escaped inside the quotes.
func (p *parser) reachesFiles(t token) bool {
	text := p.text[t.start:t.end]
	switch {
	case t.kind == tokenWord && (strings.EqualFold(text, "OUTFILE") || strings.EqualFold(text, "INFILE")):
		return true
	case t.kind != tokenWord && t.kind != tokenQuoted || !p.isPunctuation(p.peek(), '('):
		return false
	case t.kind == tokenWord || text[0] == '$':
		return text == "file"
	default:
		return text[1:len(text)-1] == "file" || strings.ContainsRune(text, '\\')
	}
}

// word gives the upper-case form of a bare word, "" for any other token.
func (p *parser) word(t token) string {
	if t.kind != tokenWord {
		return ""
	}
	return strings.ToUpper(p.text[t.start:t.end])
}

func (p *parser) isPunctuation(t token, c byte) bool {
	return t.kind == tokenOther && p.text[t.start] == c
}

// peek looks one token ahead.
func (p *parser) peek() token {
	ahead := p.scanner
	t, err := ahead.next()
	if err != nil {
		return token{kind: tokenEnd}
	}
	return t
}

// plain reads a statement that brings no data along, up to its end.
func (p *parser) plain(st Statement) (Statement, error) {
	for {
		t, err := p.advance()
		switch {
		case err != nil:
			return st, err
		case t.kind == tokenEnd:
			st.SQL = p.text
			return st, nil
		case p.isPunctuation(t, ';'):
			st.SQL = p.text[:t.start]
			return st, p.onlyEnd()
		}
		switch p.word(t) {
		case "INSERT":
			if p.peek().kind == tokenWord {
				return st, ErrInsertPlace
			}
		case "FORMAT":
			if name, ok := p.formatName(); ok && p.depth == 0 {
				st.Format = name
			}
		}
	}
}

// formatName reads the name after FORMAT where that is a clause: at the end of the statement or before SETTINGS.
func (p *parser) formatName() (string, bool) {
	ahead := parser{scanner: p.scanner}
	name, err := ahead.next()
	if err != nil || name.kind != tokenWord {
		return "", false
	}
	after, err := ahead.next()
	if err != nil {
		return "", false
	}
	clause := after.kind == tokenEnd || p.isPunctuation(after, ';') || ahead.word(after) == "SETTINGS"
	return p.text[name.start:name.end], clause
}

// onlyEnd checks that nothing but separators and comments is left.
func (p *parser) onlyEnd() error {
	for {
		t, err := p.next()
		switch {
		case err != nil:
			return err
		case t.kind == tokenEnd:
			return nil
		case !p.isPunctuation(t, ';'):
			return ErrMulti
		}
	}
}

// insert reads an INSERT up to where its rows come from.
func (p *parser) insert(st Statement) (Statement, error) {
	previous := "INSERT"
	fromSelect := false
	for {
		t, err := p.advance()
		switch {
		case err != nil:
			return st, err
		case t.kind == tokenEnd, p.isPunctuation(t, ';'):
			return p.insertEnd(st, t, fromSelect)
		}
		word := p.word(t)
		if word == "SELECT" && p.depth > 0 {
			fromSelect = fromSelect || !p.endsColumn(p.peek())
		}
		if p.depth == 0 && !namesTable(previous) {
			switch word {
			case "VALUES":
				st.Format, st.HasData = FormatValues, true
				st.SQL, st.Data = p.text[:t.start], trimValues(p.text[t.end:])
				return st, nil
			case "FORMAT":
				return p.insertFormat(st, t)
			case "SELECT", "WITH", "FROM":
				fromSelect = true
			case "INSERT":
				return st, ErrInsertPlace
			}
		}
		previous = word
		if word == "" {
			previous = p.text[t.start:t.end]
		}
	}
}

// insertEnd ends an INSERT without data: it must have a SELECT.
func (p *parser) insertEnd(st Statement, end token, fromSelect bool) (Statement, error) {
	st.SQL = p.text[:end.start]
	if end.kind != tokenEnd {
		if err := p.onlyEnd(); err != nil {
			return st, err
		}
	}
	if !fromSelect {
		return st, ErrInsertForm
	}
	return st, nil
}

// insertFormat cuts the text at FORMAT; the data begins on the line after the format's name.
func (p *parser) insertFormat(st Statement, at token) (Statement, error) {
	name, err := p.next()
	if err != nil {
		return st, err
	}
	if name.kind != tokenWord {
		return st, ErrInsertForm
	}
	st.SQL, st.Format, st.HasData = p.text[:at.start], p.text[name.start:name.end], true
	st.Data = strings.TrimLeft(p.text[name.end:], " \t\f")
	st.Data = strings.TrimPrefix(st.Data, "\r")
	st.Data = strings.TrimPrefix(st.Data, "\n")
	return st, nil
}

// endsColumn says whether the token before this one was a column's name.
func (p *parser) endsColumn(t token) bool {
	return t.kind == tokenEnd || p.isPunctuation(t, ',') || p.isPunctuation(t, ')')
}

// namesTable says whether the token after this one names a table (which may be called values or format).
func namesTable(previous string) bool {
	switch previous {
	case "INSERT", "INTO", "TABLE", "FUNCTION", ".":
		return true
	}
	return false
}

// trimValues drops the blank and the separator after the last row.
func trimValues(rows string) string {
	return strings.TrimRight(rows, "; \t\r\n")
}
