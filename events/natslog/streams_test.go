package natslog_test

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/events/natslog"
)

// raw connects to a server past the log.
func raw(t *testing.T, s natslog.Server) jetstream.JetStream {
	t.Helper()
	conn, err := nats.Connect("", nats.InProcessServer(s))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	return js
}

func open(t *testing.T, s natslog.Server, change func(*natslog.Config)) (*natslog.Log, error) {
	t.Helper()
	cfg := natslog.Config{Server: s, Class: natslog.Dev, Node: "n1", Version: "test", Logger: slog.New(slog.DiscardHandler)}
	if change != nil {
		change(&cfg)
	}
	return natslog.Open(t.Context(), cfg)
}

func TestOpenRefuses(t *testing.T) {
	server := startServer(t, t.TempDir(), natslog.Dev)
	defer server.Close()
	for want, change := range map[string]func(*natslog.Config){
		"exactly one of Server and URL": func(c *natslog.Config) { c.URL = "nats://127.0.0.1:1" },
		"unknown class":                 func(c *natslog.Config) { c.Class = "paper" },
		"class ha":                      func(c *natslog.Config) { c.Class = natslog.HA },
		"MaxBytes":                      func(c *natslog.Config) { c.MaxBytes = -1 },
		"Node and Logger":               func(c *natslog.Config) { c.Node = "" },
		"connect":                       func(c *natslog.Config) { c.Server, c.URL = nil, "nats://127.0.0.1:1" },
	} {
		l, err := open(t, server, change)
		if err == nil {
			l.Close()
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want an error about %q", err, want)
		}
	}
}

func TestOpenRefusesOtherLogs(t *testing.T) {
	created := func(partitions int) []byte {
		return fmt.Appendf(nil, `{"id":"n1:hub.created","kind":"hub.created","v":1,"at":"2026-11-01T12:00:00Z","node":"n1","tenant":"_",`+
			`"body":{"partitions":%d,"version":"v9"}}`+"\n", partitions)
	}
	tests := map[string]struct {
		subject string
		data    []byte
		want    string
	}{
		"another number of partitions": {"hub.v1.control._.hub_created", created(32), "32 partitions by version v9"},
		"another first event":          {"hub.v1.control._.x", []byte(`{"id":"a","kind":"x"}` + "\n"), "is x, not hub.created"},
		"no event":                     {"hub.v1.control._.x", []byte("hello\n"), "decode event"},
		"traffic without control":      {"hub.v1.traffic.00", []byte("hello\n"), "lost or replaced"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			server := startServer(t, t.TempDir(), natslog.Dev)
			defer server.Close()
			js := raw(t, server)
			for stream, pattern := range map[string]string{events.ControlStream: events.ControlPattern, events.TrafficStream: events.TrafficPattern} {
				if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: stream, Subjects: []string{pattern}}); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := js.Publish(t.Context(), tt.subject, tt.data); err != nil {
				t.Fatal(err)
			}
			l, err := open(t, server, nil)
			if err == nil {
				l.Close()
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want an error about %q", err, tt.want)
			}
		})
	}
}

