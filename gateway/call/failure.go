package call

import (
	"errors"
	"net"
	"time"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/route"
)

// failure is a step of the plan that gave no answer; the client has got nothing.
type failure struct {
	provider.Failure
	target events.Target
	until  time.Time // end of the cooldown it brought about, if any
	cause  error
	unsent bool // the vendor was not called: it cannot express the request, or a limit of the credential is reached
	short  bool // what is reached is a limit of the vendor's own, of which we know by its word
}

func (f *failure) Error() string {
	s := "vendor call: " + string(f.Class)
	if f.cause != nil {
		s += ": " + f.cause.Error()
	}
	return s
}

func (f *failure) Unwrap() error { return f.cause }

// abandoned tells whether err came of the client's hanging up.
func abandoned(err error) bool { return errors.Is(err, errHungUp) || errors.Is(err, errDrained) }

// classify says what kind of failure err is.
func classify(err error) provider.Failure {
	for _, late := range []error{errConnect, errFirstByte, errIdle, errTotal} {
		if errors.Is(err, late) {
			return provider.Failure{Class: provider.TimedOut}
		}
	}
	if f, ok := errors.AsType[*provider.Failure](err); ok {
		return *f
	}
	if e, ok := errors.AsType[*gateway.Error](err); ok && e.Kind == gateway.Invalid {
		return provider.Failure{Class: provider.ClientError, Message: e.Public, Param: e.Param, Code: e.Code}
	}
	if n, ok := errors.AsType[net.Error](err); ok && n.Timeout() {
		return provider.Failure{Class: provider.TimedOut}
	}
	return provider.Failure{Class: provider.Connection}
}

// public makes of one failure the error that the client is told.
func public(f provider.Failure, cause error) *gateway.Error {
	var e *gateway.Error
	switch f.Class {
	case provider.ClientError, provider.TooLong, provider.Refused:
		e = f.Public()
	case provider.TimedOut:
		e = &gateway.Error{Kind: gateway.UpstreamTimeout, Public: "No vendor answered in time."}
	case provider.RateLimited:
		e = &gateway.Error{Kind: gateway.UpstreamLimited, Public: "The vendor's rate limit is reached.", RetryAfter: f.RetryAfter}
	case provider.ServerError, provider.Connection, provider.BadAnswer, provider.BadCredential, provider.Cut:
		e = &gateway.Error{Kind: gateway.UpstreamFailed, Public: "No vendor gave a whole answer."}
	default:
		e = &gateway.Error{Kind: gateway.UpstreamFailed, Public: "No vendor gave an answer."}
	}
	e.Cause = cause
	return e
}

// nowhere is the error of a request that has no candidate left, until the first
// cooldown ends.
func nowhere(plan route.Plan) *gateway.Error {
	at, cooling := plan.RetryAt()
	if !cooling {
		return &gateway.Error{Kind: gateway.UpstreamFailed, Public: "No vendor accepts the gateway's credentials for this model."}
	}
	return limited(at, nil)
}

// limited is the error of a request whose candidates are all rate limited, the
// first of them until at.
func limited(at time.Time, cause error) *gateway.Error {
	return &gateway.Error{
		Kind: gateway.UpstreamLimited, Public: "Every vendor credential for this model is rate limited.",
		RetryAfter: max(time.Until(at), time.Second), Cause: cause,
	}
}
