package embedded

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// outputDelay is how long a dead child's output may keep its end open.
const outputDelay = 2 * time.Second

// process is one child.
type process struct {
	cmd     *exec.Cmd
	stdin   io.Closer // held open: its end tells the child to stop
	stderr  *lineLog
	reports chan report
	exited  chan struct{}
	exit    error // valid once exited is closed
	version string
}

// spawn starts a child. It inherits nothing but the socket: not the environment, which may hold the keys of vendors.
func (e *Engine) spawn() (*process, error) {
	p := &process{stderr: &lineLog{logger: e.cfg.Logger}, reports: make(chan report, 1), exited: make(chan struct{})}
	p.cmd = exec.Command(e.cfg.Executable, e.cfg.Args...)
	p.cmd.Env = []string{"TZ=UTC", "HOME=" + e.cfg.DataDir}
	p.cmd.Dir = e.cfg.DataDir
	p.cmd.ExtraFiles = []*os.File{e.listener}
	p.cmd.Stderr = p.stderr
	p.cmd.WaitDelay = outputDelay
	detach(p.cmd)
	stdin, err := p.cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("embedded engine: %w", err)
	}
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("embedded engine: %w", err)
	}
	p.stdin = stdin
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("embedded engine: start %s: %w", e.cfg.Executable, err)
	}
	go p.follow(stdout)
	if err := json.NewEncoder(stdin).Encode(e.boot()); err != nil {
		e.cfg.Logger.Warn("clickhouse engine did not take its configuration", "error", err)
	}
	return p, nil
}

func (e *Engine) boot() boot {
	return boot{
		Library: e.cfg.Library, DataDir: e.cfg.DataDir,
		User: e.access.User, Password: e.access.Password, Database: e.access.Database,
		MaxMemory: e.cfg.MaxMemory, Concurrency: e.cfg.Concurrency, QueueWait: e.cfg.QueueWait, MaxBody: e.cfg.MaxBody,
		NoFsync: e.cfg.NoFsync,
	}
}

// follow reads the child's report, then waits for its end.
func (p *process) follow(stdout io.Reader) {
	defer close(p.exited)
	reader := bufio.NewReader(stdout)
	if line, err := reader.ReadBytes('\n'); err == nil {
		var r report
		if err := json.Unmarshal(line, &r); err != nil {
			r.Error = fmt.Sprintf("unexpected output %.100q", line)
		}
		p.reports <- r
	}
	_, _ = io.Copy(io.Discard, reader)
	p.exit = p.cmd.Wait()
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// awaitReady waits until the child serves.
func (p *process) awaitReady(stopping context.Context, within time.Duration) error {
	timer := time.NewTimer(within)
	defer timer.Stop()
	select {
	case r := <-p.reports:
		return p.accept(r)
	case <-p.exited:
	case <-stopping.Done():
		return errors.New("embedded engine: stopped while starting")
	case <-timer.C:
		_ = p.cmd.Process.Kill()
		return fmt.Errorf("embedded engine: not ready within %s%s", within, p.stderr.tail())
	}
	select {
	case r := <-p.reports: // it reported and died at once
		return p.accept(r)
	default:
		return fmt.Errorf("embedded engine: died while starting: %s%s", exitText(p.exit), p.stderr.tail())
	}
}

func (p *process) accept(r report) error {
	switch {
	case r.Cause == failureLocked:
		return fmt.Errorf("embedded engine: %w: %s", ErrLocked, r.Error)
	case r.Error != "":
		return fmt.Errorf("embedded engine: %s%s", r.Error, p.stderr.tail())
	}
	p.version = r.Version
	return nil
}

// awaitExit waits for the child's end, and brings it about when the engine is to stop.
func (p *process) awaitExit(stopping, killing context.Context) string {
	defer p.stdin.Close()
	select {
	case <-p.exited:
		return exitText(p.exit)
	case <-stopping.Done():
	}
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.exited:
	case <-killing.Done():
		_ = p.cmd.Process.Kill()
		<-p.exited
	}
	return exitText(p.exit)
}

func exitText(err error) string {
	if err == nil {
		return "exit status 0"
	}
	return strings.TrimSpace(err.Error())
}
