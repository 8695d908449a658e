package admin

import (
	"context"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/gateway/control"
)

// Ledger is the counters as they were at an instant.
type Ledger struct {
	Seq      uint64 // of the log: everything up to it is counted
	Counters func(context.Context, accounting.Scope) ([]accounting.Counter, error)
}

// configuration reads the parameter at, and gives the configuration of that
// instant, for the eyes of whoever asks; of now without one.
func (a *API) configuration(c echo.Context, p *params) (*control.Moment, error) {
	at := p.instant(time.Now())
	if err := p.done(); err != nil {
		return nil, err
	}
	switch {
	case a.cfg.Control == nil:
		return nil, absent("The configuration")
	case at.IsZero():
		return a.cfg.Control.Now().As(rightsOf(c)), nil
	}
	then, err := a.cfg.Control.At(c.Request().Context(), at)
	if err != nil {
		return nil, err
	}
	return then.As(rightsOf(c)), nil
}

// instant is the parameter at.
func (p *params) instant(now time.Time) time.Time { return p.pastMoment("at", now) }

// pastMoment is a moment that is not in the future; zero: not given.
func (p *params) pastMoment(name string, now time.Time) time.Time {
	at := p.moment(name, time.UTC)
	if at.After(now) {
		p.wrong(name, "is in the future")
	}
	return at
}
