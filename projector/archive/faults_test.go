package archive_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/projector"
	"github.com/llm-hub/llm-hub/projector/archive"
	"github.com/llm-hub/llm-hub/projector/objectstore"
	"github.com/llm-hub/llm-hub/projector/projectortest"
)

var errDisk = fmt.Errorf("write: %w", syscall.ENOSPC)

// faulty is a store that fails on demand.
type faulty struct {
	objectstore.Store
	put, away atomic.Bool
	rot       atomic.Bool // what is put is not what is read
}

func (f *faulty) Put(ctx context.Context, name string, r io.Reader) error {
	switch {
	case f.put.Load():
		return errDisk
	case f.rot.Load():
		b, err := io.ReadAll(r)
		if err != nil {
			return err
		}
		b[len(b)/2] ^= 1
		r = bytes.NewReader(b)
	}
	return f.Store.Put(ctx, name, r)
}

func (f *faulty) Get(ctx context.Context, name string) (io.ReadCloser, error) {
	if f.away.Load() {
		return nil, errDisk
	}
	return f.Store.Get(ctx, name)
}

func (f *faulty) List(ctx context.Context, prefix string) ([]objectstore.Object, error) {
	if f.away.Load() {
		return nil, errDisk
	}
	return f.Store.List(ctx, prefix)
}

var errKilled = errors.New("killed")

// life is a process that dies at a step: before it is done or just after.
type life struct {
	left  int // steps to live
	after bool
}

func (l *life) step(do func() error) error {
	l.left--
	switch {
	case l.left < 0 || l.left == 0 && !l.after:
		return errKilled
	case l.left == 0:
		_ = do() // done, and nobody hears of it
		return errKilled
	}
	return do()
}

// mortal is the store of a life.
type mortal struct {
	objectstore.Store
	*life
}

func (m mortal) Put(ctx context.Context, name string, r io.Reader) error {
	return m.step(func() error { return m.Store.Put(ctx, name, r) })
}

func (m mortal) Delete(ctx context.Context, name string) error {
	return m.step(func() error { return m.Store.Delete(ctx, name) })
}

// mortalBucket is the bucket of a life.
type mortalBucket struct {
	events.Bucket
	*life
}

func (b mortalBucket) Commit(ctx context.Context, puts []events.Put) (rev uint64, err error) {
	err = b.step(func() error { rev, err = b.Bucket.Commit(ctx, puts); return err })
	return rev, err
}

// mortalTrimmer is the stream of a life.
type mortalTrimmer struct {
	events.Trimmer
	*life
}

func (m mortalTrimmer) Trim(ctx context.Context, first uint64) error {
	return m.step(func() error { return m.Trimmer.Trim(ctx, first) })
}

// TestEveryStep: an archiver dies before or after every single write; those that
// come after it end in the same archive, and nothing is ever in neither.
func TestEveryStep(t *testing.T) {
	whole := newWorld(t, 100)
	want := whole.archived()
	steps := 0
	for _, after := range []bool{false, true} {
		for n := 1; ; n++ {
			w := newWorld(t, 100)
			lives := &life{left: n, after: after}
			cfg := w.config()
			cfg.Archive = archive.New(mortal{Store: w.store, life: lives}, "test-archive")
			cfg.Bucket, cfg.Trimmer = mortalBucket{w.log, lives}, mortalTrimmer{w.log, lives}
			_, err := run(t, cfg, true)
			if err == nil {
				break
			}
			steps++
			if !errors.Is(err, errKilled) {
				t.Fatalf("step %d: %v", n, err)
			}
			w.checkWhole()
			r := w.archived()
			if r.Archived != want.Archived || r.TrimmedTo != want.TrimmedTo {
				t.Errorf("step %d (after: %t): archived to %d, trimmed to %d; want %d, %d", n, after, r.Archived, r.TrimmedTo, want.Archived, want.TrimmedTo)
			}
			w.checkWhole()
		}
	}
	if steps < 2*(2*want.Segments+2) {
		t.Errorf("%d steps of %d segments", steps, want.Segments)
	}
}

// TestFullDisk: while the archive takes nothing, the log keeps everything.
func TestFullDisk(t *testing.T) {
	w := newWorld(t, 300)
	disk := &faulty{Store: w.store}
	w.store = disk
	disk.put.Store(true)
	if r, err := run(t, w.config(), true); !errors.Is(err, syscall.ENOSPC) || r.Segments != 0 || w.first() != 1 {
		t.Errorf("%+v, %v", r, err)
	}
	disk.put.Store(false)
	if r := w.archived(); r.Archived != w.last() || r.Trimmed == 0 {
		t.Errorf("%+v", r)
	}
	w.checkWhole()
}

// TestRotten: a store that does not keep what it is given gets nothing into a manifest.
func TestRotten(t *testing.T) {
	w := newWorld(t, 300)
	disk := &faulty{Store: w.store}
	w.store = disk
	disk.rot.Store(true)
	if r, err := run(t, w.config(), true); err == nil || !strings.Contains(err.Error(), "cannot be read back") || r.Segments != 0 || w.first() != 1 {
		t.Errorf("%+v, %v", r, err)
	}
	if m := w.objects("/manifests/"); len(m) != 0 {
		t.Errorf("manifests: %v", m)
	}
	disk.rot.Store(false)
	w.archived()
	w.checkWhole()
}

