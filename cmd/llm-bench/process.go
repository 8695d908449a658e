package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	startTimeout = 60 * time.Second // until a process answers
	stopTimeout  = 40 * time.Second // from the request to stop until a process is killed
	keptOutput   = 8 << 10          // bytes of a process's last words
)

// A process is a child with its last words kept. It leads a process group of its own, so that
// Ctrl-C reaches the bench alone and everything stops in order.
type process struct {
	name   string
	cmd    *exec.Cmd
	stdin  io.Closer // its end tells a child that the bench is gone
	words  *tail
	exited chan struct{}
	err    error // after exited
}

// start runs a program. first, if not nil, gets the first line of its standard output.
func start(first chan<- string, path string, args ...string) (*process, error) {
	p := &process{name: path, cmd: exec.Command(path, args...), words: &tail{}, exited: make(chan struct{})}
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	dieWithParent(p.cmd.SysProcAttr)
	p.cmd.Env = environment(os.Environ())
	p.cmd.Stderr = p.words
	p.cmd.Stdout = p.words
	if first != nil {
		p.cmd.Stdout = &firstLine{to: first, rest: p.words}
	}
	stdin, err := p.cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", path, err)
	}
	p.stdin = stdin
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", path, err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.exited)
	}()
	return p, nil
}

// environment leaves out what would make a hub another than the one that is to be measured. Where
// its engine's library is may still be said.
func environment(all []string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(v string) bool {
		return strings.HasPrefix(v, "LLMHUB_") && !strings.HasPrefix(v, "LLMHUB_CLICKHOUSE_LIB=")
	})
}

// startListening runs a program that says where it listens in its first line, behind prefix. The
// result is host:port.
func startListening(ctx context.Context, prefix, path string, args ...string) (*process, string, error) {
	first := make(chan string, 1)
	p, err := start(first, path, args...)
	if err != nil {
		return nil, "", err
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	select {
	case line := <-first:
		var address string
		if address, err = addressIn(line, prefix); err == nil {
			return p, address, nil
		}
	case <-p.exited:
		err = p.ended()
	case <-ctx.Done():
		err = ctx.Err()
	}
	return nil, "", errors.Join(fmt.Errorf("start %s: %w", path, err), p.kill())
}

// addressIn finds host:port in the line with which a program says where it listens.
func addressIn(line, prefix string) (string, error) {
	text, ok := strings.CutPrefix(strings.TrimSpace(line), prefix)
	u, err := url.Parse(text)
	if !ok || err != nil || u.Port() == "" {
		return "", fmt.Errorf("it said %q instead of %q and its address", line, prefix)
	}
	return u.Host, nil
}

// ended says how the process ended, with its last words. Only after exited.
func (p *process) ended() error {
	how := "it ended"
	if p.err != nil {
		how = p.err.Error()
	}
	return fmt.Errorf("%s: %s\n%s", p.name, how, p.words)
}

// stop asks the process to end, and kills it when it does not. The error tells that it did not
// end well.
func (p *process) stop() error {
	select {
	case <-p.exited:
		return p.ended() // it was not asked to
	default:
	}
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return errors.Join(fmt.Errorf("stop %s: %w", p.name, err), p.kill())
	}
	select {
	case <-p.exited:
	case <-time.After(stopTimeout):
		return errors.Join(fmt.Errorf("%s did not stop within %s\n%s", p.name, stopTimeout, p.words), p.kill())
	}
	if p.err != nil {
		return p.ended()
	}
	return nil
}

// kill ends the process and what it started, at once.
func (p *process) kill() error {
	err := syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	<-p.exited
	if err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("kill %s: %w", p.name, err)
	}
	return nil
}

// A tail keeps the end of what is written. Safe for concurrent use.
type tail struct {
	mu sync.Mutex
	b  []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.b = append(t.b, p...)
	if over := len(t.b) - keptOutput; over > 0 {
		t.b = append(t.b[:0], t.b[over:]...)
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.b)
}

// A firstLine sends the first line and passes on all of it. For one writer.
type firstLine struct {
	to   chan<- string // has room for one; nil when sent
	line []byte
	rest io.Writer
}

func (f *firstLine) Write(p []byte) (int, error) {
	if f.to != nil {
		f.line = append(f.line, p...)
		n, line, err := bufio.ScanLines(f.line, false)
		if err == nil && n > 0 {
			f.to <- string(line)
			f.to = nil
		}
	}
	return f.rest.Write(p)
}
