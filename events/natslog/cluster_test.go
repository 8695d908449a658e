//go:build unix

package natslog_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/events/logtest"
	"github.com/llm-hub/llm-hub/events/natslog"
	"github.com/llm-hub/llm-hub/events/natslog/clustertest"
)

// full asks for the long form of the tests of a cluster.
func full() bool { return os.Getenv("LLMHUB_TEST_FULL") != "" }

// accounts is how many logs may live side by side in the cluster of these tests,
// one in each account.
const accounts = 128

func accountsConfig() string {
	var b strings.Builder
	b.WriteString(`
server_name: $HUB_NATS_NAME
listen: $HUB_NATS_LISTEN
http: $HUB_NATS_MONITOR
jetstream { store_dir: $HUB_NATS_STORE, max_file_store: 64GB, max_memory_store: 64MB }
cluster { name: hub, listen: $HUB_NATS_CLUSTER, routes: [ $HUB_NATS_ROUTE_1, $HUB_NATS_ROUTE_2, $HUB_NATS_ROUTE_3 ] }
accounts {
`)
	for i := range accounts {
		fmt.Fprintf(&b, "A%d { jetstream: enabled, users: [ {user: u%d, password: pw} ] }\n", i, i)
	}
	b.WriteString("}\n")
	return b.String()
}

// hub is a cluster whose accounts are given out one by one.
type hub struct {
	*clustertest.Cluster
	given atomic.Int32
}

// account gives an account of its own, by the address that a client uses.
func (h *hub) account(t *testing.T) string {
	t.Helper()
	n := h.given.Add(1) - 1
	if n >= accounts {
		t.Fatal("no account is left")
	}
	return strings.ReplaceAll(h.URL(), "nats://", fmt.Sprintf("nats://u%d:pw@", n))
}

