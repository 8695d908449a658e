package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// clockTick is the unit of processor time in /proc: user space sees 100 a second on every Linux.
const clockTick = 10 * time.Millisecond

// A procStat is what /proc/PID/stat says.
type procStat struct {
	parent int
	cpu    time.Duration // user and system time of all threads
}

// Positions in /proc/PID/stat, counted behind the command's closing parenthesis.
const (
	statParent = 1
	statUser   = 11
	statSystem = 12
)

// parseStat reads the content of a /proc/PID/stat. The command stands in parentheses and may
// hold spaces and parentheses itself.
func parseStat(b []byte) (procStat, error) {
	end := bytes.LastIndexByte(b, ')')
	if end < 0 {
		return procStat{}, errors.New("stat without a command")
	}
	fields := bytes.Fields(b[end+1:])
	if len(fields) <= statSystem {
		return procStat{}, fmt.Errorf("stat has %d fields behind the command", len(fields))
	}
	var numbers [3]int64
	for i, at := range []int{statParent, statUser, statSystem} {
		n, err := strconv.ParseInt(string(fields[at]), 10, 64)
		if err != nil || n < 0 {
			return procStat{}, fmt.Errorf("stat field %q is not a count", fields[at])
		}
		numbers[i] = n
	}
	return procStat{parent: int(numbers[0]), cpu: time.Duration(numbers[1]+numbers[2]) * clockTick}, nil
}

// parseResident reads the resident memory, in bytes, from the content of a /proc/PID/status.
func parseResident(b []byte) (int64, error) {
	for line := range bytes.Lines(b) {
		value, ok := bytes.CutPrefix(line, []byte("VmRSS:"))
		if !ok {
			continue
		}
		value, ok = bytes.CutSuffix(bytes.TrimSpace(value), []byte(" kB"))
		n, err := strconv.ParseInt(string(value), 10, 64)
		if !ok || err != nil || n < 0 {
			return 0, fmt.Errorf("status line %q", line)
		}
		return n << 10, nil
	}
	return 0, errors.New("status without VmRSS")
}

// A procTable is the mounted /proc.
type procTable string

const linuxProc procTable = "/proc"

// A usageOf is what a process and its descendants have used up to now.
type usageOf struct {
	own         time.Duration // processor time of the process itself
	descendants map[int]time.Duration
	resident    int64 // bytes, of the process itself
	below       int64 // bytes, of its descendants
}

// since gives the processor time of the process and of its descendants since an earlier reading.
func (u usageOf) since(before usageOf) (own, below time.Duration) {
	for pid, cpu := range u.descendants {
		below += cpu - before.descendants[pid]
	}
	return u.own - before.own, below
}

// usage reads what pid and its descendants use. A descendant that ends meanwhile is left out.
func (t procTable) usage(pid int) (usageOf, error) {
	all, err := t.stats()
	if err != nil {
		return usageOf{}, err
	}
	root, ok := all[pid]
	if !ok {
		return usageOf{}, fmt.Errorf("process %d has ended", pid)
	}
	u := usageOf{own: root.cpu, descendants: map[int]time.Duration{}}
	if u.resident, err = t.resident(pid); err != nil {
		return usageOf{}, err
	}
	for child := range all {
		if !descends(all, child, pid) {
			continue
		}
		memory, err := t.resident(child)
		if err != nil {
			continue
		}
		u.descendants[child] = all[child].cpu
		u.below += memory
	}
	return u, nil
}

// descends walks from a process up to its ancestors.
func descends(all map[int]procStat, pid, ancestor int) bool {
	for range all { // a process has fewer ancestors than there are processes
		pid = all[pid].parent
		if pid == ancestor {
			return true
		}
	}
	return false
}

// stats reads the table of processes. What ends meanwhile is left out.
func (t procTable) stats() (map[int]procStat, error) {
	entries, err := os.ReadDir(string(t))
	if err != nil {
		return nil, err
	}
	all := make(map[int]procStat, len(entries))
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue // not a process
		}
		b, err := os.ReadFile(t.file(pid, "stat"))
		if gone(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if all[pid], err = parseStat(b); err != nil {
			return nil, fmt.Errorf("process %d: %w", pid, err)
		}
	}
	return all, nil
}

func (t procTable) resident(pid int) (int64, error) {
	b, err := os.ReadFile(t.file(pid, "status"))
	if err != nil {
		return 0, err
	}
	n, err := parseResident(b)
	if err != nil {
		return 0, fmt.Errorf("process %d: %w", pid, err)
	}
	return n, nil
}

func (t procTable) file(pid int, name string) string {
	return filepath.Join(string(t), strconv.Itoa(pid), name)
}

// gone tells that a process ended before it was read.
func gone(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH)
}
