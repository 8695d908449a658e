//go:build unix

package natslog_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/events/natslog"
	"github.com/llm-hub/llm-hub/events/natslog/clustertest"
)

// deployed is a cluster that runs deploy/nats/hub.conf as it is.
type deployed struct {
	*clustertest.Cluster
	certs clustertest.Certificates
	seeds map[string]string // files, by user
}

func deploy(t *testing.T) *deployed {
	t.Helper()
	config, err := os.ReadFile("../../deploy/nats/hub.conf")
	if err != nil {
		t.Fatal(err)
	}
	d := &deployed{certs: clustertest.NewCertificates(t), seeds: map[string]string{}}
	env := []string{"HUB_NATS_DISK=8GB", "HUB_NATS_CERT=" + d.certs.ServerCert, "HUB_NATS_KEY=" + d.certs.ServerKey, "HUB_NATS_CA=" + d.certs.CA}
	for _, user := range []string{"sys", "hub", "gateway", "projector"} {
		pair, public := newKey(t, nkeys.CreateUser)
		d.seeds[user] = writeFile(t, user+".nk", seedOf(t, pair))
		env = append(env, fmt.Sprintf("HUB_NATS_%s_NKEY=%s", strings.ToUpper(user), public))
	}
	d.Cluster = clustertest.Start(t, clustertest.Options{Config: string(config), Env: env})
	return d
}

// open opens the log as one of the users.
func (d *deployed) open(t *testing.T, user string) (*natslog.Log, error) {
	t.Helper()
	l, err := natslog.Open(t.Context(), natslog.Config{
		URL: d.URL(), Credentials: d.seeds[user], RootCAs: d.certs.CA, InboxPrefix: "_INBOX_" + user,
		Class: natslog.HA, Node: events.NodeID(user), Version: "test", Logger: slog.New(slog.DiscardHandler),
	})
	if err == nil {
		t.Cleanup(l.Close)
	}
	return l, err
}

// TestDeployedPermissions holds that every user of deploy/nats/hub.conf can do its
// work, and nothing of what is another's.
func TestDeployedPermissions(t *testing.T) {
	t.Parallel() // it waits for elections
	d := deploy(t)
	if _, err := d.open(t, "gateway"); err == nil || !strings.Contains(strings.ToLower(err.Error()), "permissions violation") {
		t.Fatalf("a gateway in front of an empty cluster: %v", err)
	}
	logs := map[string]*natslog.Log{}
	for _, user := range []string{"hub", "gateway", "projector"} { // the first declares the streams
		l, err := d.open(t, user)
		if err != nil {
			t.Fatalf("%s: %v", user, err)
		}
		logs[user] = l
	}
	for _, tt := range works() {
		for user, l := range logs {
			t.Run(tt.name+"/"+user, func(t *testing.T) {
				patience := time.Minute
				may := user == "hub" || strings.Contains(tt.users, user)
				if !may {
					patience = 100 * time.Millisecond // what is denied gets no answer
				}
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				defer cancel()
				if err := tt.do(ctx, l, user); (err == nil) != may {
					t.Errorf("may: %t; %v", may, err)
				}
			})
		}
	}
	for user := range logs {
		t.Run("beyond/"+user, func(t *testing.T) { d.beyond(t, user) })
	}
	if list, err := logs["hub"].Leases().List(t.Context(), ""); err != nil || len(list) != 4 {
		t.Errorf("%d leases, want those of hub and gateway; %v", len(list), err)
	}
}

// work is something that some of the users may do; hub may all.
type work struct {
	name, users string
	do          func(ctx context.Context, l *natslog.Log, user string) error
}

