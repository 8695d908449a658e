package jobs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/llm-hub/llm-hub/projector/objectstore"
)

// Bounds of what is kept and tried.
const (
	mostParts  = 4000 // of a job: more than ten years of days
	mostJobs   = 50   // there at once
	firstPause = time.Second
	mostPause  = time.Minute
	sweepEvery = time.Minute
)

// The errors of an order, and of asking for a job.
var (
	ErrUnknown  = errors.New("there is no such export")
	ErrNotReady = errors.New("the export has no file, or not yet")
	ErrTooMany  = fmt.Errorf("there are %d exports already: delete some", mostJobs)
	ErrTooLong  = fmt.Errorf("the export would have more than %d parts: narrow the time", mostParts)
)

// Config configures [Jobs]. All fields but Now must be set.
type Config struct {
	Dir string // where jobs are kept
	// Write writes a whole file of one part in the order's format. Whether its error
	// may pass is what Final tells.
	Write func(ctx context.Context, o Order, p Part, to io.Writer) (Content, error)
	Final func(error) bool
	Open  func(location string) (objectstore.Writer, error)
	Now   func() time.Time // time.Now by default
	Log   *slog.Logger
}

// Content is what was written of a part.
type Content struct {
	Rows      int64
	KeptSince time.Time // nothing of before is in it, although it was asked for; zero: everything is
}

// Jobs are all jobs of a directory. Safe for concurrent use.
type Jobs struct {
	cfg  Config
	mu   sync.Mutex
	all  map[string]*Job
	stop map[string]context.CancelFunc // of the job that runs
	wake chan struct{}
}

// Open reads the jobs of a directory, which it makes if it is not there.
func Open(cfg Config) (*Jobs, error) {
	if cfg.Dir == "" || cfg.Write == nil || cfg.Final == nil || cfg.Open == nil || cfg.Log == nil {
		return nil, errors.New("export jobs: Dir, Write, Final, Open and Log must be set")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	j := &Jobs{cfg: cfg, all: map[string]*Job{}, stop: map[string]context.CancelFunc{}, wake: make(chan struct{}, 1)}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("export jobs: %w", err)
	}
	entries, err := os.ReadDir(cfg.Dir)
	if err != nil {
		return nil, fmt.Errorf("export jobs: %w", err)
	}
	for _, e := range entries {
		job, err := readJob(filepath.Join(cfg.Dir, e.Name()))
		if err != nil { // of a process that died before it had said what it is for
			cfg.Log.Warn("export ignored", "dir", e.Name(), "error", err)
			continue
		}
		if job.State == Running {
			job.State = Waiting
		}
		j.all[job.ID] = job
	}
	return j, nil
}

// Start orders an export.
func (j *Jobs) Start(o Order, by Owner) (Job, error) {
	job := &Job{Owner: by, Order: o, State: Waiting, Parts: len(o.parts()), Created: j.cfg.Now().UTC()}
	job.Expires = job.Created.Add(Lifetime)
	if job.Parts > mostParts {
		return Job{}, ErrTooLong
	}
	if o.Store != "" {
		if _, err := j.cfg.Open(o.Store); err != nil {
			return Job{}, err
		}
	}
	id, err := uuid.NewV7()
	if err != nil {
		return Job{}, err
	}
	job.ID = id.String()
	if o.Store != "" {
		job.Order.Name = ofItsOwn(o.Name, job.ID)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.all) >= mostJobs {
		return Job{}, ErrTooMany
	}
	if err := os.Mkdir(j.dir(job.ID), 0o700); err != nil {
		return Job{}, err
	}
	if err := j.save(job); err != nil {
		return Job{}, err
	}
	j.all[job.ID] = job
	j.rouse()
	return *job, nil
}

// ofItsOwn is the name of a job's object: no other job's, so that none takes the place of
// what another has handed over.
func ofItsOwn(name, id string) string {
	const last = 8 // of a UUID, random
	kind := filepath.Ext(name)
	return strings.TrimSuffix(name, kind) + "_" + id[len(id)-last:] + kind
}

// List tells of all jobs that sees lets through, newest first.
func (j *Jobs) List(sees func(Owner) bool) []Job {
	j.mu.Lock()
	defer j.mu.Unlock()
	out := []Job{}
	for _, job := range j.all {
		if sees(job.Owner) {
			out = append(out, *job)
		}
	}
	slices.SortFunc(out, func(a, b Job) int { return cmp.Compare(b.ID, a.ID) })
	return out
}

// Get tells of one job.
func (j *Jobs) Get(id string, sees func(Owner) bool) (Job, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	job := j.all[id]
	if job == nil || !sees(job.Owner) {
		return Job{}, ErrUnknown
	}
	return *job, nil
}

// File opens the file of a job that is done.
func (j *Jobs) File(id string, sees func(Owner) bool) (*os.File, Job, error) {
	job, err := j.Get(id, sees)
	if err != nil {
		return nil, job, err
	}
	if job.State != Done || job.Order.Store != "" {
		return nil, job, ErrNotReady
	}
	f, err := os.Open(j.file(id))
	return f, job, err
}