// TestLostBeforeTrim: what is not in the archive any more when it is to be trimmed
// stays in the stream, and is named.
func TestLostBeforeTrim(t *testing.T) {
	for name, spoil := range map[string]func(w *world, segment string) error{
		"lost":    func(w *world, s string) error { return w.store.Delete(w.t.Context(), s) },
		"cut":     func(w *world, s string) error { return w.put(s, w.get(s)[:100]) },
		"flipped": func(w *world, s string) error { return w.put(s, flipped(w.get(s))) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 300)
			cfg := w.config()
			cfg.Now = time.Now // too early to trim
			if _, err := run(t, cfg, true); err != nil {
				t.Fatal(err)
			}
			segment := w.objects("/segments/")[1]
			if err := spoil(w, segment); err != nil {
				t.Fatal(err)
			}
			_, err := run(t, w.config(), true)
			if err == nil || !strings.Contains(err.Error(), segment) || !strings.Contains(err.Error(), "nothing is trimmed") || w.first() != 1 {
				t.Errorf("the stream begins at %d, %v", w.first(), err)
			}
		})
	}
}

func (w *world) put(name string, b []byte) error {
	return w.store.Put(w.t.Context(), name, bytes.NewReader(b))
}

func flipped(b []byte) []byte {
	b[len(b)*2/3] ^= 0x10
	return b
}

// TestDamage: after the trim, every damage is found by who reads and by Verify, and
// named; and it is no mere absence.
func TestDamage(t *testing.T) {
	segment := func(i int, change func(w *world, s string) error) func(w *world) (string, error) {
		return func(w *world) (string, error) {
			s := w.objects("/segments/")[i]
			return s, change(w, s)
		}
	}
	manifest := func(change func(b []byte) []byte) func(w *world) (string, error) {
		return func(w *world) (string, error) {
			all := w.objects("/manifests/")
			s := all[len(all)-1]
			return s, w.put(s, change(w.get(s)))
		}
	}
	for name, tt := range map[string]struct {
		spoil func(w *world) (object string, err error)
		want  string // in the error
	}{
		"missing":           {segment(2, func(w *world, s string) error { return w.store.Delete(w.t.Context(), s) }), "missing"},
		"cut short":         {segment(2, func(w *world, s string) error { b := w.get(s); return w.put(s, b[:len(b)/2]) }), "cut short"},
		"empty":             {segment(0, func(w *world, s string) error { return w.put(s, nil) }), "cut short"},
		"a bit":             {segment(1, func(w *world, s string) error { return w.put(s, flipped(w.get(s))) }), "from sequence"},
		"another segment":   {segment(1, func(w *world, s string) error { return w.put(s, w.get(w.objects("/segments/")[2])) }), "changed"},
		"a message changed": {segment(1, func(w *world, s string) error { return w.put(s, rewritten(w.t, w.get(s), "tenant-1", "tenant-2")) }), "changed: its hash"},
		"a message gone":    {segment(1, func(w *world, s string) error { return w.put(s, rewritten(w.t, w.get(s), "{", "")) }), "changed"},
		"manifest cut":      {manifest(func(b []byte) []byte { return b[:len(b)/2] }), "changed or cut short"},
		"manifest's chain": {manifest(func(b []byte) []byte {
			return bytes.Replace(b, []byte(`"previous": "`), []byte(`"previous": "00`), 1)
		}), "does not follow"},
		"manifest's counts": {manifest(func(b []byte) []byte { return bytes.Replace(b, []byte(`"events": `), []byte(`"events": 1`), 1) }), "manifest is wrong"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 600)
			if r := w.archived(); r.Segments < 5 || r.TrimmedTo+20 < w.last() {
				t.Fatalf("%+v", r)
			}
			object, err := tt.spoil(w)
			if err != nil {
				t.Fatal(err)
			}
			got, err := read(t, w.whole(), events.Range{To: w.last()})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("read: %v", err)
			} else if name != "manifest's counts" && !strings.Contains(err.Error(), object) {
				t.Errorf("read: %v does not name %s", err, object)
			}
			for i, m := range got { // what was handed over before is right
				if m.Seq != w.want[i].Seq || projector.Hash(m.Message) != projector.Hash(w.want[i].Message) {
					t.Fatalf("message %d is wrong", m.Seq)
				}
			}
			v, err := w.whole().Verify(t.Context(), nil)
			if v.OK || err == nil && (len(v.Problems) != 1 || !strings.Contains(v.Problems[0].Reason, tt.want) && tt.want != "from sequence") {
				t.Errorf("verify: %+v, %v", v, err)
			}
			if strings.Contains(object, "/segments/") && (err != nil || v.Problems[0].Segment != object || v.Problems[0].Seq == 0) {
				t.Errorf("verify: %+v, %v", v, err)
			}
		})
	}
}

