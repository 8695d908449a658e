//go:build unix

package clustertest

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// Ports of servers. A server of a cluster must keep its port while it is down, so the
// ports are of no range from which a system gives ports away by itself.
const (
	firstPort  = 12_000
	lastPort   = 32_000
	blockPorts = 16 // one cluster's
)

// claimAddrs gives n addresses on loopback that no other test uses before this one ends:
// who holds the lock on a block's file has the block.
func claimAddrs(t testing.TB, n int) []string {
	t.Helper()
	if n > blockPorts {
		t.Fatalf("%d ports are more than the %d of a cluster", n, blockPorts)
	}
	dir, err := cacheDir()
	if err != nil {
		t.Fatal(err)
	}
	for port := firstPort; port+blockPorts <= lastPort; port += blockPorts {
		unlock, err := lock(filepath.Join(dir, fmt.Sprintf("ports-%d", port)), syscall.LOCK_NB)
		if err != nil {
			continue
		}
		if addrs := freeAddrs(port, n); addrs != nil {
			t.Cleanup(unlock)
			return addrs
		}
		unlock()
	}
	t.Fatal("no ports are free")
	return nil
}

// freeAddrs are the addresses from a port on, nil if somebody listens at one.
func freeAddrs(port, n int) []string {
	addrs := make([]string, n)
	for i := range addrs {
		addrs[i] = fmt.Sprintf("127.0.0.1:%d", port+i)
		l, err := net.Listen("tcp", addrs[i])
		if err != nil {
			return nil
		}
		l.Close()
	}
	return addrs
}

// lock takes the lock on a file, which ends with this process at the latest. With
// LOCK_NB it fails where it would wait.
func lock(path string, how int) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|how); err != nil {
		f.Close()
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return func() { f.Close() }, nil
}

// cacheDir is where tests of one user keep what they share.
func cacheDir() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	dir := filepath.Join(cache, "llm-hub")
	return dir, os.MkdirAll(dir, 0o700)
}
