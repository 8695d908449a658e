// Command llm-hub is the gateway, the projector and everything an operator does
// with them. It introduces the parts to each other: it alone imports all.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // time zones also where the machine has none

	"github.com/alecthomas/kong"

	"github.com/llm-hub/llm-hub/projector/clickhouse/embedded"
)

// version is set by the build.
var version = "dev"

// Exit codes.
const (
	exitOK     = 0
	exitFailed = 1 // what was asked for did not succeed, or verify found a difference
	exitUsage  = 2 // a flag, variable or file is wrong
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == embedded.Subcommand {
		os.Exit(embedded.Main())
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], world{in: os.Stdin, out: os.Stdout, err: os.Stderr, env: os.LookupEnv}))
}

// world is what a command sees of the outside.
type world struct {
	in  io.Reader
	out io.Writer
	err io.Writer
	env func(string) (string, bool)
}

// logger writes what is at least as important as level.
func (w world) logger(level slog.Level) *slog.Logger {
	return slog.New(newLogHandler(w.err, level))
}

// usageError marks a mistake of the caller: exit code 2.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// exitError carries an exit code when all has been said already.
type exitError int

func (e exitError) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// run parses args and runs the command they name; it returns the exit code.
func run(ctx context.Context, args []string, w world) int {
	var cli commands
	exit := -1
	parser, err := kong.New(&cli, kong.Name("llm-hub"),
		kong.Description("A self-hosted LLM gateway whose every number is a fold over its log."),
		kong.Writers(w.out, w.err), kong.Exit(func(code int) { exit = code }),
		kong.UsageOnError(), kong.DefaultEnvars("LLMHUB"), kong.BindTo(ctx, (*context.Context)(nil)), kong.Bind(w))
	if err != nil {
		fmt.Fprintln(w.err, "llm-hub:", err)
		return exitFailed
	}
	command, err := parser.Parse(args)
	if exit >= 0 {
		return exit // --help
	}
	if err != nil {
		fmt.Fprintln(w.err, "llm-hub:", err)
		return exitUsage
	}
	return exitCode(w, command.Run())
}

func exitCode(w world, err error) int {
	if err == nil {
		return exitOK
	}
	if code, ok := errors.AsType[exitError](err); ok {
		return int(code)
	}
	fmt.Fprintln(w.err, "llm-hub:", err)
	if _, ok := errors.AsType[usageError](err); ok {
		return exitUsage
	}
	return exitFailed
}
