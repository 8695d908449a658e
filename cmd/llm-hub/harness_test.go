package main_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// hubKey is the virtual key of the test configuration.
const hubKey = "test-key-0123456789-0123456789-0123456789"

// bounds of waiting; generous, because two cores may be busy with other tests.
const (
	startTimeout  = 3 * time.Minute
	settleTimeout = 3 * time.Minute
	pollEvery     = 20 * time.Millisecond
)

// promptly is how long something may take that waits for nothing but what d says. Where
// other tests run at the same time it must only happen by itself.
func promptly(d time.Duration) time.Duration {
	if os.Getenv("LLMHUB_TEST_FULL") != "" {
		return d
	}
	return max(d, settleTimeout/2)
}

// steadyZone is a time zone in which it is just past noon, so that no day, week or month
// ends while a test counts what is used in it.
func steadyZone() string { return fmt.Sprintf("Etc/GMT%+d", time.Now().UTC().Hour()-12) }

// eventually polls until f returns nil, at most for half of the time.
func eventually(t *testing.T, within time.Duration, what string, f func() error) {
	t.Helper()
	deadline := time.After(within)
	for {
		began := time.Now()
		err := f()
		if err == nil {
			return
		}
		select {
		case <-time.After(max(pollEvery, time.Since(began))):
		case <-deadline:
			t.Fatalf("%s: %v", what, err)
		}
	}
}

// process is a child with its output kept.
type process struct {
	t      *testing.T
	cmd    *exec.Cmd
	out    *buffer
	exited chan struct{}
	err    error // after exited
}

type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func startProcess(t *testing.T, name string, args ...string) *process {
	t.Helper()
	return startCommand(t, exec.Command(filepath.Join(binDir, name), args...))
}

func startCommand(t *testing.T, cmd *exec.Cmd) *process {
	t.Helper()
	p := &process{t: t, cmd: cmd, out: &buffer{}, exited: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.out
	if p.cmd.SysProcAttr == nil {
		p.cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	p.cmd.SysProcAttr.Setpgid = true
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.exited)
	}()
	t.Cleanup(func() {
		p.kill()
		if said := p.out.String(); t.Failed() {
			t.Logf("%s said last:\n%s", cmd.Path, said[max(0, len(said)-outputTail):])
		}
	})
	return p
}

// outputTail is how much of a process's output a failed test shows, in bytes.
const outputTail = 4 << 10

// kill -9 of the process and its children.
func (p *process) kill() {
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) // gone already is fine
	<-p.exited
}

// interrupt is Ctrl-C; it waits for the end.
func (p *process) interrupt() error {
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
		return err
	}
	select {
	case <-p.exited:
		return p.err
	case <-time.After(startTimeout):
		return errors.New("did not stop")
	}
}

// vendor is a fake-llm process that outlives the hub.
type vendor struct {
	*process
	url string
}

func startVendor(t *testing.T) *vendor {
	t.Helper()
	v := &vendor{process: startProcess(t, "fake-llm", "-listen", "127.0.0.1:0")}
	eventually(t, startTimeout, "fake-llm starts", func() error {
		_, rest, ok := strings.Cut(v.out.String(), "fake-llm listening on ")
		url, _, whole := strings.Cut(rest, "\n")
		if !ok || !whole {
			return errors.New("no address yet: " + v.out.String())
		}
		v.url = url
		return nil
	})
	return v
}

// ledger is what the vendor says it served.
type ledger struct {
	InFlight int `json:"in_flight"`
	Records  []served
	Totals   struct {
		Requests int64 `json:"requests"`
		Input    int64 `json:"input_tokens"`
		Output   int64 `json:"output_tokens"`
	}
}

type served struct {
	Model      string `json:"model"`
	HubRequest string `json:"llmhub_request"` // the hub's id of the request
	Status     int    `json:"status"`
	Input      int64  `json:"input_tokens"`
	Output     int64  `json:"output_tokens"`
	Searches   int64  `json:"search_units"`
	Outcome    string `json:"outcome"`
}

func readLedger(t *testing.T, url string) ledger {
	t.Helper()
	var l ledger
	eventually(t, settleTimeout, "vendor is idle", func() error {
		l = ledger{}
		if err := getJSON(url+"/_fake/ledger?limit=100000", "", &l); err != nil {
			return err
		}
		if l.InFlight > 0 {
			return fmt.Errorf("%d calls in flight", l.InFlight)
		}
		return nil
	})
	return l
}

func getJSON(url, token string, into any) error {
	req, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %d %s", url, resp.StatusCode, body)
	}
	return json.Unmarshal(body, into)
}

func getText(url string) (string, error) {
	resp, err := http.Get(url)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return string(body), err
}

// hub is a running llm-hub.
type hub struct {
	*process
	url, metrics, data, token string
}

