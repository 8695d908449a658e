package verify

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/llm-hub/llm-hub/projector"
)

// Defaults of [JobConfig].
const (
	DefaultEvery = time.Hour
	DefaultDelay = time.Minute
)

// JobConfig configures a [Job].
type JobConfig struct {
	Config // of what is verified; with Shares 0 everything is compared again within a day
	Logger *slog.Logger
	Every  time.Duration // from the start of a run to the next; 0 is DefaultEvery
	Delay  time.Duration // before the first run; 0 is DefaultDelay
	// Drifted is told of each run that found a difference, also of one that could not
	// be finished. It may be nil.
	Drifted func(Report)
}

// JobStatus is how a job is doing.
type JobStatus struct {
	Runs      uint64        // finished, also those that failed
	Failures  uint64        // that could not be done, or not whole
	Last      time.Time     // when the last run began, zero before the first
	Took      time.Duration // the last run
	OK        bool          // the last run was whole and found no difference
	Different int           // that the last run found
	Drift     Drift         // that the last run found
	Seq       uint64        // up to where it folded the log
	Err       error         // of the last run
}

// String is for messages to people.
func (s JobStatus) String() string {
	return fmt.Sprintf("%d runs, %d differences, up to %d", s.Runs, s.Different, s.Seq)
}

// Job verifies in the background, again and again.
type Job struct {
	cfg      JobConfig
	verifier *Verifier
	status   projector.Board[JobStatus]
}

// NewJob makes a job; Run runs it.
func NewJob(cfg JobConfig) (*Job, error) {
	if cfg.Logger == nil {
		return nil, errors.New("verify: Logger must be set")
	}
	if cfg.Every == 0 {
		cfg.Every = DefaultEvery
	}
	if cfg.Delay == 0 {
		cfg.Delay = DefaultDelay
	}
	if cfg.Every < 0 || cfg.Delay < 0 {
		return nil, errors.New("verify: Every and Delay must not be negative")
	}
	if cfg.Shares == 0 {
		cfg.Shares = sharesOf(cfg.Every)
	}
	verifier, err := New(cfg.Config)
	if err != nil {
		return nil, err
	}
	return &Job{cfg: cfg, verifier: verifier}, nil
}

// sharesOf is the number of runs in a day, within bounds.
func sharesOf(every time.Duration) int {
	const day, most = 24 * time.Hour, 1000
	return int(min(max(day/every, 1), most))
}

// Status tells how the job is doing.
func (j *Job) Status() JobStatus { return j.status.Get() }

// Wait returns as soon as until is true of the status.
func (j *Job) Wait(ctx context.Context, until func(JobStatus) bool) error {
	return j.status.Wait(ctx, until)
}

// Run verifies until ctx ends. It survives every error; [Job.Status] tells.
func (j *Job) Run(ctx context.Context) {
	timer := time.NewTimer(j.cfg.Delay)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
		case <-ctx.Done():
			return
		}
		began := time.Now()
		report, err := j.verifier.Run(ctx, nil)
		if ctx.Err() != nil {
			return
		}
		j.done(began, report, err)
		timer.Reset(max(0, time.Until(began.Add(j.cfg.Every))))
	}
}

func (j *Job) done(began time.Time, r Report, err error) {
	if err != nil {
		j.cfg.Logger.Warn("the books could not be verified", "error", err)
	}
	if r.Different > 0 {
		j.cfg.Logger.Error("the books are not what the log says", "differences", r.Different, "first", r.Differences[0].String())
		if j.cfg.Drifted != nil {
			j.cfg.Drifted(r)
		}
	}
	j.status.Set(func(s *JobStatus) {
		s.Runs++
		if err != nil {
			s.Failures++
		}
		s.Last, s.Took, s.OK, s.Err = began, time.Since(began), r.OK, err
		s.Different, s.Drift, s.Seq = r.Different, r.Drift, r.Seq
	})
}
