package record

import (
	"time"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/events/publish"
)

// Info is what every fact of a request repeats.
type Info struct {
	ID        events.RequestID
	Tenant    events.TenantID
	Principal events.Principal
	Endpoint  string
	Stream    bool
	At        time.Time // of admission, in the time zone that windows are counted in
}

// Request records the facts of one admitted request. It is for one goroutine.
type Request struct {
	recorder *Recorder
	info     Info

	admitted    *publish.Receipt
	usage       *publish.Receipt // of the last usage recorded
	billed      map[int]struct{} // attempts whose usage is recorded
	checkpoints int              // of the present attempt
	firstByte   time.Duration
	ended       bool
}

// Admit publishes the admission and begins the request. Every request that was
// admitted must be ended by [Request.Finish].
func (r *Recorder) Admit(info Info, estimate events.Charge, d events.Decision) (*Request, error) {
	q := &Request{recorder: r, info: info}
	receipt, err := q.publish(0, 0, events.RequestAdmitted{
		Principal: info.Principal, Endpoint: info.Endpoint, Stream: info.Stream, Estimate: estimate, Decision: d,
	})
	if err != nil {
		return nil, err
	}
	q.admitted = receipt
	r.cfg.Metrics.inflight.Inc()
	return q, nil
}

// publish states a fact of attempt, 0 for the request as a whole; n numbers
// facts of one kind and attempt, 0 for the only one.
func (q *Request) publish(attempt, n int, body events.Body) (*publish.Receipt, error) {
	return q.recorder.publish(events.Head{
		At: time.Now(), Tenant: q.info.Tenant, Request: q.info.ID, WindowAt: q.info.At, Attempt: attempt, N: n,
	}, body)
}

// AttemptFailed records a vendor call that gave no answer.
func (q *Request) AttemptFailed(f events.AttemptFailed) {
	f.Principal = q.info.Principal
	q.recorder.cfg.Metrics.attempt(f.Target.Provider, f.Class)
	_, _ = q.publish(f.Attempt, 0, f)
}

// RateLimited records a vendor's 429.
func (q *Request) RateLimited(l events.UpstreamRateLimited) {
	l.Principal = q.info.Principal
	_, _ = q.publish(l.Attempt, 0, l)
}

// Fallback records the step to another target.
func (q *Request) Fallback(b events.RouteFallback) {
	b.Principal = q.info.Principal
	_, _ = q.publish(b.Attempt, 0, b)
}

// Checkpoint records how far a stream has come; charge is cumulative.
func (q *Request) Checkpoint(attempt int, t events.Target, charge events.Charge) {
	q.checkpoints++
	_, _ = q.publish(attempt, q.checkpoints, events.UsageCheckpoint{
		Principal: q.info.Principal, Attempt: attempt, N: q.checkpoints, Target: t, Charge: charge,
	})
}

// Usage records what an attempt is billed for. Only the first call for an
// attempt counts; it tells whether this was it.
func (q *Request) Usage(u events.UsageRecorded) bool {
	if _, twice := q.billed[u.Attempt]; twice || q.ended {
		return false
	}
	if q.billed == nil {
		q.billed = map[int]struct{}{}
	}
	q.billed[u.Attempt] = struct{}{}
	u.Principal = q.info.Principal
	q.recorder.cfg.Metrics.usage(u.Target.Provider, u.Charge.Usage)
	q.usage, _ = q.publish(u.Attempt, 0, u)
	q.checkpoints = 0
	return true
}

// FirstByte notes that the vendor's answer began; only the first call counts.
func (q *Request) FirstByte() {
	if q.firstByte == 0 {
		q.firstByte = max(1, time.Since(q.info.At))
	}
}

// Finish records the end. Only the first call counts; it tells whether this was
// it. The recorder fills in what it knows: who, what, and the times.
func (q *Request) Finish(f events.RequestFinished) bool {
	if q.ended {
		return false
	}
	q.ended = true
	f.Principal, f.Endpoint, f.Stream = q.info.Principal, q.info.Endpoint, q.info.Stream
	f.FirstByteNS, f.TotalNS = int64(q.firstByte), int64(time.Since(q.info.At))
	q.recorder.cfg.Metrics.finish(f)
	_, _ = q.publish(0, 0, f)
	return true
}

// Admitted tells when the log has the admission.
func (q *Request) Admitted() *publish.Receipt { return q.admitted }

// LastUsage tells when the log has the usage recorded last, and so everything
// recorded before it; nil if none was.
func (q *Request) LastUsage() *publish.Receipt { return q.usage }
