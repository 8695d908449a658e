package control

import (
	"crypto/rand"
	"hash/crc32"
	"math/big"
	"slices"
	"strings"
)

// A generated key is `lh_live_<public id>_<secret><checksum>`, all in digits and
// letters, so that a double click selects it whole.
const (
	keyPrefix   = "lh_live_"
	tokenPrefix = "lh_oper_" // of operators' tokens, which are alike otherwise, as are all below
	// PersonalPrefix is of what a program acts as an account with.
	PersonalPrefix = "lh_pers_"
	// InvitePrefix is of what somebody becomes a member with.
	InvitePrefix = "lh_invt_"
	// ResetPrefix is of what somebody sets a password with.
	ResetPrefix = "lh_rset_"
	// FirstRunPrefix is of what the first account is made with.
	FirstRunPrefix = "lh_frst_"

	publicSize  = 12 // characters
	secretSize  = 43 // characters that hold 256 bits
	secretBytes = 32
	checkSize   = 6 // characters that hold a CRC-32
	keySize     = len(keyPrefix) + publicSize + 1 + secretSize + checkSize
)

const base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// GenerateKey makes a virtual key with a secret of 256 random bits.
func GenerateKey() Secret { return generate(keyPrefix) }

// GenerateToken makes an operator's token with a secret of 256 random bits.
func GenerateToken() Secret { return generate(tokenPrefix) }

// GenerateOnce makes a secret of 256 random bits that somebody is handed once; prefix
// is one of the exported ones. The hash is what to keep of it.
func GenerateOnce(prefix string) (s Secret, hash string) {
	s = generate(prefix)
	return s, Digest(s)
}

// Digest is the SHA-256 of a secret in hex: what such a secret is found by.
func Digest(s Secret) string { return digest(s.Reveal()) }

// prefixes are those of every kind of generated secret.
func prefixes() []string {
	return []string{keyPrefix, tokenPrefix, PersonalPrefix, InvitePrefix, ResetPrefix, FirstRunPrefix}
}

func generate(prefix string) Secret {
	random := make([]byte, secretBytes)
	_, _ = rand.Read(random) // never fails
	public := make([]byte, publicSize*3/4)
	_, _ = rand.Read(public) // never fails
	text := prefix + digits(new(big.Int).SetBytes(public), publicSize) + "_" +
		digits(new(big.Int).SetBytes(random), secretSize)
	return NewSecret(text + checksum(text))
}

// WellFormed tells whether text is what [GenerateKey] makes: a mistyped key is
// told apart without looking anything up. Keys of other forms are not judged.
func WellFormed(text string) bool {
	if !slices.ContainsFunc(prefixes(), func(p string) bool { return strings.HasPrefix(text, p) }) {
		return true
	}
	if len(text) != keySize {
		return false
	}
	body := text[:keySize-checkSize]
	return checksum(body) == text[keySize-checkSize:]
}

// publicPart is the public id of a generated key, empty of others.
func publicPart(text string) string {
	if len(text) != keySize || !strings.HasPrefix(text, keyPrefix) {
		return ""
	}
	return text[len(keyPrefix) : len(keyPrefix)+publicSize]
}

func checksum(text string) string {
	return digits(new(big.Int).SetUint64(uint64(crc32.ChecksumIEEE([]byte(text)))), checkSize)
}

// digits writes n in base 62, n's lowest digits if it has more than size.
func digits(n *big.Int, size int) string {
	base, digit := big.NewInt(int64(len(base62))), new(big.Int)
	out := make([]byte, size)
	for i := range out {
		n.DivMod(n, base, digit)
		out[size-1-i] = base62[digit.Int64()]
	}
	return string(out)
}
