package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	contract "github.com/llm-hub/llm-hub/client"
	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/admin"
	"github.com/llm-hub/llm-hub/projector/archive"
	"github.com/llm-hub/llm-hub/projector/objectstore"
	"github.com/llm-hub/llm-hub/projector/ownership"
)

// openArchive finds the archive: where it is said to be, else where the log was
// trimmed for. Then whole is the log with what is archived of it.
func (s *stores) openArchive(ctx context.Context, cfg storesConfig) error {
	location, known := cfg.Archive, ""
	if location == "" {
		var err error
		if known, err = archive.Location(ctx, s.log); err != nil {
			return err
		}
		location = known
	}
	if location != "" {
		location, err := absolute(location)
		if err != nil {
			return err
		}
		store, err := objectstore.Open(location, cfg.Env)
		switch {
		case err != nil && known == "":
			return usageError{fmt.Errorf("--archive: %w", err)}
		case err != nil: // what is in the stream can be read all the same
			cfg.Logger.Warn("the archive that the log was trimmed for cannot be opened", "error", err)
		default:
			s.archive = archive.New(store, location)
		}
	}
	s.whole = archive.NewLog(s.log, s.log, s.archive)
	return nil
}

// absolute is a location that means the same in every directory.
func absolute(location string) (string, error) {
	if strings.Contains(location, "://") {
		return location, nil
	}
	return filepath.Abs(location)
}

// archiver makes an archiver of this process's log.
func (h *localHub) archiver() archive.Config {
	return archive.Config{
		Stream: h.stores.log, Trimmer: h.stores.log, Bucket: h.stores.log, Archive: h.stores.archive, Logger: h.log, Retention: h.retention,
	}
}

// archiveAlways archives the log in the background, on one node at a time.
func (a *app) archiveAlways(ctx context.Context) error {
	a.hub.retention = a.cfg.LogRetention
	if a.cfg.Archive == "" {
		return nil
	}
	job, err := archive.NewJob(archive.JobConfig{Config: a.hub.archiver()})
	if err != nil {
		return err
	}
	a.hub.archiving = job
	owner, err := a.ownerOf(ctx, ownership.Archive)
	if err != nil {
		return err
	}
	a.work(ctx, "archive", shared{owner, ownership.Archive}, job.Run)
	describeArchive(a.registry, job.Status)
	return nil
}

// describeArchive shows how far the log is archived, where this node does it.
func describeArchive(reg *prometheus.Registry, status func() archive.JobStatus) {
	gauge(reg, "archive_sequence", "Sequence up to which the log is archived, as of the last run.", func() float64 { return float64(status().Archived) })
	gauge(reg, "archive_trimmed_sequence", "Sequence up to which the log is trimmed, as of the last run.", func() float64 { return float64(status().TrimmedTo) })
	gauge(reg, "archive_behind_messages", "Messages of the log that are not archived, as of the last run.", func() float64 { return float64(status().Behind()) })
	gauge(reg, "archive_runs", "Runs of the archiver since the start.", func() float64 { return float64(status().Runs) })
	gauge(reg, "archive_failures", "Runs of the archiver that failed, since the start.", func() float64 { return float64(status().Failures) })
	gauge(reg, "archive_failing", "1 while the last run of the archiver failed.", func() float64 { return truth(status().Err != nil) })
	gauge(reg, "archive_seconds", "Duration of the last run of the archiver.", func() float64 { return status().Took.Seconds() })
	gauge(reg, "archive_messages", "Messages archived since the start.", func() float64 { return float64(status().AllArchived) })
	gauge(reg, "archive_trimmed_messages", "Messages trimmed since the start.", func() float64 { return float64(status().AllTrimmed) })
}

// archives are the ports to the archive; none where there is no archive.
func (h *localHub) archives() admin.Archives {
	if h.stores.archive == nil {
		return admin.Archives{}
	}
	return admin.Archives{Status: h.archiveStatus, Run: h.archiveRun, Verify: h.archiveVerify}
}

func (h *localHub) archiveStatus(ctx context.Context) (any, error) {
	info, err := h.stores.log.Info(ctx)
	if err != nil {
		return nil, toOperator(err)
	}
	m, err := h.stores.archive.Manifest(ctx, info.Created)
	if err != nil {
		return nil, toOperator(err)
	}
	s := contract.Archive{
		Location: h.stores.archive.Location(), Segments: len(m.Segments), Last: info.Last, ArchivedTo: m.Last(), TrimmedTo: info.First - 1,
		Behind: info.Last - min(m.Last(), info.Last), RetentionSeconds: int64(h.retention.Seconds()),
	}
	for i, segment := range m.Segments {
		if i == 0 {
			s.Begin = segment.Begin
		}
		s.End = segment.End
		s.Events += segment.Events
		s.Bytes += segment.Bytes
		s.Stored += segment.Stored
	}
	if h.archiving != nil {
		job := h.archiving.Status()
		s.HeldBack, s.LastRun = job.Held, job.Ended
		if job.Err != nil {
			s.Error = job.Err.Error()
		}
	}
	return s, nil
}

