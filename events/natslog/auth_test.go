//go:build unix

package natslog_test

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"

	"github.com/llm-hub/llm-hub/events/natslog"
	"github.com/llm-hub/llm-hub/events/natslog/clustertest"
)

// newKey makes a key of some kind, and tells its public part.
func newKey(t *testing.T, create func() (nkeys.KeyPair, error)) (nkeys.KeyPair, string) {
	t.Helper()
	pair, err := create()
	if err != nil {
		t.Fatal(err)
	}
	public, err := pair.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	return pair, public
}

func seedOf(t *testing.T, pair nkeys.KeyPair) []byte {
	t.Helper()
	seed, err := pair.Seed()
	if err != nil {
		t.Fatal(err)
	}
	return seed
}

func writeFile(t *testing.T, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// operator makes the configuration of a server that trusts an operator, and the
// credentials file of one user of an account of his.
func operator(t *testing.T) (config, creds string) {
	t.Helper()
	signer, issuer := newKey(t, nkeys.CreateOperator)
	_, system := newKey(t, nkeys.CreateAccount)
	accountKey, account := newKey(t, nkeys.CreateAccount)
	userKey, user := newKey(t, nkeys.CreateUser)
	encode := func(claims jwt.Claims, key nkeys.KeyPair) string {
		token, err := claims.Encode(key)
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	ac := jwt.NewAccountClaims(account)
	ac.Name = "hub"
	ac.Limits.JetStreamLimits = jwt.JetStreamLimits{DiskStorage: jwt.NoLimit, MemoryStorage: jwt.NoLimit, Streams: jwt.NoLimit, Consumer: jwt.NoLimit}
	config = fmt.Sprintf("operator: %s\nsystem_account: %s\nresolver: MEMORY\nresolver_preload: { %s: %s, %s: %s }\n",
		encode(jwt.NewOperatorClaims(issuer), signer), system,
		system, encode(jwt.NewAccountClaims(system), signer), account, encode(ac, signer))
	file, err := jwt.FormatUserConfig(encode(jwt.NewUserClaims(user), accountKey), seedOf(t, userKey))
	if err != nil {
		t.Fatal(err)
	}
	return config, writeFile(t, "hub.creds", file)
}

// single is the configuration of one server, but for who may connect.
const single = `
server_name: $HUB_NATS_NAME
listen: $HUB_NATS_LISTEN
http: $HUB_NATS_MONITOR
jetstream { store_dir: $HUB_NATS_STORE, max_file_store: 4GB, max_memory_store: 64MB }
`

// TestSecured holds that a log behind TLS, a client certificate and credentials
// opens for who has them, and for nobody else.
func TestSecured(t *testing.T) {
	certs, others := clustertest.NewCertificates(t), clustertest.NewCertificates(t)
	config, creds := operator(t)
	_, strangers := operator(t)
	c := clustertest.Start(t, clustertest.Options{Nodes: 1, Config: single + config + fmt.Sprintf(
		"tls { cert_file: %q, key_file: %q, ca_file: %q, verify: true }\n", certs.ServerCert, certs.ServerKey, certs.CA)})
	tests := map[string]struct {
		change func(*natslog.Config)
		want   string // of the error; empty is none
	}{
		"all as it must be":          {func(*natslog.Config) {}, ""},
		"another authority":          {func(c *natslog.Config) { c.RootCAs = others.CA }, "certificate"},
		"no authority":               {func(c *natslog.Config) { c.RootCAs = "" }, "certificate"},
		"no authority's file":        {func(c *natslog.Config) { c.RootCAs = "absent.pem" }, "absent.pem"},
		"no client certificate":      {func(c *natslog.Config) { c.ClientCert, c.ClientKey = "", "" }, "tls"},
		"another client certificate": {func(c *natslog.Config) { c.ClientCert, c.ClientKey = others.ClientCert, others.ClientKey }, "tls"},
		"a certificate without key":  {func(c *natslog.Config) { c.ClientKey = "" }, "ClientKey"},
		"no credentials":             {func(c *natslog.Config) { c.Credentials = "" }, "Authorization Violation"},
		"a stranger's credentials":   {func(c *natslog.Config) { c.Credentials = strangers }, "Authorization Violation"},
		"no credentials file":        {func(c *natslog.Config) { c.Credentials = "absent.creds" }, "absent.creds"},
		"another file":               {func(c *natslog.Config) { c.Credentials = certs.CA }, "neither"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			cfg := natslog.Config{
				URL: c.URL(), Credentials: creds, RootCAs: certs.CA, ClientCert: certs.ClientCert, ClientKey: certs.ClientKey,
				Class: natslog.Durable, Node: "n1", Version: "test", Logger: slog.New(slog.DiscardHandler),
			}
			tt.change(&cfg)
			l, err := natslog.Open(t.Context(), cfg)
			if err == nil {
				defer l.Close()
				_, err = l.Append(t.Context(), message(0, 1))
			}
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want an error about %q", err, tt.want)
			}
			if err != nil && strings.Contains(err.Error(), "SU") {
				t.Errorf("the error may tell a seed: %v", err)
			}
		})
	}

	// A connection that was lost signs in again.
	l, err := natslog.Open(t.Context(), natslog.Config{
		URL: c.URL(), Credentials: creds, RootCAs: certs.CA, ClientCert: certs.ClientCert, ClientKey: certs.ClientKey,
		Class: natslog.Durable, Node: "n1", Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	again := l.Reconnected()
	c.Kill(0)
	c.Restart(0)
	select {
	case <-again:
	case <-time.After(time.Minute):
		t.Fatal("the connection did not come back")
	}
	if info, err := l.Info(t.Context()); err != nil || info.Last != 1 {
		t.Errorf("after the restart: %+v, %v", info, err)
	}
}
