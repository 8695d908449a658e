package alerts_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/events/memlog"
	"github.com/llm-hub/llm-hub/projector/alerts"
)

const (
	address = "https://hooks.test/services/very-private?token=very-private"
	secret  = "0123456789abcdef0123456789abcdef"
)

// receiver stands for whoever the webhooks post to.
type receiver struct {
	mu      sync.Mutex
	taken   []string // ids of what it took, in order
	tries   int
	last    *http.Request
	body    []byte
	respond func(try int, r *http.Request) (status int, err error) // nil takes everything
}

// RoundTrip implements [http.RoundTripper].
func (r *receiver) RoundTrip(req *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	r.tries++
	try, respond := r.tries, r.respond
	r.last, r.body = req, body
	r.mu.Unlock()
	status := http.StatusOK
	if respond != nil {
		if status, err = respond(try, req); err != nil {
			return nil, err
		}
	}
	if status < 300 {
		r.mu.Lock()
		r.taken = append(r.taken, req.Header.Get("Webhook-Id"))
		r.mu.Unlock()
	}
	return &http.Response{
		StatusCode: status, Header: http.Header{"Location": {"https://elsewhere.test/"}}, Request: req,
		Body: io.NopCloser(strings.NewReader("an answer")),
	}, nil
}

func (r *receiver) got() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.taken)
}

// post is a stream of alerts, a receiver and the bucket of positions.
type post struct {
	stream   *stream
	receiver *receiver
	log      *memlog.Log
	hooks    atomic.Pointer[[]alerts.Webhook]
	logger   *slog.Logger
	said     bytes.Buffer // by the logger
	raised   int
}

func newPost(t *testing.T) *post {
	t.Helper()
	hook, err := alerts.NewWebhook(address, secret)
	if err != nil {
		t.Fatal(err)
	}
	p := &post{stream: newStream(), receiver: &receiver{}, log: memlog.New()}
	p.logger = slog.New(slog.NewTextHandler(&p.said, &slog.HandlerOptions{Level: slog.LevelDebug}))
	p.tell(hook)
	return p
}

// tell sets the webhooks there are.
func (p *post) tell(hooks ...alerts.Webhook) { p.hooks.Store(&hooks) }

// raise puts n alerts into the stream.
func (p *post) raise(t *testing.T, n int) {
	t.Helper()
	for range n {
		p.raised++
		body, err := json.Marshal(events.AlertRaised{Name: events.DriftAlert, Subject: "books", Text: fmt.Sprintf("alert %d of <many> & more", p.raised)})
		if err != nil {
			t.Fatal(err)
		}
		id := fmt.Sprintf("a%d", p.raised)
		e := events.Event{ID: events.ID("n1:alert.raised:" + id), Kind: events.AlertRaisedKind, V: 1, At: time.Now(), Node: "n1", Tenant: "_", Body: body}
		if _, err := p.stream.RaiseAlert(t.Context(), id, e); err != nil {
			t.Fatal(err)
		}
	}
}

// ids of the first n alerts.
func ids(n int) (out []string) {
	for i := range n {
		out = append(out, fmt.Sprintf("n1:alert.raised:a%d", i+1))
	}
	return out
}

// start runs a deliverer until the test ends or kill is called.
func (p *post) start(t *testing.T, positions events.Bucket) (d *alerts.Deliverer, kill func()) {
	t.Helper()
	d, err := alerts.NewDeliverer(alerts.DeliveryConfig{
		Alerts: p.stream, Positions: positions, Webhooks: func() []alerts.Webhook { return *p.hooks.Load() },
		Client: &http.Client{Transport: p.receiver}, Logger: p.logger,
	})
	if err != nil {
		t.Fatal(err)
	}
	return d, p.run(t, d)
}

// run runs a deliverer until the test ends or kill is called.
func (p *post) run(t *testing.T, d *alerts.Deliverer) (kill func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); d.Run(ctx) }()
	kill = sync.OnceFunc(func() { cancel(); <-done })
	t.Cleanup(kill)
	return kill
}

