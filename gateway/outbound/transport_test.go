package outbound_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/llm-hub/llm-hub/gateway/outbound"
)

var loopback = outbound.AllowList{netip.MustParsePrefix("127.0.0.0/8")}

// resolver answers each question for an IPv4 address with the next of answers,
// the last one for ever.
func resolver(t *testing.T, answers ...string) *net.Resolver {
	t.Helper()
	var asked atomic.Int64
	next := func() netip.Addr {
		n := int(asked.Add(1)) - 1
		return netip.MustParseAddr(answers[min(n, len(answers)-1)])
	}
	return &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe()
		go serveDNS(server, next)
		return client, nil
	}}
}

// serveDNS speaks DNS over a stream: each message behind its length.
func serveDNS(c net.Conn, next func() netip.Addr) {
	defer c.Close()
	for {
		var size uint16
		if binary.Read(c, binary.BigEndian, &size) != nil {
			return
		}
		query := make([]byte, size)
		if _, err := io.ReadFull(c, query); err != nil {
			return
		}
		reply, err := answerDNS(query, next)
		if err != nil {
			return
		}
		if _, err := c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(reply))), reply...)); err != nil {
			return
		}
	}
}

func answerDNS(query []byte, next func() netip.Addr) ([]byte, error) {
	var m dnsmessage.Message
	if err := m.Unpack(query); err != nil {
		return nil, err
	}
	m.Response = true
	m.Additionals = nil
	if q := m.Questions[0]; q.Type == dnsmessage.TypeA {
		m.Answers = []dnsmessage.Resource{{
			Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class},
			Body:   &dnsmessage.AResource{A: next().As4()},
		}}
	}
	return m.Pack()
}

// victim is a server on loopback that must not be reached.
func victim(t *testing.T) (port string, reached *atomic.Int64) {
	t.Helper()
	reached = new(atomic.Int64)
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Add(1) }))
	t.Cleanup(srv.Close)
	_, port, err := net.SplitHostPort(srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port, reached
}

// TestSpellings calls loopback and metadata addresses under every spelling known
// to have fooled a filter, with a resolver that gives loopback for any name.
func TestSpellings(t *testing.T) {
	hosts := []string{
		"127.0.0.1", "127.0.0.1.", "127.1", "127.0.1", "127.127.127.127", "127.0.0.0",
		"2130706433", "0x7f000001", "0x7f.0x0.0x0.0x1", "0x7f.1", "017700000001", "0177.0.0.1", "0177.0.0.01", "0177.1", "00000177.0.0.1",
		"3232235521", "0xc0a80001", "0300.0250.0.1", "192.168.0.1", "192.168.1", "10.1", "10.0.0.1", "012.0.0.1", "172.16.0.1", "0254.020.0.1",
		"0", "0.0.0.0", "0x0", "00", "0.1.2.3",
		"2852039166", "0xa9fea9fe", "0xa9.0xfe.0xa9.0xfe", "0251.0376.0251.0376", "025177524776", "169.254.169.254", "169.254.169.254.", "169.254.43518", "169.16689662",
		"[::]", "[::1]", "[0:0:0:0:0:0:0:1]", "[::127.0.0.1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[0:0:0:0:0:ffff:7f00:0001]",
		"[::ffff:169.254.169.254]", "[::ffff:a9fe:a9fe]", "[64:ff9b::7f00:1]", "[64:ff9b::169.254.169.254]", "[64:ff9b:1::a9fe:a9fe]", "[2002:7f00:1::]", "[fe80::1%25lo]",
		"[fe80::1]", "[fd00:ec2::254]", "[fec0::1]", "[::ffff:0:127.0.0.1]", "[2001:0:7f00:1::]",
		"localhost", "LOCALHOST", "localhost.", "localhost.localdomain", "metadata.google.internal", "127.0.0.1.nip.io", "localtest.me",
		"①②⑦.⓪.⓪.①", "127。0。0。1", "ⓛocalhost", "xn--localhost-.test", "lo%63alhost", "%31%32%37.0.0.1",
		"vendor.test@127.0.0.1", "127.0.0.1:80@127.0.0.1", "vendor.test%40@127.0.0.1", "user:pass@localhost",
		"100.64.0.1", "100.100.100.200", "192.0.0.192", "198.18.0.1", "255.255.255.255", "224.0.0.1", "240.0.0.1",
	}
	port, reached := victim(t)
	client := outbound.NewClient(outbound.Config{Resolver: resolver(t, "127.0.0.1")})
	defer client.CloseIdleConnections()
	refused := 0
	for _, host := range hosts {
		for _, scheme := range []string{"http", "https"} {
			resp, err := client.Get(scheme + "://" + host + ":" + port + "/")
			if err == nil {
				resp.Body.Close()
				t.Errorf("%s://%s was answered", scheme, host)
			}
			if _, ok := errors.AsType[*outbound.AddressError](err); ok {
				refused++
			} else if !strings.Contains(err.Error(), "no such host") && !strings.Contains(err.Error(), "invalid") && !strings.Contains(err.Error(), "no suitable address") {
				t.Errorf("%s: neither refused nor malformed: %v", host, err)
			}
		}
	}
	if n := reached.Load(); n != 0 {
		t.Errorf("the victim was reached %d times", n)
	}
	if most := len(hosts); refused < most {
		t.Errorf("%d of %d calls were refused for their address, want most: the test does not test the guard", refused, 2*most)
	}
}

