package main

import (
	"context"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// programs makes a directory with stand-ins for the programs, one of which has a vice.
func programs(t *testing.T, itsVice string) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, name := range []string{"fake-llm", "llm-hub"} {
		if err := os.Link(self, filepath.Join(dir, name)); err != nil {
			copyFile(t, self, filepath.Join(dir, name)) // on another file system
		}
	}
	if itsVice != "" {
		write(t, filepath.Join(dir, vice), itsVice)
	}
	return dir
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	b, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, b, 0o700)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// outcome of a run of the bench on stand-ins.
type outcome struct {
	out, complaint string
	err            error
}

func runOn(ctx context.Context, t *testing.T, itsVice string, args ...string) outcome {
	t.Helper()
	data := t.TempDir()
	var out, complaint strings.Builder
	all := append([]string{"-dir", programs(t, itsVice), "-data", data, "-rounds", "1", "-seconds", "0.02"}, args...)
	o, err := parseFlags(all, &complaint)
	if err != nil {
		t.Fatal(err)
	}
	o.patience = 3 * bookEvery
	err = o.bench(ctx, streams{in: strings.NewReader(""), out: &out, err: &complaint})
	left, readErr := os.ReadDir(data)
	if readErr != nil || len(left) > 0 {
		t.Errorf("left behind: %v, error %v", left, readErr)
	}
	return outcome{out.String(), complaint.String(), err}
}

func TestBenchWithGoodBooks(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "report.json")
	got := runOn(t.Context(), t, "", "-only", "/1/instant|unary/64/50ms", "-modes", "strict,async/dev", "-json", file)
	if got.err != nil {
		t.Fatalf("%v\n%s%s", got.err, got.out, got.complaint)
	}
	for _, part := range []string{"unary/1/instant\n", "stream/1/instant\n", "unary/64/50ms\n", "  floor ", "  strict ", "  async-dev ", " ok: 2 events\n"} {
		if !strings.Contains(got.out, part) {
			t.Errorf("no %q in\n%s", part, got.out)
		}
	}
	if b, err := os.ReadFile(file); err != nil || !strings.Contains(string(b), `"drift_tokens": 0`) {
		t.Errorf("report as JSON: %s, error %v", b, err)
	}
}

func TestBenchFindsWhatIsWrong(t *testing.T) {
	for _, c := range []struct{ vice, out, complaint string }{
		{tears, "FAILED: stream/1/instant, strict, round 1: 0 failed, ", "problems"},
		{forgets, "FAILED: books of strict: strict: 1 requests lost, 0 doubled, drift 228 tokens and 91800 nano-USD", "1 problems"},
		{broken, "FAILED: books of strict: llm-hub verify: exit status 1\n1 difference\nllm-bench: counters differ", "1 problems"},
		{dies, "", "exit status 1\nllm-bench: port taken"},
	} {
		t.Run(c.vice, func(t *testing.T) {
			t.Parallel() // they mostly wait
			got := runOn(t.Context(), t, c.vice, "-only", "stream/1/instant", "-modes", "strict")
			if exitCode(got.err, &strings.Builder{}) != exitFailed || !strings.Contains(got.err.Error(), c.complaint) || !strings.Contains(got.out, c.out) {
				t.Errorf("error %v, want %q; want %q in\n%s", got.err, c.complaint, c.out, got.out)
			}
		})
	}
}

func TestBenchEndsOnInterrupt(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancelling := cancelOn{"round 1", cancel}
	data := t.TempDir()
	args := []string{"-dir", programs(t, ""), "-data", data, "-seconds", "3600", "-only", "unary/1/instant", "-modes", "async"}
	err := run(ctx, args, streams{in: strings.NewReader(""), out: &strings.Builder{}, err: cancelling})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if left, err := os.ReadDir(data); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, error %v", left, err)
	}
}

// cancelOn cancels when a text is written.
type cancelOn struct {
	text   string
	cancel func()
}

func (c cancelOn) Write(p []byte) (int, error) {
	if strings.Contains(string(p), c.text) {
		c.cancel()
	}
	return len(p), nil
}

func TestProcessThatDoesNotStart(t *testing.T) {
	dir := programs(t, "")
	_, _, err := startListening(t.Context(), "other words", filepath.Join(dir, "fake-llm"))
	if err == nil || !strings.Contains(err.Error(), `instead of "other words"`) {
		t.Errorf("error %v", err)
	}
	if _, _, err := startListening(t.Context(), "", filepath.Join(dir, "nothing")); err == nil {
		t.Error("a program that is not there starts")
	}
}

func TestProcessThatEndedBeforeItWasStopped(t *testing.T) {
	p, _, err := startListening(t.Context(), vendorReady, filepath.Join(programs(t, ""), "fake-llm"))
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(p.cmd.Process.Pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-p.exited
	if err := p.stop(); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Errorf("error %v", err)
	}
}

func TestTail(t *testing.T) {
	var b tail
	first := make(chan string, 1)
	w := &firstLine{to: first, rest: &b}
	for _, s := range []string{"on", "e\ntwo\n", strings.Repeat("x", keptOutput), "end"} {
		if n, err := w.Write([]byte(s)); n != len(s) || err != nil {
			t.Errorf("%d, %v", n, err)
		}
	}
	if got := <-first; got != "one" {
		t.Errorf("first line %q", got)
	}
	if got := b.String(); len(got) != keptOutput || !strings.HasSuffix(got, "xend") {
		t.Errorf("%d bytes kept, ending in %q", len(got), got[len(got)-4:])
	}
}

func TestFlags(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"-rounds 0", "flag -rounds: 0"},
		{"-seconds 0", "flag -seconds: 0"},
		{"-seconds NaN", "flag -seconds: NaN"},
		{"-seconds 9999", "flag -seconds: 9999"},
		{"-only (", "flag -only"},
		{"-only nothing", `flag -only: "nothing" matches none of unary/1/instant, `},
		{"-modes fast", `flag -modes: "fast"`},
		{"more", `unexpected argument "more"`},
		{"-what", "not defined: -what"},
	} {
		var complaint strings.Builder
		err := run(t.Context(), strings.Fields(c.args), streams{out: &complaint, err: &complaint})
		if exitCode(err, &complaint) != exitUsage || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.args, err)
		}
	}
	if err := run(t.Context(), []string{"-help"}, streams{err: &strings.Builder{}}); !errors.Is(err, flag.ErrHelp) || exitCode(err, nil) != exitOK {
		t.Errorf("-help: %v", err)
	}
	o, err := parseFlags(nil, nil)
	if err != nil || len(o.scenarios) != 8 || len(o.modes) != 2 || o.duration != 800*time.Millisecond || !filepath.IsAbs(o.dir) {
		t.Errorf("defaults: %+v, error %v", o, err)
	}
}