// TestDeliver: whatever a receiver does, it gets every alert in order.
func TestDeliver(t *testing.T) {
	hang := func(r *http.Request) (int, error) { <-r.Context().Done(); return 0, r.Context().Err() }
	tests := map[string]func(try int, r *http.Request) (int, error){
		"takes all": nil,
		"fails":     func(try int, _ *http.Request) (int, error) { return []int{500, 503, 200}[try%3], nil },
		"is busy":   func(try int, _ *http.Request) (int, error) { return []int{429, 408, 425, 409, 204}[try%5], nil },
		"is restarted": func(try int, _ *http.Request) (int, error) {
			return 200, map[bool]error{true: errors.New("refused")}[try < 4]
		},
		"redirects": func(try int, _ *http.Request) (int, error) { return map[bool]int{true: 302, false: 200}[try < 4], nil },
		"refuses seldom": func(try int, _ *http.Request) (int, error) {
			return map[bool]int{true: 404, false: 200}[try%3 < 2], nil
		},
		"hangs": func(try int, r *http.Request) (int, error) {
			if try%2 == 0 {
				return hang(r)
			}
			return 200, nil
		},
	}
	for name, respond := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPost(t)
				p.receiver.respond = respond
				p.raise(t, 3)
				d, _ := p.start(t, p.log)
				pass(time.Hour)
				p.raise(t, 70) // more than are read at once
				pass(6 * time.Hour)
				if diff := cmp.Diff(ids(73), p.receiver.got()); diff != "" {
					t.Errorf("(-want +got)\n%s", diff)
				}
				s := d.Status()[0]
				if s.Delivered != 73 || s.Skipped != 0 || !s.Oldest.IsZero() || s.Err != nil || (respond != nil) != (s.Failures > 0) {
					t.Errorf("status %+v", s)
				}
				if host := p.receiver.last.URL.Host; host != "hooks.test" {
					t.Errorf("followed to %s", host)
				}
			})
		})
	}
}

// TestUndelivered: while a receiver is away nothing is lost, the age of the oldest
// shows, and it is not asked more often than need be.
func TestUndelivered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPost(t)
		p.receiver.respond = func(int, *http.Request) (int, error) { return 0, errors.New("away") }
		raised := time.Now()
		p.raise(t, 2)
		d, _ := p.start(t, p.log)
		pass(24 * time.Hour)
		s := d.Status()[0]
		if s.Delivered != 0 || !s.Oldest.Equal(raised) || s.Err == nil {
			t.Errorf("status %+v", s)
		}
		if tries := p.receiver.tries; tries < 24*60/5 || tries > 24*60 {
			t.Errorf("%d tries in a day", tries)
		}
		p.receiver.mu.Lock()
		p.receiver.respond = nil
		p.receiver.mu.Unlock()
		pass(time.Hour)
		if diff := cmp.Diff(ids(2), p.receiver.got()); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	})
}

// TestRefused: an alert that the receiver refuses for good is skipped, not the next.
func TestRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPost(t)
		p.receiver.respond = func(_ int, r *http.Request) (int, error) {
			if strings.HasSuffix(r.Header.Get("Webhook-Id"), "a2") {
				return http.StatusBadRequest, nil
			}
			return http.StatusOK, nil
		}
		p.raise(t, 3)
		d, kill := p.start(t, p.log)
		pass(time.Hour)
		want := []string{ids(3)[0], ids(3)[2]}
		if diff := cmp.Diff(want, p.receiver.got()); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
		if s := d.Status()[0]; s.Skipped != 1 || s.Failures != 3 || !strings.Contains(p.said.String(), "skipped") {
			t.Errorf("status %+v, said %s", s, p.said.String())
		}
		kill()
		p.start(t, p.log)
		pass(time.Hour)
		if n := len(p.receiver.got()); n != 2 {
			t.Errorf("%d taken after a restart", n)
		}
	})
}

