package embedded_test

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/llm-hub/llm-hub/events/natslog"
	"github.com/llm-hub/llm-hub/events/natslog/embedded"
)

// buffer keeps what is logged; the server logs from many goroutines.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func config(t *testing.T) embedded.Config {
	t.Helper()
	return embedded.Config{Dir: t.TempDir(), Class: natslog.Dev, MaxBytes: embedded.MinBytes, Logger: slog.New(slog.DiscardHandler)}
}

func TestStartRefuses(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		change func(*embedded.Config)
		want   string
	}{
		"no directory":              {func(c *embedded.Config) { c.Dir = "" }, "Dir"},
		"no logger":                 {func(c *embedded.Config) { c.Logger = nil }, "Logger"},
		"a class for clusters":      {func(c *embedded.Config) { c.Class = natslog.HA }, `class "ha"`},
		"no class":                  {func(c *embedded.Config) { c.Class = "" }, "class"},
		"too small a store":         {func(c *embedded.Config) { c.MaxBytes = 1 << 20 }, "MaxBytes"},
		"a file for a directory":    {func(c *embedded.Config) { c.Dir = file }, "file"},
		"a listener without token":  {func(c *embedded.Config) { c.Listen = "127.0.0.1:0" }, "Token"},
		"a listener without port":   {func(c *embedded.Config) { c.Listen, c.Token = "127.0.0.1", "secret" }, "Listen"},
		"a listener with bad port":  {func(c *embedded.Config) { c.Listen, c.Token = "127.0.0.1:x", "secret" }, "port"},
		"a listener on no address":  {func(c *embedded.Config) { c.Listen, c.Token = "192.0.2.1:0", "secret" }, "192.0.2.1"},
		"a store that is no folder": {func(c *embedded.Config) { spoilStore(t, c.Dir) }, "storage directory"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			cfg := config(t)
			tt.change(&cfg)
			s, err := embedded.Start(cfg)
			if err == nil {
				s.Close()
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want an error about %q", err, tt.want)
			}
			if err != nil && strings.Contains(err.Error(), "secret") {
				t.Errorf("the error tells the token: %v", err)
			}
		})
	}
}

// spoilStore puts a file where the server's store goes.
func spoilStore(t *testing.T, dir string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(dir, "nats"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "nats", "jetstream"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestHealthyUntilClosed(t *testing.T) {
	var logged buffer
	cfg := config(t)
	cfg.Logger = slog.New(slog.NewTextHandler(&logged, &slog.HandlerOptions{Level: slog.LevelDebug}))
	s, err := embedded.Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Healthy(); err != nil {
		t.Error(err)
	}
	if s.URL() != "" {
		t.Errorf("it listens on %s though it was not asked to", s.URL())
	}
	if got, want := s.TrafficBytes(), int64(embedded.MinBytes/4*3); got != want {
		t.Errorf("%d bytes for traffic, want %d", got, want)
	}
	s.Close()
	if err := s.Healthy(); err == nil {
		t.Error("healthy after Close")
	}
	if out := logged.String(); !strings.Contains(out, "level=DEBUG") || !strings.Contains(out, "Starting nats-server") || strings.Contains(out, "level=ERROR") {
		t.Errorf("the server's words:\n%s", out)
	}
}

func TestListensToThoseWithTheToken(t *testing.T) {
	cfg := config(t)
	cfg.Listen, cfg.Token = "127.0.0.1:0", "0123456789abcdef"
	s, err := embedded.Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for name, tt := range map[string]struct {
		change func(*natslog.Config)
		ok     bool
	}{
		"outside":            {func(c *natslog.Config) { c.URL, c.Token = s.URL(), cfg.Token }, true},
		"inside":             {func(c *natslog.Config) { c.Server, c.Token = s, cfg.Token }, true},
		"outside, no token":  {func(c *natslog.Config) { c.URL = s.URL() }, false},
		"outside, bad token": {func(c *natslog.Config) { c.URL, c.Token = s.URL(), "fedcba9876543210" }, false},
	} {
		t.Run(name, func(t *testing.T) {
			lc := natslog.Config{Class: natslog.Dev, Node: "n1", Logger: slog.New(slog.DiscardHandler)}
			tt.change(&lc)
			l, err := natslog.Open(t.Context(), lc)
			if err == nil {
				l.Close()
			}
			if (err == nil) != tt.ok {
				t.Error(err)
			}
			if err != nil && strings.Contains(err.Error(), lc.Token) && lc.Token != "" {
				t.Errorf("the error tells the token: %v", err)
			}
		})
	}
}

// TestSmallerBoundStillOpens holds that a log is not lost when the space its
// streams have reserved does not fit the configured bound any more.
func TestSmallerBoundStillOpens(t *testing.T) {
	cfg := config(t)
	cfg.MaxBytes = 4 * embedded.MinBytes
	first := int64(0)
	for range 2 {
		s, err := embedded.Start(cfg)
		if err != nil {
			t.Fatal(err)
		}
		first = max(first, s.TrafficBytes())
		l, err := natslog.Open(t.Context(), natslog.Config{
			Server: s, Class: cfg.Class, MaxBytes: s.TrafficBytes(), Node: "n1", Logger: slog.New(slog.DiscardHandler),
		})
		if err != nil {
			s.Close()
			t.Fatalf("with a bound of %d: %v", cfg.MaxBytes, err)
		}
		if _, limit, err := l.Space(t.Context()); err != nil || limit != uint64(first) {
			t.Errorf("traffic is bounded to %d, want %d; %v", limit, first, err)
		}
		l.Close()
		s.Close()
		cfg.MaxBytes = embedded.MinBytes
	}
}
