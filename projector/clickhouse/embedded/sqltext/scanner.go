package sqltext

import "strings"

const typographicQuotes = "‘’“”"

type tokenKind int

const (
	tokenEnd tokenKind = iota
	tokenWord
	tokenQuoted // string literal, quoted identifier or heredoc
	tokenOther  // one byte of punctuation
)

// token is a lexeme at text[start:end].
type token struct {
	kind       tokenKind
	start, end int
}

// scanner splits ClickHouse SQL into tokens, skipping white space and comments.
type scanner struct {
	text string
	pos  int
}

// next returns the next token, or an error for a literal or comment without an end.
func (s *scanner) next() (token, error) {
	if err := s.skipBlank(); err != nil {
		return token{}, err
	}
	start := s.pos
	if start == len(s.text) {
		return token{kind: tokenEnd, start: start, end: start}, nil
	}
	switch c := s.text[start]; {
	case c == '\'' || c == '"' || c == '`':
		return s.quoted(c)
	case c == '$':
		return s.heredoc(), nil
	case isWordByte(c):
		return s.bareWord()
	default:
		s.pos++
		return token{kind: tokenOther, start: start, end: s.pos}, nil
	}
}

// skipBlank moves to the next byte that is neither white space nor in a comment.
func (s *scanner) skipBlank() error {
	for s.pos < len(s.text) {
		rest := s.text[s.pos:]
		switch {
		case isSpace(rest[0]):
			s.pos++
		case strings.HasPrefix(rest, "--"), strings.HasPrefix(rest, "# "), strings.HasPrefix(rest, "#!"):
			s.skipLine(rest)
		case strings.HasPrefix(rest, "/*"):
			end := strings.Index(rest[2:], "*/")
			if end < 0 {
				return ErrUnterminated
			}
			s.pos += 2 + end + 2
		default:
			return nil
		}
	}
	return nil
}

func (s *scanner) skipLine(rest string) {
	if end := strings.IndexByte(rest, '\n'); end >= 0 {
		s.pos += end + 1
		return
	}
	s.pos = len(s.text)
}

// bareWord reads a word. The engine takes typographic quotes for quotes, where this scanner would lose its way.
func (s *scanner) bareWord() (token, error) {
	start := s.pos
	for s.pos < len(s.text) && (isWordByte(s.text[s.pos]) || s.text[s.pos] == '$') {
		s.pos++
	}
	if strings.ContainsAny(s.text[start:s.pos], typographicQuotes) {
		return token{}, ErrTypographic
	}
	return token{kind: tokenWord, start: start, end: s.pos}, nil
}

// quoted reads a literal in which a backslash escapes any byte and a doubled quote stands for itself.
func (s *scanner) quoted(quote byte) (token, error) {
	start := s.pos
	for i := start + 1; i < len(s.text); i++ {
		switch {
		case s.text[i] == '\\':
			i++
		case s.text[i] != quote:
		case i+1 < len(s.text) && s.text[i+1] == quote:
			i++
		default:
			s.pos = i + 1
			return token{kind: tokenQuoted, start: start, end: s.pos}, nil
		}
	}
	return token{}, ErrUnterminated
}

// heredoc reads $tag$ ... $tag$; a dollar that begins none is punctuation.
func (s *scanner) heredoc() token {
	start := s.pos
	end := start + 1
	for end < len(s.text) && isWordByte(s.text[end]) {
		end++
	}
	s.pos = start + 1
	if end == len(s.text) || s.text[end] != '$' {
		return token{kind: tokenOther, start: start, end: s.pos}
	}
	tag := s.text[start : end+1]
	length := strings.Index(s.text[end+1:], tag)
	if length < 0 {
		return token{kind: tokenOther, start: start, end: s.pos}
	}
	s.pos = end + 1 + length + len(tag)
	return token{kind: tokenQuoted, start: start, end: s.pos}
}

func isSpace(c byte) bool {
	return c == ' ' || c >= '\t' && c <= '\r'
}

func isWordByte(c byte) bool {
	return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c >= 0x80
}
