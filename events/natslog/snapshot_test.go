package natslog_test

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/events/natslog"
	"github.com/llm-hub/llm-hub/events/natslog/embedded"
)

// taken is a snapshot in memory.
type taken struct {
	head   natslog.SnapshotHead
	chunks [][]byte
}

func (s *taken) Begin(h natslog.SnapshotHead) error { s.head = h; return nil }

func (s *taken) Chunk(data []byte) error {
	s.chunks = append(s.chunks, bytes.Clone(data))
	return nil
}

func restore(t *testing.T, r *natslog.Restorer, s *taken) error {
	t.Helper()
	one, err := r.Stream(t.Context(), s.head)
	if err != nil {
		return err
	}
	for _, c := range s.chunks {
		if err := one.Chunk(t.Context(), c); err != nil {
			return err
		}
	}
	return one.Finish(t.Context())
}

// stored are the messages of a log, with their sequences and times.
func stored(t *testing.T, l *natslog.Log) (out []events.Stored) {
	t.Helper()
	info, err := l.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	cursor, err := l.Read(t.Context(), events.Range{From: info.First, To: info.Last})
	if err != nil {
		t.Fatal(err)
	}
	defer cursor.Close()
	for m := range cursor.C() {
		out = append(out, m)
	}
	if err := cursor.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

// TestSnapshot: a restored log has the sequences, times, ids and chain of the one that
// it is of, also when its start was trimmed away, and goes on where that ended.
func TestSnapshot(t *testing.T) {
	s := startServer(t, t.TempDir(), natslog.Dev)
	t.Cleanup(s.Close)
	l := openLog(t, s)
	t.Cleanup(l.Close)
	want := fill(t, l)
	if _, err := l.Keyring().Commit(t.Context(), []events.Put{{Key: "k.acme.1", Value: []byte("wrapped")}}); err != nil {
		t.Fatal(err)
	}
	js := raw(t, s)
	traffic, err := js.Stream(t.Context(), events.TrafficStream)
	if err != nil {
		t.Fatal(err)
	}
	if err := traffic.Purge(t.Context(), jetstream.WithPurgeSequence(11)); err != nil {
		t.Fatal(err)
	}
	shots := map[string]*taken{}
	for _, name := range natslog.Kept() {
		shots[name] = &taken{}
		if err := l.Snapshot(t.Context(), name, shots[name]); err != nil {
			t.Fatal(err)
		}
	}

	other := startServer(t, t.TempDir(), natslog.Dev)
	t.Cleanup(other.Close)
	r, err := natslog.NewRestorer(natslog.Config{Server: other, Class: natslog.Dev, Node: "n1", Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	for _, name := range natslog.Kept() {
		if err := restore(t, r, shots[name]); err != nil {
			t.Fatal(err)
		}
	}
	if err := restore(t, r, shots[events.ControlStream]); err == nil || !strings.Contains(err.Error(), events.ControlStream) {
		t.Errorf("restored over one that is there: %v", err)
	}
	again := openLog(t, other)
	t.Cleanup(again.Close)
	if diff := cmp.Diff(stored(t, l), stored(t, again)); diff != "" {
		t.Errorf("messages:\n%s", diff)
	}
	got := holdings(t, again)
	if len(want.Messages) != 30 || got.Commands != 1 || got.Dead != 1 || len(got.Messages) != 20 || len(got.Entries) != 0 {
		t.Errorf("%+v", got)
	}
	before, _ := l.Commands(t.Context(), 1, 10)
	after, _ := again.Commands(t.Context(), 1, 10)
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("control:\n%s", diff)
	}
	if e, err := again.Keyring().Get(t.Context(), "k.acme.1"); err != nil || string(e.Value) != "wrapped" {
		t.Errorf("%+v, %v", e, err)
	}
	if ack, err := again.Append(t.Context(), message(2, 31)); err != nil || ack.Seq != 31 {
		t.Errorf("goes on at %+v, %v", ack, err)
	}
}

// TestSnapshotCut: a snapshot of which something lacks is no stream.
func TestSnapshotCut(t *testing.T) {
	s := startServer(t, t.TempDir(), natslog.Dev)
	t.Cleanup(s.Close)
	l := openLog(t, s)
	t.Cleanup(l.Close)
	fill(t, l)
	var shot taken
	if err := l.Snapshot(t.Context(), events.TrafficStream, &shot); err != nil {
		t.Fatal(err)
	}
	shot.chunks = slices.Clone(shot.chunks)
	last := len(shot.chunks) - 1
	shot.chunks[last] = shot.chunks[last][:len(shot.chunks[last])/2]
	other := startServer(t, t.TempDir(), natslog.Dev)
	t.Cleanup(other.Close)
	r, err := natslog.NewRestorer(natslog.Config{Server: other, Class: natslog.Dev, Node: "n1", Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	if err := restore(t, r, &shot); err == nil || !strings.Contains(err.Error(), events.TrafficStream) {
		t.Errorf("restored from half of it: %v", err)
	}
	if err := l.Snapshot(t.Context(), "NOWHERE", &shot); err == nil || !strings.Contains(err.Error(), "NOWHERE") {
		t.Errorf("of no stream: %v", err)
	}
}

// TestSnapshotMillion measures a snapshot of a million events, and its restoring.
func TestSnapshotMillion(t *testing.T) {
	if !full() {
		t.Skip("takes a minute: LLMHUB_TEST_FULL=1")
	}
	s, other := roomyServer(t), roomyServer(t)
	l := openLog(t, s)
	t.Cleanup(l.Close)
	const messages, perMessage = 10_000, 100
	var random [16]byte
	for n := range uint64(messages) {
		var data []byte
		for i := range perMessage {
			_, _ = rand.Read(random[:]) // never fails
			data = fmt.Appendf(data, `{"id":"%x:usage.recorded:1","kind":"usage.recorded","v":1,"at":"2026-11-01T12:00:00.%09dZ","node":"n1","tenant":"acme","request":"%x","window_at":"2026-11-01T12:00:00.%09dZ","body":{"attempt":1,"provider":"openai","credential":"main","model":"gpt-x","usage":{"input":%d,"output":%d},"cost_nano_usd":%d,"book":"0123456789ab","lines":[{"class":"input","units":%d},{"class":"output","units":%d}]}}`+"\n",
				random, i*1000, random, i*1000, i, 2*i, 3000*i, i, 2*i)
		}
		m := events.Message{ID: events.MessageID{Node: "n1", Epoch: epoch, Partition: 2, Counter: n + 1}, Count: perMessage, Data: data}
		if err := insist(t.Context(), l, m); err != nil {
			t.Fatal(err)
		}
	}
	began := time.Now()
	var shot taken
	if err := l.Snapshot(t.Context(), events.TrafficStream, &shot); err != nil {
		t.Fatal(err)
	}
	took, size := time.Since(began), 0
	for _, c := range shot.chunks {
		size += len(c)
	}
	r, err := natslog.NewRestorer(natslog.Config{Server: other, Class: natslog.Dev, Node: "n1", Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	began = time.Now()
	if err := restore(t, r, &shot); err != nil {
		t.Fatal(err)
	}
	t.Logf("a million events: %d MB, snapshot %s, restored in %s", size>>20, took.Round(time.Millisecond), time.Since(began).Round(time.Millisecond))
}

func roomyServer(t *testing.T) *embedded.Server {
	t.Helper()
	s, err := embedded.Start(embedded.Config{Dir: t.TempDir(), Class: natslog.Dev, MaxBytes: 2 << 30, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}
