package archive_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/events/logtest"
	"github.com/llm-hub/llm-hub/events/memlog"
	"github.com/llm-hub/llm-hub/projector"
	"github.com/llm-hub/llm-hub/projector/archive"
	"github.com/llm-hub/llm-hub/projector/counters"
	"github.com/llm-hub/llm-hub/projector/objectstore"
	"github.com/llm-hub/llm-hub/projector/objectstore/objectstoretest"
	"github.com/llm-hub/llm-hub/projector/projectortest"
)

const (
	smallSegment = 16 << 10
	retention    = time.Hour
	// later is beyond every retention.
	later = 48 * time.Hour
)

// world is a log and its archive.
type world struct {
	t     *testing.T
	log   *memlog.Log
	store objectstore.Store
	want  []events.Stored // the log as it was appended
}

func newWorld(t *testing.T, messages int) *world {
	t.Helper()
	w := &world{t: t, log: memlog.New(), store: objectstoretest.NewMemory()}
	w.add(projectortest.New(7, 5, time.Minute).Messages(messages)...)
	w.folded(1 << 40)
	return w
}

func (w *world) add(messages ...events.Message) {
	w.t.Helper()
	for _, m := range messages {
		seq := w.log.Inject(m)
		stored, err := w.log.At(w.t.Context(), seq)
		if err != nil {
			w.t.Fatal(err)
		}
		w.want = append(w.want, stored)
	}
}

func (w *world) last() uint64 { return uint64(len(w.want)) }

// folded says that every fold would go on from seq after a restart.
func (w *world) folded(seq uint64) {
	w.t.Helper()
	for _, p := range projector.AllPartitions() {
		w.foldedPartition(p, seq)
	}
}

