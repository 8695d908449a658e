package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/llm-hub/llm-hub/cmd/fake-llm/fakellm"
)

// TestMain lets the test binary be every program the bench starts: itself as the floor, and, by
// the name it is called by, the vendor and stand-ins for llm-hub.
func TestMain(m *testing.M) {
	os.Setenv("GORACE", "atexit_sleep_ms=0") // of the children: each would wait a second at its end
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	std := streams{in: os.Stdin, out: os.Stdout, err: os.Stderr}
	name := filepath.Base(os.Args[0])
	var err error
	switch {
	case name == "fake-llm":
		err = serveVendor(ctx)
	case name == "llm-hub":
		err = standIn(ctx, os.Args[1], os.Args[2:])
	case len(os.Args) > 1 && os.Args[1] == floorCommand:
		err = run(ctx, os.Args[1:], std)
	default:
		stop()
		os.Exit(m.Run())
	}
	stop()
	os.Exit(exitCode(err, os.Stderr))
}

func serveVendor(ctx context.Context) error {
	server := httptest.NewServer(fakellm.New(fakellm.Config{TotalsOnly: true}))
	defer server.Close()
	fmt.Fprintln(os.Stdout, vendorReady+server.URL)
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(exitOK)
	}()
	<-ctx.Done()
	return nil
}

// vice is a file beside the stand-in hub that says what is wrong with it.
const vice = "vice"

// Vices of a stand-in hub.
const (
	forgets = "forgets" // one request
	tears   = "tears"   // every second answer
	broken  = "broken"  // verify finds a difference
	dies    = "dies"    // before it is ready
)

// standIn is as much llm-hub as the bench needs: a proxy that counts.
func standIn(ctx context.Context, command string, args []string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	b, err := os.ReadFile(filepath.Join(filepath.Dir(self), vice))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	vice := string(b)
	if command == "verify" {
		if vice == broken {
			fmt.Fprintln(os.Stdout, "1 difference")
			return errors.New("counters differ")
		}
		fmt.Fprintln(os.Stdout, "ok: 2 events\n  and more")
		return nil
	}
	flags := flag.NewFlagSet("llm-hub", flag.ContinueOnError)
	data, config := flags.String("data", "", ""), flags.String("config", "", "")
	for _, name := range []string{"listen", "metrics-listen", "allow-private-cidrs", "ack", "log-class"} {
		flags.String(name, "", "")
	}
	if err := flags.Parse(args); err != nil {
		return err
	}
	if vice == dies {
		return errors.New("port taken")
	}
	return serveStandIn(ctx, *data, *config, vice)
}

func serveStandIn(ctx context.Context, data, config, vice string) error {
	yaml, err := os.ReadFile(config)
	if err != nil {
		return err
	}
	find := func(pattern string) string { return string(regexp.MustCompile(pattern).FindSubmatch(yaml)[1]) }
	vendor, err := url.Parse(find(`base_url: "(.*)"`))
	if err != nil {
		return err
	}
	c := &counting{
		vice: vice, key: find(`name: load, key: "(.*?)"`), vendorKey: find(`api_key: "(.*?)"`), vendor: vendor.String(),
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: c}
	context.AfterFunc(ctx, func() { server.Close() })
	info := fmt.Sprintf(`{"address": "http://%s", "pid": 1}`, listener.Addr())
	if err := errors.Join(
		os.Mkdir(data, 0o700),
		os.WriteFile(filepath.Join(data, "operator.token"), []byte("secret\n"), 0o600),
		os.WriteFile(filepath.Join(data, "server.json"), []byte(info), 0o600),
	); err != nil {
		return err
	}
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// counting passes requests on and counts them.
type counting struct {
	vice, key, vendorKey string
	vendor               string
	requests             atomic.Int64
}

func (c *counting) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	bearer := r.Header.Get("Authorization")
	switch {
	case r.URL.Path == "/readyz":
	case r.URL.Path == "/api/v1/usage" && bearer == "Bearer secret":
		_ = json.NewEncoder(w).Encode(map[string][]entry{"rows": {c.entry()}})
	case r.URL.Path == "/v1/chat/completions" && bearer == "Bearer "+c.key:
		if n := c.requests.Add(1); c.vice == tears && n%2 == 0 {
			w = &tearing{w}
		}
		c.pass(w, r)
	default:
		http.Error(w, r.URL.Path+" is not for "+bearer, http.StatusForbidden)
	}
}

// pass calls the vendor with its own name of the model.
func (c *counting) pass(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the client is gone
	}
	body = bytes.Replace(body, []byte("-50ms"), []byte("+latency=50ms"), 1)
	req, err := http.NewRequestWithContext(r.Context(), http.MethodPost, c.vendor+"/chat/completions", bytes.NewReader(body))
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	req.Header.Set("Authorization", "Bearer "+c.vendorKey)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer resp.Body.Close()
	w.WriteHeader(resp.StatusCode)
	_, _ = io.Copy(w, resp.Body)
}

func (c *counting) entry() entry {
	n := c.requests.Load()
	if c.vice == forgets {
		n--
	}
	one := fakellm.BenchUsage()
	e := entry{account: account{Requests: n, Input: n * one.Input, Output: n * one.Output}, Attempts: n}
	e.CostNanoUSD = e.Input*nanoPerInput + e.Output*nanoPerOutput
	return e
}

// tearing breaks the connection behind the header.
type tearing struct{ http.ResponseWriter }

func (t *tearing) Write([]byte) (int, error) {
	tear(t.ResponseWriter)
	return 0, http.ErrHijacked
}

// tear sends what has been written and breaks the connection.
func tear(w http.ResponseWriter) {
	control := http.NewResponseController(w)
	_ = control.Flush() // a connection that is broken already is fine
	if c, _, err := control.Hijack(); err == nil {
		c.Close()
	}
}
