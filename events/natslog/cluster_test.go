//go:build unix

package natslog_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

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

func TestCluster(t *testing.T) {
	h := &hub{Cluster: clustertest.Start(t, clustertest.Options{Config: accountsConfig()})}
	t.Run("conformance", func(t *testing.T) {
		logtest.Run(t, func(t *testing.T) logtest.Opened {
			url := h.account(t)
			discard(t, url)
			return opened(openHA(t, url))
		})
	})
}
