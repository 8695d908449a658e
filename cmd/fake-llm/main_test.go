package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

func TestBadCommandLines(t *testing.T) {
	tests := map[string]string{
		"-nonsense":          "-nonsense",
		"-listen nowhere":    "flag -listen",
		"-seed x":            "-seed",
		"-ledger-records 0":  "flag -ledger-records",
		"-ledger-records -1": "flag -ledger-records",
		"extra":              `unexpected argument "extra"`,
	}
	for line, want := range tests {
		var out, errs bytes.Buffer
		code := run(t.Context(), strings.Fields(line), streams{in: strings.NewReader(""), out: &out, err: &errs})
		if code != exitUsage || !strings.Contains(errs.String(), want) || out.Len() > 0 {
			t.Errorf("%s: exit %d, stdout %q, stderr %q", line, code, out.String(), errs.String())
		}
	}
}

func TestHelpAndVersion(t *testing.T) {
	var out, errs bytes.Buffer
	if code := run(t.Context(), []string{"-h"}, streams{out: &out, err: &errs}); code != exitOK || !strings.Contains(errs.String(), "-listen") {
		t.Errorf("help: exit %d, %q", code, errs.String())
	}
	if code := run(t.Context(), []string{"-version"}, streams{out: &out, err: &errs}); code != exitOK || !strings.HasPrefix(out.String(), "fake-llm ") {
		t.Errorf("version: exit %d, %q", code, out.String())
	}
}

func TestAddressInUse(t *testing.T) {
	p := start(t, t.Context(), strings.NewReader(""))
	var errs bytes.Buffer
	code := run(t.Context(), []string{"-listen", strings.TrimPrefix(p.url, "http://")}, streams{out: io.Discard, err: &errs})
	if code != exitError || !strings.Contains(errs.String(), "flag -listen") {
		t.Errorf("exit %d, %q", code, errs.String())
	}
}

// process is a running fake-llm.
type process struct {
	url  string
	exit chan int
}

func start(t *testing.T, ctx context.Context, stdin io.Reader, args ...string) process {
	t.Helper()
	stdout, write := io.Pipe()
	p := process{exit: make(chan int, 1)}
	go func() {
		p.exit <- run(ctx, append([]string{"-listen", "127.0.0.1:0"}, args...), streams{in: stdin, out: write, err: io.Discard})
		_ = write.Close()
	}()
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatalf("no ready line: %v", err)
	}
	match := regexp.MustCompile(`^fake-llm listening on (http://127\.0\.0\.1:\d+)\n$`).FindStringSubmatch(line)
	if match == nil {
		t.Fatalf("ready line %q", line)
	}
	p.url = match[1]
	return p
}

func TestServesUntilStopped(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	p := start(t, ctx, strings.NewReader(""))
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.url+"/_fake/health", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("health: %d", resp.StatusCode)
	}
	stop()
	if code := <-p.exit; code != exitOK {
		t.Errorf("exit %d", code)
	}
}

func TestExitsWithParent(t *testing.T) {
	stdin, parent := io.Pipe()
	p := start(t, t.Context(), stdin, "-exit-with-parent")
	select {
	case code := <-p.exit:
		t.Fatalf("exit %d while the parent lives", code)
	default:
	}
	if err := parent.Close(); err != nil {
		t.Fatal(err)
	}
	if code := <-p.exit; code != exitOK {
		t.Errorf("exit %d", code)
	}
}

func TestStopsStalledStreams(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	p := start(t, ctx, strings.NewReader(""))
	body := `{"model":"m+stall","stream":true,"messages":[{"role":"user","content":"hi"}]}`
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.url+"/v1/chat/completions", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer k")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	stop()
	if _, err := io.Copy(io.Discard, resp.Body); err == nil {
		t.Error("a stalled stream ended well")
	}
	_ = resp.Body.Close()
	if code := <-p.exit; code != exitOK {
		t.Errorf("exit %d", code)
	}
}
