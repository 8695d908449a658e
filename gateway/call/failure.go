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
	unsent bool // the vendor cannot express the request and was not called
}

func (f *failure) Error() string {
	s := "vendor call: " + string(f.Class)
	if f.cause != nil {
		s += ": " + f.cause.Error()
	}
	return s
}

func (f *failure) Unwrap() error { return f.cause }

// brokenAnswer is a 2xx answer that cannot be understood, or that ended too early.
type brokenAnswer struct{ cause error }

func (b *brokenAnswer) Error() string { return "broken answer: " + b.cause.Error() }
func (b *brokenAnswer) Unwrap() error { return b.cause }

// abandoned tells whether err came of the client's hanging up.
func abandoned(err error) bool { return errors.Is(err, errHungUp) || errors.Is(err, errDrained) }

// classify says what kind of failure err is.
func classify(err error) provider.Failure {
	if e, ok := errors.AsType[*gateway.Error](err); ok {
		if class, known := classOf(e.Kind); known {
			return provider.Failure{
				Class: class, Message: e.Public, Param: e.Param, Code: e.Code, RetryAfter: e.RetryAfter,
			}
		}
	}
	if _, ok := errors.AsType[*brokenAnswer](err); ok {
		return provider.Failure{Class: provider.BadAnswer}
	}
	for _, late := range []error{errConnect, errFirstByte, errIdle, errTotal} {
		if errors.Is(err, late) {
			return provider.Failure{Class: provider.TimedOut}
		}
	}
	if n, ok := errors.AsType[net.Error](err); ok && n.Timeout() {
		return provider.Failure{Class: provider.TimedOut}
	}
	return provider.Failure{Class: provider.Connection}
}

// classOf is the class of a failure that an adapter has already understood.
func classOf(k gateway.Kind) (provider.FailureClass, bool) {
	switch k {
	case gateway.Invalid, gateway.TooLarge:
		return provider.ClientError, true
	case gateway.ContextLength:
		return provider.TooLong, true
	case gateway.ContentPolicy:
		return provider.Refused, true
	case gateway.RateLimited, gateway.UpstreamLimited:
		return provider.RateLimited, true
	case gateway.UpstreamTimeout:
		return provider.TimedOut, true
	case gateway.Internal:
		return provider.BadAnswer, true
	default:
		return "", false
	}
}

// explain makes of one failure the error that the client is told.
func explain(f provider.Failure, cause error) *gateway.Error {
	e := &gateway.Error{Public: f.Message, Param: f.Param, Code: f.Code, Cause: cause}
	switch f.Class {
	case provider.ClientError:
		e.Kind = gateway.Invalid
		e.Public = or(e.Public, "The vendor rejected the request.")
	case provider.TooLong:
		e.Kind = gateway.ContextLength
		e.Public = or(e.Public, "The prompt is too long for the model.")
	case provider.Refused:
		e.Kind = gateway.ContentPolicy
		e.Public = or(e.Public, "The vendor refused the content.")
	case provider.TimedOut:
		e = &gateway.Error{Kind: gateway.UpstreamTimeout, Public: "No vendor answered in time.", Cause: cause}
	case provider.RateLimited:
		e = &gateway.Error{Kind: gateway.UpstreamLimited, Public: "The vendor's rate limit is reached.", Cause: cause}
	case provider.ServerError, provider.Connection, provider.BadAnswer, provider.BadCredential, provider.Cut:
		e = &gateway.Error{Kind: gateway.UpstreamFailed, Public: "No vendor gave a whole answer.", Cause: cause}
	}
	return e
}

// nowhere is the error of a request that has no candidate left, until the first
// cooldown ends.
func nowhere(plan route.Plan, now time.Time) *gateway.Error {
	at, cooling := plan.RetryAt()
	if !cooling {
		return &gateway.Error{Kind: gateway.UpstreamFailed, Public: "No vendor accepts the gateway's credentials."}
	}
	return limited(at.Sub(now), nil)
}

// limited is the error of a request whose candidates are all rate limited.
func limited(wait time.Duration, cause error) *gateway.Error {
	return &gateway.Error{
		Kind: gateway.UpstreamLimited, Public: "Every vendor credential for this model is rate limited.",
		RetryAfter: max(wait, time.Second), Cause: cause,
	}
}

func or(s, otherwise string) string {
	if s != "" {
		return s
	}
	return otherwise
}
