package query_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/projector/export"
	"github.com/llm-hub/llm-hub/projector/export/jobs"
	"github.com/llm-hub/llm-hub/projector/objectstore"
	"github.com/llm-hub/llm-hub/projector/query"
)

// exportJobs: what is exported in the background, part by part, is to the byte what is
// exported at once, and so what is on the pages.
func (w world) exportJobs(t *testing.T) {
	f := everything().Filter
	f.From = f.From.Add(-90 * time.Minute) // on no day
	write := func(ctx context.Context, o jobs.Order, p jobs.Part, to io.Writer) (out jobs.Content, err error) {
		part := f
		part.From, part.To = p.From, p.To
		begin := func(c []export.Column) (export.Writer, error) {
			w, err := export.NewWriter(to, o.Format, c)
			return counting{w, &out.Rows}, err
		}
		if o.What == "requests" {
			err = export.Requests(ctx, w.engine, query.RequestFilter{Filter: part}, begin)
			return out, err
		}
		a, err := w.engine.Usage(ctx, export.FocusQuestion(part))
		if err != nil {
			return out, err
		}
		err = export.Focus(a, begin)
		return out, err
	}
	j, err := jobs.Open(jobs.Config{
		Dir: t.TempDir(), Write: write, Final: func(error) bool { return true }, Log: slog.New(slog.DiscardHandler),
		Open: func(string) (objectstore.Writer, error) { return nil, io.EOF },
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); j.Run(ctx) }()
	defer func() { cancel(); <-ended }()
	for _, what := range []string{"requests", "focus"} {
		job, err := j.Start(jobs.Order{What: what, Format: export.CSV, From: f.From, To: f.To, Name: what}, jobs.Owner{Everyone: true})
		if err != nil {
			t.Fatal(err)
		}
		var got, want bytes.Buffer
		whole, err := write(t.Context(), job.Order, jobs.Part{From: f.From, To: f.To}, &want)
		if err != nil {
			t.Fatal(err)
		}
		job = awaitJob(t, j, job.ID)
		file, _, err := j.File(job.ID, func(jobs.Owner) bool { return true })
		if err != nil {
			t.Fatalf("%v: %+v", err, job)
		}
		defer file.Close()
		if _, err := got.ReadFrom(file); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want.String(), got.String()); diff != "" || job.Rows != whole.Rows || whole.Rows == 0 || job.Parts < 3 {
			t.Errorf("%s: %d rows in %d parts, want %d (-want +got):\n%s", what, job.Rows, job.Parts, whole.Rows, diff)
		}
	}
}

func awaitJob(t *testing.T, j *jobs.Jobs, id string) jobs.Job {
	t.Helper()
	for end := time.Now().Add(time.Minute); ; {
		job, err := j.Get(id, func(jobs.Owner) bool { return true })
		if err != nil || job.State == jobs.Done || job.State == jobs.Failed || time.Now().After(end) {
			return job
		}
		<-time.After(5 * time.Millisecond)
	}
}

type counting struct {
	export.Writer
	n *int64
}

// Row implements [export.Writer].
func (c counting) Row(values []any) error {
	*c.n++
	return c.Writer.Row(values)
}
