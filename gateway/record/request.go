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
	checkpoints int              // of the attempt that streams; only one ever does
	firstByte   time.Duration
	ended       bool
}

// Admit publishes the admission and begins the request. Every request that was
// admitted must be ended by [Request.Finish].
func (r *Recorder) Admit(info Info, estimate events.Charge, d events.Decision) (*Request, error) {
	q := &Request{recorder: r, info: info}
	var err error
	q.admitted, err = r.publish(q.head(0, 0), events.RequestAdmitted{
		Principal: info.Principal, Endpoint: info.Endpoint, Stream: info.Stream, Estimate: estimate, Decision: d,
	})
	if err != nil {
		return nil, err
	}
	r.cfg.Metrics.inflight.Inc()
	return q, nil
}

// head is the envelope of a fact of attempt, 0 for the request as a whole; n
// numbers facts of one kind and attempt, 0 for the only one.
func (q *Request) head(attempt, n int) events.Head {
	return events.Head{
		At: time.Now(), Tenant: q.info.Tenant, Request: q.info.ID, WindowAt: q.info.At, Attempt: attempt, N: n,
	}
}

// publish states a fact. The receipt is nil if it could not be published.
func (q *Request) publish(attempt, n int, body events.Body) *publish.Receipt {
	receipt, err := q.recorder.publish(q.head(attempt, n), body)
	if err != nil {
		return nil
	}
	return receipt
}

// AttemptFailed records a vendor call that gave no answer. The receipt is nil if
// the fact could not be published.
func (q *Request) AttemptFailed(f events.AttemptFailed) *publish.Receipt {
	f.Principal = q.info.Principal
	q.recorder.cfg.Metrics.attempt(f.Target.Provider, f.Class)
	return q.publish(f.Attempt, 0, f)
}

// RateLimited records a vendor's 429.
func (q *Request) RateLimited(l events.UpstreamRateLimited) {
	l.Principal = q.info.Principal
	q.publish(l.Attempt, 0, l)
}

// Fallback records the step to another target.
func (q *Request) Fallback(b events.RouteFallback) {
	b.Principal = q.info.Principal
	q.publish(b.Attempt, 0, b)
}

// Checkpoint records how far a stream has come; charge is cumulative.
func (q *Request) Checkpoint(attempt int, t events.Target, charge events.Charge) {
	q.checkpoints++
	q.publish(attempt, q.checkpoints, events.UsageCheckpoint{
		Principal: q.info.Principal, Attempt: attempt, N: q.checkpoints, Target: t, Charge: charge,
	})
}

// Usage records what an attempt is billed for. Only the first call for an
// attempt counts. The receipt is nil if this was another, or if the fact could
// not be published.
func (q *Request) Usage(u events.UsageRecorded) *publish.Receipt {
	if _, twice := q.billed[u.Attempt]; twice || q.ended {
		return nil
	}
	if q.billed == nil {
		q.billed = map[int]struct{}{}
	}
	q.billed[u.Attempt] = struct{}{}
	u.Principal = q.info.Principal
	q.recorder.cfg.Metrics.usage(u.Target.Provider, u.Charge.Usage)
	q.usage = q.publish(u.Attempt, 0, u)
	return q.usage
}

// FirstByte notes that the vendor's answer began; only the first call counts.
func (q *Request) FirstByte() {
	if q.firstByte == 0 {
		q.firstByte = max(1, time.Since(q.info.At))
	}
}

// Finish records the end. Only the first call counts. The receipt is nil if this
// was another, or if the fact could not be published. The recorder fills in what it
// knows: who, what, and the times.
func (q *Request) Finish(f events.RequestFinished) *publish.Receipt {
	if q.ended {
		return nil
	}
	q.ended = true
	f.Principal, f.Endpoint, f.Stream = q.info.Principal, q.info.Endpoint, q.info.Stream
	f.FirstByteNS, f.TotalNS = int64(q.firstByte), int64(time.Since(q.info.At))
	q.recorder.cfg.Metrics.finish(f)
	return q.publish(0, 0, f)
}

// Admitted tells when the log has the admission.
func (q *Request) Admitted() *publish.Receipt { return q.admitted }

// LastUsage tells when the log has the usage recorded last, and so everything
// recorded before it; nil if none was.
func (q *Request) LastUsage() *publish.Receipt { return q.usage }
