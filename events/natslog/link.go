package natslog

import (
	"context"
	"errors"
	"sync"
)

var errDisconnected = errors.New("disconnected")

// link is the state of the connection, as the client's callbacks tell it.
type link struct {
	mu   sync.Mutex
	ctx  context.Context // ended when the connection is lost
	end  context.CancelCauseFunc
	next chan struct{} // closed at the next reconnection

	refusal error         // the permission last denied
	refused chan struct{} // closed when the first is
}

func (k *link) connected(parent context.Context) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.next != nil {
		k.end(errDisconnected)
		close(k.next)
	}
	k.ctx, k.end = context.WithCancelCause(parent)
	k.next = make(chan struct{})
}

func (k *link) lost() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.end(errDisconnected)
}

// deny notes that the server denied a permission. Whatever asked for it gets no
// answer and cannot know.
func (k *link) deny(err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.refusal == nil {
		close(k.refused)
	}
	k.refusal = err
}

// denied is the permission last denied, nil for none.
func (k *link) denied() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.refusal
}

// untilDenied is ctx, ended also when a permission is denied.
func (k *link) untilDenied(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		select {
		case <-k.refused:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}

// reconnection is closed at the next reconnection.
func (k *link) reconnection() <-chan struct{} {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.next
}

func (k *link) current() context.Context {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.ctx
}
