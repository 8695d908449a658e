package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"time"

	api "github.com/llm-hub/llm-hub/client"
	"github.com/llm-hub/llm-hub/projector/export/jobs"
)

// lookEvery is how often a command looks how far its export is.
const lookEvery = 300 * time.Millisecond

// background has an export made in the background, says how far it is, and writes the file
// when it is there, unless another storage gets it. An export of a server goes on if the
// command is stopped.
func (c *exported) background(ctx context.Context, w world, what string, q url.Values) (err error) {
	hub, err := c.connect(ctx, w, false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, hub.close()) }()
	set(q, "store", c.Store)
	job, err := hub.job(ctx, message{method: http.MethodPost, path: path.Join("/api/v1/exports", what), query: q})
	if err != nil {
		return err
	}
	at := path.Join("/api/v1/exports", job.ID)
	told := -1
	for {
		if told != job.Ready {
			told = job.Ready
			fmt.Fprintf(w.err, "export %s: %d of %d parts, %d rows\n", job.ID, job.Ready, job.Parts, job.Rows)
		}
		switch job.State {
		case string(jobs.Failed):
			return usageError{errors.New(job.Error)}
		case string(jobs.Done):
			warnKept(w, job.Kept)
			return hub.fetch(ctx, w, job, at)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(lookEvery):
		}
		if job, err = hub.job(ctx, message{method: http.MethodGet, path: at}); err != nil {
			return err
		}
	}
}

// job makes a call that is answered by a job.
func (c *connection) job(ctx context.Context, m message) (job api.Export, err error) {
	resp, err := c.send(ctx, m)
	if err != nil {
		return job, err
	}
	defer resp.Body.Close()
	err = json.NewDecoder(resp.Body).Decode(&job)
	return job, err
}

// fetch writes the file of a job, which is not needed any more then.
func (c *connection) fetch(ctx context.Context, w world, job api.Export, at string) error {
	if job.Store != "" {
		_, err := fmt.Fprintf(w.out, "%s/%s\n", job.Store, job.Name)
		return err
	}
	resp, err := c.do(ctx, http.MethodGet, at+"/file", nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if n, err := io.Copy(w.out, resp.Body); err != nil || n != job.Bytes {
		return errors.Join(fmt.Errorf("%d of %d bytes of export %s came", n, job.Bytes, job.ID), err)
	}
	gone, err := c.do(ctx, http.MethodDelete, at, nil)
	if err != nil {
		return err
	}
	return gone.Body.Close()
}