func TestRebindingIsRefused(t *testing.T) {
	port, reached := victim(t)
	// The name was public when it was configured and looked at; now it is not.
	res := resolver(t, "93.184.215.14", "127.0.0.1")
	if addrs, err := res.LookupHost(t.Context(), "vendor.test"); err != nil || addrs[0] != "93.184.215.14" {
		t.Fatalf("first look: %v, %v", addrs, err)
	}
	client := outbound.NewClient(outbound.Config{Resolver: res})
	_, err := client.Get("https://vendor.test:" + port)
	if e, ok := errors.AsType[*outbound.AddressError](err); !ok || e.Addr.String() != "127.0.0.1" {
		t.Errorf("error %v, want the address refused", err)
	}
	if reached.Load() != 0 {
		t.Error("the victim was reached")
	}
}

func TestAllowListOpensLoopback(t *testing.T) {
	port, reached := victim(t)
	client := outbound.NewClient(outbound.Config{Allow: loopback, Resolver: resolver(t, "127.0.0.1")})
	defer client.CloseIdleConnections()
	for _, host := range []string{"127.0.0.1", "[::ffff:127.0.0.1]", "vendor.test"} {
		resp, err := client.Get("http://" + host + ":" + port)
		if err != nil {
			t.Fatalf("%s: %v", host, err)
		}
		resp.Body.Close()
	}
	if n := reached.Load(); n != 3 {
		t.Errorf("reached %d times, want 3", n)
	}
}

func TestRedirectIsHandedBack(t *testing.T) {
	const metadata = "http://169.254.169.254/latest/meta-data/"
	srv := httptest.NewServer(http.RedirectHandler(metadata, http.StatusFound))
	defer srv.Close()
	client := outbound.NewClient(outbound.Config{Allow: loopback})
	defer client.CloseIdleConnections()
	resp, err := client.Get(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusFound || resp.Header.Get("Location") != metadata {
		t.Errorf("status %d, location %q: the redirect was followed or changed", resp.StatusCode, resp.Header.Get("Location"))
	}
	_, err = client.Get(metadata)
	if _, ok := errors.AsType[*outbound.AddressError](err); !ok {
		t.Errorf("metadata address: %v, want it refused", err)
	}
}

func TestEnvironmentProxyIsIgnored(t *testing.T) {
	port, reached := victim(t)
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY"} {
		t.Setenv(name, "http://127.0.0.1:"+port)
	}
	client := outbound.NewClient(outbound.Config{Allow: loopback, Resolver: resolver(t, "10.0.0.1")})
	_, err := client.Get("http://vendor.test/")
	if e, ok := errors.AsType[*outbound.AddressError](err); !ok || e.Addr.String() != "10.0.0.1" {
		t.Errorf("error %v, want the vendor's own address refused", err)
	}
	if reached.Load() != 0 {
		t.Error("the proxy was asked")
	}
}

