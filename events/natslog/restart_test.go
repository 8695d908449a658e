package natslog_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"regexp"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/events/natslog"
	"github.com/llm-hub/llm-hub/events/natslog/embedded"
)

// relay stands before a server that is restarted, as an address does.
type relay struct {
	mu     sync.Mutex
	server *embedded.Server
}

func (r *relay) current() (*embedded.Server, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.server == nil {
		return nil, errors.New("server is down")
	}
	return r.server, nil
}

func (r *relay) InProcessConn() (net.Conn, error) {
	s, err := r.current()
	if err != nil {
		return nil, err
	}
	return s.InProcessConn()
}

func (r *relay) Healthy() error {
	s, err := r.current()
	if err != nil {
		return err
	}
	return s.Healthy()
}

func (r *relay) up(t testing.TB, dir string) {
	t.Helper()
	s := startServer(t, dir, natslog.Dev)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.server = s
}

func (r *relay) down() {
	r.mu.Lock()
	s := r.server
	r.server = nil
	r.mu.Unlock()
	if s != nil {
		s.Close()
	}
}

const epoch events.Epoch = "0192f0c1-2222-7000-8000-000000000001"

func message(p events.Partition, counter uint64) events.Message {
	line := fmt.Sprintf(`{"id":"r%d:node.heartbeat","kind":"node.heartbeat","v":1,"at":"2026-11-01T12:00:00Z","node":"n1","tenant":"_","body":{}}`, counter)
	return events.Message{ID: events.MessageID{Node: "n1", Epoch: epoch, Partition: p, Counter: counter}, Count: 1, Data: []byte(line + "\n")}
}