// Delete ends a job if it runs, forgets it and its file, and tells how far it was. What
// another storage has got stays there.
func (j *Jobs) Delete(id string, sees func(Owner) bool) (Job, error) {
	job, err := j.Get(id, sees)
	if err != nil {
		return Job{}, err
	}
	return job, j.forget(id)
}

func (j *Jobs) forget(id string) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if stop := j.stop[id]; stop != nil {
		stop()
	}
	delete(j.all, id)
	return os.RemoveAll(j.dir(id))
}

// Run carries out orders, one after the other, and removes what has expired, until ctx
// ends. An order that has to be tried again lets others go first.
func (j *Jobs) Run(ctx context.Context) {
	pauses := map[string]pause{}
	for {
		j.expire()
		id, wait := j.next(pauses)
		if id != "" {
			j.carryOut(ctx, id, pauses)
			if ctx.Err() != nil {
				return
			}
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-j.wake:
		case <-time.After(wait):
		}
	}
}

// pause is how long a job that failed waits before it is tried again.
type pause struct {
	length time.Duration
	until  time.Time
}

// rouse has Run look for work.
func (j *Jobs) rouse() {
	select {
	case j.wake <- struct{}{}:
	default:
	}
}

// next is the oldest job that is not over and has not to wait; empty if there is none,
// and then how long to wait before looking again.
func (j *Jobs) next(pauses map[string]pause) (first string, wait time.Duration) {
	j.mu.Lock()
	defer j.mu.Unlock()
	maps.DeleteFunc(pauses, func(id string, _ pause) bool { return j.all[id] == nil })
	now := j.cfg.Now()
	wait = sweepEvery
	for id, job := range j.all {
		if job.over() {
			continue
		}
		if left := pauses[id].until.Sub(now); left > 0 {
			wait = min(wait, left)
			continue
		}
		if first == "" || id < first {
			first = id
		}
	}
	return first, wait
}

func (j *Jobs) expire() {
	now := j.cfg.Now()
	for _, job := range j.List(func(Owner) bool { return true }) {
		if now.Before(job.Expires) {
			continue
		}
		if err := j.forget(job.ID); err != nil {
			j.cfg.Log.Error("an expired export stays", "id", job.ID, "error", err)
		}
	}
}

// carryOut does what is left of a job. What may pass is tried again after a while.
func (j *Jobs) carryOut(ctx context.Context, id string, pauses map[string]pause) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	j.mu.Lock()
	job := j.all[id]
	j.stop[id] = stop
	j.mu.Unlock()
	defer func() {
		j.mu.Lock()
		delete(j.stop, id)
		j.mu.Unlock()
	}()
	if job == nil {
		return
	}
	err := j.work(ctx, job)
	if err == nil || ctx.Err() != nil {
		delete(pauses, id)
		return
	}
	final := j.cfg.Final(err)
	saved := j.change(job, func(job *Job) {
		if job.State, job.Error = Waiting, err.Error(); final {
			job.State, job.Ended = Failed, j.cfg.Now().UTC()
		}
	})
	if final && saved == nil || errors.Is(saved, ErrUnknown) {
		delete(pauses, id)
		return
	}
	j.cfg.Log.Warn("an export has to wait", "id", id, "error", errors.Join(err, saved))
	length := min(max(2*pauses[id].length, firstPause), mostPause)
	pauses[id] = pause{length, j.cfg.Now().Add(length)}
}

// work writes the parts that are missing, and then the file.
func (j *Jobs) work(ctx context.Context, job *Job) error {
	if err := j.change(job, func(job *Job) { job.State = Running }); err != nil {
		return err
	}
	parts := job.Order.parts()
	for job.Ready < len(parts) {
		written, err := j.writePart(ctx, job, parts[job.Ready])
		if err != nil {
			return err
		}
		if err := j.change(job, func(job *Job) {
			job.Ready++
			job.Rows += written.Rows
			job.Bytes += written.bytes
			job.Kept = later(job.Kept, written.KeptSince)
			job.Error = ""
		}); err != nil {
			return err
		}
	}
	size, err := j.finish(ctx, job)
	if err != nil {
		return err
	}
	if err := j.change(job, func(job *Job) { job.State, job.Bytes, job.Ended, job.Error = Done, size, j.cfg.Now().UTC(), "" }); err != nil {
		return err
	}
	for i := range job.Parts {
		_ = os.Remove(j.part(job.ID, i)) // goes with the directory at the latest
	}
	return nil
}

// change changes a job, also on the disk, unless it was deleted.
func (j *Jobs) change(job *Job, change func(*Job)) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.all[job.ID] != job {
		return ErrUnknown
	}
	after := *job
	change(&after)
	if err := j.save(&after); err != nil {
		return err
	}
	*job = after
	return nil
}
