package call

import (
	"errors"
	"math/rand/v2"
	"net/http"
	"slices"
	"time"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/route"
)

// How a step is tried again when the plan has no other.
const (
	firstBackoff = 250 * time.Millisecond // doubles with each call of the step
	maxBackoff   = 8 * time.Second
	maxAsked     = 30 * time.Second // a vendor that asks for more is not waited for
	leastTime    = time.Second      // no further attempt begins with less left
)

// try is what became of one step of the plan.
type try struct {
	calls   int
	failure *failure // of the last call; nil: not tried
}

// again tells whether the step may do better when called again, with so much time
// left. A time-out has used up the client's patience already, a cooldown is to be
// kept. A vendor that was spared because of its own limits is asked when no other
// is left: it has the last word.
func (t try) again(left time.Duration) bool {
	if t.failure.short {
		return true
	}
	if t.failure.unsent || t.failure.RetryAfter > min(maxAsked, left-leastTime) {
		return false
	}
	switch t.failure.Class {
	case provider.ServerError, provider.Connection, provider.BadAnswer:
		return true
	default:
		return false
	}
}

// walk tries the steps of the plan until one gives the client an answer.
func (f *flight) walk() error {
	for {
		i, ok := f.next()
		if !ok {
			return f.explain()
		}
		t := f.tries[i]
		if t.calls > 0 && !t.failure.short && !f.pause(t) {
			return errHungUp
		}
		step := f.plan.Steps[i]
		step.LastResort = step.LastResort || t.calls > 0
		err := f.attempt(step)
		failed, isFailure := errors.AsType[*failure](err)
		if !isFailure {
			return err
		}
		f.failed = failed
		f.tries[i] = try{calls: f.tries[i].calls + 1, failure: failed}
		if f.client.gone() {
			return errHungUp
		}
		if !failed.unsent && !failed.Class.Retryable() {
			return public(failed.Failure, failed)
		}
	}
}

// next is the step to try: each once, and then those that may do better again.
func (f *flight) next() (int, bool) {
	left := time.Until(f.until)
	if f.attempts >= route.MaxAttempts || f.attempts > 0 && left < leastTime {
		return 0, false
	}
	best := -1
	for i, t := range f.tries {
		if t.failure == nil {
			return i, true
		}
		if t.again(left) && (best < 0 || t.calls < f.tries[best].calls) {
			best = i
		}
	}
	return best, best >= 0
}

// pause waits before a step is called again: as long as its vendor asked, else
// with full jitter. It tells whether the client is still there.
func (f *flight) pause(t try) bool {
	wait := t.failure.RetryAfter
	if wait <= 0 {
		wait = rand.N(min(maxBackoff, firstBackoff<<(t.calls-1)))
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-f.client.ctx.Done():
		return false
	}
}

// turn records that the walk goes on with another target than before.
func (f *flight) turn(to events.Target) {
	if f.failed == nil || f.failed.target == to {
		return
	}
	f.facts.Fallback(events.RouteFallback{
		Attempt: f.attempts, From: f.failed.target, To: to, Reason: string(f.failed.Class),
	})
}

// note records a failed call, and what follows for its credential.
func (f *flight) note(a *attempt, failed provider.Failure) time.Time {
	receipt := f.facts.AttemptFailed(events.AttemptFailed{
		Attempt: a.number, Target: a.target, Class: string(failed.Class), Status: failed.Status,
		Retryable: failed.Class.Retryable(), TotalNS: int64(time.Since(a.began)),
	})
	if !a.charged { // else the attempt is counted with its usage
		a.settle(events.Charge{}, receipt)
	}
	switch failed.Class {
	case provider.RateLimited:
		until := f.cfg.Cooldowns.Limited(a.target, failed.RetryAfter)
		f.facts.RateLimited(events.UpstreamRateLimited{
			Attempt: a.number, Target: a.target, RetryAfter: failed.RetryAfter.Milliseconds(), Until: until.UTC(),
		})
		return until
	case provider.BadCredential:
		f.rest(a.target, failed.Status)
	default:
	}
	return time.Time{}
}

// rest leaves a target alone that its vendor refuses: all of the credential, but
// for 404, which speaks of the one model only.
func (f *flight) rest(t events.Target, status int) {
	what := "vendor refuses a credential, it is left alone for a while"
	if status == http.StatusNotFound {
		what = "vendor has no such model for a credential, it is left alone for a while"
		f.cfg.Cooldowns.Missing(t)
	} else {
		f.cfg.Cooldowns.Refused(t)
	}
	f.cfg.Logger.Warn(what, "provider", t.Provider, "credential", t.Credential, "model", t.Model, "status", status)
}

// explain makes the error of a walk that led nowhere: what the last vendor said,
// or, if every one is rate limited, when the first may be asked again.
func (f *flight) explain() error {
	if f.req.Operation.Local != nil && f.inexpressible() {
		return f.local()
	}
	last := f.failed
	at, all := f.plan.RetryAt()
	all = all || !slices.ContainsFunc(f.plan.Decision.Skipped, disabled)
	for _, t := range f.tries {
		switch {
		case t.failure == nil || t.failure.unsent && t.failure.Class != provider.RateLimited:
			continue
		case t.failure.Class != provider.RateLimited:
			all = false
		case at.IsZero() || t.failure.until.Before(at):
			at = t.failure.until
		}
		if last.unsent {
			last = t.failure
		}
	}
	if e := f.unchecked(); e != nil && last.unsent {
		return e
	}
	if all && last.Class == provider.RateLimited {
		return limited(at, last)
	}
	return public(last.Failure, last)
}

// inexpressible tells whether no vendor was called, because none can be told what is
// asked.
func (f *flight) inexpressible() bool {
	return !slices.ContainsFunc(f.tries, func(t try) bool {
		return t.failure == nil || !t.failure.unsent || t.failure.Class != provider.ClientError
	})
}

// disabled tells whether a candidate was left out that might have served, had its
// credential been accepted.
func disabled(s events.Skipped) bool { return s.Reason == route.ReasonDisabled }

// unchecked is the error of a credential whose limits cannot be checked now, nil if
// there is none.
func (f *flight) unchecked() *gateway.Error {
	for _, t := range f.tries {
		if t.failure == nil || !t.failure.unsent {
			continue
		}
		if e, ok := errors.AsType[*gateway.Error](t.failure.cause); ok && e.Kind == gateway.Unavailable {
			return e
		}
	}
	return nil
}