// TestRunAgain: who lost the work to another process, and got it back, goes on.
func TestRunAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPost(t)
		d, kill := p.start(t, p.log)
		for n := range 3 {
			p.raise(t, 1)
			pass(time.Minute)
			kill()
			if s := d.Status(); len(s) != 0 {
				t.Errorf("status %+v of who does not deliver", s)
			}
			p.raise(t, 1)
			pass(time.Minute)
			if got := len(p.receiver.got()); got != 2*n+1 {
				t.Errorf("%d delivered, want %d", got, 2*n+1)
			}
			kill = p.run(t, d)
			pass(time.Minute)
		}
		if diff := cmp.Diff(ids(6), p.receiver.got()); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	})
}

// mortal lets nobody finish the n-th commit.
type mortal struct {
	events.Bucket
	n    int
	dies chan struct{} // closed then
}

func (m *mortal) Commit(ctx context.Context, puts []events.Put) (uint64, error) {
	if m.n--; m.n == 0 {
		close(m.dies)
		<-ctx.Done()
		return 0, ctx.Err()
	}
	return m.Bucket.Commit(ctx, puts)
}

// TestKilled: a deliverer that dies between post and position posts the alert once
// more when it comes back, and nothing else.
func TestKilled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPost(t)
		p.raise(t, 5)
		dying := &mortal{Bucket: p.log, n: 3, dies: make(chan struct{})}
		_, kill := p.start(t, dying)
		<-dying.dies
		kill()
		p.start(t, p.log)
		pass(time.Minute)
		want := append(ids(3), ids(5)[2:]...) // the third twice
		if diff := cmp.Diff(want, p.receiver.got()); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	})
}

// TestStoreAway: a position that cannot be written, or whose fate is unknown, is read again.
func TestStoreAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPost(t)
		p.raise(t, 4)
		p.log.FailCommit(events.ErrUnavailable, true)  // of the first
		p.log.FailCommit(events.ErrUnavailable, false) // of the second
		p.start(t, p.log)
		pass(time.Minute)
		want := []string{ids(4)[0], ids(4)[1], ids(4)[1], ids(4)[2], ids(4)[3]}
		if diff := cmp.Diff(want, p.receiver.got()); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	})
}

// TestTwoDeliverers: two that deliver to the same webhook lose nothing, and what
// comes for the first time comes in order.
func TestTwoDeliverers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPost(t)
		p.receiver.respond = func(try int, _ *http.Request) (int, error) {
			<-time.After(time.Duration(try*7919%997) * time.Millisecond)
			return []int{200, 200, 500}[try%3], nil
		}
		p.start(t, p.log)
		p.start(t, p.log)
		for range 50 {
			p.raise(t, 3)
			pass(time.Second)
		}
		pass(3 * time.Hour)
		seen := map[string]bool{}
		var first []string
		for _, id := range p.receiver.got() {
			if !seen[id] {
				first = append(first, id)
			}
			seen[id] = true
		}
		if diff := cmp.Diff(ids(150), first); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	})
}

// TestNewStream: a position in a stream that was made anew means nothing.
func TestNewStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPost(t)
		p.raise(t, 3)
		_, kill := p.start(t, p.log)
		pass(time.Minute)
		kill()
		p.stream = newStream()
		p.raise(t, 4) // a4 to a7, at 1 to 4
		p.start(t, p.log)
		pass(time.Minute)
		if diff := cmp.Diff(ids(7), p.receiver.got()); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	})
}

// TestWebhooksChange: webhooks come and go while alerts are delivered.
func TestWebhooksChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPost(t)
		hook := (*p.hooks.Load())[0]
		p.tell()
		p.raise(t, 2)
		d, _ := p.start(t, p.log)
		pass(time.Minute)
		if s := d.Status(); len(s) != 0 || p.receiver.tries != 0 {
			t.Errorf("status %+v without webhooks", s)
		}
		p.tell(hook)
		pass(time.Minute)
		p.tell(hook, alerts.Webhook{}) // which is none
		p.raise(t, 1)
		pass(time.Minute)
		p.tell()
		pass(time.Minute)
		p.raise(t, 1)
		pass(time.Minute)
		if diff := cmp.Diff(ids(3), p.receiver.got()); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	})
}

