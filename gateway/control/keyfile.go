package control

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/llm-hub/llm-hub/events"
)

// KeyFile is the path of a file of secrets of virtual keys that only its owner may
// read: a JSON object of secrets by `<tenant>/<key>`. The demo keeps its key there,
// and older versions kept generated keys.
type KeyFile string

// Find gives a secret, empty if the file has none of it.
func (f KeyFile) Find(tenant events.TenantID, name string) (Secret, error) {
	keys, err := readKeys(string(f))
	if text := keys[string(tenant)+"/"+name]; text != "" {
		return NewSecret(text), nil
	}
	return Secret{}, err
}

// Keep gives a secret, and makes it first if there is none.
func (f KeyFile) Keep(tenant events.TenantID, name string) (Secret, error) {
	secret, err := f.Find(tenant, name)
	if err != nil || !secret.Empty() {
		return secret, err
	}
	keys, err := readKeys(string(f))
	if err != nil {
		return Secret{}, err
	}
	secret = GenerateKey()
	keys[string(tenant)+"/"+name] = secret.Reveal()
	return secret, writeKeys(string(f), keys)
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
