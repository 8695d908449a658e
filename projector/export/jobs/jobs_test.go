package jobs_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/projector/export"
	"github.com/llm-hub/llm-hub/projector/export/jobs"
	"github.com/llm-hub/llm-hub/projector/objectstore"
)

var (
	errAway  = errors.New("the tables do not answer")
	errWrong = errors.New("the filter is wrong")
)

// world is a directory of jobs, and tables that can fail.
type world struct {
	t      *testing.T
	dir    string
	fail   func(part int) error // of the order's parts, by the day they begin on
	asked  []string             // parts that were written, or begun
	stores map[string]objectstore.Writer
}

// write writes one row for each part, which names its day.
func (w *world) write(ctx context.Context, o jobs.Order, p jobs.Part, to io.Writer) (jobs.Content, error) {
	w.asked = append(w.asked, p.From.Format("02T15"))
	if _, err := io.WriteString(to, "day\n"); err != nil {
		return jobs.Content{}, err
	}
	if err := w.fail(p.From.Day()); err != nil {
		return jobs.Content{}, err
	}
	_, err := fmt.Fprintln(to, p.From.Format(time.RFC3339), p.To.Format(time.RFC3339), string(o.Query))
	out := jobs.Content{Rows: 1}
	if p.From.Equal(cutPart()) {
		out.KeptSince = p.From.Add(time.Hour)
	}
	return out, errors.Join(err, ctx.Err())
}

// cutPart is the start of the part that lacks its first hour.
func cutPart() time.Time { return time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC) }

func (w *world) open() *jobs.Jobs {
	w.t.Helper()
	j, err := jobs.Open(jobs.Config{
		Dir: w.dir, Write: w.write, Final: func(err error) bool { return errors.Is(err, errWrong) }, Log: slog.New(slog.DiscardHandler),
		Open: func(location string) (objectstore.Writer, error) {
			if s := w.stores[location]; s != nil {
				return s, nil
			}
			return nil, fmt.Errorf("location %q: unknown", location)
		},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return j
}

// run runs jobs until stopped.
func run(t *testing.T, j *jobs.Jobs) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		j.Run(ctx)
	}()
	return func() { cancel(); <-ended }
}

// inBubble gives a test a world whose time is its own.
func inBubble(t *testing.T, test func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		test(&world{t: t, dir: t.TempDir(), fail: func(int) error { return nil }, stores: map[string]objectstore.Writer{}})
	})
}

func everybody(jobs.Owner) bool { return true }

// order asks for requests of two days and a half.
func order() jobs.Order {
	to := time.Date(2026, 11, 4, 12, 0, 0, 0, time.UTC)
	return jobs.Order{What: "requests", Format: export.CSV, From: to.Add(-60 * time.Hour), To: to, Name: "requests.csv", Query: []byte(`{"model":"smart"}`)}
}

// whole is the file of order.
const whole = `day
2026-11-03T12:00:00Z 2026-11-04T12:00:00Z {"model":"smart"}
2026-11-02T12:00:00Z 2026-11-03T12:00:00Z {"model":"smart"}
2026-11-02T00:00:00Z 2026-11-02T12:00:00Z {"model":"smart"}
`

func (w *world) start(j *jobs.Jobs, o jobs.Order) jobs.Job {
	w.t.Helper()
	job, err := j.Start(o, jobs.Owner{Tenants: []string{"acme"}, Actor: "a"})
	if err != nil {
		w.t.Fatal(err)
	}
	return job
}

