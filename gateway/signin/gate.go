package signin

import (
	"context"
	"time"

	"github.com/llm-hub/llm-hub/gateway"
)

// How many runs of argon2id there are at once, so that memory and processor stay
// bounded whoever asks, and how many may wait.
const (
	maxRuns    = 2
	maxWaiting = 20
)

// gate lets few in at a time.
type gate struct {
	inside  chan struct{}
	present chan struct{} // inside or waiting
}

func newGate(inside, waiting int) *gate {
	return &gate{inside: make(chan struct{}, inside), present: make(chan struct{}, inside+waiting)}
}

// enter waits for a place; the place must be left again.
func (g *gate) enter(ctx context.Context) (leave func(), err error) {
	select {
	case g.present <- struct{}{}:
	default:
		return nil, &gateway.Error{Kind: gateway.RateLimited, Code: "sign_in_busy", Public: "Too many people sign in at the moment.", RetryAfter: time.Second}
	}
	select {
	case g.inside <- struct{}{}:
		return func() { <-g.inside; <-g.present }, nil
	case <-ctx.Done():
		<-g.present
		return nil, &gateway.Error{Kind: gateway.Cancelled, Public: "The request was cancelled.", Cause: ctx.Err()}
	}
}
