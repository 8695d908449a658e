package main_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/llm-hub/llm-hub/cmd/fake-llm/fakellm"
	"github.com/llm-hub/llm-hub/events"
)

// Aborts of TestClientAborts: in every run, and in the long campaign.
const (
	aborts     = 72
	abortsFull = 2000
)

// answerPieces is how many pieces of text the vendor sends.
const answerPieces = 40

// abortPosition is where in a stream the client hangs up.
type abortPosition int

const (
	atByteZero       abortPosition = iota // the vendor has the request, the client nothing
	afterHeaders                          // the client has the header and reads no further
	beforeUsage                           // the client has the last piece of text, the vendor has not told the usage
	beforeTerminator                      // all but the last byte of [DONE]
	abortPositions
)

func (p abortPosition) String() string {
	return [...]string{"byte 0", "after the headers", "before the usage", "before [DONE]"}[p]
}

// TestClientAborts hangs up at four positions of a stream, for every family of
// wire formats, under both policies. With drain the books say what the vendor's
// ledger says; with cancel they say what is known of the broken call, never
// nothing. Every request has one end, and no vendor call is left running.
func TestClientAborts(t *testing.T) {
	t.Parallel()
	rng := campaignRand(t)
	v := newAbortVendor(t)
	config := campaignConfig(t, v.URL, fmt.Sprintf("chunk=1+out=%d", answerPieces),
		tenantDoc{name: "draining", extra: "on_disconnect: drain"}, tenantDoc{name: "cancelling", extra: "on_disconnect: cancel"})
	h := startHub(t, t.TempDir(), "--config", config, "--allow-private-cidrs", "127.0.0.0/8")

	cases := make(chan *abortCase)
	var clients sync.WaitGroup
	for range 12 {
		clients.Go(func() {
			for c := range cases {
				if err := c.run(t.Context(), h.url); err != nil {
					t.Errorf("%s: %v", c, err)
				}
			}
		})
	}
	all := abortCases(rng, sized(aborts, abortsFull))
	for _, c := range all {
		v.cases.Store(c.number, c)
		cases <- c
	}
	close(cases)
	clients.Wait()
	v.idle()
	h.drained()
	verified(t, h.data)
	checkAborts(t, all, v.server.Ledger(0, len(all)+1), accountsOf(t, eventsOf(t, "--data", h.data)))
}

// abortCase is one request whose client hangs up.
type abortCase struct {
	number   int
	position abortPosition
	vendor   string
	tenant   string
	prompt   string
	request  string // the hub's id, told by the vendor

	held    chan struct{} // the vendor has come to the position
	hungUp  chan struct{} // the client is gone
	heldOne sync.Once
}

func (c *abortCase) String() string {
	return fmt.Sprintf("case-%d: %s, %s, %s", c.number, c.position, c.vendor, c.tenant)
}

