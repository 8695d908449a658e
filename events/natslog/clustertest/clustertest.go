//go:build unix

// Package clustertest runs a cluster of nats-server processes on loopback for
// tests, and does to them what happens to servers: they are killed, paused, cut
// off and started again. The server is the one that go.mod names.
package clustertest

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// Options say which cluster to run. The zero value is three servers that let
// everybody in.
type Options struct {
	Nodes int // 0 is 3; 1 is a server without a cluster
	// Config is the configuration of every server; empty is one that lets everybody
	// in. What differs between servers stands in it as variables: $HUB_NATS_NAME,
	// $HUB_NATS_LISTEN, $HUB_NATS_MONITOR, $HUB_NATS_STORE, and with several servers
	// $HUB_NATS_CLUSTER and $HUB_NATS_ROUTE_1 to _3.
	Config     string
	Env        []string // more variables of Config, as NAME=value
	SyncAlways bool     // fsync what is acknowledged (with the default Config), and keep it on a disk
}

const (
	defaultNodes = 3

	memoryDir  = "/dev/shm"
	memoryFree = 2 << 30 // bytes it must have
	// memoryPrefix begins the names of directories there; the test's process follows.
	memoryPrefix = "llm-hub-nats-"
)

// plain is the configuration that lets everybody in.
const plain = `
server_name: $HUB_NATS_NAME
listen: $HUB_NATS_LISTEN
http: $HUB_NATS_MONITOR
jetstream { store_dir: $HUB_NATS_STORE, max_file_store: 8GB, max_memory_store: 64MB, sync_interval: $HUB_NATS_SYNC }
`

const plainCluster = `
cluster { name: hub, listen: $HUB_NATS_CLUSTER, routes: [ $HUB_NATS_ROUTE_1, $HUB_NATS_ROUTE_2, $HUB_NATS_ROUTE_3 ] }
`

// Cluster is a running cluster. Its methods fail the test on trouble and are to
// be called from one goroutine.
type Cluster struct {
	t      testing.TB
	binary string
	nodes  []*node
}

// node is one server: where it listens, and its process while it runs.
type node struct {
	name    string
	listen  string
	monitor string
	dir     string
	config  string
	env     []string
	process *process // nil: down
	paused  bool
}

// Start builds the server, unless it is there, and returns when the cluster
// answers. The end of the test stops it.
func Start(t testing.TB, o Options) *Cluster {
	t.Helper()
	binary, err := build()
	if err != nil {
		t.Fatalf("nats-server: %v", err)
	}
	c := &Cluster{t: t, binary: binary}
	n := cmp.Or(o.Nodes, defaultNodes)
	addrs := claimAddrs(t, 3*n)
	env := append(os.Environ(), o.Env...)
	env = append(env, fmt.Sprintf("HUB_NATS_SYNC=%s", map[bool]string{true: "always", false: "1m"}[o.SyncAlways]))
	for i := range defaultNodes { // a cluster of two names one route twice
		env = append(env, fmt.Sprintf("HUB_NATS_ROUTE_%d=nats-route://%s", i+1, addrs[3*min(i, n-1)+2]))
	}
	config := o.Config
	if config == "" {
		config = plain
		if n > 1 {
			config += plainCluster
		}
	}
	for i := range n {
		nd := &node{name: fmt.Sprintf("n%d", i), dir: storeDir(t, o), listen: addrs[3*i], monitor: addrs[3*i+1]}
		nd.config = filepath.Join(nd.dir, "nats.conf")
		nd.env = append(append([]string{}, env...), "HUB_NATS_NAME="+nd.name, "HUB_NATS_LISTEN="+nd.listen,
			"HUB_NATS_MONITOR="+nd.monitor, "HUB_NATS_STORE="+filepath.Join(nd.dir, "store"), "HUB_NATS_CLUSTER="+addrs[3*i+2])
		if err := os.WriteFile(nd.config, []byte(config), 0o600); err != nil {
			t.Fatal(err)
		}
		c.nodes = append(c.nodes, nd)
	}
	t.Cleanup(c.Stop) // before the directories go
	for i := range n {
		c.start(i)
	}
	c.Await()
	return c
}

