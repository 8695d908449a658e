package natslog

import (
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/llm-hub/llm-hub/events"
)

// Error codes of the server's API that callers branch on.
const (
	codeInsufficientResources jetstream.ErrorCode = 10023
	codeMessageNotFound       jetstream.ErrorCode = 10037
	codeStorageExceeded       jetstream.ErrorCode = 10047
	codeWrongLastSequence     jetstream.ErrorCode = 10071
	codeStoreFailed           jetstream.ErrorCode = 10077
	codeConstantLastSequence  jetstream.ErrorCode = 10164 // as 10071, while another write of the key is under way
)

// errMaxBytes is the server's word, with [codeStoreFailed], for a stream at its bound.
const errMaxBytes = "maximum bytes exceeded"

// failed says in the words of package events why doing what failed. An answer of
// the server is a refusal; no answer leaves open whether it was done.
func (l *Log) failed(what string, err error) error {
	if l.ctx.Err() != nil {
		return fmt.Errorf("%s: %w", what, events.ErrClosed)
	}
	var api *jetstream.APIError
	if !errors.As(err, &api) || api.ErrorCode == 0 {
		if l.cfg.Server != nil { // a store that cannot write does not answer
			if sick := l.cfg.Server.Healthy(); errors.Is(sick, events.ErrFull) {
				return fmt.Errorf("%s: %w: %w", what, sick, err)
			}
		}
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