// TestOpenDeclares holds that a log made by an older version gets what this one
// needs, and that what an operator decided stays.
func TestOpenDeclares(t *testing.T) {
	server := startServer(t, t.TempDir(), natslog.Dev)
	defer server.Close()
	js := raw(t, server)
	for _, cfg := range []jetstream.StreamConfig{
		{Name: "KV_HUB_COUNTERS", Subjects: []string{"$KV.HUB_COUNTERS.>"}, MaxMsgsPerSubject: 1},
		{Name: events.TrafficStream, Subjects: []string{"hub.v1.traffic.00"}, MaxBytes: 32 << 20, Metadata: map[string]string{"owner": "ops"}},
	} {
		if _, err := js.CreateStream(t.Context(), cfg); err != nil {
			t.Fatal(err)
		}
	}
	l, err := open(t, server, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	config := func(name string) jetstream.StreamConfig {
		s, err := js.Stream(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		return s.CachedInfo().Config
	}
	if c := config("KV_HUB_COUNTERS"); !c.AllowAtomicPublish || !c.DenyDelete || c.MaxMsgsPerSubject != 1 {
		t.Errorf("counters: %+v", c)
	}
	traffic := config(events.TrafficStream)
	if traffic.Subjects[0] != events.TrafficPattern || traffic.Discard != jetstream.DiscardNew || !traffic.DenyDelete || traffic.DenyPurge {
		t.Errorf("traffic: %+v", traffic)
	}
	if traffic.MaxBytes != 32<<20 || traffic.Metadata["owner"] != "ops" {
		t.Errorf("traffic: what the operator set is gone: %+v", traffic)
	}
	if _, err := l.Append(t.Context(), message(15, 1)); err != nil {
		t.Error(err)
	}
}

// TestFullLogRefuses holds that a full log refuses what is new, keeps what it has
// and goes on when it is given more room.
func TestFullLogRefuses(t *testing.T) {
	server := startServer(t, t.TempDir(), natslog.Dev)
	defer server.Close()
	bound := func(n int64) func(*natslog.Config) { return func(c *natslog.Config) { c.MaxBytes = n } }
	l, err := open(t, server, bound(1<<20))
	if err != nil {
		t.Fatal(err)
	}
	kept := uint64(0)
	var refused events.Message
	for err == nil {
		refused = message(0, kept+1)
		refused.Data = append(refused.Data[:len(refused.Data)-1], make([]byte, 200<<10)...)
		refused.Data = append(refused.Data, '\n')
		if _, err = l.Append(t.Context(), refused); err == nil {
			kept++
		}
	}
	if !errors.Is(err, events.ErrFull) || kept < 2 || kept > 5 {
		t.Fatalf("after %d messages: %v", kept, err)
	}
	info, err := l.Info(t.Context())
	if err != nil || info.First != 1 || info.Last != kept {
		t.Errorf("%+v, %v", info, err)
	}
	if used, limit, err := l.Space(t.Context()); err != nil || limit != 1<<20 || used != info.Bytes {
		t.Errorf("%d of %d bytes, %v", used, limit, err)
	}
	if _, err := l.Commit(t.Context(), []events.Put{{Key: "a", Value: []byte("1")}, {Key: "b", Value: []byte("1")}}); err != nil {
		t.Errorf("a full log stops the counters: %v", err)
	}
	l.Close()

	if l, err = open(t, server, bound(2<<20)); err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if ack, err := l.Append(t.Context(), refused); err != nil || ack.Seq != kept+1 {
		t.Errorf("with more room: %+v, %v", ack, err)
	}
}

// TestForeignMessages holds that what others write to our subjects is delivered,
// in its partition, and cannot be taken for a message of ours.
func TestForeignMessages(t *testing.T) {
	server := startServer(t, t.TempDir(), natslog.Dev)
	defer server.Close()
	l := openLog(t, server)
	defer l.Close()
	js := raw(t, server)
	for _, h := range []nats.Header{
		nil,
		{"Nats-Msg-Id": {"hello"}, "Hub-Count": {"1"}},
		{"Nats-Msg-Id": {"n1.e1.04.7"}, "Hub-Count": {"1"}}, // of another partition
		{"Nats-Msg-Id": {"n1.e1.03.7"}, "Hub-Count": {"many"}},
	} {
		if _, err := js.PublishMsg(t.Context(), &nats.Msg{Subject: events.TrafficSubject(3), Header: h, Data: []byte("{}\n")}); err != nil {
			t.Fatal(err)
		}
	}
	c, err := l.Read(t.Context(), events.Range{To: 4, Partitions: []events.Partition{3}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	seq := uint64(0)
	for m := range c.C() {
		seq++
		at, err := l.At(t.Context(), m.Seq)
		if err != nil || at.ID != m.ID || at.Count != m.Count {
			t.Errorf("sequence %d: read as %s with %d, got as %s with %d; %v", m.Seq, m.ID, m.Count, at.ID, at.Count, err)
		}
		_, err = m.Lines()
		if m.Seq != seq || m.ID.Partition != 3 || m.ID.Counter != 0 && err == nil {
			t.Errorf("sequence %d is %s, %v", m.Seq, m.ID, err)
		}
	}
	if seq != 4 || c.Err() != nil {
		t.Errorf("%d messages, %v", seq, c.Err())
	}
}

// TestTrimmedLog holds what readers see of a log whose beginning is archived.
func TestTrimmedLog(t *testing.T) {
	server := startServer(t, t.TempDir(), natslog.Dev)
	defer server.Close()
	l := openLog(t, server)
	defer l.Close()
	for n := range uint64(1000) {
		if _, err := l.Append(t.Context(), message(0, n+1)); err != nil {
			t.Fatal(err)
		}
	}
	behind, err := l.Read(t.Context(), events.Range{})
	if err != nil {
		t.Fatal(err)
	}
	defer behind.Close()
	<-behind.C()
	stream, err := raw(t, server).Stream(t.Context(), events.TrafficStream)
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Purge(t.Context(), jetstream.WithPurgeSequence(901)); err != nil {
		t.Fatal(err)
	}
	if info, err := l.Info(t.Context()); err != nil || info.First != 901 || info.Last != 1000 {
		t.Errorf("%+v, %v", info, err)
	}
	if _, err := l.At(t.Context(), 900); !errors.Is(err, events.ErrNoMessage) {
		t.Errorf("at 900: %v", err)
	}
	for range behind.C() { // what was under way, then the end
	}
	if err := behind.Err(); err == nil || !strings.Contains(err.Error(), "are gone") {
		t.Errorf("a reader whose messages were trimmed away ended with %v", err)
	}
	for r, want := range map[[2]uint64]int{{1, 900}: 0, {1, 901}: 1, {1, 1000}: 100, {950, 950}: 1} {
		c, err := l.Read(t.Context(), events.Range{From: r[0], To: r[1]})
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for range c.C() {
			n++
		}
		if n != want || c.Err() != nil {
			t.Errorf("from %d to %d: %d messages, want %d; %v", r[0], r[1], n, want, c.Err())
		}
		c.Close()
	}
}

// TestReadersLeaveNothingBehind holds that consumers do not pile up on the server.
func TestReadersLeaveNothingBehind(t *testing.T) {
	server := startServer(t, t.TempDir(), natslog.Dev)
	defer server.Close()
	l := openLog(t, server)
	defer l.Close()
	if _, err := l.Append(t.Context(), message(0, 1)); err != nil {
		t.Fatal(err)
	}
	for range 5 {
		c, err := l.Read(t.Context(), events.Range{})
		if err != nil {
			t.Fatal(err)
		}
		<-c.C()
		c.Close()
		if _, err := l.List(t.Context(), ""); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{events.TrafficStream, "KV_HUB_COUNTERS"} {
		s, err := raw(t, server).Stream(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		if n := s.CachedInfo().State.Consumers; n != 0 {
			t.Errorf("%s has %d consumers", name, n)
		}
	}
}
