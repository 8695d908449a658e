package admin

import (
	"slices"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway/auth"
)

// Bound is an end of a range of the log: a sequence or a moment; the zero Bound
// is the log's own.
type Bound struct {
	Seq  uint64
	Time time.Time // of the log's clock
}

// EventsQuery says which events are wanted. Empty fields are all.
type EventsQuery struct {
	From, To    Bound // both are in the range
	Tenant      events.TenantID
	Request     events.RequestID
	Kind        events.Kind
	DeadLetters bool // what could not be applied, in place of events
}

func (a *API) events(c echo.Context) error {
	p := newParams(c)
	q := EventsQuery{
		From: p.bound("from"), To: p.bound("to"),
		Tenant: events.TenantID(p.text("tenant")), Request: events.RequestID(p.text("request")),
		Kind:        events.Kind(p.text("kind")),
		DeadLetters: p.choice("dead_letters", "false", "true") == "true",
	}
	if q.From.Seq > 0 && q.To.Seq > 0 && q.To.Seq < q.From.Seq || !q.From.Time.IsZero() && !q.To.Time.IsZero() && q.To.Time.Before(q.From.Time) {
		p.wrong("from", "must not be after to")
	}
	if q.Tenant != "" && !events.ValidID(string(q.Tenant)) {
		p.wrong("tenant", "%q is not the id of a tenant", string(q.Tenant))
	}
	if q.Kind != "" && !slices.Contains(events.TrafficKinds(), q.Kind) {
		p.wrong("kind", "%q is not one of %v", string(q.Kind), events.TrafficKinds())
	}
	if err := p.done(); err != nil {
		return err
	}
	if who := auth.From(c.Request().Context()); who.Tenant != "" {
		if q.Tenant = who.Tenant; q.DeadLetters { // of all tenants
			return nothingHere()
		}
	}
	if a.cfg.Events == nil {
		return absent("The log")
	}
	w := newLineWriter(c)
	w.watch = a.watch(c)
	return w.end(a.cfg.Events(c.Request().Context(), q, w.line))
}
