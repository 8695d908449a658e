package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/llm-hub/llm-hub/client"
)

// connection is a way to the operator's API: of a running server, or of this process
// when it has opened the data directory itself.
type connection struct {
	*client.Client
	close func() error
}

// connectTo makes a connection to a server.
func connectTo(address, token string) (*connection, error) {
	c, err := client.New(address, token, nil)
	if err != nil {
		return nil, usageError{fmt.Errorf("--address: %w", err)}
	}
	return &connection{c, func() error { return nil }}, nil
}

// connect finds the hub: the address, if one is given; the server that announced
// itself in the data directory; else the directory itself, opened here, without its
// tables for what concerns the log only.
func (r *remote) connect(ctx context.Context, w world, logOnly bool) (*connection, error) {
	if r.Address != "" {
		if r.Token == "" {
			return nil, usageError{errors.New("--token: needed with --address")}
		}
		return connectTo(r.Address, r.Token)
	}
	if _, err := os.Stat(r.Data); err != nil {
		return nil, usageError{fmt.Errorf("--data: %w", err)}
	}
	dir, err := openDataDir(r.Data)
	if errors.Is(err, errOwned) {
		return r.running()
	}
	if err != nil {
		return nil, err
	}
	return r.offline(ctx, w, dir, logOnly)
}

// running connects to the server that owns the data directory.
func (r *remote) running() (*connection, error) {
	b, err := os.ReadFile(filepath.Join(r.Data, serverFile))
	if err != nil {
		return nil, fmt.Errorf("data directory %s is in use, but its server does not listen yet: %w", r.Data, err)
	}
	var info serverInfo
	if err := json.Unmarshal(b, &info); err != nil {
		return nil, fmt.Errorf("%s: %w", serverFile, err)
	}
	token, err := os.ReadFile(filepath.Join(r.Data, operatorFile))
	if err != nil {
		return nil, fmt.Errorf("operator token: %w", err)
	}
	return connectTo(info.Address, strings.TrimSpace(string(token)))
}

// message is one call.
type message struct {
	method, path string
	query        url.Values
	body         []byte // JSON, nil: none
	match        string // version that what is changed must have, empty: any
	logOnly      bool   // it needs no tables
}

// do makes one call without a body.
func (c *connection) do(ctx context.Context, method, path string, query url.Values) (*http.Response, error) {
	return c.send(ctx, message{method: method, path: path, query: query})
}

// send makes one call; an answer other than 2xx is an error with the server's words. A
// mistake in the question is the caller's.
func (c *connection) send(ctx context.Context, m message) (*http.Response, error) {
	resp, err := c.Do(ctx, client.Request{Method: m.method, Path: m.path, Query: m.query, Body: m.body, IfMatch: m.match})
	if client.StatusOf(err) == http.StatusBadRequest {
		return nil, usageError{err}
	}
	return resp, err
}

// lines reads newline-delimited JSON; a last line {"error": ...} becomes an error.
func lines(r io.Reader, each func(line []byte) error) error {
	for line, err := range client.Lines(r) {
		if err == nil {
			err = each(line)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// pipeListener hands a server connections that need no network.
type pipeListener struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func newPipeListener() *pipeListener {
	return &pipeListener{conns: make(chan net.Conn), done: make(chan struct{})}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

func (l *pipeListener) Addr() net.Addr { return &net.UnixAddr{Name: "in-process", Net: "pipe"} }

func (l *pipeListener) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case l.conns <- theirs:
		return ours, nil
	case <-l.done:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
