// Package gateway holds what every part of the gateway shares: the closed set of
// error kinds. The parts themselves are its folders: web serves HTTP, api speaks
// to applications, admin to operators, signin lets people in, auth and control know
// who may do what, admit keeps the limits, route chooses, call walks the plan, provider speaks to
// vendors, and record leaves the facts on the log.
package gateway

import (
	"errors"
	"net/http"
	"time"
)

// Kind classes an error. The set is closed; web maps each kind to one HTTP status
// and to each dialect's own error type.
type Kind string

// The kinds of error.
const (
	Internal        Kind = "internal"          // our own fault; the public text says no more
	Invalid         Kind = "invalid_request"   // the request is malformed or asks for what cannot be
	Unauthenticated Kind = "unauthenticated"   // no valid key
	Forbidden       Kind = "forbidden"         // a valid key without the right
	NotFound        Kind = "not_found"         // unknown model or route
	Conflict        Kind = "conflict"          // what is asked for contradicts what there is
	Stale           Kind = "stale"             // what is to be changed was changed since it was read
	TooLarge        Kind = "too_large"         // body over its limit
	HeadersTooLarge Kind = "headers_too_large" // headers over their limit
	RateLimited     Kind = "rate_limited"      // a request or token limit of ours refused
	OverBudget      Kind = "over_budget"       // a cost limit of ours refused
	ContextLength   Kind = "context_length"    // the prompt does not fit the model
	ContentPolicy   Kind = "content_policy"    // the vendor refused the content
	UpstreamLimited Kind = "upstream_limited"  // every vendor credential is rate limited
	UpstreamFailed  Kind = "upstream_failed"   // no vendor gave an answer
	UpstreamTimeout Kind = "upstream_timeout"  // no vendor answered in time
	Unavailable     Kind = "unavailable"       // we cannot serve now (log out of reach, overloaded, shutting down)
	Cancelled       Kind = "cancelled"         // the client went away
)

// statusCancelled is what a client that went away would have been told; there is
// no registered status for it.
const statusCancelled = 499

// Status is the kind's HTTP status, the same in every dialect.
func (k Kind) Status() int {
	switch k {
	case Invalid, ContextLength, ContentPolicy:
		return http.StatusBadRequest
	case Unauthenticated:
		return http.StatusUnauthorized
	case Forbidden:
		return http.StatusForbidden
	case NotFound:
		return http.StatusNotFound
	case Conflict:
		return http.StatusConflict
	case Stale:
		return http.StatusPreconditionFailed
	case TooLarge:
		return http.StatusRequestEntityTooLarge
	case HeadersTooLarge:
		return http.StatusRequestHeaderFieldsTooLarge
	case RateLimited, OverBudget, UpstreamLimited:
		return http.StatusTooManyRequests
	case UpstreamFailed:
		return http.StatusBadGateway
	case UpstreamTimeout:
		return http.StatusGatewayTimeout
	case Unavailable:
		return http.StatusServiceUnavailable
	case Cancelled:
		return statusCancelled
	case Internal:
		return http.StatusInternalServerError
	}
	return http.StatusInternalServerError
}

// Error is an error with a text fit for the client. Cause is for logs only.
type Error struct {
	Kind       Kind
	Public     string        // complete sentence for the client; never a secret, never a vendor's raw body
	Param      string        // the field at fault, if any
	Code       string        // machine-readable detail, e.g. model_not_found; empty: the kind's default
	RetryAfter time.Duration // 0: none
	Detail     any           // extra JSON for the body, e.g. which limit refused; nil: none
	Cause      error
}

// Error implements error with all that is known; do not show it to clients.
func (e *Error) Error() string {
	s := string(e.Kind) + ": " + e.Public
	if e.Cause != nil {
		s += ": " + e.Cause.Error()
	}
	return s
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Cause }

// AsError finds the *Error in err's chain; any other error becomes Internal.
func AsError(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return &Error{Kind: Internal, Public: "Internal error.", Cause: err}
}
