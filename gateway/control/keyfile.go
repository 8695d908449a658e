package control

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/llm-hub/llm-hub/events"
)

// KeyFile keeps generated keys in a file that only its owner may read: a JSON
// object of secrets by `<tenant>/<key>`. The file is made with the first key.
func KeyFile(path string) KeyStore {
	var mu sync.Mutex
	return func(tenant events.TenantID, name string) (Secret, bool, error) {
		mu.Lock()
		defer mu.Unlock()
		keys, err := readKeys(path)
		if err != nil {
			return Secret{}, false, err
		}
		id := string(tenant) + "/" + name
		if text := keys[id]; text != "" {
			return NewSecret(text), false, nil
		}
		secret := GenerateKey()
		keys[id] = secret.Reveal()
		if err := writeKeys(path, keys); err != nil {
			return Secret{}, false, err
		}
		return secret, true, nil
	}
}

func readKeys(path string) (map[string]string, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return map[string]string{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("generated keys: %w", err)
	}
	var keys map[string]string
	if json.Unmarshal(data, &keys) != nil || keys == nil { // its error might quote a secret
		return nil, fmt.Errorf("generated keys: %s is not a JSON object of texts", path)
	}
	return keys, nil
}

// writeKeys replaces the file as a whole: a crash leaves the old or the new one.
func writeKeys(path string, keys map[string]string) error {
	data, err := json.MarshalIndent(keys, "", "  ")
	if err != nil {
		return fmt.Errorf("generated keys: %w", err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".keys-*") // mode 0600
	if err != nil {
		return fmt.Errorf("generated keys: %w", err)
	}
	defer os.Remove(f.Name())
	_, err = f.Write(append(data, '\n'))
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("generated keys: %w", err)
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return fmt.Errorf("generated keys: %w", err)
	}
	return nil
}
