package admin

import (
	"context"
	"strconv"

	"github.com/labstack/echo/v4"
)

// DeadQuery says which dead letters are applied again, by their sequences in the
// stream of dead letters.
type DeadQuery struct {
	From, To uint64 // both are in the range; 0 is the stream's own end
}

func (a *API) applyDead(c echo.Context) error {
	p := newParams(c)
	q := DeadQuery{From: p.sequence("from"), To: p.sequence("to")}
	if q.From > 0 && q.To > 0 && q.To < q.From {
		p.wrong("from", "must not be after to")
	}
	if err := p.done(); err != nil {
		return err
	}
	if a.cfg.ApplyDead == nil {
		return absent("Applying dead letters")
	}
	return run(c, func(ctx context.Context, report func(any) error) (any, error) { return a.cfg.ApplyDead(ctx, q, report) })
}

// sequence is a number from 1 on, 0 if it is not given.
func (p *params) sequence(name string) uint64 {
	s := p.text(name)
	if s == "" {
		return 0
	}
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil || n == 0 {
		p.wrong(name, "%q is not a sequence, which starts at 1", s)
	}
	return n
}
