package natslog

import (
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/llm-hub/llm-hub/events"
)

// Error codes of the server's API that callers branch on.
const (
	codeIncompleteResults     jetstream.ErrorCode = 10004
	codeClusterNotAvailable   jetstream.ErrorCode = 10008
	codeNotLeader             jetstream.ErrorCode = 10009
	codeInsufficientResources jetstream.ErrorCode = 10023
	codeMessageNotFound       jetstream.ErrorCode = 10037
	codeStorageExceeded       jetstream.ErrorCode = 10047
	codeWrongLastSequence     jetstream.ErrorCode = 10071
	codeStoreFailed           jetstream.ErrorCode = 10077
	codeStreamOffline         jetstream.ErrorCode = 10118
	codeDuplicateInProcess    jetstream.ErrorCode = 10158 // the same id again before the first has an answer
	codeConstantLastSequence  jetstream.ErrorCode = 10164 // as 10071, while another write of the key is under way
	codeTooManyRequests       jetstream.ErrorCode = 10167
	codeIncompleteBatch       jetstream.ErrorCode = 10176 // its beginning was lost with a connection or a leader
	codeTooManyBatches        jetstream.ErrorCode = 10210
)

// errMaxBytes is the server's word, with [codeStoreFailed], for a stream at its bound.
const errMaxBytes = "maximum bytes exceeded"

// passing tells whether a refusal is about the cluster's state at the moment, as
// between two leaders, and not about what was asked.
func passing(code jetstream.ErrorCode) bool {
	switch code {
	case codeIncompleteResults, codeClusterNotAvailable, codeNotLeader, codeStreamOffline,
		codeDuplicateInProcess, codeTooManyRequests, codeIncompleteBatch, codeTooManyBatches:
		return true
	}
	return false
}

// failed says in the words of package events why doing what failed. An answer of
// the server is a refusal; no answer leaves open whether it was done.
func (c *client) failed(what string, err error) error {
	if c.ctx.Err() != nil {
		return fmt.Errorf("%s: %w", what, events.ErrClosed)
	}
	var api *jetstream.APIError
	if !errors.As(err, &api) || api.ErrorCode == 0 {
		if c.server != nil { // a store that cannot write does not answer
			if sick := c.server.Healthy(); errors.Is(sick, events.ErrFull) {
				return fmt.Errorf("%s: %w: %w", what, sick, err)
			}
		}
		return fmt.Errorf("%s: %w: %w", what, events.ErrUnavailable, err)
	}
	if passing(api.ErrorCode) {
		return fmt.Errorf("%s: %w: %w", what, events.ErrUnavailable, err)
	}
	switch api.ErrorCode {
	case codeWrongLastSequence, codeConstantLastSequence:
		return fmt.Errorf("%s: %w: %w", what, events.ErrConflict, err)
	case codeMessageNotFound:
		return fmt.Errorf("%s: %w", what, events.ErrNoMessage)
	case codeInsufficientResources, codeStorageExceeded:
		return fmt.Errorf("%s: %w: %w", what, events.ErrFull, err)
	case codeStoreFailed:
		if api.Description == errMaxBytes {
			return fmt.Errorf("%s: %w: %w", what, events.ErrFull, err)
		}
	}
	return fmt.Errorf("%s: %w", what, err)
}
