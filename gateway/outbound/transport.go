package outbound

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"
)

// Limits of the transport.
const (
	DefaultConnectTimeout  = 5 * time.Second
	tlsHandshakeTimeout    = 5 * time.Second
	idleConnTimeout        = 90 * time.Second
	keepAlive              = 15 * time.Second // silence before a connection is probed
	pingTimeout            = 5 * time.Second
	maxIdleConns           = 1024
	maxIdleConnsPerHost    = 256
	maxResponseHeaderBytes = 64 << 10
	bufferSize             = 512 // of a connection, each way; what is larger goes past it, and a stream's events are smaller
)

// Config says how vendors are reached.
type Config struct {
	Allow    AllowList     // ranges that may be called although they are not public
	Connect  time.Duration // bounds resolving and connecting; 0: DefaultConnectTimeout
	Resolver *net.Resolver // nil: the system's
	TLS      *tls.Config   // nil: the system's roots; never less than TLS 1.2
}

// Transport is the http.RoundTripper for calls to vendors. It is safe for
// concurrent use and keeps connections open; make one and share it.
type Transport struct {
	secure *http.Transport
	plain  *http.Transport
}

// New makes a transport.
func New(c Config) *Transport {
	if c.Connect <= 0 {
		c.Connect = DefaultConnectTimeout
	}
	g := &guard{allow: c.Allow, reserved: reserved()}
	return &Transport{secure: c.transport(g.check), plain: c.transport(g.checkPlain)}
}

// NewClient is [New] in a client that hands redirects back as they are.
func NewClient(c Config) *http.Client {
	return &http.Client{
		Transport:     New(c),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// RoundTrip implements [http.RoundTripper]. A refused address is an
// [*AddressError] in the error's chain.
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	switch r.URL.Scheme {
	case "https":
		return t.secure.RoundTrip(r)
	case "http":
		return t.plain.RoundTrip(r)
	}
	if r.Body != nil {
		_ = r.Body.Close() // a RoundTripper must close it; nothing was read
	}
	return nil, fmt.Errorf("scheme %q: vendors are called by https or http", r.URL.Scheme)
}

// CloseIdleConnections closes connections that no call uses.
func (t *Transport) CloseIdleConnections() {
	t.secure.CloseIdleConnections()
	t.plain.CloseIdleConnections()
}

func (c Config) transport(check func(netip.Addr) error) *http.Transport {
	return &http.Transport{
		Proxy:                  nil, // the environment does not decide where prompts go
		DialContext:            c.dial(check),
		TLSClientConfig:        c.tls(),
		TLSHandshakeTimeout:    tlsHandshakeTimeout,
		ForceAttemptHTTP2:      true, // a custom dialer and TLS configuration would switch it off
		MaxIdleConns:           maxIdleConns,
		MaxIdleConnsPerHost:    maxIdleConnsPerHost,
		IdleConnTimeout:        idleConnTimeout,
		MaxResponseHeaderBytes: maxResponseHeaderBytes,
		DisableCompression:     true,
		ReadBufferSize:         bufferSize,
		WriteBufferSize:        bufferSize,
		HTTP2:                  &http.HTTP2Config{SendPingTimeout: keepAlive, PingTimeout: pingTimeout},
	}
}

func (c Config) tls() *tls.Config {
	t := &tls.Config{MinVersion: tls.VersionTLS12}
	if c.TLS != nil {
		t = c.TLS.Clone()
		t.MinVersion = max(t.MinVersion, tls.VersionTLS12)
	}
	return t
}

type connectTimeout struct{}

// WithConnectTimeout gives connections that are made for a request with this
// context their own bound, in place of the transport's.
func WithConnectTimeout(ctx context.Context, d time.Duration) context.Context {
	return context.WithValue(ctx, connectTimeout{}, d)
}

func (c Config) dial(check func(netip.Addr) error) func(context.Context, string, string) (net.Conn, error) {
	dialer := net.Dialer{
		KeepAlive: keepAlive,
		Resolver:  c.Resolver,
		Control: func(_, address string, _ syscall.RawConn) error {
			ap, err := netip.ParseAddrPort(address)
			if err != nil {
				return fmt.Errorf("address %q: %w", address, err)
			}
			return check(ap.Addr())
		},
	}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		d := dialer
		d.Timeout = c.Connect
		if t, ok := ctx.Value(connectTimeout{}).(time.Duration); ok && t > 0 {
			d.Timeout = t
		}
		return d.DialContext(ctx, network, address)
	}
}
