//go:build linux

package main_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// refuses bounds how long a full disk may go unnoticed.
const refuses = 5 * time.Second

// smallDisk is a disk of a few bytes that only one process sees, and its children.
type smallDisk struct {
	t   *testing.T
	dir string // as the process sees it
	pid int
}

// launchOnSmallDisk starts llm-hub with a disk of its own, of the size in MiB, for
// the named directory of its data.
func launchOnSmallDisk(t *testing.T, data, dir string, mib int, args ...string) (*hub, *smallDisk) {
	t.Helper()
	d := &smallDisk{t: t, dir: filepath.Join(data, dir)}
	if err := os.MkdirAll(d.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	const mount = `mount -t tmpfs -o size="$1"m tmpfs "$2" && shift 2 && exec "$@"`
	cmd := exec.Command("sh", append([]string{
		"-c", mount, "sh", fmt.Sprint(mib), d.dir, filepath.Join(binDir, "llm-hub"),
	}, hubArgs(data, args...)...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	if os.Geteuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	h := &hub{process: startCommand(t, cmd), data: data}
	d.pid = cmd.Process.Pid
	return h, d
}

// ballast is where the test sees the file that fills the disk.
func (d *smallDisk) ballast() string {
	return filepath.Join("/proc", fmt.Sprint(d.pid), "root", d.dir, "ballast")
}

// fill leaves no space on the disk.
func (d *smallDisk) fill() {
	d.t.Helper()
	f, err := os.OpenFile(d.ballast(), os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		d.t.Fatal(err)
	}
	defer f.Close()
	end := int64(0)
	for step := int64(64 << 20); step >= 4<<10; {
		err := syscall.Fallocate(int(f.Fd()), 0, end, step)
		switch {
		case err == nil:
			end += step
		case errors.Is(err, syscall.ENOSPC):
			step /= 2
		default:
			d.t.Fatal(err)
		}
	}
}

func (d *smallDisk) empty() {
	d.t.Helper()
	if err := os.Remove(d.ballast()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		d.t.Fatal(err)
	}
}

// TestFullLogDisk fills the disk of the log under load: new requests are refused
// clearly, and served again without a restart when there is space. What clients
// hold complete is on the books.
func TestFullLogDisk(t *testing.T) {
	t.Parallel()
	rng := campaignRand(t)
	v := startVendor(t)
	config := campaignConfig(t, v.url, "delay=1ms", tenantDoc{name: "free"})
	data := t.TempDir()
	h, disk := launchOnSmallDisk(t, data, "nats", 640, "--config", config, "--allow-private-cidrs", "127.0.0.0/8")
	h.waitReady()
	n := &node{}
	n.hub.Store(h)
	c := gather(4, rng.Uint64(), &crowd{gateways: []*node{n}, tenants: []string{"free"}, models: []string{"fake-openai", "fake-gemini"}})
	for range sized(1, 3) {
		c.serves(t, "before")
		disk.fill()
		h.refusing()
		if err := getJSON(h.url+"/readyz", "", new(any)); err == nil || !strings.Contains(err.Error(), "full") {
			t.Errorf("readyz: %v", err)
		}
		disk.empty()
		c.serves(t, "again")
	}
	var answers []answer
	for _, r := range c.disperse() {
		checkFullDisk(t, r)
		answers = append(answers, r.answer)
	}
	h.drained()
	verified(t, data)
	audit(t, accountsOf(t, eventsOf(t, "--data", data)), readLedger(t, v.url), answers)
}

// TestFullOutboxDisk fills the disk of the outbox while NATS is away: nothing more
// is accepted than can be kept, the process lives, and when NATS is back everybody
// is served. Later the outbox works again.
func TestFullOutboxDisk(t *testing.T) {
	t.Parallel()
	rng := campaignRand(t)
	f := startFleet(t, "delay=1ms", tenantDoc{name: "free"})
	projector := f.add("projector")
	n := &node{f: f, data: filepath.Join(f.dir, "boxed")}
	h, disk := launchOnSmallDisk(t, n.data, "outbox", 256, f.args("gateway")...)
	n.started = h
	f.nodes = append(f.nodes, n)
	f.ready()
	c := gather(4, rng.Uint64(), &crowd{gateways: []*node{n}, tenants: []string{"free"}, models: []string{"fake-openai", "fake-gemini"}})
	c.serves(t, "at first")
	f.away()
	c.serves(t, "from the outbox")
	disk.fill()
	h.refusing()
	f.nats.Revive()
	c.serves(t, "when NATS is back")
	disk.empty()
	f.outboxesDrain([]*node{n})
	f.away()
	c.serves(t, "from the outbox that has space again")
	f.nats.Revive()
	replies := c.disperse()
	for _, r := range replies {
		checkFullDisk(t, r)
	}
	f.outboxesDrain([]*node{n})
	f.checkBooks(replies, projector)
}

// away stops every NATS server.
func (f *fleet) away() {
	f.t.Helper()
	for i := range f.nats.Nodes() {
		f.nats.Pause(i)
	}
}

// serves waits until a dozen requests, asked from now on, were answered.
func (c *crowd) serves(t *testing.T, when string) {
	t.Helper()
	begin := time.Now()
	eventually(t, settleTimeout, "requests are served "+when, func() error {
		if n := complete(c.since(begin)); n < 12 {
			return fmt.Errorf("%d answers", n)
		}
		return nil
	})
}

// refusing waits until new requests are refused at once. Those that were taken up
// before it was noticed wait until their facts can be kept.
func (h *hub) refusing() {
	h.t.Helper()
	eventually(h.t, promptly(refuses), "new requests are refused", func() error {
		ctx, cancel := context.WithTimeout(h.t.Context(), promptly(refuses)/5)
		defer cancel()
		a, err := h.chatAs(ctx, keyOf("free"), map[string]any{
			"model": "fake-openai", "messages": []map[string]string{{"role": "user", "content": "is there any space?"}},
		})
		if err != nil {
			return err
		}
		if a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") == "" {
			return fmt.Errorf("status %d, Retry-After %q: %s", a.status, a.header.Get("Retry-After"), a.body)
		}
		return nil
	})
}

// checkFullDisk: what is no whole answer is a refusal that says to come again, or
// a stream that ends with an error.
func checkFullDisk(t *testing.T, r reply) {
	t.Helper()
	refused := r.status == http.StatusServiceUnavailable && r.header.Get("Retry-After") != ""
	torn := r.status == http.StatusOK && r.failed
	if !r.complete && !refused && !torn {
		t.Errorf("status %d, Retry-After %q: %s", r.status, r.header.Get("Retry-After"), r.body)
	}
}
