//go:build linux && amd64 && !noengine

package embedded

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// lockInterval is the pause between two attempts to take the lock.
const lockInterval = 50 * time.Millisecond

// lockDir takes the data directory's lock, which ends with the process that holds the returned file.
func lockDir(path string, within time.Duration) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock data directory: %w", err)
	}
	deadline := time.After(within)
	again := time.NewTicker(lockInterval)
	defer again.Stop()
	for {
		err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return file, writePID(file)
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		select {
		case <-again.C:
		case <-deadline:
			holder, _ := os.ReadFile(path)
			return nil, fmt.Errorf("%w: %s is locked by process %s", ErrLocked, path, strings.TrimSpace(string(holder)))
		}
	}
}

func writePID(file *os.File) error {
	if err := file.Truncate(0); err != nil {
		return fmt.Errorf("lock file: %w", err)
	}
	if _, err := fmt.Fprintf(file, "%d\n", os.Getpid()); err != nil {
		return fmt.Errorf("lock file: %w", err)
	}
	return nil
}

// detach makes the child die with its parent, and keeps a terminal's signals from it.
func detach(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}
