package admin

import (
	"net/http"
	"slices"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/llm-hub/llm-hub/events"
)

// staleAfter is the age from which summaries say what was rather than what is.
const staleAfter = time.Minute

// Summaries is how targets did of late, and how old that word is.
type Summaries struct {
	events.Summaries
	Age   float64 `json:"age_seconds"`
	Stale bool    `json:"stale"` // no projector has renewed it: it says what was
}

// summaries answers how all targets did over 5 minutes, an hour and a day.
func (a *API) summaries(c echo.Context) error {
	if err := newParams(c).done(); err != nil {
		return err
	}
	if a.cfg.Summaries == nil {
		return absent("How targets did")
	}
	s, err := a.cfg.Summaries(c.Request().Context())
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, summariesAt(s, time.Now()))
}

func summariesAt(s events.Summaries, now time.Time) Summaries {
	if s.Targets == nil {
		s.Targets = []events.TargetSummary{}
	}
	age := max(now.Sub(s.At), 0)
	return Summaries{Summaries: s, Age: age.Seconds(), Stale: age > staleAfter}
}

// about are the summaries of the targets of a decision, planned or skipped.
func about(s events.Summaries, d events.Decision) events.Summaries {
	s.Targets = slices.DeleteFunc(slices.Clone(s.Targets), func(t events.TargetSummary) bool {
		return !slices.Contains(d.Plan, t.Target) &&
			!slices.ContainsFunc(d.Skipped, func(o events.Skipped) bool { return o.Target == t.Target })
	})
	return s
}
