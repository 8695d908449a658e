package vault

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Master wraps data keys. What is behind it may be a file, or a service that never
// gives its key away.
type Master interface {
	// Wrap encrypts a data key and binds it to name; id says by which master key.
	Wrap(ctx context.Context, name string, key []byte) (id string, wrapped []byte, err error)
	// Unwrap is the inverse. It fails with [ErrMaster] if the master key id is not there.
	Unwrap(ctx context.Context, id, name string, wrapped []byte) ([]byte, error)
}

// ErrMaster says that the master key something is wrapped by is not there.
var ErrMaster = errors.New("this node does not have that master key")

// keySize of master and data keys, in bytes.
const keySize = 32

// Keys are master keys in memory: the first wraps, all unwrap.
type Keys struct {
	read func() (string, error)
}

// KeyFile reads master keys from a file of one key a line, 32 bytes in base64 each.
// It is made with one new key if it is not there, readable by its owner only. The
// file is read again whenever a key is needed, so it can be changed at run time.
func KeyFile(path string) (*Keys, error) {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		if err := create(path, NewKey()+"\n"); err != nil {
			return nil, err
		}
	}
	return newKeys(path, func() (string, error) {
		data, err := os.ReadFile(path)
		return string(data), err
	})
}

// KeyText takes master keys from a text, as [KeyFile] has them; name stands for it
// in errors.
func KeyText(name, text string) (*Keys, error) {
	return newKeys(name, func() (string, error) { return text, nil })
}

// newKeys tells at once what is wrong.
func newKeys(name string, read func() (string, error)) (*Keys, error) {
	k := &Keys{read: func() (string, error) {
		text, err := read()
		if err != nil {
			return "", fmt.Errorf("master key: %w", err)
		}
		return text, nil
	}}
	if _, err := k.all(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return k, nil
}

// NewKey makes a master key, in base64.
func NewKey() string {
	key := make([]byte, keySize)
	_, _ = rand.Read(key) // never fails
	return base64.StdEncoding.EncodeToString(key)
}

// AddKey puts a new master key before those of a file. The old ones stay: what they
// have wrapped needs them until it is wrapped anew.
func AddKey(path string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("master key: %w", err)
	}
	return replace(path, NewKey()+"\n"+string(data))
}

// KeepFirst drops all master keys of a file but the first.
func KeepFirst(path string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("master key: %w", err)
	}
	first, _, _ := strings.Cut(strings.TrimSpace(string(data)), "\n")
	return replace(path, first+"\n")
}

// create makes a file unless another process is faster.
func create(path, text string) error {
	return write(path, text, func(from, to string) error {
		if err := os.Link(from, to); !errors.Is(err, fs.ErrExist) {
			return err
		}
		return nil
	})
}

// replace writes a file anew: a crash leaves the old or the new one.
func replace(path, text string) error { return write(path, text, os.Rename) }

// write makes a whole file beside path and puts it in its place.
func write(path, text string, place func(from, to string) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".master-*") // mode 0600
	if err != nil {
		return fmt.Errorf("master key: %w", err)
	}
	defer os.Remove(f.Name()) // gone already when renamed
	_, err = f.WriteString(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = place(f.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("master key: %w", err)
	}
	return nil
}

type masterKey struct {
	id  string // of its hash, so that it tells nothing of the key
	gcm cipher.AEAD
}

func (k *Keys) all() ([]masterKey, error) {
	text, err := k.read()
	if err != nil {
		return nil, err
	}
	var keys []masterKey
	for _, line := range strings.Fields(text) {
		raw, err := base64.StdEncoding.DecodeString(line)
		if err != nil || len(raw) != keySize {
			return nil, fmt.Errorf("master key: key %d is not %d bytes in base64", len(keys)+1, keySize)
		}
		gcm, err := newGCM(raw)
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(append([]byte("llm-hub master key\n"), raw...))
		keys = append(keys, masterKey{id: hex.EncodeToString(sum[:6]), gcm: gcm})
	}
	if len(keys) == 0 {
		return nil, errors.New("master key: there is none")
	}
	return keys, nil
}

// Wrap implements [Master].
func (k *Keys) Wrap(_ context.Context, name string, key []byte) (string, []byte, error) {
	keys, err := k.all()
	if err != nil {
		return "", nil, err
	}
	return keys[0].id, keys[0].gcm.Seal(nil, nil, key, []byte(name)), nil
}

// Unwrap implements [Master].
func (k *Keys) Unwrap(_ context.Context, id, name string, wrapped []byte) ([]byte, error) {
	keys, err := k.all()
	if err != nil {
		return nil, err
	}
	for _, key := range keys {
		if key.id != id {
			continue
		}
		plain, err := key.gcm.Open(nil, nil, wrapped, []byte(name))
		if err != nil {
			return nil, fmt.Errorf("data key %s: it was changed, or is another's", name)
		}
		return plain, nil
	}
	return nil, fmt.Errorf("data key %s is wrapped by master key %s: %w; give it the same one as the hub's other nodes", name, id, ErrMaster)
}

// newGCM makes its own nonces and puts them before what it seals.
func newGCM(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}
