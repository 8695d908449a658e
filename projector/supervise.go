package projector

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Bounds of the pause between a failed session and the next.
const (
	retryMin = 50 * time.Millisecond
	retryMax = 5 * time.Second
	// steady is how long a session must have run for the next pause to be short again.
	steady = 10 * time.Second
)

// Supervisor runs a fold as a row of sessions: each loads what is stored, goes on
// from there and ends with an error, after which nothing in memory is trusted any
// more. Make it with [NewSupervisor].
type Supervisor struct {
	session func(ctx context.Context) error
	failed  func(err error)

	mu      sync.Mutex
	running context.CancelCauseFunc // ends the session that runs, nil if none does
	idle    chan struct{}           // closed while no session runs
	pauses  int
	wake    chan struct{} // closed and replaced when pauses falls to 0
}

// errPaused is the cause of a session's end by Pause.
var errPaused = errors.New("paused")

// NewSupervisor makes a supervisor of session. failed is told of every error but
// those of the context and of pauses.
func NewSupervisor(session func(ctx context.Context) error, failed func(err error)) *Supervisor {
	idle := make(chan struct{})
	close(idle)
	return &Supervisor{session: session, failed: failed, idle: idle, wake: make(chan struct{})}
}

// Run runs sessions until ctx ends. After an error it waits, longer each time;
// after a [*GuardError] for [GuardEvery], because that needs a person or a rebuild.
func (s *Supervisor) Run(ctx context.Context) {
	wait := retryMin
	for ctx.Err() == nil {
		started := time.Now()
		err := s.one(ctx)
		if ctx.Err() != nil || errors.Is(err, errPaused) {
			continue
		}
		s.failed(err)
		if time.Since(started) >= steady {
			wait = retryMin
		}
		var guard *GuardError
		if errors.As(err, &guard) {
			wait = GuardEvery
		}
		s.sleep(ctx, wait)
		wait = min(2*wait, retryMax)
	}
}

// one waits until nobody pauses and runs one session.
func (s *Supervisor) one(ctx context.Context) error {
	for {
		s.mu.Lock()
		if s.pauses == 0 {
			break
		}
		wake := s.wake
		s.mu.Unlock()
		select {
		case <-wake:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	idle := make(chan struct{})
	s.running, s.idle = cancel, idle
	s.mu.Unlock()
	defer func() {
		cancel(nil)
		s.mu.Lock()
		s.running = nil
		s.mu.Unlock()
		close(idle)
	}()
	err := s.session(ctx)
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	if err == nil {
		return errors.New("session ended without a reason")
	}
	return err
}

// sleep waits for d, or until a pause is over.
func (s *Supervisor) sleep(ctx context.Context, d time.Duration) {
	s.mu.Lock()
	wake := s.wake
	s.mu.Unlock()
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-wake:
	case <-ctx.Done():
	}
}

// Pause ends the session that runs and holds the next until resume is called.
// When it returns, nothing of the fold is under way any more.
func (s *Supervisor) Pause(ctx context.Context) (resume func(), err error) {
	s.mu.Lock()
	s.pauses++
	idle := s.idle
	if s.running != nil {
		s.running(errPaused)
	}
	s.mu.Unlock()
	resume = sync.OnceFunc(s.unpause)
	select {
	case <-idle:
		return resume, nil
	case <-ctx.Done():
		resume()
		return nil, fmt.Errorf("pause: %w", ctx.Err())
	}
}

func (s *Supervisor) unpause() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pauses--; s.pauses == 0 {
		close(s.wake)
		s.wake = make(chan struct{})
	}
}

// finishWithin is how long a write under way is given when its session ends.
const finishWithin = 5 * time.Second

// Finishing gives a context for a write that should not be cut short when ctx, of
// its session, ends: it ends some seconds later, or when done is called.
func Finishing(ctx context.Context) (finishing context.Context, done func()) {
	finishing, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		timer := time.AfterFunc(finishWithin, cancel)
		context.AfterFunc(finishing, func() { timer.Stop() })
	})
	return finishing, func() { stop(); cancel() }
}