// startHub runs `llm-hub serve` on the data directory and waits until it is ready.
func startHub(t *testing.T, data string, args ...string) *hub {
	t.Helper()
	h := launchHub(t, data, args...)
	h.waitReady()
	return h
}

func launchHub(t *testing.T, data string, args ...string) *hub {
	t.Helper()
	_ = os.Remove(filepath.Join(data, "server.json")) // of a killed run
	return &hub{process: startProcess(t, "llm-hub", hubArgs(data, args...)...), data: data}
}

func hubArgs(data string, args ...string) []string {
	return append([]string{"serve", "--data", data, "--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0"}, args...)
}

func (h *hub) waitReady() {
	h.t.Helper()
	eventually(h.t, startTimeout, "hub is ready", func() error {
		select {
		case <-h.exited:
			h.t.Fatalf("llm-hub ended: %v\n%s", h.err, h.out)
		default:
		}
		var info struct{ Address, Metrics string }
		b, err := os.ReadFile(filepath.Join(h.data, "server.json"))
		if err == nil {
			err = json.Unmarshal(b, &info)
		}
		if err != nil {
			return err
		}
		token, err := os.ReadFile(filepath.Join(h.data, "operator.token"))
		if err != nil {
			return err
		}
		h.url, h.metrics, h.token = info.Address, info.Metrics, strings.TrimSpace(string(token))
		var ready any
		return getJSON(h.url+"/readyz", "", &ready)
	})
}

// command runs another llm-hub command on the same data directory.
func command(t *testing.T, args ...string) (stdout string, code int) {
	t.Helper()
	return commandWith(t, nil, args...)
}

// commandWith runs it with more variables.
func commandWith(t *testing.T, env []string, args ...string) (stdout string, code int) {
	t.Helper()
	cmd := exec.Command(filepath.Join(binDir, "llm-hub"), args...)
	cmd.Env = append(os.Environ(), env...)
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	err := cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		t.Logf("llm-hub %v: exit %d: %s", args, exit.ExitCode(), errOut.String())
		return out.String(), exit.ExitCode()
	}
	if err != nil {
		t.Fatal(err)
	}
	return out.String(), 0
}

// verified fails the test unless `llm-hub verify` says ok. Folds may still be
// catching up; what verify compares is exact all the same.
func verified(t *testing.T, data string) {
	t.Helper()
	if out, code := command(t, "verify", "--data", data); code != 0 || !strings.Contains(out, "ok") {
		t.Fatalf("verify: exit %d\n%s", code, out)
	}
}

// answer is what a client got.
type answer struct {
	status   int
	header   http.Header
	request  string // x-request-id
	bytes    int
	complete bool // a whole 200 answer: [DONE] seen, or the whole unary body
	failed   bool // an error event in the stream, or an error body
	body     string
}

// chat makes one request and reads the answer to its end.
func (h *hub) chat(ctx context.Context, model string, stream bool, text string) (answer, error) {
	return h.chatAs(ctx, hubKey, map[string]any{
		"model": model, "stream": stream,
		"messages": []map[string]string{{"role": "user", "content": text}},
	})
}

// chatAs makes one request with another virtual key.
func (h *hub) chatAs(ctx context.Context, key string, request map[string]any) (answer, error) {
	body, err := json.Marshal(request)
	if err != nil {
		return answer{}, err
	}
	return h.postAs(ctx, key, body)
}

func (h *hub) post(ctx context.Context, body []byte) (answer, error) {
	return h.postAs(ctx, hubKey, body)
}

func (h *hub) postAs(ctx context.Context, key string, body []byte) (answer, error) {
	return h.postTo(ctx, key, "/v1/chat/completions", body)
}

// postTo makes one request of any kind.
func (h *hub) postTo(ctx context.Context, key, path string, body []byte) (answer, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.url+path, bytes.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	req.Header.Set("Authorization", "Bearer "+key)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	a := answer{status: resp.StatusCode, header: resp.Header, request: resp.Header.Get("X-Request-Id")}
	if strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream") {
		err := a.readStream(resp.Body)
		return a, err
	}
	b, err := io.ReadAll(resp.Body)
	a.bytes, a.body = len(b), string(b)
	a.complete = err == nil && resp.StatusCode == http.StatusOK
	a.failed = resp.StatusCode != http.StatusOK
	return a, err
}

func (a *answer) readStream(r io.Reader) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 16<<20)
	var all strings.Builder
	for lines.Scan() {
		line := lines.Text()
		a.bytes += len(line)
		all.WriteString(line + "\n")
		data, ok := strings.CutPrefix(line, "data: ")
		if !ok {
			continue
		}
		if data == "[DONE]" {
			a.complete = true
		}
		if strings.HasPrefix(data, `{"error"`) {
			a.failed = true
		}
	}
	a.body = all.String()
	return lines.Err()
}
