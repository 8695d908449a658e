//go:build unix

package clustertest

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

const (
	startTimeout = time.Minute
	pollEvery    = 50 * time.Millisecond
	askTimeout   = 2 * time.Second
	logTail      = 4 << 10 // bytes of a server's log to show when it does not start
)

// Await returns when every server that runs calls itself healthy: it knows a
// leader and has caught up.
func (c *Cluster) Await() {
	c.t.Helper()
	for _, n := range c.nodes {
		if n.process == nil || n.paused {
			continue
		}
		if err := n.await(); err != nil {
			c.t.Fatalf("%s is not ready: %v\n%s", n.name, err, n.tail())
		}
	}
}

func (n *node) await() error {
	timeout := time.NewTimer(startTimeout)
	defer timeout.Stop()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		var health struct {
			Status, Error string
		}
		err := n.ask("/healthz", &health)
		if err == nil && health.Status == "ok" {
			return nil
		}
		select {
		case <-tick.C:
		case <-n.process.done:
			return fmt.Errorf("it ended: %w", n.process.err)
		case <-timeout.C:
			return fmt.Errorf("%w, it says %q", err, health.Error)
		}
	}
}

// ask asks a server's monitor.
func (n *node) ask(path string, answer any) error {
	ctx, cancel := context.WithTimeout(context.Background(), askTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+n.monitor+path, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	return json.NewDecoder(resp.Body).Decode(answer)
}

// tail is the end of what a server has logged.
func (n *node) tail() string {
	log, err := os.ReadFile(n.logFile())
	if err != nil {
		return err.Error()
	}
	return string(log[max(0, len(log)-logTail):])
}

func (n *node) logFile() string { return filepath.Join(n.dir, "nats.log") }

// Leader is the server that leads a stream at the moment, -1 while none does.
func (c *Cluster) Leader(stream string) int {
	c.t.Helper()
	for _, n := range c.nodes {
		if n.process == nil || n.paused {
			continue
		}
		var jsz struct {
			Accounts []struct {
				Streams []struct {
					Name    string `json:"name"`
					Cluster struct {
						Leader string `json:"leader"`
					} `json:"cluster"`
				} `json:"stream_detail"`
			} `json:"account_details"`
		}
		if err := n.ask("/jsz?streams=true&accounts=true", &jsz); err != nil {
			continue
		}
		for _, a := range jsz.Accounts {
			for _, s := range a.Streams {
				if i := c.named(s.Cluster.Leader); s.Name == stream && i >= 0 {
					return i
				}
			}
		}
	}
	return -1
}

// named finds a running server by its name.
func (c *Cluster) named(name string) int {
	for i, n := range c.nodes {
		if n.name == name && n.process != nil && !n.paused {
			return i
		}
	}
	return -1
}
