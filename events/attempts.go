package events

import "time"

// AttemptFailed is one vendor call that gave no answer.
type AttemptFailed struct {
	Principal
	Attempt   int    `json:"attempt"` // 1-based
	Target    Target `json:"target"`
	Class     string `json:"class"`            // rate_limited, server_error, timeout, connection, bad_answer, auth, client_error, cut
	Status    int    `json:"status,omitempty"` // the vendor's HTTP status, 0 if none
	Retryable bool   `json:"retryable"`
	TotalNS   int64  `json:"total_ns"`
}

// UpstreamRateLimited is a vendor's 429: the credential cools down.
type UpstreamRateLimited struct {
	Principal
	Attempt    int       `json:"attempt"`
	Target     Target    `json:"target"`
	RetryAfter int64     `json:"retry_after_ms"` // what the vendor asked for, 0 if it did not
	Until      time.Time `json:"until"`          // end of the cooldown
}

// RouteFallback is the step from a failed target to the next of the plan.
type RouteFallback struct {
	Principal
	Attempt int    `json:"attempt"` // the attempt that follows
	From    Target `json:"from"`
	To      Target `json:"to"`
	Reason  string `json:"reason"` // class of the failure
}

// Kind implements [Body].
func (AttemptFailed) Kind() Kind { return AttemptFailedKind }

// Kind implements [Body].
func (UpstreamRateLimited) Kind() Kind { return UpstreamRateLimitedKind }

// Kind implements [Body].
func (RouteFallback) Kind() Kind { return RouteFallbackKind }