// works are everything that is done with a log.
func works() []work {
	const both = "gateway projector"
	return []work{
		{"append", both, func(ctx context.Context, l *natslog.Log, user string) error {
			m := message(3, 1)
			m.ID.Node = events.NodeID(user)
			_, err := l.Append(ctx, m)
			return err
		}},
		{"read", both, func(ctx context.Context, l *natslog.Log, _ string) error {
			return first(ctx, func() (events.Cursor, error) { return l.Read(ctx, events.Range{}) })
		}},
		{"read partitions", both, func(ctx context.Context, l *natslog.Log, _ string) error {
			return first(ctx, func() (events.Cursor, error) {
				return l.Read(ctx, events.Range{Partitions: []events.Partition{2, 3}})
			})
		}},
		{"look back", both, func(ctx context.Context, l *natslog.Log, _ string) error { _, err := l.At(ctx, 1); return err }},
		{"health", both, func(ctx context.Context, l *natslog.Log, _ string) error { return l.Healthy(ctx) }},
		{"configuration", both, func(ctx context.Context, l *natslog.Log, _ string) error {
			_, err := l.Commands(ctx, 1, 10)
			return err
		}},
		{"configure", "gateway", func(ctx context.Context, l *natslog.Log, user string) error {
			cs, err := l.Commands(ctx, 1, 100)
			if err != nil {
				return err
			}
			e, err := events.New(events.Head{At: time.Now(), Node: events.NodeID(user), Tenant: events.NoTenant}, events.HubCreated{Partitions: 1})
			if err != nil {
				return err
			}
			c, err := events.NewCommand(e)
			if err != nil {
				return err
			}
			_, err = l.AppendControl(ctx, cs[len(cs)-1].Seq, c)
			return err
		}},
		{"follow the configuration", both, func(ctx context.Context, l *natslog.Log, _ string) error {
			if _, err := l.ControlInfo(ctx); err != nil {
				return err
			}
			return first(ctx, func() (events.Cursor, error) { return l.FollowControl(ctx, 1) })
		}},
		{"data key", "gateway", func(ctx context.Context, l *natslog.Log, user string) error { return commit(ctx, l.Keyring(), user) }},
		{"data keys", both, func(ctx context.Context, l *natslog.Log, _ string) error { return look(ctx, l.Keyring()) }},
		{"count", "projector", func(ctx context.Context, l *natslog.Log, user string) error { return commit(ctx, l, user) }},
		{"counters", both, func(ctx context.Context, l *natslog.Log, _ string) error { return look(ctx, l) }},
		{"lease", "gateway", func(ctx context.Context, l *natslog.Log, user string) error { return commit(ctx, l.Leases(), user) }},
		{"leases", "gateway", func(ctx context.Context, l *natslog.Log, _ string) error { return look(ctx, l.Leases()) }},
		{"divide work", "projector", func(ctx context.Context, l *natslog.Log, user string) error {
			_, err := l.Nodes().PutFor(ctx, events.Put{Key: "own." + user, Value: []byte("x")}, time.Minute)
			return err
		}},
		{"keep others from correcting", both, func(ctx context.Context, l *natslog.Log, user string) error {
			e, err := l.Nodes().Get(ctx, "correct."+user)
			if err == nil {
				_, err = l.Nodes().PutFor(ctx, events.Put{Key: e.Key, Value: []byte("x"), Rev: e.Rev}, time.Minute)
			}
			return err
		}},
		{"who does what", "projector", func(ctx context.Context, l *natslog.Log, _ string) error { return look(ctx, l.Nodes()) }},
		{"bury", "projector", func(ctx context.Context, l *natslog.Log, user string) error {
			return l.Dead(ctx, 3, user, "reason", []byte("{}"))
		}},
		{"graves", both, func(ctx context.Context, l *natslog.Log, _ string) error {
			_, err := l.DeadLetters(ctx, 1, 10)
			return err
		}},
		{"raise alert", "projector", func(ctx context.Context, l *natslog.Log, user string) error {
			e, err := events.New(events.Head{At: time.Now(), Node: "n1", Tenant: events.NoTenant}, events.AlertRaised{Name: events.DriftAlert})
			if err != nil {
				return err
			}
			_, err = l.RaiseAlert(ctx, user, e)
			return err
		}},
		{"alerts", "projector", func(ctx context.Context, l *natslog.Log, _ string) error {
			if _, err := l.Alerts(ctx, 1, 10); err != nil {
				return err
			}
			return first(ctx, func() (events.Cursor, error) { return l.FollowAlerts(ctx, 1) })
		}},
		{"trim", "projector", func(ctx context.Context, l *natslog.Log, _ string) error { return l.Trim(ctx, 2) }}, // last: others look at the first message
	}
}

// first waits for the first message of a cursor.
func first(ctx context.Context, open func() (events.Cursor, error)) error {
	c, err := open()
	if err != nil {
		return err
	}
	defer c.Close()
	select {
	case _, ok := <-c.C():
		if !ok {
			return c.Err()
		}
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// commit writes two keys at once.
func commit(ctx context.Context, b events.Bucket, user string) error {
	_, err := b.Commit(ctx, []events.Put{{Key: "a." + user, Value: []byte("x")}, {Key: "b." + user, Value: []byte("x")}})
	return err
}

// look reads a bucket in every way.
func look(ctx context.Context, b interface {
	events.Bucket
	events.Watchable
}) error {
	if _, err := b.Get(ctx, "a.hub"); err != nil {
		return err
	}
	if _, err := b.List(ctx, "a."); err != nil {
		return err
	}
	ch, err := b.Watch(ctx, "a.")
	if err != nil {
		return err
	}
	for e := range ch {
		if e.Key == "" {
			return nil
		}
	}
	return ctx.Err()
}

// beyond tries what no user may: to destroy, and to listen to others.
func (d *deployed) beyond(t *testing.T, user string) {
	seed, err := nats.NkeyOptionFromSeed(d.seeds[user])
	if err != nil {
		t.Fatal(err)
	}
	denials := make(chan error, 16)
	conn, err := nats.Connect(d.URL(), seed, nats.RootCAs(d.certs.CA), nats.CustomInboxPrefix("_INBOX_"+user),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { denials <- err }))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	denied := func(what string) {
		t.Helper()
		select {
		case err := <-denials:
			if !strings.Contains(strings.ToLower(err.Error()), "permissions violation") {
				t.Errorf("%s: %v", what, err)
			}
		case <-time.After(time.Minute):
			t.Errorf("%s was not denied", what)
		}
	}
	for _, stream := range []string{events.TrafficStream, "KV_HUB_COUNTERS"} {
		for _, verb := range []string{"DELETE", "PURGE", "MSG.DELETE", "RESTORE", "SNAPSHOT"} {
			if verb == "PURGE" && stream == events.TrafficStream && user != "gateway" {
				continue // the archiver's right
			}
			subject := "$JS.API.STREAM." + verb + "." + stream
			if err := conn.Publish(subject, nil); err != nil {
				t.Fatal(err)
			}
			denied(subject)
		}
	}
	for _, subject := range []string{"_INBOX_other.>", "_INBOX.>", "hub.v1.>", "$KV.>", "$SYS.>"} {
		if _, err := conn.SubscribeSync(subject); err != nil {
			t.Fatal(err)
		}
		denied("listening to " + subject)
	}
}
