//go:build !linux || !amd64 || noengine

package embedded

import (
	"encoding/json"
	"os"
	"os/exec"
)

const supported = false

// Main is the engine process. This build has no engine: it says so and fails.
func Main() int {
	_ = json.NewEncoder(os.Stdout).Encode(report{Error: ErrUnsupported.Error()})
	return exitFailure
}

const exitFailure = 1

// detach does nothing where there is no engine to run.
func detach(*exec.Cmd) {}
