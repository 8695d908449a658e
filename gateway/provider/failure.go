package provider

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"

	"github.com/llm-hub/llm-hub/gateway"
)

// Error implements error, so that a failure told inside a stream can be found in
// the chain of the *gateway.Error that [Stream.Next] returned.
func (f *Failure) Error() string {
	s := "vendor: " + string(f.Class)
	if f.Status != 0 {
		s += fmt.Sprintf(" (status %d)", f.Status)
	}
	if f.Message != "" {
		s += ": " + f.Message
	}
	return s
}

// Public is the failure as the client is told of it, when no other target helped.
func (f *Failure) Public() *gateway.Error {
	e := &gateway.Error{
		Kind: f.kind(), Public: f.Message, Param: f.Param, Code: f.Code,
		RetryAfter: f.RetryAfter, Cause: f,
	}
	if e.Kind == gateway.UpstreamFailed || e.Kind == gateway.UpstreamLimited || e.Kind == gateway.UpstreamTimeout {
		e.Param, e.Code = "", "" // they name what the client did not send
	}
	if e.Public == "" {
		e.Public = fmt.Sprintf("The vendor answered with status %d.", f.Status)
		if f.Status == 0 {
			e.Public = "The vendor failed: " + http.StatusText(e.Kind.Status()) + "."
		}
	}
	return e
}

func (f *Failure) kind() gateway.Kind {
	switch f.Class {
	case RateLimited:
		return gateway.UpstreamLimited
	case TimedOut:
		return gateway.UpstreamTimeout
	case ClientError:
		if f.Status == http.StatusNotFound { // what is asked for, not the model
			return gateway.NotFound
		}
		return gateway.Invalid
	case TooLong:
		return gateway.ContextLength
	case Refused:
		return gateway.ContentPolicy
	case ServerError, Connection, BadAnswer, BadCredential, Cut:
		return gateway.UpstreamFailed
	}
	return gateway.UpstreamFailed
}

// BadAnswerError is the error for a 2xx answer, or an event of a stream, that
// cannot be understood.
func BadAnswerError(cause error) *gateway.Error {
	return &gateway.Error{
		Kind: gateway.UpstreamFailed, Public: "The vendor's answer could not be understood.",
		Cause: fmt.Errorf("%w: %w", &Failure{Class: BadAnswer}, cause),
	}
}

// CutError is the error for a stream that ended before its wire format allows.
func CutError() *gateway.Error {
	return &gateway.Error{
		Kind: gateway.UpstreamFailed, Public: "The vendor's stream ended too early.", Cause: &Failure{Class: Cut},
	}
}

// ReadError is the error for a stream that could not be read on.
func ReadError(err error) *gateway.Error {
	e := &gateway.Error{
		Kind: gateway.UpstreamFailed, Public: "The vendor's stream broke off.",
		Cause: fmt.Errorf("%w: %w", &Failure{Class: Cut}, err),
	}
	timeout, ok := errors.AsType[net.Error](err)
	switch {
	case errors.Is(err, context.Canceled):
		e.Kind, e.Public = gateway.Cancelled, "The request was cancelled."
	case errors.Is(err, context.DeadlineExceeded), ok && timeout.Timeout():
		e.Kind, e.Public = gateway.UpstreamTimeout, "The vendor stopped sending."
	}
	return e
}
