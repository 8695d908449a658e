package main

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/llm-hub/llm-hub/events"
)

// dataDir is the directory a node owns: its stores, its identity and what a CLI
// needs to reach it. One process owns it at a time.
type dataDir struct {
	path string
	lock *os.File
}

// errOwned says that another process owns the data directory.
var errOwned = errors.New("is in use by another llm-hub process")

// openDataDir creates the directory if needed (0700) and takes ownership of it
// until close. A second owner gets [errOwned].
func openDataDir(path string) (*dataDir, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("data directory: %w", err)
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("data directory: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(abs, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("data directory: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("data directory %s %w", path, errOwned)
		}
		return nil, fmt.Errorf("lock data directory %s: %w", path, err)
	}
	return &dataDir{path: abs, lock: f}, nil
}

func (d *dataDir) close() error {
	return d.lock.Close() // closing drops the lock
}

func (d *dataDir) file(name string) string { return filepath.Join(d.path, name) }

// nodeID returns the node's identity, minted at first use.
func (d *dataDir) nodeID() (events.NodeID, error) {
	id, err := d.remember("node", func() string { return "n-" + randomHex(5) })
	return events.NodeID(id), err
}

// operatorToken returns the token of /api/v1, minted at first use.
func (d *dataDir) operatorToken() (string, error) {
	return d.remember(operatorFile, func() string { return "lho_" + randomToken() })
}

// remember returns the content of a small private file, writing it first if it
// is not there.
func (d *dataDir) remember(name string, mint func() string) (string, error) {
	path := d.file(name)
	b, err := os.ReadFile(path)
	if err == nil {
		if s := strings.TrimSpace(string(b)); s != "" {
			return s, nil
		}
		return "", fmt.Errorf("%s is empty: remove it to have a new one made", path)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("read %s: %w", path, err)
	}
	s := mint()
	return s, writePrivate(path, []byte(s+"\n"))
}

// serverInfo is what a CLI needs to reach a running server.
type serverInfo struct {
	Address string `json:"address"` // http://host:port
	Metrics string `json:"metrics"`
	PID     int    `json:"pid"`
}

const serverFile = "server.json"

func (d *dataDir) announce(info serverInfo) error {
	b, err := json.Marshal(info)
	if err != nil {
		return fmt.Errorf("encode %s: %w", serverFile, err)
	}
	return writePrivate(d.file(serverFile), b)
}

func (d *dataDir) retract() error { return os.Remove(d.file(serverFile)) }

// writePrivate replaces a file at once, readable by its owner only.
func writePrivate(path string, data []byte) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*") // 0600
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	defer os.Remove(tmp.Name()) // gone already when renamed
	_, err = tmp.Write(data)
	err = errors.Join(err, tmp.Sync(), tmp.Close())
	if err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

func randomHex(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}

// randomToken has 256 bits.
func randomToken() string {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails
	return base64.RawURLEncoding.EncodeToString(b)
}
