//go:build unix

package clustertest

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
)

const serverModule = "github.com/nats-io/nats-server/v2"

// build builds the server of the version that go.mod names into the user's cache,
// if it is not there, and returns its path.
func build() (string, error) {
	version, err := output("go", "list", "-m", "-f", "{{.Version}}", serverModule)
	if err != nil {
		return "", err
	}
	dir, err := cacheDir()
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "nats-server-"+version)
	unlock, err := lock(path+".lock", 0) // several tests may want it at once
	if err != nil {
		return "", err
	}
	defer unlock()
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	part := path + ".part"
	if _, err := output("go", "build", "-o", part, serverModule); err != nil {
		return "", err
	}
	return path, os.Rename(part, path)
}

func output(name string, args ...string) (string, error) {
	var stderr bytes.Buffer
	cmd := exec.Command(name, args...)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w: %s", strings.Join(cmd.Args, " "), err, stderr.String())
	}
	return strings.TrimSpace(string(out)), nil
}

// process is a running server.
type process struct {
	os   *os.Process
	done chan struct{} // closed when it has ended
	err  error         // why, after done
}

// run starts the server of a node.
func run(binary string, n *node) (*process, error) {
	log, err := os.OpenFile(n.logFile(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(binary, "-c", n.config)
	cmd.Env, cmd.Stdout, cmd.Stderr = n.env, log, log
	cmd.SysProcAttr = attributes()
	p := &process{done: make(chan struct{})}
	started := make(chan error)
	go func() {
		// Where the server dies with its parent, the parent is a thread.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer log.Close()
		err := cmd.Start()
		p.os = cmd.Process
		started <- err
		if err == nil {
			p.err = cmd.Wait()
			close(p.done)
		}
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	return p, nil
}

// signal sends s, unless the server has ended.
func (p *process) signal(s syscall.Signal) error {
	if err := p.os.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	return nil
}