// TestLoss: a trimmed beginning without its archive is lost, and said to be.
func TestLoss(t *testing.T) {
	for name, tt := range map[string]struct {
		lose func(w *world) *archive.Log
		want string
	}{
		"no archive":        {func(w *world) *archive.Log { return archive.NewLog(w.log, w.log, nil) }, "no archive is named"},
		"an empty archive":  {func(w *world) *archive.Log { w.store = newWorld(w.t, 1).store; return w.whole() }, "holds nothing of this log: sequences 1 to"},
		"an older archive":  {func(w *world) *archive.Log { w.forget(); return w.whole() }, "are lost"},
		"trimmed by a hand": {func(w *world) *archive.Log { _ = w.log.Trim(w.t.Context(), w.last()+1); return w.whole() }, "are lost"},
		"another archive": {func(w *world) *archive.Log {
			other := newWorld(w.t, 1)
			log := mimic{other.log, w.log}
			other.add(projectortest.New(99, 5, time.Minute).Messages(900)...)
			cfg := other.config()
			cfg.Stream = log
			if _, err := run(w.t, cfg, true); err != nil {
				w.t.Fatal(err)
			}
			w.store = other.store
			return w.whole()
		}, "it is another one"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 600)
			w.archived()
			w.add(projectortest.New(5, 5, time.Minute).Messages(40)...)
			log := tt.lose(w)
			info, err := w.log.Info(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			var lost *projector.LostError
			if _, err := log.Begins(t.Context(), info); !errors.As(err, &lost) || !strings.Contains(lost.Reason, tt.want) {
				t.Errorf("begins: %v", err)
			}
			var guard *projector.GuardError
			if err := (projector.Anchor{}).Check(t.Context(), log, "fold", 1); !errors.As(err, &guard) || !strings.Contains(guard.Reason, tt.want) {
				t.Errorf("guard: %v", err)
			}
			if err := (projector.Anchor{}).Check(t.Context(), log, "fold", info.First); err != nil {
				t.Errorf("who needs nothing of it: %v", err)
			}
			if name == "no archive" {
				return
			}
			if v, err := log.Verify(t.Context(), nil); err != nil || v.OK || !strings.Contains(fmt.Sprint(v.Problems), tt.want) {
				t.Errorf("verify: %+v, %v", v, err)
			}
			cfg := w.config()
			if _, err := run(t, cfg, true); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("archiver: %v", err)
			}
		})
	}
}

// mimic is a stream that says it is another one.
type mimic struct {
	events.Reader
	as events.Reader
}

func (m mimic) Info(ctx context.Context) (events.Info, error) {
	info, err := m.Reader.Info(ctx)
	if err != nil {
		return info, err
	}
	other, err := m.as.Info(ctx)
	info.Created = other.Created
	return info, err
}

// forget removes the manifests but the oldest, and makes that one older still.
func (w *world) forget() {
	w.t.Helper()
	list := w.objects("/manifests/")
	for _, name := range list[1:] {
		if err := w.store.Delete(w.t.Context(), name); err != nil {
			w.t.Fatal(err)
		}
	}
}

// rewritten is a segment's object with a part of its content replaced.
func rewritten(t *testing.T, object []byte, from, to string) []byte {
	t.Helper()
	in, err := zstd.NewReader(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	content, err := in.DecodeAll(object, nil)
	if err != nil || !bytes.Contains(content, []byte(from)) {
		t.Fatalf("%q is not in it, %v", from, err)
	}
	i := bytes.LastIndex(content, []byte(from))
	content = append(append(bytes.Clone(content[:i]), to...), content[i+len(from):]...)
	out, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	return out.EncodeAll(content, nil)
}

// TestAway: an archive that cannot be reached stops nobody who needs nothing of it,
// and to who does it is not lost but away.
func TestAway(t *testing.T) {
	w := newWorld(t, 300)
	disk := &faulty{Store: w.store}
	w.store = disk
	w.folded(w.last() - 5)
	w.archived()
	disk.away.Store(true)
	log, first := w.whole(), w.first()
	for _, r := range []events.Range{{From: first, To: w.last()}, {From: first + 1, To: w.last(), Partitions: projector.AllPartitions()}} {
		if got, err := read(t, log, r); err != nil || uint64(len(got)) != w.last()-r.From+1 {
			t.Errorf("%d messages, %v", len(got), err)
		}
	}
	if _, err := log.At(t.Context(), w.last()); err != nil {
		t.Error(err)
	}
	if err := (projector.Anchor{}).Check(t.Context(), log, "fold", first); err != nil {
		t.Errorf("guard: %v", err)
	}
	var guard *projector.GuardError
	if err := (projector.Anchor{}).Check(t.Context(), log, "fold", 1); !errors.Is(err, errDisk) || errors.As(err, &guard) {
		t.Errorf("guard: %v", err)
	}
	if _, err := log.At(t.Context(), 1); !errors.Is(err, errDisk) {
		t.Error(err)
	}
	if _, err := read(t, log, events.Range{To: w.last()}); !errors.Is(err, errDisk) {
		t.Error(err)
	}
	disk.away.Store(false)
	w.checkWhole()
}