// isWhole fails unless the job is done and its file is.
func (w *world) isWhole(j *jobs.Jobs, id string) {
	w.t.Helper()
	f, job, err := j.File(id, everybody)
	if err != nil {
		w.t.Fatalf("%v: %+v", err, job)
	}
	defer f.Close()
	text, err := io.ReadAll(f)
	if diff := cmp.Diff(whole, string(text)); err != nil || diff != "" {
		w.t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if job.State != jobs.Done || job.Parts != 3 || job.Ready != 3 || job.Rows != 3 || job.Bytes != int64(len(whole)) || job.Error != "" || job.Ended.IsZero() ||
		!job.Kept.Equal(cutPart().Add(time.Hour)) {
		w.t.Errorf("%+v", job)
	}
	left, err := filepath.Glob(filepath.Join(w.dir, id, "part-*"))
	if err != nil || len(left) > 0 {
		w.t.Errorf("parts are left: %v, %v", left, err)
	}
}

func TestJob(t *testing.T) {
	inBubble(t, func(w *world) {
		j := w.open()
		defer run(w.t, j)()
		job := w.start(j, order())
		if _, _, err := j.File(job.ID, everybody); !errors.Is(err, jobs.ErrNotReady) && err != nil {
			w.t.Error(err)
		}
		synctest.Wait()
		w.isWhole(j, job.ID)
		other := func(o jobs.Owner) bool { return len(o.Tenants) == 1 && o.Tenants[0] == "other" }
		if _, err := j.Get(job.ID, other); !errors.Is(err, jobs.ErrUnknown) || len(j.List(other)) != 0 {
			w.t.Errorf("another tenant sees it: %v", err)
		}
		if _, err := j.Delete(job.ID, other); !errors.Is(err, jobs.ErrUnknown) {
			w.t.Errorf("another tenant deletes it: %v", err)
		}
		if list := j.List(everybody); len(list) != 1 || list[0].ID != job.ID {
			w.t.Errorf("%+v", list)
		}
		if _, err := j.Delete(job.ID, everybody); err != nil {
			w.t.Error(err)
		}
		if _, err := os.Stat(filepath.Join(w.dir, job.ID)); !errors.Is(err, os.ErrNotExist) {
			w.t.Errorf("its files are there: %v", err)
		}
	})
}

// TestGoesOn stops the process in the middle of each part, and before the file: what is
// finished stays, what is not is written again, and the file is the same.
func TestGoesOn(t *testing.T) {
	for name, tt := range map[string]struct {
		at   int      // the part that is not finished, by the day it begins on
		want []string // that are asked for in all
	}{
		"first part":  {3, []string{"03T12", "03T12", "02T12", "02T00"}},
		"second part": {2, []string{"03T12", "02T12", "02T12", "02T00"}},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(w *world) {
				j := w.open()
				reached, die := make(chan struct{}), make(chan struct{})
				w.fail = func(day int) error {
					if day == tt.at {
						close(reached)
						<-die
						return context.Canceled
					}
					return nil
				}
				stop := run(w.t, j)
				job := w.start(j, order())
				<-reached
				go stop()
				synctest.Wait()
				close(die)
				synctest.Wait()
				half := filepath.Join(w.dir, job.ID, "part-2.new") // as a kill leaves one
				if err := os.WriteFile(half, []byte("day\n20"), 0o600); err != nil {
					t.Fatal(err)
				}
				w.fail = func(int) error { return nil }
				again := w.open()
				if now, err := again.Get(job.ID, everybody); err != nil || now.State != jobs.Waiting {
					t.Errorf("%+v, %v", now, err)
				}
				defer run(w.t, again)()
				synctest.Wait()
				w.isWhole(again, job.ID)
				if diff := cmp.Diff(tt.want, w.asked); diff != "" {
					t.Errorf("parts (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// TestTriesAgain: what may pass is tried again, and said meanwhile.
func TestTriesAgain(t *testing.T) {
	inBubble(t, func(w *world) {
		tries := 0
		w.fail = func(day int) error {
			if tries++; tries > 2 && tries < 9 {
				return errAway
			}
			return nil
		}
		j := w.open()
		defer run(w.t, j)()
		job := w.start(j, order())
		<-time.After(5 * time.Second)
		synctest.Wait()
		if now, err := j.Get(job.ID, everybody); err != nil || now.State != jobs.Waiting || now.Ready != 2 || !strings.Contains(now.Error, "do not answer") {
			t.Errorf("%+v, %v", now, err)
		}
		<-time.After(5 * time.Minute)
		synctest.Wait()
		w.isWhole(j, job.ID)
	})
}

// TestRefused: an order that is wrong ends the job, and the next one has its turn.
func TestRefused(t *testing.T) {
	inBubble(t, func(w *world) {
		w.fail = func(int) error { return fmt.Errorf("tables: %w", errWrong) }
		j := w.open()
		stop := run(w.t, j)
		job := w.start(j, order())
		synctest.Wait()
		if now, err := j.Get(job.ID, everybody); err != nil || now.State != jobs.Failed || !strings.Contains(now.Error, "filter") || now.Ended.IsZero() {
			t.Errorf("%+v, %v", now, err)
		}
		w.fail = func(int) error { return nil }
		next := w.start(j, order())
		synctest.Wait()
		w.isWhole(j, next.ID)
		stop()
		long := order()
		long.From = long.To.AddDate(-12, 0, 0)
		if _, err := j.Start(long, jobs.Owner{}); !errors.Is(err, jobs.ErrTooLong) {
			t.Error(err)
		}
		lost := order()
		lost.Store = "s3://nobody"
		if _, err := j.Start(lost, jobs.Owner{}); err == nil || !strings.Contains(err.Error(), "s3://nobody") {
			t.Error(err)
		}
		for range 48 {
			w.start(j, order())
		}
		if _, err := j.Start(order(), jobs.Owner{}); !errors.Is(err, jobs.ErrTooMany) {
			t.Error(err)
		}
	})
}

// TestExpires: a job and its file are there for a week, also across restarts.
func TestExpires(t *testing.T) {
	inBubble(t, func(w *world) {
		j := w.open()
		stop := run(w.t, j)
		job := w.start(j, order())
		<-time.After(jobs.Lifetime - time.Hour)
		synctest.Wait()
		stop()
		j = w.open()
		defer run(w.t, j)()
		w.isWhole(j, job.ID)
		<-time.After(time.Hour + 2*time.Minute)
		synctest.Wait()
		if left, err := os.ReadDir(w.dir); err != nil || len(left) > 0 || len(j.List(everybody)) > 0 {
			t.Errorf("%v, %v", left, err)
		}
	})
}

// TestStored: the file goes to the storage that was named, under its name.
func TestStored(t *testing.T) {
	inBubble(t, func(w *world) {
		store, err := objectstore.OpenDir(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		w.stores["s3://bucket"] = store
		j := w.open()
		defer run(w.t, j)()
		o := order()
		o.Store = "s3://bucket"
		job := w.start(j, o)
		other := w.start(j, o)
		synctest.Wait()
		if other.Order.Name == job.Order.Name || !strings.HasPrefix(job.Order.Name, "requests_") || !strings.HasSuffix(job.Order.Name, ".csv") {
			t.Errorf("objects %q and %q", job.Order.Name, other.Order.Name)
		}
		if now, err := j.Get(job.ID, everybody); err != nil || now.State != jobs.Done || now.Bytes != int64(len(whole)) {
			t.Fatalf("%+v, %v", now, err)
		}
		if _, _, err := j.File(job.ID, everybody); !errors.Is(err, jobs.ErrNotReady) {
			t.Errorf("the file is here, too: %v", err)
		}
		r, err := store.Get(t.Context(), job.Order.Name)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		if text, err := io.ReadAll(r); err != nil || string(text) != whole {
			t.Errorf("%q, %v", text, err)
		}
		<-time.After(jobs.Lifetime + 2*time.Minute)
		synctest.Wait()
		if left, err := store.List(t.Context(), ""); err != nil || len(left) != 2 || len(j.List(everybody)) != 0 {
			t.Errorf("after the jobs: %v, %v", left, err)
		}
	})
}

// storage takes objects, or does not.
type storage struct {
	put func(ctx context.Context, r io.Reader) error
}

// Put implements [objectstore.Writer].
func (s storage) Put(ctx context.Context, _ string, r io.Reader) error { return s.put(ctx, r) }

// Delete implements [objectstore.Writer].
func (s storage) Delete(context.Context, string) error { return nil }

// TestOthersGoFirst: a storage that refuses holds nobody up but its own order, which is
// carried out once it is taken.
func TestOthersGoFirst(t *testing.T) {
	inBubble(t, func(w *world) {
		var taken atomic.Bool
		w.stores["s3://bucket"] = storage{func(_ context.Context, r io.Reader) error {
			_, err := io.Copy(io.Discard, r)
			if !taken.Load() {
				return errors.New("access denied")
			}
			return err
		}}
		j := w.open()
		defer run(w.t, j)()
		o := order()
		o.Store = "s3://bucket"
		first := w.start(j, o)
		synctest.Wait()
		second := w.start(j, order())
		synctest.Wait()
		w.isWhole(j, second.ID)
		if now, err := j.Get(first.ID, everybody); err != nil || now.State != jobs.Waiting || now.Ready != 3 || !strings.Contains(now.Error, "denied") {
			t.Errorf("%+v, %v", now, err)
		}
		taken.Store(true)
		<-time.After(2 * time.Second)
		synctest.Wait()
		if now, err := j.Get(first.ID, everybody); err != nil || now.State != jobs.Done || now.Error != "" || now.Bytes != int64(len(whole)) {
			t.Errorf("%+v, %v", now, err)
		}
		if len(w.asked) != 6 {
			t.Errorf("parts were written again: %v", w.asked)
		}
	})
}

// TestStalled: a storage that takes nothing for minutes is asked anew; one that is only
// slow is waited for.
func TestStalled(t *testing.T) {
	inBubble(t, func(w *world) {
		tries := 0
		w.stores["s3://bucket"] = storage{func(ctx context.Context, r io.Reader) error {
			if tries++; tries == 1 {
				<-ctx.Done()
				return ctx.Err()
			}
			for one := make([]byte, 1); ; {
				select {
				case <-time.After(time.Minute):
				case <-ctx.Done():
					return ctx.Err()
				}
				if _, err := r.Read(one); err != nil {
					return nil //nolint:nilerr // the end of what is put
				}
			}
		}}
		j := w.open()
		defer run(w.t, j)()
		o := order()
		o.Store = "s3://bucket"
		job := w.start(j, o)
		<-time.After(6 * time.Minute)
		synctest.Wait()
		<-time.After(5 * time.Hour)
		synctest.Wait()
		if now, err := j.Get(job.ID, everybody); err != nil || now.State != jobs.Done || tries != 2 {
			t.Errorf("after %d tries: %+v, %v", tries, now, err)
		}
	})
}
