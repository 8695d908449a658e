//go:build linux && amd64 && !noengine

package embedded

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/llm-hub/llm-hub/projector/clickhouse/embedded/chdb"
	"github.com/llm-hub/llm-hub/projector/clickhouse/embedded/front"
)

// Times of the child.
const (
	lockWithin    = 2 * time.Second // a predecessor that was killed takes a moment to vanish
	stopWithin    = 4 * time.Second // then the process ends, whatever still runs
	headerTimeout = 10 * time.Second
	bodyTimeout   = 60 * time.Second
)

// maxBootLine bounds the configuration line, in bytes.
const maxBootLine = 64 << 10

const (
	exitSuccess = 0
	exitFailure = 1
)

// Main is the engine process, run by a hidden subcommand: configuration on standard input, the listening socket inherited.
// It returns the process's exit code when it was told to stop.
func Main() int {
	signal.Ignore(os.Interrupt) // a Ctrl-C is the parent's to handle
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer cancel()
	stdin := bufio.NewReaderSize(os.Stdin, maxBootLine)
	s, err := openServer(stdin)
	if err != nil {
		r := report{Error: err.Error()}
		if errors.Is(err, ErrLocked) {
			r.Cause = failureLocked
		}
		_ = json.NewEncoder(os.Stdout).Encode(r)
		return exitFailure
	}
	go func() {
		_, _ = io.Copy(io.Discard, stdin) // ends when the parent closes it or dies
		cancel()
	}()
	if err := s.serve(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return exitFailure
	}
	return exitSuccess
}

// server is the child's parts.
type server struct {
	lock     *os.File
	engine   *chdb.Engine
	handler  *front.Handler
	listener net.Listener
}

// openServer boots the engine as standard input says.
func openServer(stdin *bufio.Reader) (*server, error) {
	line, err := stdin.ReadSlice('\n')
	if err != nil {
		return nil, fmt.Errorf("read configuration from standard input: %w", err)
	}
	var b boot
	if err := json.Unmarshal(line, &b); err != nil {
		return nil, errors.New("configuration on standard input is malformed") // the text may hold the password
	}
	s := new(server)
	if s.lock, err = lockDir(filepath.Join(b.DataDir, lockFile), lockWithin); err != nil {
		return nil, err
	}
	if err := newSettings(b).write(b.DataDir); err != nil {
		return nil, fmt.Errorf("write engine configuration: %w", err)
	}
	if s.listener, err = net.FileListener(os.NewFile(listenerFD, "listener")); err != nil {
		return nil, fmt.Errorf("take over the listening socket: %w", err)
	}
	s.engine, err = chdb.Open(chdb.Config{
		Library: b.Library, DataDir: filepath.Join(b.DataDir, tablesDir), ConfigFile: filepath.Join(b.DataDir, configFile),
	})
	if err != nil {
		return nil, err
	}
	return s, s.openFront(b)
}

// openFront makes the database and the HTTP interface.
func (s *server) openFront(b boot) error {
	conn, err := s.engine.Connect()
	if err != nil {
		return err
	}
	defer conn.Close()
	create := chdb.Statement{SQL: "CREATE DATABASE IF NOT EXISTS " + b.Database, Format: "Null"}
	if err := conn.Run(create, io.Discard); err != nil {
		return fmt.Errorf("create database %s: %w", b.Database, err)
	}
	s.handler, err = front.New(front.Config{
		Connect: func() (front.Session, error) { return s.engine.Connect() },
		User:    b.User, Password: b.Password, Database: b.Database,
		Concurrency: b.Concurrency, QueueWait: b.QueueWait, BodyTimeout: bodyTimeout, MaxBody: b.MaxBody,
	})
	return err
}

// serve answers until ctx ends, then cancels what runs and closes the engine.
func (s *server) serve(ctx context.Context) error {
	web := &http.Server{Handler: s.handler, ReadHeaderTimeout: headerTimeout}
	failed := make(chan error, 1)
	go func() { failed <- web.Serve(s.listener) }()
	if err := json.NewEncoder(os.Stdout).Encode(report{Version: s.handler.Version()}); err != nil {
		return fmt.Errorf("report to the parent: %w", err)
	}
	select {
	case err := <-failed:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	s.handler.Stop()
	grace, cancel := context.WithTimeout(context.Background(), stopWithin)
	defer cancel()
	if err := web.Shutdown(grace); err != nil {
		return fmt.Errorf("connections are still busy after %s: %w", stopWithin, err)
	}
	s.handler.Close()
	return s.closeEngine(grace)
}

// closeEngine closes the engine, or gives up when the time is over: ending the process loses nothing.
func (s *server) closeEngine(grace context.Context) error {
	closed := make(chan struct{})
	go func() {
		s.engine.Close()
		close(closed)
	}()
	select {
	case <-closed:
		return nil
	case <-grace.Done():
		return fmt.Errorf("engine did not close within %s", stopWithin)
	}
}
