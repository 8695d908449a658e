package main

import (
	"bufio"
	"bytes"
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

	"github.com/llm-hub/llm-hub/gateway/control"
)

// client speaks to the operator's API: of a running server, or of this process
// when it has opened the data directory itself.
type client struct {
	base  string
	token string
	http  *http.Client
	close func() error
}

// connect finds the hub: the address, if one is given; the server that announced
// itself in the data directory; else the directory itself, opened here, without its
// tables for what concerns the log only.
func (r *remote) connect(ctx context.Context, w world, logOnly bool) (*client, error) {
	if r.Address != "" {
		if r.Token == "" {
			return nil, usageError{errors.New("--token: needed with --address")}
		}
		return &client{base: strings.TrimRight(r.Address, "/"), token: r.Token, http: http.DefaultClient, close: func() error { return nil }}, nil
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
func (r *remote) running() (*client, error) {
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
	return &client{
		base: info.Address, token: strings.TrimSpace(string(token)), http: http.DefaultClient, close: func() error { return nil },
	}, nil
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
func (c *client) do(ctx context.Context, method, path string, query url.Values) (*http.Response, error) {
	return c.send(ctx, message{method: method, path: path, query: query})
}

// send makes one call; an answer other than 2xx is an error with the server's words.
func (c *client) send(ctx context.Context, m message) (*http.Response, error) {
	target := c.base + m.path
	if len(m.query) > 0 {
		target += "?" + m.query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, m.method, target, bytes.NewReader(m.body))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", m.path, err)
	}
	if m.body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if m.match != "" {
		req.Header.Set("If-Match", m.match)
	}
	req.Header.Set("Authorization", "Bearer "+c.token)
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", m.path, err)
	}
	if resp.StatusCode/100 == 2 {
		return resp, nil
	}
	defer resp.Body.Close()
	return nil, problem(resp)
}

const maxProblem = 64 << 10

// problem turns an RFC 9457 body into an error; a mistake in the question is the caller's.
func problem(resp *http.Response) error {
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxProblem))
	if err != nil {
		return fmt.Errorf("%s: %w", resp.Status, err)
	}
	var p struct {
		Title, Detail, Field string
		Extra                json.RawMessage
	}
	if json.Unmarshal(b, &p) != nil || p.Detail == "" && p.Title == "" {
		return fmt.Errorf("%s: %s", resp.Status, b)
	}
	text := p.Detail
	if text == "" {
		text = p.Title
	}
	if p.Field != "" {
		text = p.Field + ": " + text
	}
	var extra struct{ Errors []control.FieldError } // every mistake, of which Detail is the first
	if json.Unmarshal(p.Extra, &extra) == nil && len(extra.Errors) > 1 {
		for _, e := range extra.Errors[1:] {
			text += "\n" + e.Field + ": " + e.Detail
		}
	}
	if resp.StatusCode == http.StatusBadRequest {
		return usageError{errors.New(text)}
	}
	return errors.New(text)
}

const maxLine = 4 << 20

// lines reads newline-delimited JSON; a last line {"error": ...} becomes an error.
func lines(r io.Reader, each func(line []byte) error) error {
	s := bufio.NewScanner(r)
	s.Buffer(nil, maxLine)
	for s.Scan() {
		var failed struct {
			Error *struct{ Code, Detail string } `json:"error"`
		}
		if strings.HasPrefix(s.Text(), `{"error":`) && json.Unmarshal(s.Bytes(), &failed) == nil && failed.Error != nil {
			return errors.New(failed.Error.Detail)
		}
		if err := each(s.Bytes()); err != nil {
			return err
		}
	}
	return s.Err()
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
