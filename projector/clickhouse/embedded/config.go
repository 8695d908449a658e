package embedded

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"
)

// Defaults of Config.
const (
	DefaultMaxMemory   = 2 << 30 // bytes
	DefaultConcurrency = 16      // statements
	DefaultQueueWait   = 10 * time.Second
	DefaultMaxBody     = 256 << 20 // bytes
	minMemory          = 256 << 20 // bytes; below that merges fail
)

// Subcommand is the word by which the executable is told to become the engine.
const Subcommand = "engine"

// Config says how to run the engine.
type Config struct {
	Library string // path of libchdb.so, see FindLibrary
	DataDir string // made if missing; one engine at a time may have it open

	Executable string   // the program whose Main is this package's; this process's own by default
	Args       []string // its arguments; []string{Subcommand} by default

	MaxMemory   int64         // bytes the engine may allocate; DefaultMaxMemory by default
	Concurrency int           // statements that run at once; DefaultConcurrency by default
	QueueWait   time.Duration // how long a statement waits for its turn; DefaultQueueWait by default
	MaxBody     int64         // bytes of a request's body, as sent and as decompressed; DefaultMaxBody by default

	// NoFsync leaves inserted parts to the operating system's own pace: an acknowledged row survives the death of any
	// process, but not a power cut. Fsync costs about 8 ms an insert, whatever its size (10 ms became 18 for one row into
	// a table with a view, 26 became 32 for 10,000), which batches hide.
	NoFsync bool

	Logger *slog.Logger // slog.DiscardHandler by default
}

// complete checks the configuration and fills the defaults in.
func (c Config) complete() (Config, error) {
	if c.Library == "" {
		return c, fmt.Errorf("embedded engine: Library: %w", ErrNoLibrary)
	}
	if c.DataDir == "" {
		return c, errors.New("embedded engine: DataDir is empty")
	}
	var err error
	if c.DataDir, err = filepath.Abs(c.DataDir); err != nil {
		return c, fmt.Errorf("embedded engine: DataDir: %w", err)
	}
	if c.Library, err = filepath.Abs(c.Library); err != nil {
		return c, fmt.Errorf("embedded engine: Library: %w", err)
	}
	if c.Executable == "" {
		if c.Executable, err = os.Executable(); err != nil {
			return c, fmt.Errorf("embedded engine: find own executable: %w", err)
		}
	}
	if c.Args == nil {
		c.Args = []string{Subcommand}
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	c.MaxMemory = orDefault(c.MaxMemory, DefaultMaxMemory)
	c.Concurrency = orDefault(c.Concurrency, DefaultConcurrency)
	c.QueueWait = orDefault(c.QueueWait, DefaultQueueWait)
	c.MaxBody = orDefault(c.MaxBody, DefaultMaxBody)
	switch {
	case c.MaxMemory < minMemory:
		return c, fmt.Errorf("embedded engine: MaxMemory is %d bytes, less than %d", c.MaxMemory, int64(minMemory))
	case c.Concurrency < 1:
		return c, fmt.Errorf("embedded engine: Concurrency is %d", c.Concurrency)
	case c.QueueWait < 0:
		return c, fmt.Errorf("embedded engine: QueueWait is %s", c.QueueWait)
	case c.MaxBody < 1:
		return c, fmt.Errorf("embedded engine: MaxBody is %d bytes", c.MaxBody)
	}
	return c, nil
}

func orDefault[T int | int64 | time.Duration](value, fallback T) T {
	if value == 0 {
		return fallback
	}
	return value
}
