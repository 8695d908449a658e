package embedded

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"sync"
	"time"
)

// What the engine is reached by.
const (
	user         = "llmhub"
	database     = "llmhub"
	passwordSize = 32 // bytes
)

// ErrLocked says that another engine has the data directory open.
var ErrLocked = errors.New("the engine's data directory is in use")

// Access is what a client needs to connect, by HTTP.
type Access struct {
	Addr     string // host:port on loopback
	User     string
	Password string
	Database string
}

// DSN is the access as a data source name for clickhouse-go. It holds the password.
func (a Access) DSN() string {
	u := url.URL{Scheme: "http", User: url.UserPassword(a.User, a.Password), Host: a.Addr, Path: "/" + a.Database}
	return u.String()
}

// State is how the engine is doing.
type State struct {
	Running  bool      `json:"running"`             // serving statements
	PID      int       `json:"pid"`                 // of the child; 0 while there is none
	Restarts int       `json:"restarts"`            // since Start
	Version  string    `json:"version"`             // of ClickHouse, as last seen
	Since    time.Time `json:"since"`               // when Running last changed
	LastExit string    `json:"last_exit,omitempty"` // why the last child ended, "" if none has
}

// Engine is a supervised engine process.
type Engine struct {
	cfg      Config
	access   Access
	listener *os.File // the listening socket, lent to every child
	stop     context.CancelFunc
	kill     context.CancelFunc
	done     chan struct{} // closed when the supervisor has ended

	mu    sync.Mutex
	state State
}

// Start runs the engine and returns when it serves. The context bounds the start only; Stop ends the engine. A data
// directory that is in use gives ErrLocked.
func Start(ctx context.Context, cfg Config) (*Engine, error) {
	if !supported {
		return nil, ErrUnsupported
	}
	cfg, err := cfg.complete()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(cfg.DataDir, 0o700); err != nil {
		return nil, fmt.Errorf("embedded engine: %w", err)
	}
	listener, addr, err := listen(ctx)
	if err != nil {
		return nil, fmt.Errorf("embedded engine: listen on loopback: %w", err)
	}
	password := make([]byte, passwordSize)
	_, _ = rand.Read(password) // never fails
	e := &Engine{
		cfg:      cfg,
		access:   Access{Addr: addr, User: user, Password: base64.RawURLEncoding.EncodeToString(password), Database: database},
		listener: listener,
		done:     make(chan struct{}),
	}
	stopping, stop := context.WithCancel(context.Background())
	killing, kill := context.WithCancel(context.Background())
	e.stop, e.kill = stop, kill
	first := make(chan error, 1)
	go e.supervise(stopping, killing, first)
	select {
	case err = <-first:
	case <-ctx.Done():
		err = fmt.Errorf("embedded engine: start: %w", context.Cause(ctx))
	}
	if err != nil {
		kill()
		stop()
		<-e.done
		return nil, err
	}
	return e, nil
}

// listen opens the socket and gives it in the form that a child inherits.
func listen(ctx context.Context) (*os.File, string, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, "", err
	}
	defer func() { _ = listener.Close() }() // the file is a duplicate
	file, err := listener.(*net.TCPListener).File()
	return file, listener.Addr().String(), err
}

// Access tells how to connect. It stays the same for the life of the Engine.
func (e *Engine) Access() Access { return e.access }

// DSN is Access().DSN().
func (e *Engine) DSN() string { return e.access.DSN() }

// State tells how the engine is doing.
func (e *Engine) State() State {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.state
}

// Stop ends the engine: running statements are cancelled and connections closed. When ctx ends first the engine is killed,
// which loses nothing that was acknowledged.
func (e *Engine) Stop(ctx context.Context) error {
	e.stop()
	select {
	case <-e.done:
		return nil
	case <-ctx.Done():
		e.kill()
		<-e.done
		return fmt.Errorf("embedded engine did not stop in time and was killed: %w", context.Cause(ctx))
	}
}

// update changes the state.
func (e *Engine) update(change func(*State)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	running := e.state.Running
	change(&e.state)
	if e.state.Running != running {
		e.state.Since = time.Now()
	}
}
