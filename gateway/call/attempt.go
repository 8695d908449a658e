package call

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"sync"
	"sync/atomic"
	"time"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/admit"
	"github.com/llm-hub/llm-hub/gateway/control"
	"github.com/llm-hub/llm-hub/gateway/outbound"
	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/route"
)

// maxFailureBody bounds how much of a vendor's error is read, in bytes.
const maxFailureBody = 64 << 10

// requestHeader tells the vendor our request id, so that its records can be
// compared with ours.
const requestHeader = "X-Llmhub-Request"

// attempt is one call of a vendor.
type attempt struct {
	flight   *flight
	number   int // 1-based
	began    time.Time
	target   events.Target
	vendor   provider.Vendor
	auth     provider.Authorizer // nil: out has the key
	out      *provider.Outbound
	timeouts control.Timeouts

	ctx      context.Context // of the vendor call: the client's end does not end it, see leave
	patience *patience
	leaving  sync.Once
	sent     atomic.Bool        // the vendor may have read the request
	held     *admit.Reservation // of the credential's limits

	stream   provider.Stream // nil unless an answer is streaming
	received int64           // bytes of a whole answer that broke off
	charged  bool
}

// attempt calls the vendor of step and delivers its answer. A *failure means
// that the client has got nothing and another step may be tried.
func (f *flight) attempt(step route.Step) error {
	a := &attempt{flight: f, target: step.Target(), timeouts: step.Timeouts}
	if err := a.prepare(step); err != nil {
		return &failure{Failure: classify(err), target: a.target, cause: err, unsent: true}
	}
	if err := a.reserve(step); err != nil {
		return err
	}
	defer a.held.Release()
	if until, taken := f.cfg.Headroom.Take(a.target, f.need, step.LastResort); !taken {
		return &failure{
			Failure: provider.Failure{Class: provider.RateLimited}, target: a.target, until: until, cause: errShort, unsent: true, short: true,
		}
	}
	f.attempts++
	f.current, f.last, a.number, a.began = a, a.target, f.attempts, time.Now()
	f.turn(a.target)
	a.ctx, a.patience = newPatience(context.WithoutCancel(f.client.ctx), f.until)
	stop := context.AfterFunc(f.client.ctx, a.leave)
	f.client.hangUp = a.leave
	defer func() {
		stop()
		a.patience.giveUp(context.Canceled)
	}()
	return a.call()
}

func (a *attempt) prepare(step route.Step) error {
	a.vendor = a.flight.cfg.Vendors(step.Provider.Kind)
	if a.vendor == nil {
		return fmt.Errorf("provider %s: no vendor of kind %q", step.Provider.Name, step.Provider.Kind)
	}
	prepare := a.flight.req.Operation.of(a.vendor)
	if prepare == nil {
		return errUnable
	}
	in := a.flight.req.Inbound
	var err error
	a.auth = step.Credential.Authorizer
	a.out, err = prepare(in, place(step))
	if err == nil && in.Strict && len(a.out.Dropped) > 0 {
		return inexpressible(a.out.Dropped[0])
	}
	return err
}

// reserve takes the estimate from the limits of the vendor's credential.
func (a *attempt) reserve(step route.Step) error {
	f, now := a.flight, time.Now()
	held, refusal := f.cfg.Admitter.Admit(f.client.ctx, admit.Request{
		Tenant: f.req.Key.Tenant.ID, Scopes: admit.CredentialScopes(step.Credential, a.target),
		Estimate: f.reserved(a.target, f.estimate.Usage), At: f.at,
	})
	if refusal != nil {
		limit := refusal.Public()
		return &failure{
			Failure: provider.Failure{Class: provider.RateLimited}, target: a.target, until: now.Add(limit.RetryAfter),
			cause: limit, unsent: true,
		}
	}
	a.held = held
	return nil
}

// call makes the call.
func (a *attempt) call() error {
	res, err := a.send()
	if err != nil {
		return a.lost(err)
	}
	defer res.Body.Close()
	switch {
	case res.StatusCode/100 != 2:
		return a.refused(res)
	case a.flight.req.Inbound.Flows() && !a.isWhole(res):
		return a.streamed(res)
	default:
		return a.whole(res)
	}
}

// isWhole tells whether a vendor that was asked for a stream gave a whole answer, where
// that may be.
func (a *attempt) isWhole(res *http.Response) bool {
	return a.out.Unary != nil && checkEventStream(res.Header) != nil
}

// errShort: the vendor has said that its limits leave too little.
var errShort = errors.New("the vendor's rate limits leave too little")

