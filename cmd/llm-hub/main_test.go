package main_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// binDir holds the binaries under test, built once: what a user runs.
var binDir string

func TestMain(m *testing.M) {
	os.Exit(testMain(m))
}

func testMain(m *testing.M) int {
	dir, err := os.MkdirTemp("", "llm-hub-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binDir = dir
	build := exec.Command("go", "build", "-o", dir+"/", "../llm-hub", "../fake-llm")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build: %v\n%s", err, out)
		return 1
	}
	lib, err := filepath.Abs("../../deploy/engine/node_modules/@chdb/lib-linux-x64-gnu/libchdb.so")
	if err == nil {
		_, err = os.Stat(lib)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "the ClickHouse engine is missing, run `make engine`:", err)
		return 1
	}
	if err := os.Symlink(lib, filepath.Join(dir, "libchdb.so")); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}
