package signin

import (
	_ "embed" // common.txt
	"sort"
	"strings"
	"unicode"
)

// common are the commonest passwords, in lower case and order, one a line: the first
// 10,000 of the list that the password meter zxcvbn uses, and all of its longer ones.
//
//go:embed common.txt
var common string

// isCommon tells whether a word is in the list.
func isCommon(word string) bool {
	at := sort.Search(len(common), func(i int) bool { return lineAt(i) >= word })
	return at < len(common) && lineAt(at) == word
}

// lineAt is the first line of the list that begins at i or after it; past the end it
// is a word greater than all.
func lineAt(i int) string {
	if i > 0 {
		next := strings.IndexByte(common[i-1:], '\n')
		if next < 0 {
			return "\xff"
		}
		i += next
	}
	line, _, whole := strings.Cut(common[i:], "\n")
	if !whole {
		return "\xff"
	}
	return line
}

// guessable tells whether a password is one of the commonest, as it is or with what
// people put around it, or the account's address, or no more than a pattern.
func guessable(password, address string) bool {
	word := strings.ToLower(password)
	unit := repeated(word)
	stem := strings.TrimFunc(word, func(r rune) bool { return !unicode.IsLetter(r) })
	local, _, _ := strings.Cut(address, "@")
	switch {
	case isCommon(word), isCommon(unit), isCommon(stem):
		return true
	case len([]rune(unit)) <= 4, straight(word):
		return true
	}
	return address != "" && (word == address || stem == local)
}

// repeated is the shortest text that word is a repetition of.
func repeated(word string) string {
	runes := []rune(word)
	for n := 1; n <= len(runes)/2; n++ {
		if len(runes)%n == 0 && strings.Repeat(string(runes[:n]), len(runes)/n) == word {
			return string(runes[:n])
		}
	}
	return word
}

// straight tells whether every character of word follows the one before it, up or
// down, as in 123456789012 or abcdefghijkl.
func straight(word string) bool {
	runes := []rune(word)
	for _, step := range []rune{1, -1} {
		follows := true
		for i := 1; i < len(runes) && follows; i++ {
			a, b := runes[i-1], runes[i]
			follows = b == a+step || unicode.IsDigit(a) && unicode.IsDigit(b) && (b-a-step)%10 == 0
		}
		if follows {
			return true
		}
	}
	return false
}
