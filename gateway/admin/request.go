package admin

import (
	"net/http"
	"slices"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/auth"
	"github.com/llm-hub/llm-hub/gateway/route"
	"github.com/llm-hub/llm-hub/gateway/web"
)

// RequestStory is all that is known about one request.
type RequestStory struct {
	Story    any                     // anything that encodes as JSON
	Admitted *events.RequestAdmitted // nil: it was refused, or its beginning is not known
	At       time.Time               // of its admission
}

// Why is a routing decision, and the same decision taken again.
type Why struct {
	Request  events.RequestID `json:"request"`
	Model    string           `json:"model"` // logical
	At       time.Time        `json:"at"`
	Decision events.Decision  `json:"decision"`
	// Catalog is the version in force now. If it is not the decision's, Again says
	// what would be chosen now by what was known then.
	Catalog string           `json:"catalog_now"`
	Again   *events.Decision `json:"again,omitempty"`
	Same    bool             `json:"same"` // Again has the same plan
	Note    string           `json:"note,omitempty"`
	// Targets is how the targets of the decision did of late, for whoever may see what
	// the installation is made of.
	Targets *Summaries `json:"targets_now,omitempty"`
}

func (a *API) story(c echo.Context) (RequestStory, events.RequestID, error) {
	id := events.RequestID(c.Param("id"))
	if err := newParams(c).done(); err != nil {
		return RequestStory{}, id, err
	}
	if a.cfg.Story == nil {
		return RequestStory{}, id, absent("The log")
	}
	s, err := a.cfg.Story(c.Request().Context(), scopeOf(c), id)
	return s, id, err
}

func (a *API) request(c echo.Context) error {
	s, _, err := a.story(c)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, s.Story)
}

// why takes the decision about a request again, with the very function that took it.
func (a *API) why(c echo.Context) error {
	s, id, err := a.story(c)
	if err != nil {
		return err
	}
	if s.Admitted == nil {
		return &gateway.Error{Kind: gateway.NotFound, Public: "The log knows no routing decision about this request."}
	}
	w := Why{Request: id, Model: s.Admitted.Model, At: s.At, Decision: s.Admitted.Decision}
	a.explain(c, &w)
	if a.cfg.Control == nil {
		return absent("The configuration")
	}
	catalog := a.cfg.Control.Live().Current()
	w.Catalog = catalog.Version
	model := catalog.Models[w.Model]
	if model == nil {
		w.Note = "The logical model is not there any more."
		return c.JSON(http.StatusOK, w)
	}
	if catalog.Version != w.Decision.Catalog {
		w.Note = "The configuration has changed since: the plan is what it would be now, by what was known then."
	}
	plan, err := route.Decide(route.Again(w.Decision, model, w.At))
	if err != nil {
		return &gateway.Error{Kind: gateway.Internal, Public: "The decision cannot be taken again.", Cause: err}
	}
	plan.Decision.Catalog = catalog.Version
	w.Again, w.Same = &plan.Decision, slices.Equal(plan.Decision.Plan, w.Decision.Plan)
	return c.JSON(http.StatusOK, w)
}

// explain adds how the targets did of late, if that is known and for whoever asks.
func (a *API) explain(c echo.Context, w *Why) {
	ctx := c.Request().Context()
	if a.cfg.Summaries == nil || !auth.From(ctx).May(web.Inspect) {
		return
	}
	if s, err := a.cfg.Summaries(ctx); err == nil && !s.At.IsZero() {
		now := summariesAt(about(s, w.Decision), time.Now())
		w.Targets = &now
	}
}