func (w *world) foldedPartition(p events.Partition, seq uint64) {
	w.t.Helper()
	_, rev, err := counters.LoadCheckpoint(w.t.Context(), w.log, p)
	if err != nil {
		w.t.Fatal(err)
	}
	value, err := json.Marshal(counters.Checkpoint{
		Anchor: projector.Anchor{Seq: seq}, Resume: accounting.Snapshot{At: accounting.Position{Seq: seq}},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	if _, err := w.log.Commit(w.t.Context(), []events.Put{{Key: events.CheckpointKey(p), Value: value, Rev: rev}}); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) archive() *archive.Archive { return archive.New(w.store, "test-archive") }

// config is of an archiver of small segments for whom it is late.
func (w *world) config() archive.Config {
	return archive.Config{
		Stream: w.log, Trimmer: w.log, Bucket: w.log, Archive: w.archive(), Logger: slog.New(slog.DiscardHandler),
		Retention: retention, SegmentBytes: smallSegment, Now: func() time.Time { return time.Now().Add(later) },
	}
}

func run(t *testing.T, cfg archive.Config, all bool) (archive.Report, error) {
	t.Helper()
	a, err := archive.NewArchiver(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return a.Run(t.Context(), all, nil)
}

// archived archives all and trims what may be trimmed.
func (w *world) archived() archive.Report {
	w.t.Helper()
	r, err := run(w.t, w.config(), true)
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

// whole is the log as readers see it, its archive opened anew.
func (w *world) whole() *archive.Log { return archive.NewLog(w.log, w.log, w.archive()) }

func read(t *testing.T, log events.Reader, r events.Range) ([]events.Stored, error) {
	t.Helper()
	c, err := log.Read(t.Context(), r)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	var out []events.Stored
	for m := range c.C() {
		out = append(out, m)
	}
	return out, c.Err()
}

// same compares messages; it is much faster than a diff.
func same(t *testing.T, want, got []events.Stored) {
	t.Helper()
	for i := range min(len(want), len(got)) {
		a, b := want[i], got[i]
		if a.Seq != b.Seq || a.ID != b.ID || a.Count != b.Count || !a.Time.Equal(b.Time) || !bytes.Equal(a.Data, b.Data) {
			t.Fatalf("message %d is %+v, want %+v", i, b, a)
		}
	}
	if len(want) != len(got) {
		t.Fatalf("%d messages, want %d", len(got), len(want))
	}
}

// checkWhole compares what readers see with what was appended.
func (w *world) checkWhole() {
	w.t.Helper()
	got, err := read(w.t, w.whole(), events.Range{To: w.last()})
	if err != nil {
		w.t.Fatal(err)
	}
	same(w.t, w.want, got)
	v, err := w.whole().Verify(w.t.Context(), nil)
	if err != nil || !v.OK {
		w.t.Errorf("%+v, %v", v, err)
	}
}

func (w *world) first() uint64 {
	w.t.Helper()
	info, err := w.log.Info(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return info.First
}

// trimming is a log that is archived and trimmed to its last message before every read.
type trimming struct {
	*memlog.Log
	whole *archive.Log
	cfg   archive.Config
	mu    *sync.Mutex
}

func (l trimming) settle(ctx context.Context) {
	l.mu.Lock()
	defer l.mu.Unlock()
	a, err := archive.NewArchiver(l.cfg)
	if err != nil {
		return
	}
	if r, err := a.Run(ctx, true, nil); err == nil && r.Archived > 1 {
		_ = l.Trim(ctx, r.Archived) // an error shows in what is read
	}
}

func (l trimming) Read(ctx context.Context, r events.Range) (events.Cursor, error) {
	l.settle(ctx)
	return l.whole.Read(ctx, r)
}

func (l trimming) At(ctx context.Context, seq uint64) (events.Stored, error) {
	l.settle(ctx)
	return l.whole.At(ctx, seq)
}

// TestConformance: whoever reads a log that is in the archive but for its last
// message sees no difference.
func TestConformance(t *testing.T) {
	logtest.Run(t, func(t *testing.T) logtest.Opened {
		log := memlog.New()
		a := archive.New(objectstoretest.NewMemory(), "test-archive")
		return logtest.Opened{Leases: log.Leases(), Nodes: log.Nodes(), Log: trimming{
			Log: log, whole: archive.NewLog(log, log, a), mu: &sync.Mutex{},
			cfg: archive.Config{Stream: log, Trimmer: log, Bucket: log, Archive: a, Logger: slog.New(slog.DiscardHandler), SegmentBytes: smallSegment},
		}}
	})
}

// TestStores: the same archive in a directory and in a storage that speaks S3.
func TestStores(t *testing.T) {
	s3, env := objectstoretest.S3(t)
	for _, location := range []string{t.TempDir(), s3} {
		w := newWorld(t, 300)
		var err error
		if w.store, err = objectstore.Open(location, env); err != nil {
			t.Fatal(err)
		}
		if r := w.archived(); r.Archived != w.last() || r.Segments < 4 || r.Trimmed == 0 {
			t.Fatalf("%+v", r)
		}
		w.checkWhole()
	}
}

// TestPartitions: what is asked for of some partitions is what they have, from the
// archive and from the stream.
func TestPartitions(t *testing.T) {
	w := newWorld(t, 800)
	if r := w.archived(); r.Trimmed == 0 {
		t.Fatalf("%+v", r)
	}
	w.add(projectortest.New(8, 5, time.Minute).Messages(50)...)
	for p := range events.Partition(events.Partitions) {
		for _, r := range []events.Range{{From: 3, To: w.last()}, {From: 1, To: w.last() / 2}, {From: 2, To: 2}} {
			r.Partitions = []events.Partition{p}
			got, err := read(t, w.whole(), r)
			if err != nil {
				t.Fatal(err)
			}
			var want []events.Stored
			for _, m := range w.want {
				if m.Seq >= r.From && m.Seq <= r.To && m.ID.Partition == p {
					want = append(want, m)
				}
			}
			same(t, want, got)
		}
	}
}

// TestForeign: a message that no publisher of ours wrote, and bytes of any kind.
func TestForeign(t *testing.T) {
	w := newWorld(t, 20)
	w.add(events.Message{ID: events.MessageID{Partition: 3}, Data: []byte("no newline \x00\xff")},
		events.Message{ID: events.MessageID{Partition: 4}, Data: []byte("1 2 03 4 5 -\n\n")},
		events.Message{ID: events.MessageID{Partition: 5}, Data: []byte{}})
	w.add(projectortest.New(9, 5, time.Minute).Messages(20)...)
	if r := w.archived(); r.Trimmed == 0 {
		t.Fatalf("%+v", r)
	}
	w.checkWhole()
}

// TestReadWhileTrimmed: a reader that is overtaken by the archiver misses nothing.
func TestReadWhileTrimmed(t *testing.T) {
	w := newWorld(t, 2500)
	w.folded(1)
	c, err := w.whole().Read(t.Context(), events.Range{To: w.last()})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var got []events.Stored
	for m := range c.C() {
		got = append(got, m)
		if len(got)%20 == 1 { // always ahead of the reader, whatever he has read ahead
			w.folded(m.Seq + 100)
			w.archived()
		}
	}
	if err := c.Err(); err != nil {
		t.Fatal(err)
	}
	same(t, w.want, got)
	if w.first() < w.last()/2 {
		t.Errorf("the stream begins at %d: nothing was trimmed under the reader", w.first())
	}
}

// TestRetention: what is young stays; what was archived before goes when it is old.
func TestRetention(t *testing.T) {
	w := newWorld(t, 400)
	cfg := w.config()
	cfg.Now = time.Now
	for name, tt := range map[string]struct {
		retention, now time.Duration
		held           string
	}{
		"young":     {retention, 0, "is to be kept until"},
		"just not":  {retention, retention - time.Minute, "is to be kept until"},
		"never":     {0, later, "no retention is set"},
		"not asked": {0, 0, "no retention is set"},
	} {
		cfg.Retention, cfg.Now = tt.retention, func() time.Time { return time.Now().Add(tt.now) }
		r, err := run(t, cfg, true)
		if err != nil || r.Trimmed != 0 || w.first() != 1 || !strings.Contains(r.Held, tt.held) {
			t.Errorf("%s: %+v, %v", name, r, err)
		}
	}
	cfg.Retention, cfg.Now = retention, func() time.Time { return time.Now().Add(retention + time.Minute) }
	r, err := run(t, cfg, true)
	if err != nil || r.Trimmed == 0 || r.TrimmedTo != w.first()-1 {
		t.Errorf("%+v, %v", r, err)
	}
	w.checkWhole()
}

// TestSegments: one is closed when it is full or old, not before.
func TestSegments(t *testing.T) {
	w := newWorld(t, 30)
	cfg := w.config()
	cfg.SegmentBytes, cfg.SegmentAge, cfg.Now = 1<<20, time.Hour, time.Now
	if r, err := run(t, cfg, false); err != nil || r.Segments != 0 {
		t.Errorf("neither full nor old: %+v, %v", r, err)
	}
	cfg.Now = func() time.Time { return time.Now().Add(time.Hour) }
	if r, err := run(t, cfg, false); err != nil || r.Segments != 1 || r.Archived != w.last() {
		t.Errorf("old: %+v, %v", r, err)
	}
	cfg.Now = time.Now
	w.add(projectortest.New(8, 5, time.Minute).Messages(300)...)
	cfg.SegmentBytes = smallSegment
	r, err := run(t, cfg, false)
	if err != nil || r.Segments < 3 || w.last()-r.Archived > 30 {
		t.Errorf("full ones: %+v of %d, %v", r, w.last(), err)
	}
	w.add(events.Message{ID: events.MessageID{Partition: 3}, Data: []byte("a little more")})
	if again, err := run(t, cfg, false); err != nil || again.Segments != 0 || again.Archived != r.Archived {
		t.Errorf("what is left is not full: %+v after %+v, %v", again, r, err)
	}
	w.checkWhole()
}

// TestLaggingFold: the fold that is furthest behind holds everything that it may read again.
func TestLaggingFold(t *testing.T) {
	w := newWorld(t, 400)
	behind := w.last() / 2
	w.foldedPartition(11, behind)
	r := w.archived()
	if r.TrimmedTo >= behind || r.TrimmedTo == 0 || !strings.Contains(r.Held, fmt.Sprintf("partition 11 may read again from sequence %d", behind)) {
		t.Errorf("trimmed to %d, the fold is at %d: %s", r.TrimmedTo, behind, r.Held)
	}
	w.foldedPartition(11, 0)
	w.add(projectortest.New(8, 5, time.Minute).Messages(100)...)
	if again := w.archived(); again.Trimmed != 0 {
		t.Errorf("a partition that was never folded needs all: %+v", again)
	}
	w.folded(1 << 40)
	if again := w.archived(); again.TrimmedTo <= r.TrimmedTo {
		t.Errorf("%+v", again)
	}
	w.checkWhole()
}

// TestRivals: archivers that run at once, each with its own idea of a segment.
func TestRivals(t *testing.T) {
	w := newWorld(t, 300)
	traffic := projectortest.New(21, 5, time.Minute)
	var wg sync.WaitGroup
	more := make(chan struct{})
	for i := range 3 {
		wg.Go(func() {
			cfg := w.config()
			cfg.SegmentBytes = smallSegment << i
			for done := false; !done; {
				select {
				case <-more:
					done = true
				default:
				}
				a, err := archive.NewArchiver(cfg)
				if err != nil {
					t.Error(err)
					return
				}
				_, err = a.Run(t.Context(), true, nil)
				// The stream may have been trimmed under it, and the mark be written by another.
				if err != nil && !errors.Is(err, events.ErrConflict) && !errors.Is(err, events.ErrNoMessage) && !strings.Contains(err.Error(), "are gone") {
					t.Error(err)
				}
			}
		})
	}
	for range 20 {
		w.add(traffic.Messages(40)...)
	}
	close(more)
	wg.Wait()
	if r := w.archived(); r.Archived != w.last() || w.first() == 1 {
		t.Errorf("%+v", r)
	}
	w.checkWhole()
}

// TestJob: the job goes on after a failure and counts.
func TestJob(t *testing.T) {
	w := newWorld(t, 200)
	broken := &faulty{Store: w.store}
	broken.put.Store(true)
	w.store = broken
	job, err := archive.NewJob(archive.JobConfig{Config: w.config(), Every: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var running sync.WaitGroup
	running.Go(func() { job.Run(ctx) })
	if err := job.Wait(ctx, func(s archive.JobStatus) bool { return s.Failures > 1 && errors.Is(s.Err, errDisk) }); err != nil {
		t.Fatal(err)
	}
	broken.put.Store(false)
	if err := job.Wait(ctx, func(s archive.JobStatus) bool { return s.Err == nil && s.Archived == w.last() && s.Behind() == 0 }); err != nil {
		t.Fatal(err)
	}
	cancel()
	running.Wait()
	s := job.Status()
	if s.AllArchived != w.last() || s.AllTrimmed != w.first()-1 || s.AllTrimmed == 0 {
		t.Errorf("%+v", s)
	}
	w.checkWhole()
}

// objects are the objects below a folder of the archive.
func (w *world) objects(part string) []string {
	w.t.Helper()
	list, err := w.store.List(w.t.Context(), "")
	if err != nil {
		w.t.Fatal(err)
	}
	var out []string
	for _, o := range list {
		if strings.Contains(o.Name, part) {
			out = append(out, o.Name)
		}
	}
	slices.Sort(out)
	return out
}

func (w *world) get(name string) []byte {
	w.t.Helper()
	r, err := w.store.Get(w.t.Context(), name)
	if err != nil {
		w.t.Fatal(err)
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if err != nil {
		w.t.Fatal(err)
	}
	return b
}
