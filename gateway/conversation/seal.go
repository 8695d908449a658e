package conversation

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"fmt"
)

// KeySize is the size of a sealer's key, in bytes.
const KeySize = 32

// Sealer seals content with AES-256-GCM. A seal is bound to the place of what it is
// of: elsewhere it does not open.
type Sealer struct{ aead cipher.AEAD }

// NewSealer makes a sealer of a key of [KeySize] bytes.
func NewSealer(key []byte) (*Sealer, error) {
	if len(key) != KeySize {
		return nil, fmt.Errorf("the key has %d bytes, not %d", len(key), KeySize)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("make the cipher: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("make the cipher: %w", err)
	}
	return &Sealer{aead}, nil
}

func (s *Sealer) seal(plain []byte, place string) []byte {
	nonce := make([]byte, s.aead.NonceSize(), s.aead.NonceSize()+len(plain)+s.aead.Overhead())
	_, _ = rand.Read(nonce) // never fails
	return s.aead.Seal(nonce, nonce, plain, []byte(place))
}

var errSeal = errors.New("the seal does not open")

func (s *Sealer) open(sealed []byte, place string) ([]byte, error) {
	if len(sealed) < s.aead.NonceSize() {
		return nil, errSeal
	}
	nonce, text := sealed[:s.aead.NonceSize()], sealed[s.aead.NonceSize():]
	plain, err := s.aead.Open(nil, nonce, text, []byte(place))
	if err != nil {
		return nil, errSeal
	}
	return plain, nil
}