// expect fails if somebody means another archive.
func (h *localHub) expect(location string) error {
	if have := h.stores.archive.Location(); location != "" && location != have {
		return &gateway.Error{Kind: gateway.Invalid, Param: "location", Public: "The archive of this hub is " + have + ", not " + location + "."}
	}
	return nil
}

func (h *localHub) archiveRun(ctx context.Context, location string, report func(any) error) (any, error) {
	if err := h.expect(location); err != nil {
		return nil, err
	}
	a, err := archive.NewArchiver(h.archiver())
	if err != nil {
		return nil, toOperator(err)
	}
	r, err := a.Run(ctx, true, func(p archive.Progress) { _ = report(p) }) // a client that is gone ends ctx
	return r, toOperator(err)
}

func (h *localHub) archiveVerify(ctx context.Context, location string, report func(any) error) (any, error) {
	if err := h.expect(location); err != nil {
		return nil, err
	}
	v, err := h.stores.whole.Verify(ctx, func(p archive.Progress) { _ = report(p) }) // a client that is gone ends ctx
	return v, toOperator(err)
}

type archiveCmd struct {
	Run    archiveRunCmd    `cmd:"" help:"Archive all of the log now, and trim what may be trimmed."`
	Status archiveStatusCmd `cmd:"" help:"How far the log is archived and trimmed."`
	Verify archiveVerifyCmd `cmd:"" help:"Read the whole archive; exit 1 if anything of it is missing or changed."`
}

// archiveAt names the archive.
type archiveAt struct {
	remote
	To string `help:"Where the archive is: a directory, or s3://bucket/prefix. The same as --archive." placeholder:"LOCATION"`
}

// locate gives the question of a command: which archive is meant.
func (c *archiveAt) locate() (url.Values, error) {
	if c.To != "" {
		c.Archive = c.To
	}
	q := url.Values{}
	if c.Archive == "" {
		return q, nil
	}
	location, err := absolute(c.Archive)
	if err != nil {
		return nil, err
	}
	c.Archive = location
	q.Set("location", location)
	return q, nil
}

type archiveRunCmd struct {
	archiveAt
	LogRetention time.Duration `help:"How long a message stays in the log though it is archived, when no server runs; 0: nothing is trimmed." env:"LLMHUB_LOG_RETENTION" default:"0"`
}

// Run archives.
func (c *archiveRunCmd) Run(ctx context.Context, w world) error {
	if c.LogRetention < 0 {
		return usageError{fmt.Errorf("--log-retention: %s is negative", c.LogRetention)}
	}
	c.retention = c.LogRetention
	result, err := c.job(ctx, w, "/api/v1/archive/run")
	if err != nil {
		return err
	}
	return printJSON(w.out, result)
}

// job runs a job of the archive, and tells its progress.
func (c *archiveAt) job(ctx context.Context, w world, path string) (result json.RawMessage, err error) {
	q, err := c.locate()
	if err != nil {
		return nil, err
	}
	m := message{method: http.MethodPost, path: path, query: q, logOnly: true}
	err = c.exchange(ctx, w, m, func(body io.Reader) (err error) {
		result, err = readResult(body, func(progress json.RawMessage) { fmt.Fprintf(w.err, "%s\n", progress) })
		return err
	})
	return result, err
}

type archiveStatusCmd struct{ archiveAt }

// Run prints the status.
func (c *archiveStatusCmd) Run(ctx context.Context, w world) error {
	if _, err := c.locate(); err != nil {
		return err
	}
	return c.look(ctx, w, "/api/v1/archive", nil, func(body io.Reader) error {
		b, err := io.ReadAll(body)
		return errors.Join(err, printJSON(w.out, b))
	})
}

type archiveVerifyCmd struct{ archiveAt }

// Run exits 1 if anything is wrong.
func (c *archiveVerifyCmd) Run(ctx context.Context, w world) error {
	result, err := c.job(ctx, w, "/api/v1/archive/verify")
	if err != nil {
		return err
	}
	var v archive.Verification
	if err := errors.Join(json.Unmarshal(result, &v), printJSON(w.out, result)); err != nil {
		return err
	}
	if !v.OK {
		return exitError(exitFailed)
	}
	return nil
}