// abortCases makes n cases that cover every combination as evenly as possible.
func abortCases(rng *rand.Rand, n int) []*abortCase {
	var all []*abortCase
	for i := range n {
		combination := i
		pick := func(n int) int { defer func() { combination /= n }(); return combination % n }
		c := &abortCase{number: i, held: make(chan struct{}), hungUp: make(chan struct{})}
		c.position = abortPosition(pick(int(abortPositions)))
		c.vendor = vendorModels[pick(len(vendorModels))].provider
		c.tenant = []string{"draining", "cancelling"}[pick(2)]
		c.prompt = fmt.Sprintf("case-%d. %s", i, strings.Repeat("some words ", rng.IntN(60)))
		all = append(all, c)
	}
	rng.Shuffle(n, func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all
}

// run makes the request and hangs up.
func (c *abortCase) run(ctx context.Context, hubURL string) error {
	ctx, cancel := context.WithTimeout(ctx, settleTimeout)
	defer cancel()
	defer close(c.hungUp)
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", strings.TrimPrefix(hubURL, "http://"))
	if err != nil {
		return err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	body := fmt.Sprintf(`{"model":"fake-%s","stream":true,"messages":[{"role":"user","content":%q}]}`, c.vendor, c.prompt)
	if _, err := fmt.Fprintf(conn, "POST /v1/chat/completions HTTP/1.1\r\nHost: hub\r\nAuthorization: Bearer %s\r\n"+
		"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", keyOf(c.tenant), len(body), body); err != nil {
		return err
	}
	return c.read(ctx, bufio.NewReader(conn))
}

// read reads up to the position, and waits until the vendor has come there too.
func (c *abortCase) read(ctx context.Context, r *bufio.Reader) error {
	until := map[abortPosition]string{
		afterHeaders: "\r\n\r\n", beforeTerminator: "data: [DONE",
	}[c.position]
	if c.position == beforeUsage {
		if err := c.readText(r); err != nil {
			return err
		}
	} else if err := readPast(r, until); err != nil {
		return err
	}
	if c.position == beforeTerminator {
		return nil
	}
	select {
	case <-c.held:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// readText reads all pieces of the answer's text.
func (c *abortCase) readText(r *bufio.Reader) error {
	for pieces := 0; pieces < answerPieces; {
		if err := readPast(r, `"content":"`); err != nil {
			return err
		}
		next, err := r.Peek(1)
		if err != nil {
			return err
		}
		if next[0] != '"' { // the first piece may be empty
			pieces++
		}
	}
	return nil
}

// readPast reads until it has read s.
func readPast(r io.ByteReader, s string) error {
	var tail []byte
	for !bytes.HasSuffix(tail, []byte(s)) {
		b, err := r.ReadByte()
		if err != nil {
			return fmt.Errorf("before %q: %w", s, err)
		}
		tail = append(tail[max(0, len(tail)-len(s)):], b)
	}
	return nil
}

// abortVendor is fake-llm with a brake: it comes to a case's position, says so and
// waits there until the client is gone.
type abortVendor struct {
	*httptest.Server
	t      *testing.T
	server *fakellm.Server
	cases  sync.Map // *abortCase by number

	mu    sync.Mutex
	conns map[net.Conn]http.ConnState
}

func newAbortVendor(t *testing.T) *abortVendor {
	t.Helper()
	v := &abortVendor{t: t, server: fakellm.New(fakellm.Config{}), conns: map[net.Conn]http.ConnState{}}
	v.Server = httptest.NewUnstartedServer(v)
	v.Config.ConnState = func(c net.Conn, s http.ConnState) {
		v.mu.Lock()
		defer v.mu.Unlock()
		v.conns[c] = s
		if s == http.StateClosed || s == http.StateHijacked {
			delete(v.conns, c)
		}
	}
	v.Start()
	t.Cleanup(v.Close)
	return v
}

var caseNumber = regexp.MustCompile(`case-([0-9]+)\.`)

func (v *abortVendor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		v.t.Errorf("vendor: %v", err)
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	m := caseNumber.FindSubmatch(body)
	if m == nil {
		v.t.Errorf("vendor: no case in %s", body)
		return
	}
	number, _ := strconv.Atoi(string(m[1])) // digits
	found, ok := v.cases.Load(number)
	if !ok {
		v.t.Errorf("vendor: unknown case %d", number)
		return
	}
	c, _ := found.(*abortCase)
	c.request = r.Header.Get("X-Llmhub-Request")
	v.server.ServeHTTP(&brake{ResponseWriter: w, r: r, c: c}, r)
}

// idle waits until no call is running and no connection is busy.
func (v *abortVendor) idle() {
	v.t.Helper()
	eventually(v.t, settleTimeout, "no vendor call is left", func() error {
		if n := v.server.Ledger(0, 0).InFlight; n > 0 {
			return fmt.Errorf("%d calls in flight", n)
		}
		v.mu.Lock()
		defer v.mu.Unlock()
		for _, s := range v.conns {
			if s == http.StateActive {
				return fmt.Errorf("%d connections, one is active", len(v.conns))
			}
		}
		return nil
	})
}

// brake is the vendor's side of a case's stream.
type brake struct {
	http.ResponseWriter
	r *http.Request
	c *abortCase
}

// Unwrap lets an [http.ResponseController] find the connection.
func (b *brake) Unwrap() http.ResponseWriter { return b.ResponseWriter }

func (b *brake) WriteHeader(status int) {
	if b.c.position == atByteZero {
		b.hold()
	}
	b.ResponseWriter.WriteHeader(status)
}

// How the families' chunks carry text, and say that no more of it comes.
var (
	hasText  = regexp.MustCompile(`"content":"[^"]|text_delta|"text":"[^"]`)
	textEnds = regexp.MustCompile(`"finish_reason":"|content_block_stop|"finishReason":"`)
)

func (b *brake) Write(p []byte) (int, error) {
	if b.c.position == beforeUsage && textEnds.Match(p) {
		b.hold()
	}
	n, err := b.ResponseWriter.Write(p)
	if b.c.position == afterHeaders && hasText.Match(p) {
		_ = http.NewResponseController(b.ResponseWriter).Flush() // a failed flush shows as a failed write
		b.hold()
	}
	return n, err
}

// hold waits until the client has hung up and, where its call is cancelled for
// that, until this is known here too.
func (b *brake) hold() {
	b.c.heldOne.Do(func() { close(b.c.held) })
	<-b.c.hungUp
	if b.c.tenant == "cancelling" {
		<-b.r.Context().Done()
	}
}

// checkAborts compares what was booked with what the vendor says it served.
func checkAborts(t *testing.T, all []*abortCase, l fakellm.Snapshot, accounts map[string]*account) {
	t.Helper()
	served := map[string]fakellm.Usage{}
	for _, r := range l.Records {
		served[r.HubRequest] = r.Usage
	}
	var booked, billed int64 // with drain
	for _, c := range all {
		want, called := served[c.request]
		got := accounts[c.request]
		if !called || got == nil {
			t.Errorf("%s: vendor called: %t, booked: %+v", c, called, got)
			continue
		}
		if got.admitted != 1 || got.ends != 1 || got.records != 1 {
			t.Errorf("%s: admitted %d times, %d ends, %d usage records", c, got.admitted, got.ends, got.records)
		}
		// Who drains may have written all that is left before it hears that nobody reads it.
		mayComplete := c.position == beforeTerminator || c.position == beforeUsage && c.tenant == "draining"
		if got.outcome != events.Cancelled && (!mayComplete || got.outcome != events.Completed) {
			t.Errorf("%s: outcome %s", c, got.outcome)
		}
		if got.input == 0 || c.position > atByteZero && got.output == 0 && c.tenant == "draining" {
			t.Errorf("%s: billed %d input and %d output tokens", c, got.input, got.output)
		}
		if c.tenant == "cancelling" && c.position != beforeTerminator {
			continue
		}
		booked, billed = booked+got.input+got.output, billed+want.Input+want.Output
		if off := abs(got.input - want.Input + got.output - want.Output); off*100 > 2*(want.Input+want.Output) {
			t.Errorf("%s: booked %d+%d tokens, the vendor billed %d+%d", c, got.input, got.output, want.Input, want.Output)
		}
	}
	if len(accounts) != len(all) {
		t.Errorf("%d requests are booked, %d were made", len(accounts), len(all))
	}
	t.Logf("%d aborts; where the call was drained %d tokens booked, %d billed by the vendor", len(all), booked, billed)
}

func abs(n int64) int64 { return max(n, -n) }
