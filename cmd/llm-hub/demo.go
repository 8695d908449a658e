package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// demoVendor is a running fake-llm process.
type demoVendor struct {
	url   string // http://127.0.0.1:port
	cmd   *exec.Cmd
	stdin io.Closer // its end tells the child that we are gone
}

const (
	demoReady = "fake-llm listening on "
	demoStart = 10 * time.Second
)

// startDemo runs the fake-llm binary that stands beside this one. It dies with this process.
func startDemo(ctx context.Context) (*demoVendor, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("demo: %w", err)
	}
	path := filepath.Join(filepath.Dir(self), "fake-llm")
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("--demo needs the fake-llm binary beside %s: %w", self, err)
	}
	cmd := exec.Command(path, "-listen", "127.0.0.1:0", "-exit-with-parent")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C reaches us first, so that running requests end well
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("demo: %w", err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("demo: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("demo: %w", err)
	}
	d := &demoVendor{cmd: cmd, stdin: stdin}
	if d.url, err = readAddress(ctx, stdout); err != nil {
		return nil, errors.Join(err, d.stop())
	}
	return d, nil
}

// readAddress waits for the one line that tells where the vendor listens.
func readAddress(ctx context.Context, r io.Reader) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, demoStart)
	defer cancel()
	lines := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(r).ReadString('\n') // an early end gives an empty line, refused below
		lines <- line
	}()
	select {
	case line := <-lines:
		url, ok := strings.CutPrefix(strings.TrimSpace(line), demoReady)
		if !ok {
			return "", fmt.Errorf("demo: fake-llm said %q instead of its address", line)
		}
		return url, nil
	case <-ctx.Done():
		return "", fmt.Errorf("demo: fake-llm did not start: %w", ctx.Err())
	}
}

func (d *demoVendor) stop() error {
	err := d.stdin.Close()
	if waitErr := d.cmd.Wait(); waitErr != nil {
		err = errors.Join(err, fmt.Errorf("demo vendor: %w", waitErr))
	}
	return err
}
