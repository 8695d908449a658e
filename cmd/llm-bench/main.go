// Command llm-bench measures what the gateway adds to a call, and whether its books are right
// afterwards. It starts a fake vendor, llm-hubs on directories of their own and, as the floor, a
// bare reverse proxy, all as processes; then it sends the same requests straight to the vendor and
// through each of them, in turns, so that the ratios hold on any machine.
//
//	llm-bench -dir bin [-rounds N] [-seconds S] [-only REGEXP] [-modes strict,async/dev] [-json FILE]
//
// A scenario is called unary/1/instant: the shape of the answer (a stream has 64 chunks), how many
// clients ask at once, and what the vendor takes to answer. Processor time is the process's own,
// from /proc; a hub's holds its log and its projector, counted until they are quiet again, and its
// ClickHouse engine's stands beside it. There is no assertion on times: it fails when a request
// failed, a stream was torn, an event was lost or a sum drifted.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"
)

// Exit codes.
const (
	exitOK     = 0
	exitFailed = 1 // something failed, was lost or drifted
	exitUsage  = 2
)

// Defaults: about two minutes in all.
const (
	defaultRounds  = 3
	defaultSeconds = 0.8
	defaultModes   = "strict,async"
)

// streams are the standard streams.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// usageError marks a mistake of the caller.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := exitCode(run(ctx, os.Args[1:], streams{in: os.Stdin, out: os.Stdout, err: os.Stderr}), os.Stderr)
	stop()
	os.Exit(code)
}

// run is main without its surroundings.
func run(ctx context.Context, args []string, std streams) error {
	if len(args) > 0 && args[0] == floorCommand {
		return runFloor(ctx, args[1:], std)
	}
	o, err := parseFlags(args, std.err)
	if err != nil {
		return usageError{err}
	}
	return o.bench(ctx, std)
}

func exitCode(err error, stderr io.Writer) int {
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return exitOK
	}
	fmt.Fprintln(stderr, "llm-bench:", err)
	if _, ok := errors.AsType[usageError](err); ok {
		return exitUsage
	}
	return exitFailed
}

type options struct {
	args      []string
	dir, data string
	rounds    int
	duration  time.Duration
	scenarios []scenario
	modes     []mode
	jsonFile  string
	patience  time.Duration // with a hub's tables
}

func parseFlags(args []string, stderr io.Writer) (*options, error) {
	o := &options{args: args, patience: bookPatience}
	flags := flag.NewFlagSet("llm-bench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.dir, "dir", "bin", "`directory` of llm-hub and fake-llm")
	flags.StringVar(&o.data, "data", os.TempDir(), "`directory` to make the hubs' data directories in; its disk is what a durable log waits for")
	flags.IntVar(&o.rounds, "rounds", defaultRounds, "`number` of rounds")
	seconds := flags.Float64("seconds", defaultSeconds, "`seconds` of load in a cell: one lane, one scenario, one round")
	only := flags.String("only", "", "only the scenarios that match this `regexp`, like unary/64/")
	modes := flags.String("modes", defaultModes, "hubs to measure, a `list` of strict, first-byte, async, each with /dev for a log without fsync")
	flags.StringVar(&o.jsonFile, "json", "", "`file` to write the report to as well")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	if flags.NArg() > 0 {
		return nil, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	return o, o.check(*seconds, *only, *modes)
}

func (o *options) check(seconds float64, only, modes string) error {
	if o.rounds < 1 {
		return fmt.Errorf("flag -rounds: %d is not positive", o.rounds)
	}
	const longest = 3600 // seconds
	if !(seconds > 0 && seconds <= longest) {
		return fmt.Errorf("flag -seconds: %g is not above 0 and at most %d", seconds, longest)
	}
	o.duration = time.Duration(seconds * float64(time.Second))
	var err error
	if o.dir, err = filepath.Abs(o.dir); err != nil { // a bare name would be looked up in PATH
		return fmt.Errorf("flag -dir: %w", err)
	}
	wanted, err := regexp.Compile(only)
	if err != nil {
		return fmt.Errorf("flag -only: %w", err)
	}
	var names []string
	for _, s := range scenarios() {
		names = append(names, s.String())
		if wanted.MatchString(s.String()) {
			o.scenarios = append(o.scenarios, s)
		}
	}
	if len(o.scenarios) == 0 {
		return fmt.Errorf("flag -only: %q matches none of %s", only, strings.Join(names, ", "))
	}
	if o.modes, err = parseModes(modes); err != nil {
		return fmt.Errorf("flag -modes: %w", err)
	}
	return nil
}

// bench does everything and says it on std.out.
func (o *options) bench(ctx context.Context, std streams) (err error) {
	dir, err := os.MkdirTemp(o.data, "llm-bench-")
	if err != nil {
		return fmt.Errorf("flag -data: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	f := &field{bin: o.dir, dir: dir, patience: o.patience}
	defer func() { err = errors.Join(err, f.stop()) }()

	report := &report{
		Command: append([]string{filepath.Base(os.Args[0])}, o.args...), Machine: thisMachine(),
		Rounds: o.rounds, Seconds: o.duration.Seconds(), Problems: []string{},
	}
	if report.Machine.SyncCost, err = syncCost(dir); err != nil {
		return err
	}
	if err := o.measure(ctx, f, report, std.err); err != nil {
		return err
	}
	if err := report.write(std.out); err != nil {
		return err
	}
	if o.jsonFile != "" {
		if err := report.writeJSON(o.jsonFile); err != nil {
			return err
		}
	}
	if n := len(report.Problems); n > 0 {
		return fmt.Errorf("%d problems, see above", n)
	}
	return nil
}

// measure starts the field, measures it and closes the books.
func (o *options) measure(ctx context.Context, f *field, r *report, progress io.Writer) error {
	say := func(text string) { fmt.Fprintln(progress, text) }
	say("starting the vendor, the floor and the hubs")
	if err := f.start(ctx, o.modes); err != nil {
		return err
	}
	var err error
	if r.Memory, err = f.idle(ctx); err != nil {
		return err
	}
	b := &bench{lanes: f.lanes, scenarios: o.scenarios, rounds: o.rounds, duration: o.duration, progress: say}
	cells, err := b.run(ctx)
	if err != nil {
		return err
	}
	for _, s := range o.scenarios {
		r.Rows = append(r.Rows, summarize(cells, s, f.lanes)...)
	}
	for _, m := range r.Memory {
		m.addLoaded(cells)
	}
	r.Problems = append(r.Problems, problems(cells)...)
	say("comparing the books")
	return f.audit(ctx, r)
}

// problems tells, for every lane that must not fail a request, what failed.
func problems(cells []*cell) []string {
	var all []string
	for _, c := range cells {
		if c.failed+c.torn > 0 && c.lane.judged() {
			all = append(all, fmt.Sprintf("%s, %s, round %d: %d failed, %d torn of %d: %v",
				c.scenario, c.lane.name, c.round+1, c.failed, c.torn, c.sent, c.why))
		}
	}
	return all
}