// openHA opens the log at an address, in the class ha.
func openHA(t *testing.T, url string) *natslog.Log {
	t.Helper()
	l, err := natslog.Open(t.Context(), natslog.Config{
		URL: url, Class: natslog.HA, Node: "n1", Version: "test", Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l
}

// discard deletes the streams of an account when the test ends: what nobody uses
// still costs the cluster elections.
func discard(t *testing.T, url string) {
	t.Helper()
	t.Cleanup(func() {
		conn, err := nats.Connect(url)
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		js, err := jetstream.New(conn)
		if err != nil {
			t.Error(err)
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		for name := range js.StreamNames(ctx).Name() {
			if err := js.DeleteStream(ctx, name); err != nil {
				t.Error(err)
			}
		}
	})
}

// TestCluster holds what three servers must: everything one server does, and the
// death of each.
func TestCluster(t *testing.T) {
	t.Parallel() // it waits for elections
	h := &hub{Cluster: clustertest.Start(t, clustertest.Options{Config: accountsConfig()})}
	t.Run("conformance", func(t *testing.T) {
		logtest.Run(t, func(t *testing.T) logtest.Opened {
			url := h.account(t)
			discard(t, url)
			return opened(openHA(t, url))
		})
	})
	t.Run("replicas", func(t *testing.T) { threeReplicas(t, h) })
	t.Run("never stale", func(t *testing.T) { neverStale(t, h) })
	t.Run("leader dies", func(t *testing.T) {
		kills := 1
		if full() {
			kills = 12
		}
		underFaults(t, h, kills, func(leader int) {
			h.Kill(leader)
		})
	})
	if !full() {
		return
	}
	t.Run("leader stands still", func(t *testing.T) {
		underFaults(t, h, 4, func(leader int) { h.Pause(leader) })
	})
	t.Run("leader is upgraded", func(t *testing.T) {
		underFaults(t, h, 6, func(leader int) { h.Terminate(leader) })
	})
}

// threeReplicas holds that every stream and bucket of the class ha has three.
func threeReplicas(t *testing.T, h *hub) {
	url := h.account(t)
	discard(t, url)
	openHA(t, url)
	conn, err := nats.Connect(url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for info := range js.ListStreams(t.Context()).Info() {
		if n++; info.Config.Replicas != 3 {
			t.Errorf("%s has %d replicas", info.Config.Name, info.Config.Replicas)
		}
	}
	if n != 10 {
		t.Errorf("%d streams", n)
	}
}

// neverStale writes through one server and reads through another.
func neverStale(t *testing.T, h *hub) {
	rounds := 60
	if full() {
		rounds = 2000
	}
	all := h.account(t)
	discard(t, all)
	via := strings.Split(all, ",")
	writer := openHA(t, via[0])
	readers := []*natslog.Log{openHA(t, via[1]), openHA(t, via[2])}
	rev := uint64(0)
	for n := range rounds {
		value := fmt.Sprint(n)
		next, err := writer.Commit(t.Context(), []events.Put{{Key: "k.a", Value: []byte(value), Rev: rev}})
		if err != nil {
			t.Fatal(err)
		}
		rev = next
		for i, r := range readers {
			if e, err := r.Get(t.Context(), "k.a"); err != nil || e.Rev != rev || string(e.Value) != value {
				t.Errorf("reader %d: %q at %d, written is %q at %d; %v", i, e.Value, e.Rev, value, rev, err)
			}
		}
		if n%10 > 0 { // a list costs more
			continue
		}
		if list, err := readers[n/10%2].List(t.Context(), "k."); err != nil || len(list) != 1 || list[0].Rev != rev {
			t.Errorf("list %+v, written is %q at %d; %v", list, value, rev, err)
		}
	}
}

// underFaults does something to the leader of the traffic, again and again, while
// messages are written and read: whatever was acknowledged must be there, in order,
// and once when repetitions are recognised by their counters.
func underFaults(t *testing.T, h *hub, faults int, fault func(leader int)) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Duration(faults+1)*time.Minute)
	defer cancel()
	url := h.account(t)
	discard(t, url)
	l := openHA(t, url)
	stopped, read := make(chan struct{}), make(chan events.MessageID, 1)
	var writers, reader sync.WaitGroup
	written := make([]uint64, 2)
	for p := range written {
		writers.Go(func() { written[p] = appendCounted(ctx, t, l, events.Partition(p), stopped) })
	}
	reader.Go(func() { followRepeated(ctx, t, l, read) })
	await := func(n int) {
		t.Helper()
		for range n {
			select {
			case <-read:
			case <-ctx.Done():
				t.Fatal("the reader stands still")
			}
		}
	}
	for range faults {
		await(50)
		leader := h.Leader(events.TrafficStream)
		for leader < 0 { // an election may be under way
			await(1)
			leader = h.Leader(events.TrafficStream)
		}
		fault(leader)
		await(50)
		h.Revive()
	}
	close(stopped)
	writers.Wait()
	for last := map[events.Partition]uint64{}; last[0] < written[0] || last[1] < written[1]; {
		select {
		case id := <-read:
			last[id.Partition] = id.Counter
		case <-ctx.Done():
			t.Fatalf("%v were written, %v read", written, last)
		}
	}
	cancel()
	reader.Wait()
	t.Logf("%v messages, none lost", written)
}

// appendCounted appends messages until it is told to stop, and tells how many.
func appendCounted(ctx context.Context, t *testing.T, l *natslog.Log, p events.Partition, stopped <-chan struct{}) uint64 {
	for n := uint64(1); ; n++ {
		select {
		case <-stopped:
			return n - 1
		default:
		}
		if err := insistSoon(ctx, l, message(p, n)); err != nil {
			t.Errorf("append: %v", err)
			return n - 1
		}
	}
}

// insistSoon appends m as a publisher does: it does not wait long for an answer
// that died with a server before it sends the same again.
func insistSoon(ctx context.Context, l *natslog.Log, m events.Message) error {
	for ctx.Err() == nil {
		try, cancel := context.WithTimeout(ctx, 250*time.Millisecond)
		_, err := l.Append(try, m)
		cancel()
		if err == nil || !errors.Is(err, events.ErrUnavailable) {
			return err
		}
		select {
		case <-time.After(5 * time.Millisecond):
		case <-ctx.Done():
		}
	}
	return ctx.Err()
}

// followRepeated gives every message that is no repetition to read, and checks
// that none is missing before it.
func followRepeated(ctx context.Context, t *testing.T, l *natslog.Log, read chan<- events.MessageID) {
	c, err := l.Read(ctx, events.Range{})
	if err != nil {
		t.Error(err)
		return
	}
	defer c.Close()
	seq, counters := uint64(0), map[events.Partition]uint64{}
	for m := range c.C() {
		if m.Seq != seq+1 {
			t.Errorf("sequence %d after %d", m.Seq, seq)
			return
		}
		seq = m.Seq
		if m.ID.Counter <= counters[m.ID.Partition] {
			continue
		}
		if m.ID.Counter != counters[m.ID.Partition]+1 {
			t.Errorf("message %s after counter %d", m.ID, counters[m.ID.Partition])
			return
		}
		counters[m.ID.Partition] = m.ID.Counter
		select {
		case read <- m.ID:
		case <-ctx.Done():
			return
		}
	}
	if ctx.Err() == nil {
		t.Errorf("reading ended: %v", c.Err())
	}
}
