package query

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
)

// How many statements run at once. The client has 8 connections; what is left is for
// the writer and for whoever operates.
const (
	atOnce      = 6
	atOnceEach  = 3 // of askers with the same scope
	turnsWithin = 10 * time.Second
)

// ErrBusy says that a question's turn did not come in time: too many are asked at once.
var ErrBusy = fmt.Errorf("too many questions are asked at once: none of them ended within %s", turnsWithin)

// Turns lets statements run a few at once, and of each scope fewer: a tenant who asks
// much waits for himself, not others for him. Safe for concurrent use.
type Turns struct {
	querier Querier
	all     chan struct{}
	mu      sync.Mutex
	scopes  map[string]*scopeTurns // of whoever runs or waits
}

type scopeTurns struct {
	slots chan struct{}
	users int // that run or wait
}

// InTurn puts statements for q in turn.
func InTurn(q Querier) *Turns {
	return &Turns{querier: q, all: make(chan struct{}, atOnce), scopes: map[string]*scopeTurns{}}
}

// Query implements [Querier]. A caller that goes away gives up his turn.
func (t *Turns) Query(ctx context.Context, sql string, params map[string]any, row func(scan func(...any) error) error) error {
	scope := scopeIn(params)
	s := t.enter(scope)
	defer t.leave(scope, s)
	wait, cancel := context.WithTimeoutCause(ctx, turnsWithin, ErrBusy)
	defer cancel()
	for _, slots := range []chan struct{}{s.slots, t.all} { // one's own first: who waits for himself keeps nobody waiting
		select {
		case slots <- struct{}{}:
			defer func() { <-slots }()
		case <-wait.Done():
			if cause := context.Cause(wait); errors.Is(cause, ErrBusy) {
				return cause
			}
			return ctx.Err()
		}
	}
	return t.querier.Query(ctx, sql, params, row)
}

// scopeIn names the scope of a statement by what [Filter.conditions] binds; empty for
// everyone's.
func scopeIn(params map[string]any) string {
	tenants, _ := params[scopeParam].([]string)
	return strings.Join(tenants, " ")
}

func (t *Turns) enter(scope string) *scopeTurns {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.scopes[scope]
	if s == nil {
		s = &scopeTurns{slots: make(chan struct{}, atOnceEach)}
		t.scopes[scope] = s
	}
	s.users++
	return s
}

func (t *Turns) leave(scope string, s *scopeTurns) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if s.users--; s.users == 0 {
		delete(t.scopes, scope)
	}
}
