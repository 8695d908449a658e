package jobs

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/llm-hub/llm-hub/projector/export"
)

func (j *Jobs) dir(id string) string { return filepath.Join(j.cfg.Dir, id) }

func (j *Jobs) file(id string) string { return filepath.Join(j.dir(id), "file") }

func (j *Jobs) part(id string, i int) string {
	return filepath.Join(j.dir(id), fmt.Sprintf("part-%d", i))
}

const jobFile = "job.json"

// save writes job.json. j.mu is held, or the job is not known yet.
func (j *Jobs) save(job *Job) error {
	text, err := json.Marshal(job)
	if err != nil {
		return err
	}
	return writeFile(filepath.Join(j.dir(job.ID), jobFile), func(w io.Writer) error {
		_, err := w.Write(text)
		return err
	})
}

func readJob(dir string) (*Job, error) {
	text, err := os.ReadFile(filepath.Join(dir, jobFile))
	if err != nil {
		return nil, err
	}
	job := &Job{}
	if err := json.Unmarshal(text, job); err != nil {
		return nil, err
	}
	if job.ID != filepath.Base(dir) || job.Parts != len(job.Order.parts()) {
		return nil, fmt.Errorf("%s is not of this directory", jobFile)
	}
	return job, nil
}

// writeFile writes a file that is there whole, and on the disk, or not at all.
func writeFile(path string, write func(io.Writer) error) error {
	f, err := os.Create(path + ".new")
	if err != nil {
		return err
	}
	err = write(f)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// written is what a part holds.
type written struct {
	Content
	bytes int64
}

func (j *Jobs) writePart(ctx context.Context, job *Job, p Part) (out written, err error) {
	path := j.part(job.ID, job.Ready)
	err = writeFile(path, func(to io.Writer) error {
		b := bufio.NewWriter(to)
		if out.Content, err = j.cfg.Write(ctx, job.Order, p, b); err != nil {
			return err
		}
		return b.Flush()
	})
	if err != nil {
		return written{}, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return written{}, err
	}
	out.bytes = info.Size()
	return out, nil
}

// finish makes one file of all parts, here or where the order says, and tells its size.
func (j *Jobs) finish(ctx context.Context, job *Job) (size int64, err error) {
	parts := make([]string, job.Parts)
	for i := range parts {
		parts[i] = j.part(job.ID, i)
	}
	if job.Order.Store == "" {
		err := writeFile(j.file(job.ID), func(to io.Writer) error { return export.Join(job.Order.Format, parts, to) })
		if err != nil {
			return 0, err
		}
		info, err := os.Stat(j.file(job.ID))
		if err != nil {
			return 0, err
		}
		return info.Size(), nil
	}
	return j.send(ctx, job, parts)
}

// send puts one file of all parts where the order says.
func (j *Jobs) send(ctx context.Context, job *Job, parts []string) (size int64, err error) {
	store, err := j.cfg.Open(job.Order.Store)
	if err != nil {
		return 0, err
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	stalled := time.AfterFunc(stallTime, func() { stop(errStalled) })
	defer stalled.Stop()
	r, w := io.Pipe()
	joined := make(chan struct{})
	go func() {
		defer close(joined)
		w.CloseWithError(export.Join(job.Order.Format, parts, w)) // nil is the end
	}()
	taken := &taken{from: r, more: func() { stalled.Reset(stallTime) }}
	err = store.Put(ctx, job.Order.Name, taken)
	r.CloseWithError(io.ErrClosedPipe) // if it has not read all: nobody writes for ever
	<-joined
	if err != nil && errors.Is(context.Cause(ctx), errStalled) {
		err = errStalled
	}
	return taken.n, err
}

// stallTime is how long a storage may take nothing of a file before it is tried again:
// a part of it is sent at once, so slower than 30 kB a second is too slow.
const stallTime = 5 * time.Minute

var errStalled = fmt.Errorf("the storage took nothing for %s", stallTime)

// taken counts what a storage takes, and tells whenever it takes more.
type taken struct {
	from io.Reader
	n    int64
	more func()
}

// Read implements io.Reader.
func (t *taken) Read(b []byte) (int, error) {
	n, err := t.from.Read(b)
	t.n += int64(n)
	t.more()
	return n, err
}
