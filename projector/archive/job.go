package archive

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/llm-hub/llm-hub/projector"
)

// DefaultEvery is the time between two runs of a [Job].
const DefaultEvery = time.Minute

// JobConfig configures a [Job].
type JobConfig struct {
	Config
	Every time.Duration // from the end of a run to the start of the next; 0 is DefaultEvery
}

// JobStatus is how a job is doing.
type JobStatus struct {
	Report                 // of the last run
	Runs     uint64        // that ended
	Failures uint64        // of these
	Err      error         // of the last run
	Ended    time.Time     // the last run, zero before the first
	Took     time.Duration // the last run

	// Since the process started:
	AllArchived uint64 // messages
	AllTrimmed  uint64 // messages
}

// String is for messages to people.
func (s JobStatus) String() string {
	return fmt.Sprintf("%d runs, %d failed, archived to %d, trimmed to %d of %d", s.Runs, s.Failures, s.Archived, s.TrimmedTo, s.Last)
}

// Behind is the number of messages of the log that are not archived, as of the last run.
func (s JobStatus) Behind() uint64 { return s.Last - min(s.Archived, s.Last) }

// Job archives in the background.
type Job struct {
	archiver *Archiver
	every    time.Duration
	status   projector.Board[JobStatus]
}

// NewJob makes a job; Run runs it.
func NewJob(cfg JobConfig) (*Job, error) {
	if cfg.Every < 0 {
		return nil, errors.New("archive: Every must not be negative")
	}
	if cfg.Every == 0 {
		cfg.Every = DefaultEvery
	}
	a, err := NewArchiver(cfg.Config)
	return &Job{archiver: a, every: cfg.Every}, err
}

// Status tells how the job is doing.
func (j *Job) Status() JobStatus { return j.status.Get() }

// Wait returns as soon as until is true of the status.
func (j *Job) Wait(ctx context.Context, until func(JobStatus) bool) error {
	return j.status.Wait(ctx, until)
}

// Run archives until ctx ends. It survives every error; [Job.Status] tells.
func (j *Job) Run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
		case <-ctx.Done():
			return
		}
		began := time.Now()
		report, err := j.archiver.Run(ctx, false, nil)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			j.archiver.cfg.Logger.Error("the log could not be archived", "error", err)
		}
		j.status.Set(func(s *JobStatus) {
			s.Runs++
			if err != nil {
				s.Failures++
			}
			s.Report, s.Err, s.Ended, s.Took = report, err, time.Now(), time.Since(began)
			s.AllArchived += report.Messages
			s.AllTrimmed += report.Trimmed
		})
		timer.Reset(j.every)
	}
}
