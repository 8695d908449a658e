package replay_test

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/events/memlog"
	"github.com/llm-hub/llm-hub/projector"
	"github.com/llm-hub/llm-hub/projector/archive"
	"github.com/llm-hub/llm-hub/projector/objectstore/objectstoretest"
	"github.com/llm-hub/llm-hub/projector/projectortest"
	"github.com/llm-hub/llm-hub/projector/replay"
)

// golden names the release whose log is written: go test ./projector/replay -golden NAME.
// Logs that are there are never written again.
var golden = flag.String("golden", "", "write the golden log of a release")

const goldenDir = "testdata/golden"

// goldenMessage is a message of a golden log, a line of its file.
type goldenMessage struct {
	ID    string `json:"id"`
	Count int    `json:"count"`
	Data  string `json:"data"`
}

// digests are what a log comes to: SHA-256 of the events as replay tells them, of
// the counters as they are stored, and of the rows of usage and requests.
type digests struct {
	Events   string `json:"events"`
	Counters string `json:"counters"`
	Usage    string `json:"usage"`
	Requests string `json:"requests"`
}

// TestGolden: the logs of all releases mean what they meant: the same events, the
// same counters to the byte, the same rows.
func TestGolden(t *testing.T) {
	if *golden != "" {
		writeGolden(t, filepath.Join(goldenDir, *golden))
	}
	releases, err := os.ReadDir(goldenDir)
	if err != nil || len(releases) == 0 {
		t.Fatalf("%d golden logs, %v", len(releases), err)
	}
	for _, release := range releases {
		t.Run(release.Name(), func(t *testing.T) {
			raw, err := os.ReadFile(filepath.Join(goldenDir, release.Name(), "digests.json"))
			if err != nil {
				t.Fatal(err)
			}
			var want digests
			if err := json.Unmarshal(raw, &want); err != nil {
				t.Fatal(err)
			}
			log := readGolden(t, filepath.Join(goldenDir, release.Name(), "log.jsonl"))
			if diff := cmp.Diff(want, digest(t, log)); diff != "" {
				t.Errorf("the log means something else (-then +now):\n%s", diff)
			}
			if diff := cmp.Diff(want, digest(t, archived(t, log))); diff != "" {
				t.Errorf("read from its archive the log means something else (-then +now):\n%s", diff)
			}
		})
	}
}

func readGolden(t *testing.T, file string) *memlog.Log {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	log, lines := memlog.New(), bufio.NewScanner(f)
	lines.Buffer(nil, 2*events.MaxMessageBytes)
	for lines.Scan() {
		var m goldenMessage
		if err := json.Unmarshal(lines.Bytes(), &m); err != nil {
			t.Fatal(err)
		}
		id, err := events.ParseMessageID(m.ID)
		if err != nil {
			t.Fatal(err)
		}
		log.Inject(events.Message{ID: id, Count: m.Count, Data: []byte(m.Data)})
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return log
}

// archived puts a log into an archive, but for its last message.
func archived(t *testing.T, log *memlog.Log) events.Reader {
	t.Helper()
	a := archive.New(objectstoretest.NewMemory(), "test-archive")
	archiver, err := archive.NewArchiver(archive.Config{
		Stream: log, Trimmer: log, Bucket: log, Archive: a, Logger: slog.New(slog.DiscardHandler), SegmentBytes: 64 << 10,
	})
	if err != nil {
		t.Fatal(err)
	}
	r, err := archiver.Run(t.Context(), true, nil)
	if err != nil || r.Segments < 2 || r.Archived != r.Last {
		t.Fatalf("%+v, %v", r, err)
	}
	if err := log.Trim(t.Context(), r.Last); err != nil {
		t.Fatal(err)
	}
	return archive.NewLog(log, log, a)
}

func digest(t *testing.T, log events.Reader) digests {
	t.Helper()
	books, err := projectortest.Fold(t.Context(), log)
	if err != nil {
		t.Fatal(err)
	}
	var all, counters, usage, requests bytes.Buffer
	err = replay.Run(t.Context(), log, replay.Filter{}, func(r replay.Record) error {
		_, err := fmt.Fprintf(&all, "%d.%d %s\n", r.Seq, r.Index, r.Event)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range slices.Sorted(maps.Keys(books.Counters)) {
		fmt.Fprintln(&counters, key, encoded(t, books.Counters[key]))
	}
	for _, e := range books.Entries {
		fmt.Fprintln(&usage, e.At.Seq, e.At.Index, e.Kind, e.Request, e.Tenant, encoded(t, e.Principal), encoded(t, e.Target), e.Attempt, e.Source,
			e.WindowAt.Format(time.RFC3339Nano), e.Totals.Requests, e.Totals.Attempts, e.Totals.Failures, encoded(t, e.Totals.Usage), e.Totals.Cost, e.Totals.Unpriced)
	}
	for _, e := range books.Ends {
		fmt.Fprintln(&requests, e.At.Seq, e.At.Index, e.Request, e.Tenant, e.Node, e.Outcome, e.Reason, e.Count, encoded(t, e.Finished))
	}
	for _, d := range books.Dead {
		fmt.Fprintln(&requests, "dead", d.At.Seq, d.At.Index)
	}
	return digests{sum(all), sum(counters), sum(usage), sum(requests)}
}

func encoded(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func sum(b bytes.Buffer) string {
	h := sha256.Sum256(b.Bytes())
	return hex.EncodeToString(h[:])
}

// writeGolden writes a log with all that can happen: retries, 429s, fallbacks,
// refusals, a dead node and its orphans, garbage, and messages the log holds twice.
func writeGolden(t *testing.T, dir string) {
	t.Helper()
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	traffic := projectortest.New(77, 4, 9*time.Minute)
	messages := append(traffic.Messages(150), traffic.Garbage())
	messages = append(append(messages, traffic.Restart()...), traffic.Messages(60)...)
	log := memlog.New()
	for i, m := range messages {
		log.Inject(m)
		if i%9 == 0 {
			log.Inject(m)
		}
	}
	injectOrphans(t, log)
	info, err := log.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	for seq := uint64(1); seq <= info.Last; seq++ {
		m, err := log.At(t.Context(), seq)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(&file, encoded(t, goldenMessage{m.ID.String(), m.Count, string(m.Data)}))
	}
	if err := os.WriteFile(filepath.Join(dir, "log.jsonl"), file.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "digests.json"), []byte(encoded(t, digest(t, log))+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
}

// injectOrphans puts the ends of the dead node's requests on the log.
func injectOrphans(t *testing.T, log *memlog.Log) {
	t.Helper()
	folds := projector.NewFolds(projector.AllPartitions(), nil)
	info, _ := log.Info(t.Context())
	for seq := uint64(1); seq <= info.Last; seq++ {
		m, err := log.At(t.Context(), seq)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := folds.Apply(m); err != nil {
			t.Fatal(err)
		}
	}
	counters := map[events.Partition]uint64{}
	for _, c := range folds.Orphans("p1", projectortest.Start()) {
		e, err := events.New(c.Head, c.Body)
		if err != nil {
			t.Fatal(err)
		}
		line, _ := e.Encode()
		p := events.PartitionOf(c.Head.Tenant)
		counters[p]++
		log.Inject(events.Message{ID: events.MessageID{Node: "p1", Epoch: "p1-epoch", Partition: p, Counter: counters[p]}, Count: 1, Data: append(line, '\n')})
	}
}