// storeDir makes the directory of a server: in memory, where the system offers it,
// because a server that is killed needs no disk to keep its files, and the syncs
// of three servers on one disk take most of a test's time.
func storeDir(t testing.TB, o Options) string {
	t.Helper()
	if o.SyncAlways {
		return t.TempDir()
	}
	var st syscall.Statfs_t
	if err := syscall.Statfs(memoryDir, &st); err != nil {
		return t.TempDir()
	}
	if free := uint64(st.Bavail) * uint64(st.Bsize); free < memoryFree { //nolint:unconvert // their types differ between systems
		return t.TempDir()
	}
	sweep()
	dir, err := os.MkdirTemp(memoryDir, fmt.Sprintf("%s%d-", memoryPrefix, os.Getpid())) //nolint:usetesting // a TempDir is on a disk
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// sweep removes what tests left in memory that were killed before they could.
func sweep() {
	left, err := filepath.Glob(filepath.Join(memoryDir, memoryPrefix+"*"))
	if err != nil {
		return
	}
	for _, dir := range left {
		pid, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(dir), memoryPrefix), "-")
		if n, err := strconv.Atoi(pid); err == nil && errors.Is(syscall.Kill(n, 0), syscall.ESRCH) {
			os.RemoveAll(dir)
		}
	}
}

func (c *Cluster) start(i int) {
	c.t.Helper()
	n := c.nodes[i]
	p, err := run(c.binary, n)
	if err != nil {
		c.t.Fatalf("start %s: %v", n.name, err)
	}
	n.process = p
}

// URL names every server, as a client wants it.
func (c *Cluster) URL() string {
	urls := make([]string, len(c.nodes))
	for i := range c.nodes {
		urls[i] = c.NodeURL(i)
	}
	return strings.Join(urls, ",")
}

// NodeURL names one server.
func (c *Cluster) NodeURL(i int) string { return "nats://" + c.nodes[i].listen }

// Nodes is the number of servers, running or not.
func (c *Cluster) Nodes() int { return len(c.nodes) }

// Kill ends a server at once (kill -9) and returns when it is gone.
func (c *Cluster) Kill(i int) {
	c.t.Helper()
	c.end(i, syscall.SIGKILL)
}

// Terminate ends a server in order (SIGTERM) and returns when it is gone.
func (c *Cluster) Terminate(i int) {
	c.t.Helper()
	c.end(i, syscall.SIGTERM)
}

func (c *Cluster) end(i int, s syscall.Signal) {
	c.t.Helper()
	n := c.nodes[i]
	if n.process == nil {
		return
	}
	if n.paused {
		c.Resume(i)
	}
	c.signal(i, s)
	<-n.process.done
	n.process = nil
}

// Restart starts a server that was ended, on its files, and returns when it has
// caught up with the others.
func (c *Cluster) Restart(i int) {
	c.t.Helper()
	if c.nodes[i].process != nil {
		c.t.Fatalf("%s is running", c.nodes[i].name)
	}
	c.start(i)
	c.Await()
}

// Revive restarts and resumes every server that needs it.
func (c *Cluster) Revive() {
	c.t.Helper()
	for i, n := range c.nodes {
		switch {
		case n.process == nil:
			c.start(i)
		case n.paused:
			c.Resume(i)
		}
	}
	c.Await()
}

// Pause stops a server where it stands: its connections stay open and nothing
// answers.
func (c *Cluster) Pause(i int) {
	c.t.Helper()
	c.signal(i, syscall.SIGSTOP)
	c.nodes[i].paused = true
}

// Resume lets a paused server go on.
func (c *Cluster) Resume(i int) {
	c.t.Helper()
	c.signal(i, syscall.SIGCONT)
	c.nodes[i].paused = false
}

func (c *Cluster) signal(i int, s syscall.Signal) {
	c.t.Helper()
	n := c.nodes[i]
	if n.process == nil {
		c.t.Fatalf("%s is down", n.name)
	}
	if err := n.process.signal(s); err != nil {
		c.t.Fatalf("signal %s: %v", n.name, err)
	}
}

// Stop ends every server. The test's end does it by itself.
func (c *Cluster) Stop() {
	for i := range c.nodes {
		c.end(i, syscall.SIGKILL)
	}
}
