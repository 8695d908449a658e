//go:build linux && amd64 && !noengine

package chdb

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"unsafe"
)

// Config says how to boot the engine.
type Config struct {
	Library    string // path of libchdb.so
	DataDir    string // where tables live; one engine at a time may have it open
	ConfigFile string // server configuration (XML)
}

// Engine is the engine of this process. There can be only one, and none after Close.
type Engine struct {
	lib  *library
	args []string
	root *Conn // keeps the engine up while no other connection is open
}

// Open loads the library and boots the engine. The reason of a failed boot is known to the engine alone, which prints it
// on standard error.
func Open(cfg Config) (*Engine, error) {
	lib, err := load(cfg.Library)
	if err != nil {
		return nil, err
	}
	lib.setSignalHandlers(0) // the Go runtime's handlers must stay
	e := &Engine{lib: lib, args: []string{"clickhouse", "--path=" + cfg.DataDir, "--config-file=" + cfg.ConfigFile}}
	if e.root, err = e.Connect(); err != nil {
		return nil, fmt.Errorf("boot engine on %s: %w", cfg.DataDir, err)
	}
	return e, nil
}

// Connect opens a connection: a session of its own, at a cost of about 0.3 ms.
func (e *Engine) Connect() (*Conn, error) {
	var pin runtime.Pinner
	defer pin.Unpin()
	argv := make([]unsafe.Pointer, len(e.args)+1)
	for i, arg := range e.args {
		c := append([]byte(arg), 0)
		pin.Pin(&c[0])
		argv[i] = unsafe.Pointer(&c[0])
	}
	handle := e.lib.connect(int32(len(e.args)), &argv[0])
	if handle == nil {
		return nil, errors.New("engine refused the connection (see its standard error)")
	}
	return &Conn{lib: e.lib, handle: handle}, nil
}

// Close closes the connection that keeps the engine up. The library's own shutdown is left out: it refuses once there are
// tables with background work, and a process that ends next does not need it.
func (e *Engine) Close() { e.root.Close() }

// Conn is one connection.
type Conn struct {
	lib    *library
	mu     sync.Mutex // a connection runs one statement at a time
	handle *connection
}

// Close ends the session. It waits for a running statement.
func (c *Conn) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.handle != nil {
		c.lib.closeConn(c.handle)
		c.handle = nil
	}
}