// send makes the call that the vendor's limits have room for, and notes what the
// vendor says of them.
func (a *attempt) send() (res *http.Response, err error) {
	var said provider.RateLimits
	defer func() { a.flight.cfg.Headroom.Answered(a.target, a.flight.need, said) }()
	if res, err = a.roundTrip(); err == nil {
		said = provider.ReadRateLimits(res.Header, time.Now())
	}
	return res, err
}

func (a *attempt) roundTrip() (*http.Response, error) {
	a.patience.expect(a.timeouts.Connect, errConnect)
	dial := outbound.WithConnectTimeout(a.ctx, a.timeouts.Connect) // it dials on when we have lost patience
	ctx := httptrace.WithClientTrace(dial, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) {
		a.sent.Store(true)
		a.patience.expect(a.timeouts.FirstByte, errFirstByte)
	}})
	req, err := http.NewRequestWithContext(ctx, a.out.Method, a.out.URL, bytes.NewReader(a.out.Body))
	if err != nil {
		return nil, err
	}
	if a.out.Content != nil {
		body, size := a.out.Content()
		req.Body, req.ContentLength, req.GetBody = io.NopCloser(body), size, func() (io.ReadCloser, error) {
			again, _ := a.out.Content()
			return io.NopCloser(again), nil
		}
	}
	req.Header = a.out.Header
	req.Header.Set(requestHeader, string(a.flight.req.ID))
	if err := a.authorize(req.WithContext(dial)); err != nil {
		return nil, err
	}
	return a.flight.cfg.Transport.RoundTrip(req)
}

// refused reads an answer that is none.
func (a *attempt) refused(res *http.Response) error {
	body, err := io.ReadAll(io.LimitReader(a.body(res), maxFailureBody))
	if cause := context.Cause(a.ctx); cause != nil {
		return a.lost(cause)
	}
	understand := a.out.Failure
	if understand == nil {
		understand = a.vendor.Failure
	}
	f := understand(res.StatusCode, res.Header, body)
	return a.failed(*f, err)
}

// lost is a call that gave no answer, or one that broke before the client got
// any of it.
func (a *attempt) lost(err error) error {
	if cause := context.Cause(a.ctx); cause != nil {
		err = cause
	}
	if abandoned(err) {
		if a.sent.Load() {
			a.chargePart(a.progress())
		}
		return errHungUp
	}
	if p := a.progress(); p.Usage != nil || a.received > 0 {
		a.chargePart(p)
	}
	f := classify(err)
	if f.Class == provider.Cut {
		f.Class = provider.BadAnswer // the client has nothing of it, another may answer
	}
	return a.failed(f, err)
}

// failed records a failed call and what follows for its credential.
func (a *attempt) failed(f provider.Failure, cause error) error {
	return &failure{Failure: f, target: a.target, until: a.flight.note(a, f), cause: cause}
}

// progress is how far the answer has come. Of a whole answer that broke off only
// its size is known; it is never taken for more than was reserved.
func (a *attempt) progress() provider.Progress {
	if a.stream == nil {
		return provider.Progress{Output: min(provider.EstimateTokens(a.received), a.flight.estimate.Usage.Output)}
	}
	return a.stream.Progress()
}

// body reads the vendor's answer with our patience: the first byte falls under
// the wait that began with the call, every further one under the idle time.
func (a *attempt) body(res *http.Response) io.Reader {
	return &patientReader{r: res.Body, a: a}
}

type patientReader struct {
	r     io.Reader
	a     *attempt
	began bool
}

func (r *patientReader) Read(b []byte) (int, error) {
	if r.began {
		r.a.patience.expect(r.a.timeouts.Idle, errIdle)
	}
	n, err := r.r.Read(b)
	r.began = r.began || n > 0
	if r.began {
		r.a.patience.rest()
	}
	return n, err
}

// abandon ends an attempt whose own code panicked, as well as that code still can.
func (a *attempt) abandon(err *gateway.Error) {
	if a.stream == nil {
		return
	}
	quietly(func() { a.chargePart(a.stream.Progress()) })
	if !a.flight.client.begun() {
		return
	}
	if !quietly(func() { a.abort(err) }) {
		a.flight.client.tear()
	}
}

// abort ends a stream that the client has begun to get, as not whole.
func (a *attempt) abort(err *gateway.Error) {
	last := a.stream.Abort(err)
	if len(last) == 0 {
		a.flight.client.tear()
		return
	}
	a.flight.client.send(last)
}

// quietly tells whether f returned.
func quietly(f func()) (ok bool) {
	defer func() { ok = recover() == nil }()
	f()
	return true
}