func TestSignature(t *testing.T) {
	raw := bytes.Repeat([]byte{7}, 32)
	for _, tc := range []struct {
		address, secret string
		key             []byte
		body            string
	}{
		{address, secret, []byte(secret), `{"text":"alert 1 of <many> & more","alert":{"id":"n1:alert.raised:a1","at":"2000-01-01T00:00:00Z",` +
			`"name":"drift","subject":"books","text":"alert 1 of <many> & more"}}`},
		{"https://hooks.slack.com/services/T0/B0/x", "whsec_" + base64.StdEncoding.EncodeToString(raw), raw,
			`{"text":"alert 1 of &lt;many&gt; &amp; more"}`},
	} {
		synctest.Test(t, func(t *testing.T) {
			p := newPost(t)
			hook, err := alerts.NewWebhook(tc.address, tc.secret)
			if err != nil {
				t.Fatal(err)
			}
			p.tell(hook)
			p.raise(t, 1)
			p.start(t, p.log)
			pass(time.Second)
			r := p.receiver.last
			mac := hmac.New(sha256.New, tc.key)
			fmt.Fprintf(mac, "%s.%s.%s", r.Header.Get("webhook-id"), r.Header.Get("webhook-timestamp"), p.receiver.body)
			want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
			if got := r.Header.Get("webhook-signature"); got != want || r.Header.Get("webhook-timestamp") != "946684800" {
				t.Errorf("signature %s, want %s; at %s", got, want, r.Header.Get("webhook-timestamp"))
			}
			if r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/json" || r.URL.String() != tc.address {
				t.Errorf("%s %s of %s", r.Method, r.URL, r.Header.Get("Content-Type"))
			}
			if diff := cmp.Diff(tc.body, string(p.receiver.body)); diff != "" {
				t.Errorf("body (-want +got)\n%s", diff)
			}
		})
	}
}

func TestNewWebhook(t *testing.T) {
	for _, tc := range []struct{ address, secret, want string }{
		{address, "", "secret: has 0 bytes"},
		{address, secret[1:], "secret: has 31 bytes"},
		{address, "whsec_" + base64.StdEncoding.EncodeToString([]byte(secret[1:])), "secret: has 31 bytes"},
		{address, "whsec_" + strings.Repeat("!", 64), "secret: is not base64"},
		{"", secret, "url"},
		{"ftp://very-private.test/", secret, "url"},
		{"https:///very-private", secret, "url"},
		{"https://very-private\x00", secret, "url"},
	} {
		_, err := alerts.NewWebhook(tc.address, tc.secret)
		if err == nil || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "very-private") {
			t.Errorf("error %v, want %q", err, tc.want)
		}
	}
}

// TestNothingIsTold: neither address nor secret is in what is logged or shown.
func TestNothingIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPost(t)
		p.receiver.respond = func(try int, _ *http.Request) (int, error) {
			return []int{404, 500, 302}[try%3], map[bool]error{true: errors.New("no route")}[try%4 == 0]
		}
		p.raise(t, 3)
		d, kill := p.start(t, p.log)
		pass(3 * time.Hour)
		told := fmt.Sprint(d.Status())
		kill()
		told += p.said.String()
		for _, bad := range []string{"very-private", secret} {
			if strings.Contains(told, bad) {
				t.Errorf("%q is told: %s", bad, told)
			}
		}
		if !strings.Contains(told, "hooks.test#") || !strings.Contains(told, "no route") {
			t.Errorf("told: %s", told)
		}
	})
}

// TestOddID: an id that no header can hold is posted as its hash.
func TestOddID(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPost(t)
		e := events.Event{ID: "an id\nwith lines", Kind: events.AlertRaisedKind, V: 1, Node: "n1", Tenant: "_", Body: []byte(`{"text":"x"}`)}
		if _, err := p.stream.RaiseAlert(t.Context(), "x", e); err != nil {
			t.Fatal(err)
		}
		p.start(t, p.log)
		pass(time.Second)
		if got := p.receiver.got(); len(got) != 1 || !strings.HasPrefix(got[0], "sha256:") {
			t.Errorf("posted as %q", got)
		}
	})
}
