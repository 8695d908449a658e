package form

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"sync/atomic"
)

// maxMemory is how much of a form is kept in memory, in bytes.
const maxMemory = 256 << 10

// ErrFull says that the forms which are being served take up all the space there is for them.
var ErrFull = errors.New("form: no space for another one")

// Store is where the forms of a process are.
type Store struct {
	dir  string
	most int64
	used atomic.Int64 // bytes on disk
}

// NewStore makes a store that keeps at most so many bytes on disk, in dir; empty is the
// system's own directory for such.
func NewStore(dir string, most int64) *Store { return &Store{dir: dir, most: most} }

// spool is written once and then read by anybody.
type spool struct {
	store  *Store
	size   int64
	memory []byte
	disk   int64 // bytes of it in the file
	err    error // of a write

	mu     sync.RWMutex // between readers and the end
	file   *os.File     // nil while all is in memory
	named  bool         // the file could not lose its name while it is open
	closed bool
}

// Write adds bytes at the end.
func (s *spool) Write(b []byte) (n int, err error) {
	defer func() { s.err = err }()
	if s.file == nil && len(s.memory)+len(b) <= maxMemory {
		s.memory = append(s.memory, b...)
		s.size += int64(len(b))
		return len(b), nil
	}
	if s.file == nil {
		if err := s.move(); err != nil {
			return 0, err
		}
	}
	n, err = s.write(b)
	s.size += int64(n)
	return n, err
}

// move takes what is in memory to a file, which from then on has no name.
func (s *spool) move() error {
	file, err := os.CreateTemp(s.store.dir, "llm-hub-form-*")
	if err != nil {
		return fmt.Errorf("form: %w", err)
	}
	s.file, s.named = file, os.Remove(file.Name()) != nil
	_, err = s.write(s.memory)
	s.memory = nil
	return err
}

func (s *spool) write(b []byte) (int, error) {
	if s.store.used.Add(int64(len(b))) > s.store.most {
		s.store.used.Add(-int64(len(b)))
		return 0, ErrFull
	}
	n, err := s.file.Write(b)
	s.disk += int64(n)
	s.store.used.Add(int64(n - len(b)))
	if err != nil {
		return n, fmt.Errorf("form: %w", err)
	}
	return n, nil
}

// ReadAt implements [io.ReaderAt].
func (s *spool) ReadAt(b []byte, at int64) (int, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	switch {
	case s.closed:
		return 0, os.ErrClosed
	case s.file != nil:
		return s.file.ReadAt(b, at)
	case at >= int64(len(s.memory)):
		return 0, io.EOF
	}
	n := copy(b, s.memory[at:])
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

func (s *spool) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	s.closed, s.memory = true, nil
	if s.file == nil {
		return
	}
	s.store.used.Add(-s.disk)
	_ = s.file.Close() // what was written is of no use any more
	if s.named {
		_ = os.Remove(s.file.Name()) // as above
	}
}

// stringAt reads a text anywhere.
type stringAt string

// ReadAt implements [io.ReaderAt].
func (s stringAt) ReadAt(b []byte, at int64) (int, error) {
	return strings.NewReader(string(s)).ReadAt(b, at)
}
