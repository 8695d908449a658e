// Command fake-llm is an LLM vendor that can misbehave on command, as a process: for
// demonstrations, load tests and fault tests. What it can do is in the package fakellm.
//
//	fake-llm -listen 127.0.0.1:4010
//
// One process is many vendors: the base URLs are http://HOST/openai/v1, http://HOST/anthropic,
// http://HOST/gemini, http://HOST/azure, http://HOST/vertex and http://HOST/bedrock. When it is ready it prints one line with its address.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/llm-hub/llm-hub/cmd/fake-llm/fakellm"
)

const (
	defaultListen     = "127.0.0.1:4010"
	readHeaderTimeout = 10 * time.Second
	stopTimeout       = time.Second // for requests in flight
)

// Exit codes.
const (
	exitOK    = 0
	exitError = 1
	exitUsage = 2
)

type options struct {
	listen         string
	exitWithParent bool
	version        bool
	fake           fakellm.Config
}

// streams are the standard streams.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	code := run(ctx, os.Args[1:], streams{in: os.Stdin, out: os.Stdout, err: os.Stderr})
	stop()
	os.Exit(code)
}

// run is main without its surroundings; it gives the exit code.
func run(ctx context.Context, args []string, std streams) int {
	opts, err := parseFlags(args, std.err)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return exitOK
	case err != nil:
		return exitUsage
	case opts.version:
		_, _ = fmt.Fprintln(std.out, "fake-llm", version())
		return exitOK
	}
	if opts.exitWithParent {
		var cancel context.CancelFunc
		ctx, cancel = context.WithCancel(ctx)
		go func() {
			_, _ = io.Copy(io.Discard, std.in)
			cancel()
		}()
	}
	if err := serve(ctx, opts, std.out); err != nil {
		_, _ = fmt.Fprintln(std.err, "fake-llm:", err)
		return exitError
	}
	return exitOK
}

// parseFlags reads the command line; what is wrong with it is already on stderr.
func parseFlags(args []string, stderr io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("fake-llm", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.listen, "listen", defaultListen, "`address` to listen on; port 0 takes a free one")
	flags.Uint64Var(&o.fake.Seed, "seed", 0, "seed of ids and probabilities")
	flags.BoolVar(&o.exitWithParent, "exit-with-parent", false, "stop when standard input ends")
	flags.BoolVar(&o.version, "version", false, "print the version and exit")
	flags.IntVar(&o.fake.LedgerRecords, "ledger-records", fakellm.DefaultLedgerRecords, "`requests` the ledger remembers one by one")
	flags.BoolVar(&o.fake.TotalsOnly, "totals-only", false, "keep totals only, for bounded memory under load")
	if err := flags.Parse(args); err != nil {
		return options{}, err
	}
	err := o.check(flags.Args())
	if err != nil {
		_, _ = fmt.Fprintln(stderr, "fake-llm:", err)
	}
	return o, err
}

func (o *options) check(rest []string) error {
	if len(rest) > 0 {
		return fmt.Errorf("unexpected argument %q", rest[0])
	}
	if _, _, err := net.SplitHostPort(o.listen); err != nil {
		return fmt.Errorf("flag -listen: %w", err)
	}
	if o.fake.LedgerRecords < 1 {
		return fmt.Errorf("flag -ledger-records: %d is not positive (for none use -totals-only)", o.fake.LedgerRecords)
	}
	return nil
}

// serve answers requests until ctx ends.
func serve(ctx context.Context, o options, stdout io.Writer) error {
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", o.listen)
	if err != nil {
		return fmt.Errorf("flag -listen: %w", err)
	}
	server := &http.Server{Handler: fakellm.New(o.fake), ReadHeaderTimeout: readHeaderTimeout}
	if _, err := fmt.Fprintf(stdout, "fake-llm listening on http://%s\n", listener.Addr()); err != nil {
		return errors.Join(fmt.Errorf("stdout: %w", err), listener.Close())
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	if server.Shutdown(grace) != nil {
		return server.Close() // streams that would go on
	}
	return nil
}

func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(unknown)"
}
