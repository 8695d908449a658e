package main_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"hash"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/events/natslog"
	natsembedded "github.com/llm-hub/llm-hub/events/natslog/embedded"
	"github.com/llm-hub/llm-hub/projector/archive"
	"github.com/llm-hub/llm-hub/projector/objectstore/objectstoretest"
	"github.com/llm-hub/llm-hub/projector/projectortest"
)

// fillLog writes messages into the log of a data directory that no server uses.
func fillLog(t *testing.T, data string, fill func(add func(...events.Message))) {
	t.Helper()
	server, err := natsembedded.Start(natsembedded.Config{Dir: data, Class: natslog.Dev, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	log, err := natslog.Open(t.Context(), natslog.Config{
		Server: server, Class: natslog.Dev, MaxBytes: server.TrafficBytes(), Node: "n-test", Version: "test", Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	fill(func(messages ...events.Message) {
		for _, m := range messages {
			if _, err := log.Append(t.Context(), m); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// settled adds what makes folds need nothing old any more.
func settled(traffic *projectortest.Traffic, add func(...events.Message)) {
	add(traffic.Finish()...)
	for range 150 {
		add(traffic.Heartbeat(0)...)
		add(traffic.Heartbeat(1)...)
	}
}

// TestArchive: a log whose beginning is only in an archive in a storage that speaks S3 is
// the log it was, found without a word; and without the archive it is called lost.
func TestArchive(t *testing.T) {
	t.Parallel()
	store, data := objectstoretest.StartS3(t), t.TempDir()
	place, env := store.Location, environ(store)
	traffic := projectortest.New(51, 5, time.Second)
	fillLog(t, data, func(add func(...events.Message)) { add(traffic.Messages(500)...) })
	run := func(want int, args ...string) string {
		t.Helper()
		out, code := commandWith(t, env, append(args, "--data", data)...)
		if code != want {
			t.Fatalf("%v: exit %d, want %d\n%s", args, code, want, out)
		}
		return out
	}
	before := run(0, "replay", "--format", "jsonl")
	var r archive.Report
	decode := func(out string, v any) {
		t.Helper()
		if err := json.Unmarshal([]byte(out), v); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	decode(run(0, "archive", "run", "--to", place), &r)
	if r.Archived != r.Last || r.Trimmed != 0 || !strings.Contains(r.Held, "no retention") {
		t.Errorf("%+v", r)
	}
	fillLog(t, data, func(add func(...events.Message)) { settled(traffic, add) }) // beyond the segments there are
	run(0, "rebuild", "--counters")
	decode(run(0, "archive", "run", "--to", place, "--log-retention", "1ns"), &r)
	if r.Trimmed == 0 || r.TrimmedTo != r.Trimmed {
		t.Fatalf("%+v", r)
	}
	if after := run(0, "replay", "--format", "jsonl"); !strings.HasPrefix(after, before) {
		t.Error("the replay of the trimmed log is not what it was")
	}
	run(0, "budgets", "--at", time.Now().UTC().Format(time.RFC3339)) // folds the log from its beginning
	var status struct {
		Location  string
		TrimmedTo uint64 `json:"trimmed_to"`
	}
	decode(run(0, "archive", "status"), &status)
	if status.Location != place || status.TrimmedTo != r.TrimmedTo {
		t.Errorf("%+v", status)
	}
	if out := run(0, "verify"); !strings.Contains(out, "ok") {
		t.Error(out)
	}
	run(0, "archive", "verify")
	env = append(env, "AWS_ACCESS_KEY_ID=another") // the storage knows no such key
	run(1, "archive", "verify")
	run(1, "replay", "--format", "jsonl")
	run(1, "rebuild", "--counters")
	if rest := run(0, "replay", "--format", "jsonl", "--from", fmt.Sprint(r.TrimmedTo+1)); rest == "" {
		t.Error("what is in the log cannot be replayed")
	}
	run(2, "archive", "status", "--to", "gs://bucket")
	run(2, "serve", "--log-retention", "1h")
}

// TestMillion measures what is done with a log of a million events, before and after
// it is archived. It runs with LLMHUB_TEST_FULL set, see also `make bench`.
func TestMillion(t *testing.T) {
	if os.Getenv("LLMHUB_TEST_FULL") == "" {
		t.Skip("LLMHUB_TEST_FULL is not set")
	}
	const million = 1_000_000
	data, place := t.TempDir(), filepath.Join(t.TempDir(), "archive")
	m := &measured{t: t, data: data}
	began := time.Now()
	fillLog(t, data, func(add func(...events.Message)) {
		traffic := projectortest.New(53, 50, time.Second)
		for range 100 {
			add(traffic.Messages(million / 100)...)
		}
		settled(traffic, add)
	})
	m.note("written, one message after the other", began, "")
	before := m.replay("replay to stdout")
	m.run("rebuild, counters and tables", "rebuild")
	m.run("verify", "verify")
	m.run("archive", "archive", "run", "--to", place)
	m.run("archive verified", "archive", "verify", "--to", place)
	var r archive.Report
	if err := json.Unmarshal(m.run("trim, read back before", "archive", "run", "--to", place, "--log-retention", "1ns"), &r); err != nil || r.TrimmedTo < r.Last/2 {
		t.Errorf("%+v, %v", r, err)
	}
	if after := m.replay("replay from the archive"); after != before {
		t.Error("the replay from the archive is not that of the log")
	}
	m.run("rebuild from the archive", "rebuild")
	m.run("verify from the archive", "verify")
	t.Logf("archive of %d messages, trimmed to %d of %d:\n%s", r.Archived, r.TrimmedTo, r.Last, m.table.String())
}

// measured runs commands on a data directory and notes how long they take.
type measured struct {
	t     *testing.T
	data  string
	table bytes.Buffer
}

func (m *measured) note(what string, began time.Time, more string) {
	fmt.Fprintf(&m.table, "%-40s %8.1f s  %s\n", what, time.Since(began).Seconds(), more)
	m.t.Logf("%s: %s %s", what, time.Since(began).Round(100*time.Millisecond), more)
}

// run gives what a command prints.
func (m *measured) run(what string, args ...string) []byte {
	m.t.Helper()
	var out bytes.Buffer
	m.runTo(&out, what, args...)
	return out.Bytes()
}

func (m *measured) runTo(out io.Writer, what string, args ...string) {
	m.t.Helper()
	began := time.Now()
	cmd := exec.Command(filepath.Join(binDir, "llm-hub"), append(args, "--data", m.data)...)
	var progress bytes.Buffer
	cmd.Stdout, cmd.Stderr = out, &progress
	if err := cmd.Run(); err != nil {
		m.t.Fatalf("%s: %v\n%s", what, err, progress.String())
	}
	cpu := (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds() // without the engine's
	m.note(what, began, fmt.Sprintf("cpu %.1f s, %d reports of progress", cpu, bytes.Count(progress.Bytes(), []byte("\n"))))
}

// counted is a digest of lines.
type counted struct {
	hash.Hash
	lines int
}

func (c *counted) Write(p []byte) (int, error) {
	c.lines += bytes.Count(p, []byte("\n"))
	return c.Hash.Write(p)
}

// replay is the digest of what replay prints.
func (m *measured) replay(what string) string {
	m.t.Helper()
	out := &counted{Hash: sha256.New()}
	m.runTo(out, what, "replay", "--format", "jsonl")
	if out.lines < 1_000_000 {
		m.t.Errorf("%s: %d events", what, out.lines)
	}
	return fmt.Sprintf("%x", out.Sum(nil))
}