func TestOtherSchemesAreRefused(t *testing.T) {
	body := &closed{}
	req, err := http.NewRequest(http.MethodPost, "gopher://127.0.0.1/", body)
	if err != nil {
		t.Fatal(err)
	}
	_, err = outbound.New(outbound.Config{Allow: loopback}).RoundTrip(req)
	if err == nil || !strings.Contains(err.Error(), `scheme "gopher"`) || !body.is {
		t.Errorf("error %v, body closed %t", err, body.is)
	}
}

type closed struct{ is bool }

func (*closed) Read([]byte) (int, error) { return 0, io.EOF }
func (c *closed) Close() error           { c.is = true; return nil }

func tlsServer(t *testing.T, c *tls.Config, h http.Handler) (*httptest.Server, *tls.Config) {
	t.Helper()
	srv := httptest.NewUnstartedServer(h)
	srv.EnableHTTP2 = true
	srv.TLS = c
	srv.Config.ErrorLog = log.New(io.Discard, "", 0) // failed handshakes are the point
	srv.StartTLS()
	t.Cleanup(srv.Close)
	roots := x509.NewCertPool()
	roots.AddCert(srv.Certificate())
	return srv, &tls.Config{RootCAs: roots}
}

func TestTLS(t *testing.T) {
	ok := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.Proto) })
	old, oldRoots := tlsServer(t, &tls.Config{MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10}, ok)
	oldRoots.MinVersion = tls.VersionTLS10
	srv, roots := tlsServer(t, &tls.Config{}, ok)
	tests := []struct {
		name, url string
		tls       *tls.Config
		err       string
	}{
		{"trusted", srv.URL, roots, ""},
		{"unknown authority", srv.URL, nil, "certificate signed by unknown authority"},
		{"TLS 1.1", old.URL, oldRoots, "protocol version"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			client := outbound.NewClient(outbound.Config{Allow: loopback, TLS: tt.tls})
			defer client.CloseIdleConnections()
			resp, err := client.Get(tt.url)
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Fatalf("error %v, want one with %q", err, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			if resp.TLS.Version < tls.VersionTLS12 || resp.ProtoMajor != 2 {
				t.Errorf("TLS %x, %s", resp.TLS.Version, resp.Proto)
			}
		})
	}
}

func TestResponseHeaderIsBounded(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Long", strings.Repeat("x", 65<<10))
	}))
	defer srv.Close()
	client := outbound.NewClient(outbound.Config{Allow: loopback})
	defer client.CloseIdleConnections()
	resp, err := client.Get(srv.URL)
	if err == nil {
		resp.Body.Close()
		t.Fatal("a header of 65 KiB was read")
	}
	if !strings.Contains(err.Error(), "exceeded") {
		t.Errorf("error %v", err)
	}
}

func TestCompressionIsNotAskedFor(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.Header.Get("Accept-Encoding"))
	}))
	defer srv.Close()
	client := outbound.NewClient(outbound.Config{Allow: loopback})
	defer client.CloseIdleConnections()
	resp, err := client.Get(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, _ := io.ReadAll(resp.Body); len(body) != 0 {
		t.Errorf("Accept-Encoding %q", body)
	}
}

// TestConnectTimeout resolves with a server that never answers: the bound given
// with the request ends it, though the transport's own is far away.
func TestConnectTimeout(t *testing.T) {
	asked := make(chan struct{}, 8)
	silent := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		asked <- struct{}{}
		<-ctx.Done()
		return nil, ctx.Err()
	}}
	tests := []struct {
		name   string
		config time.Duration
		own    time.Duration
	}{
		{"of the transport", time.Millisecond, 0},
		{"of the request", time.Hour, time.Millisecond},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			client := outbound.NewClient(outbound.Config{Resolver: silent, Connect: tt.config})
			ctx := t.Context()
			if tt.own > 0 {
				ctx = outbound.WithConnectTimeout(ctx, tt.own)
			}
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://vendor.test", http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			_, err = client.Do(req)
			if ne, ok := errors.AsType[net.Error](err); !ok || !ne.Timeout() {
				t.Errorf("error %v, want a time-out", err)
			}
			<-asked
		})
	}
}
