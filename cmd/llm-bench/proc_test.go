package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// statLine is a /proc/PID/stat as Linux writes it.
func statLine(pid int, command string, parent, user, system int) string {
	return fmt.Sprintf("%d (%s) S %d 1 1 0 -1 4194560 900 0 5 0 %d %d 77 88 20 0 9 0 1234 1271857152 4200 "+
		"18446744073709551615 1 1 0 0 0 0 0 0 2143420159 0 0 0 17 1 0 0 0 0 0 0 0 0 0 0 0 0 0\n", pid, command, parent, user, system)
}

func TestParseStat(t *testing.T) {
	for _, c := range []struct {
		name, in string
		want     procStat
		err      string
	}{
		{name: "plain", in: statLine(42, "llm-hub", 7, 150, 25), want: procStat{parent: 7, cpu: 1750 * time.Millisecond}},
		{name: "spaces and parentheses", in: statLine(42, "a) S 9 (b", 7, 1, 2), want: procStat{parent: 7, cpu: 30 * time.Millisecond}},
		{name: "empty", err: "without a command"},
		{name: "short", in: "42 (x) S 1 2 3", err: "4 fields"},
		{name: "no number", in: strings.Replace(statLine(42, "x", 7, 150, 25), " 150 ", " abc ", 1), err: `"abc"`},
		{name: "negative", in: statLine(42, "x", 7, -1, 25), err: `"-1"`},
	} {
		got, err := parseStat([]byte(c.in))
		if got != c.want || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s: %+v, %v; want %+v, %q", c.name, got, err, c.want, c.err)
		}
	}
}

func TestParseResident(t *testing.T) {
	for _, c := range []struct {
		name, in string
		want     int64
		err      string
	}{
		{name: "plain", in: "Name:\tx\nVmHWM:\t  9000 kB\nVmRSS:\t    2048 kB\nRssAnon:\t 1 kB\n", want: 2 << 20},
		{name: "kernel thread", in: "Name:\tx\nThreads:\t1\n", err: "without VmRSS"},
		{name: "other unit", in: "VmRSS:\t 2 MB\n", err: "status line"},
		{name: "no number", in: "VmRSS:\t many kB\n", err: "status line"},
	} {
		got, err := parseResident([]byte(c.in))
		if got != c.want || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s: %d, %v; want %d, %q", c.name, got, err, c.want, c.err)
		}
	}
}

func FuzzParseStat(f *testing.F) {
	f.Add([]byte(statLine(1, "x) (", 0, 1, 2)))
	f.Fuzz(func(t *testing.T, b []byte) {
		if s, err := parseStat(b); err == nil && (s.parent < 0) {
			t.Errorf("%+v", s)
		}
	})
}

// fakeProc is a /proc with a hub (10), its engine (11), a child of that (12), and strangers.
func fakeProc(t *testing.T, ticks map[int]int) procTable {
	t.Helper()
	root := t.TempDir()
	parents := map[int]int{1: 0, 10: 1, 11: 10, 12: 11, 20: 1, 101: 20}
	for pid, parent := range parents {
		dir := filepath.Join(root, strconv.Itoa(pid))
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, "stat"), statLine(pid, "p", parent, ticks[pid], 0))
		write(t, filepath.Join(dir, "status"), fmt.Sprintf("VmRSS:\t%d kB\n", pid))
	}
	write(t, filepath.Join(root, "loadavg"), "0 0 0")
	if err := os.Mkdir(filepath.Join(root, "77"), 0o700); err != nil { // has ended
		t.Fatal(err)
	}
	return procTable(root)
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestUsageOfAProcessAndItsDescendants(t *testing.T) {
	got, err := fakeProc(t, map[int]int{10: 100, 11: 50, 12: 3, 20: 999, 101: 999}).usage(10)
	want := usageOf{
		own: time.Second, descendants: map[int]time.Duration{11: 500 * time.Millisecond, 12: 30 * time.Millisecond},
		resident: 10 << 10, below: 23 << 10,
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(usageOf{})); err != nil || diff != "" {
		t.Errorf("error %v, -want +got:\n%s", err, diff)
	}
	if _, err := fakeProc(t, nil).usage(77); err == nil {
		t.Error("a process that has ended has a usage")
	}
}

func TestUsageSince(t *testing.T) {
	before := usageOf{own: time.Second, descendants: map[int]time.Duration{11: 5 * time.Second, 12: time.Second}}
	after := usageOf{own: 3 * time.Second, descendants: map[int]time.Duration{11: 6 * time.Second, 13: 2 * time.Second}} // 12 ended, 13 is new
	own, below := after.since(before)
	if own != 2*time.Second || below != 3*time.Second {
		t.Errorf("%s and %s", own, below)
	}
}

func TestOwnUsage(t *testing.T) {
	if _, err := os.Stat(string(linuxProc)); err != nil {
		t.Skip("no /proc here")
	}
	u, err := linuxProc.usage(os.Getpid())
	if err != nil || u.resident == 0 {
		t.Errorf("%+v, error %v", u, err)
	}
	if cpu, err := selfCPU(); err != nil || cpu < 0 {
		t.Errorf("%s, error %v", cpu, err)
	}
}