// insist appends m until the log has it.
func insist(ctx context.Context, l *natslog.Log, m events.Message) error {
	for {
		_, err := l.Append(ctx, m)
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil || !errors.Is(err, events.ErrUnavailable):
			return err
		}
		select {
		case <-time.After(5 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// TestRestartUnderReadersAndAppenders restarts the server again and again while
// messages and keys are written and read: nothing may be lost, repeated or out of
// order, and everything goes on by itself.
func TestRestartUnderReadersAndAppenders(t *testing.T) {
	const restarts, between = 3, 40
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	dir := t.TempDir()
	r := &relay{}
	r.up(t, dir)
	t.Cleanup(r.down)
	l := openLog(t, r)
	defer l.Close()

	both, one := []events.Partition{0, 1}, []events.Partition{1}
	stopped, progress := make(chan struct{}), make(chan struct{})
	var writers, readers sync.WaitGroup
	for _, p := range both {
		writers.Go(func() { appendUntil(ctx, t, l, p, stopped) })
	}
	writers.Go(func() { raiseUntil(ctx, t, l, stopped) })
	readers.Go(func() { follow(ctx, t, l, both, progress) })
	readers.Go(func() { follow(ctx, t, l, one, nil) })
	readers.Go(func() { watch(ctx, t, l) })
	for n := range restarts + 1 {
		for range between { // a reader gets on, so it has found the server again
			select {
			case <-progress:
			case <-ctx.Done():
				t.Fatal("the readers stand still")
			}
		}
		if n < restarts {
			r.down()
			r.up(t, dir)
		}
	}
	close(stopped)
	go func() {
		for range progress { // nobody waits for it any more
		}
	}()
	writers.Wait()
	for _, p := range both {
		if err := insist(ctx, l, lastMessage(p)); err != nil {
			t.Error(err)
		}
	}
	if _, err := l.Commit(ctx, []events.Put{{Key: "last", Value: []byte("x")}}); err != nil {
		t.Error(err)
	}
	readers.Wait()
	close(progress)
}

// lastMessage tells readers that no more comes.
func lastMessage(p events.Partition) events.Message {
	m := message(p, 1)
	m.ID.Node = "last"
	return m
}

func appendUntil(ctx context.Context, t *testing.T, l *natslog.Log, p events.Partition, stopped <-chan struct{}) {
	for n := uint64(1); ; n++ {
		select {
		case <-stopped:
			return
		default:
		}
		if err := insist(ctx, l, message(p, n)); err != nil {
			t.Errorf("append: %v", err)
			return
		}
	}
}

// raiseUntil counts key n up by compare-and-set, with a witness of each step in
// the same commit, and then checks that there are as many witnesses as steps.
func raiseUntil(ctx context.Context, t *testing.T, l *natslog.Log, stopped <-chan struct{}) {
	for {
		e, err := l.Get(ctx, "n")
		select {
		case <-stopped:
			if err != nil {
				continue
			}
			if list, err := l.List(ctx, "w."); err != nil || len(list) != len(e.Value) {
				t.Errorf("%d witnesses of %d steps, %v", len(list), len(e.Value), err)
			}
			return
		default:
		}
		if err == nil {
			_, err = l.Commit(ctx, []events.Put{
				{Key: "n", Value: append(e.Value, '+'), Rev: e.Rev},
				{Key: fmt.Sprintf("w.%d", len(e.Value)), Value: []byte("x")},
			})
		}
		if err != nil && !errors.Is(err, events.ErrUnavailable) && !errors.Is(err, events.ErrConflict) {
			t.Errorf("raise: %v", err)
			return
		}
	}
}

// follow reads partitions until each has said its last, and checks that no
// counter jumps. It sends to progress for every message.
func follow(ctx context.Context, t *testing.T, l *natslog.Log, ps []events.Partition, progress chan<- struct{}) {
	c, err := l.Read(ctx, events.Range{Partitions: ps})
	if err != nil {
		t.Error(err)
		return
	}
	defer c.Close()
	counters, seq, left := map[events.Partition]uint64{}, uint64(0), len(ps)
	for m := range c.C() {
		if progress != nil {
			progress <- struct{}{}
		}
		if m.ID.Node == "last" {
			if left--; left == 0 {
				return
			}
			continue
		}
		if counters[m.ID.Partition]++; m.Seq <= seq || m.ID.Counter != counters[m.ID.Partition] {
			t.Errorf("sequence %d (%s) after %d, want counter %d", m.Seq, m.ID, seq, counters[m.ID.Partition])
			return
		}
		seq = m.Seq
	}
	t.Errorf("cursor ended: %v", c.Err())
}

// watch follows the bucket until its last key comes.
func watch(ctx context.Context, t *testing.T, l *natslog.Log) {
	ch, err := l.Watch(ctx, "")
	if err != nil {
		t.Error(err)
		return
	}
	rev := uint64(0)
	for e := range ch {
		if e.Key == "last" {
			return
		}
		if e.Key != "" && e.Rev <= rev {
			t.Errorf("revision %d of %s after %d", e.Rev, e.Key, rev)
		}
		rev = max(rev, e.Rev)
	}
	t.Error("watch ended")
}

func TestReopenFindsEverything(t *testing.T) {
	dir := t.TempDir()
	server := startServer(t, dir, natslog.Durable)
	l := openLog(t, server)
	before := fill(t, l)
	l.Close()
	server.Close()

	server = startServer(t, dir, natslog.Durable)
	defer server.Close()
	l = openLog(t, server)
	defer l.Close()
	if diff := cmp.Diff(before, holdings(t, l)); diff != "" {
		t.Error(diff)
	}
}

// TestCrashLosesNothingAcknowledged opens what a killed process leaves: the files
// as they are while the server runs, never shut down.
func TestCrashLosesNothingAcknowledged(t *testing.T) {
	dir, copied := t.TempDir(), t.TempDir()
	server := startServer(t, dir, natslog.Durable)
	defer server.Close()
	l := openLog(t, server)
	defer l.Close()
	before := fill(t, l)
	if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}

	after := startServer(t, copied, natslog.Durable)
	defer after.Close()
	reopened := openLog(t, after)
	defer reopened.Close()
	if diff := cmp.Diff(before, holdings(t, reopened)); diff != "" {
		t.Error(diff)
	}
	ack, err := reopened.Append(t.Context(), message(2, 30))
	if err != nil || !ack.Duplicate {
		t.Errorf("a message repeated after the crash: %+v, %v", ack, err)
	}
}

// contents is what a log holds.
type contents struct {
	Info, Counters time.Time
	Messages       []events.MessageID
	Entries        []events.Entry
	Commands, Dead int
}

// fill writes a bit of everything.
func fill(t *testing.T, l *natslog.Log) contents {
	t.Helper()
	for n := range uint64(30) {
		if _, err := l.Append(t.Context(), message(2, n+1)); err != nil {
			t.Fatal(err)
		}
	}
	var puts []events.Put
	for n := range 50 {
		puts = append(puts, events.Put{Key: fmt.Sprintf("k.%02d", n), Value: []byte("v")})
	}
	if _, err := l.Commit(t.Context(), puts); err != nil {
		t.Fatal(err)
	}
	if err := l.Dead(t.Context(), 2, "x", "reason", []byte("{")); err != nil {
		t.Fatal(err)
	}
	c := holdings(t, l)
	if len(c.Messages) != 30 || len(c.Entries) != 50 || c.Commands != 1 || c.Dead != 1 {
		t.Fatalf("%d messages, %d entries, %d commands, %d dead letters", len(c.Messages), len(c.Entries), c.Commands, c.Dead)
	}
	return c
}

func holdings(t *testing.T, l *natslog.Log) contents {
	t.Helper()
	var c contents
	info, err := l.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c.Info = info.Created
	if c.Counters, err = l.Created(t.Context()); err != nil {
		t.Fatal(err)
	}
	cursor, err := l.Read(t.Context(), events.Range{To: info.Last})
	if err != nil {
		t.Fatal(err)
	}
	defer cursor.Close()
	for m := range cursor.C() {
		c.Messages = append(c.Messages, m.ID)
	}
	if err := cursor.Err(); err != nil {
		t.Fatal(err)
	}
	if c.Entries, err = l.List(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	commands, err := l.Commands(t.Context(), 1, 10)
	if err != nil {
		t.Fatal(err)
	}
	letters, err := l.DeadLetters(t.Context(), 1, 10)
	if err != nil {
		t.Fatal(err)
	}
	c.Commands, c.Dead = len(commands), len(letters)
	return c
}

// TestAwayServer holds what callers are told while the server is away, and that
// readers can be closed then.
func TestAwayServer(t *testing.T) {
	r := &relay{}
	r.up(t, t.TempDir())
	t.Cleanup(r.down)
	l := openLog(t, r)
	defer l.Close()
	c, err := l.Read(t.Context(), events.Range{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Append(t.Context(), message(0, 1)); err != nil {
		t.Fatal(err)
	}
	<-c.C()
	r.down()
	for name, call := range map[string]func(context.Context) error{
		"append": func(ctx context.Context) error { _, err := l.Append(ctx, message(0, 2)); return err },
		"info":   func(ctx context.Context) error { _, err := l.Info(ctx); return err },
		"at":     func(ctx context.Context) error { _, err := l.At(ctx, 1); return err },
		"get":    func(ctx context.Context) error { _, err := l.Get(ctx, "a"); return err },
		"list":   func(ctx context.Context) error { _, err := l.List(ctx, ""); return err },
		"commit one": func(ctx context.Context) error {
			_, err := l.Commit(ctx, []events.Put{{Key: "a", Value: []byte("1")}})
			return err
		},
		"commit two": func(ctx context.Context) error {
			_, err := l.Commit(ctx, []events.Put{{Key: "a", Value: []byte("1")}, {Key: "b", Value: []byte("1")}})
			return err
		},
		"dead letter": func(ctx context.Context) error { return l.Dead(ctx, 0, "x", "reason", nil) },
		"commands":    func(ctx context.Context) error { _, err := l.Commands(ctx, 1, 1); return err },
	} {
		if err := call(t.Context()); !errors.Is(err, events.ErrUnavailable) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := l.Healthy(t.Context()); err == nil {
		t.Error("healthy without a server")
	}
	c.Close()
	if err := c.Err(); !errors.Is(err, events.ErrClosed) {
		t.Errorf("cursor: %v", err)
	}
}

// TestReconnected holds that whoever guards the log hears of every new connection.
func TestReconnected(t *testing.T) {
	dir := t.TempDir()
	r := &relay{}
	r.up(t, dir)
	t.Cleanup(r.down)
	l := openLog(t, r)
	defer l.Close()
	for range 2 {
		again := l.Reconnected()
		select {
		case <-again:
			t.Fatal("reconnected before the connection was lost")
		default:
		}
		r.down()
		r.up(t, dir)
		select {
		case <-again:
		case <-time.After(time.Minute):
			t.Fatal("the connection did not come back")
		}
	}
}

// skewed is a server whose answers about streams carry another time.
type skewed struct {
	natslog.Server
	by time.Duration
}

// InProcessConn gives a connection on which every `ts` of an answer is shifted.
func (s skewed) InProcessConn() (net.Conn, error) {
	conn, err := s.Server.InProcessConn()
	return shifted{conn, s.by}, err
}

type shifted struct {
	net.Conn
	by time.Duration
}

var stamp = regexp.MustCompile(`"ts":"([^"]*)"`)

// Read changes the time in what comes, and not its length, which is told before.
func (c shifted) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	for _, at := range stamp.FindAllSubmatchIndex(p[:n], -1) {
		text := p[at[2]:at[3]]
		ts, perr := time.Parse(time.RFC3339Nano, string(text))
		if perr != nil {
			continue
		}
		copy(text, ts.Add(c.by).Format(time.RFC3339Nano)[:len("2026-11-01T12:00:00")])
	}
	return n, err
}

func TestSkew(t *testing.T) {
	server := startServer(t, t.TempDir(), natslog.Dev)
	defer server.Close()
	for _, by := range []time.Duration{0, -time.Hour, time.Minute} {
		l := openLog(t, skewed{server, by})
		d, err := l.Skew(t.Context())
		if err != nil || (d+by).Abs() > 20*time.Second {
			t.Errorf("a server %s ahead of us: skew %s, %v", by, d, err)
		}
		l.Close()
	}
}
