package admin

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway/control"
	"github.com/llm-hub/llm-hub/gateway/web"
)

// Topic is what a question is about.
type Topic string

// The topics, each at an address of its own.
const (
	AboutRequests  Topic = "requests"
	AboutFacets    Topic = "facets"
	AboutHistogram Topic = "histogram"
	AboutLatency   Topic = "latency"
	AboutErrors    Topic = "errors"
	AboutHealth    Topic = "health"
	AboutMovers    Topic = "movers"
	AboutRepriced  Topic = "repriced"
	AboutChanges   Topic = "changes"
)

// Scope says whose facts the asker may see; the zero Scope nobody's.
type Scope struct {
	Everyone bool
	Tenants  []events.TenantID
	// User narrows it to the traffic of one user of the tenants; empty: all of theirs.
	User string
}

// Sees tells whether facts of a user of a tenant are in the scope.
func (s Scope) Sees(t events.TenantID, user string) bool {
	return s.Everyone || slices.Contains(s.Tenants, t) && (s.User == "" || s.User == user)
}

// TrafficFilter says which traffic a question is about.
type TrafficFilter struct {
	Scope    Scope
	From, To time.Time // of admission; From is in the range, To is not
	Zone     *time.Location
	Where    map[Dimension][]string // one of these values

	// Of requests only.
	MinTotal, MinFirstByte time.Duration
	MinCost                int64 // nano-USD
}

// Question asks for an analysis. Which fields count depends on what it is about.
type Question struct {
	About Topic
	TrafficFilter
	GroupBy []Dimension
	Span    Dimension     // of AboutHistogram and AboutHealth
	By      Dimension     // of AboutMovers
	Metric  string        // of AboutMovers; empty: cost
	Compare TrafficPeriod // of AboutMovers
	// Prices is the configuration whose prices are meant, of AboutRepriced; nil: the one
	// in force.
	Prices *control.Catalog
	Cursor string // of AboutRequests; empty: from the newest on
	Limit  int    // of AboutRequests and AboutMovers; 0: the usual
}

// TrafficPeriod is a span of time, To exclusive; zero: none.
type TrafficPeriod struct{ From, To time.Time }

// requestDimensions can be filtered on in questions about requests, besides [names].
func requestDimensions() []Dimension {
	return []Dimension{"endpoint", "outcome", "status", "error", "reason", "node", "finish"}
}

func (a *API) questionRoutes() []web.Route {
	at := func(path string, about Topic) web.Route {
		return web.Route{Method: http.MethodGet, Path: path, Permission: web.Look, Handler: func(c echo.Context) error { return a.question(c, about) }}
	}
	return []web.Route{
		at("/api/v1/requests", AboutRequests),
		at("/api/v1/requests/facets", AboutFacets),
		at("/api/v1/requests/histogram", AboutHistogram),
		at("/api/v1/latency", AboutLatency),
		at("/api/v1/errors", AboutErrors),
		at("/api/v1/targets/health", AboutHealth),
		at("/api/v1/usage/movers", AboutMovers),
		{Method: http.MethodGet, Path: "/api/v1/usage/repriced", Permission: web.Look, Handler: a.repriced},
		{Method: http.MethodPost, Path: "/api/v1/usage/repriced", Permission: web.Inspect, Handler: a.repriced},
		{Method: http.MethodGet, Path: "/api/v1/targets/summaries", Permission: web.Inspect, Handler: a.summaries},
		{Method: http.MethodPost, Path: "/api/v1/simulate", Permission: web.Inspect, Handler: a.simulate},
		{Method: http.MethodPost, Path: "/api/v1/corrections/unpriced", Permission: web.Operate, Handler: a.priceUnpriced},
	}
}

func (a *API) question(c echo.Context, about Topic) error {
	p := newParams(c)
	q := readQuestion(p, about, time.Now())
	if err := p.done(); err != nil {
		return err
	}
	q.Scope = scopeOf(c)
	if a.cfg.Ask == nil {
		return absent("Analytics")
	}
	answer, err := a.cfg.Ask(c.Request().Context(), q)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, answer)
}

func readQuestion(p *params, about Topic, now time.Time) Question {
	q := Question{About: about}
	switch about {
	case AboutErrors, AboutHealth, AboutMovers: // asked of the ledger, too
		q.TrafficFilter = readFilter(p, now, names())
	default:
		q.TrafficFilter = readFilter(p, now, slices.Concat(names(), requestDimensions()))
		q.readBounds(p)
	}
	switch about {
	case AboutRequests:
		q.Cursor = p.text("cursor")
		q.Limit = int(p.number("limit", 1000))
	case AboutHistogram, AboutHealth:
		q.Span = Dimension(p.choice("span", "hour", "quarter_hour", "day", "week", "month"))
	case AboutLatency:
		if by := p.text("group_by"); by != "" {
			q.GroupBy = readGroups(p, strings.Split(by, ","), slices.Concat(names(), requestDimensions()))
		}
	case AboutMovers:
		q.By = Dimension(p.choice("by", "model", "tenant", "team", "user", "key", "provider", "credential", "upstream_model", "tag"))
		q.Metric = p.choice("metric", metrics()...)
		q.Limit = int(p.number("limit", 100))
		q.Compare = readCompare(p, q.TrafficFilter)
		if q.Compare == (TrafficPeriod{}) {
			q.Compare = TrafficPeriod{From: q.From.Add(-q.To.Sub(q.From)), To: q.From}
		}
	}
	return q
}

func metrics() []string {
	return []string{"cost", "requests", "attempts", "failures", "tokens", "input_tokens", "output_tokens"}
}

// readCompare reads the period to compare with: as long as the question's, if it
// does not say where it ends.
func readCompare(p *params, f TrafficFilter) TrafficPeriod {
	c := TrafficPeriod{From: p.moment("compare_from", f.Zone), To: p.moment("compare_to", f.Zone)}
	switch {
	case c.From.IsZero() && !c.To.IsZero():
		p.wrong("compare_to", "needs compare_from")
	case c.From.IsZero():
		return TrafficPeriod{}
	case c.To.IsZero():
		c.To = c.From.Add(f.To.Sub(f.From))
	case !c.From.Before(c.To):
		p.wrong("compare_from", "must be before compare_to")
	}
	return c
}

// readFilter reads what all questions have.
func readFilter(p *params, now time.Time, dimensions []Dimension) TrafficFilter {
	f := TrafficFilter{Zone: p.zone("time_zone")}
	f.From, f.To = p.moment("from", f.Zone), p.moment("to", f.Zone)
	if f.To.IsZero() {
		f.To = now
	}
	if f.From.IsZero() {
		f.From = f.To.Add(-defaultRange)
	}
	f.From, f.To = f.From.In(f.Zone), f.To.In(f.Zone)
	if !f.From.Before(f.To) {
		p.wrong("from", "must be before to")
	}
	f.readWhere(p, dimensions)
	return f
}

// readWhere reads the values of dimensions: lists with commas.
func (f *TrafficFilter) readWhere(p *params, dimensions []Dimension) {
	f.Where = map[Dimension][]string{}
	for _, d := range dimensions {
		if v := p.text(string(d)); v != "" {
			f.Where[d] = strings.Split(v, ",")
		}
	}
	for _, s := range f.Where["status"] {
		if n, err := strconv.ParseUint(s, 10, 16); err != nil || n > 599 {
			p.wrong("status", "%q is not an HTTP status like 502, or 0 for none", s)
		}
	}
	for _, s := range f.Where["outcome"] {
		if !slices.Contains(outcomes(), events.Outcome(s)) {
			p.wrong("outcome", "%q is not one of %v", s, outcomes())
		}
	}
}

// outcomes lists how requests end.
func outcomes() []events.Outcome {
	return []events.Outcome{events.Completed, events.Failed, events.Cancelled, events.Orphaned, events.Rejected}
}

// readBounds reads what only requests have.
func (f *TrafficFilter) readBounds(p *params) {
	f.MinTotal, f.MinFirstByte = p.milliseconds("min_total_ms"), p.milliseconds("min_first_byte_ms")
	f.MinCost = p.number("min_cost_nano_usd", 1<<62)
}

// number is a whole number from 1 to most, 0 if it is not given.
func (p *params) number(name string, most int64) int64 {
	s := p.text(name)
	if s == "" {
		return 0
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 1 || n > most {
		p.wrong(name, "%q is not a number from 1 to %d", s, most)
	}
	return n
}

func (p *params) milliseconds(name string) time.Duration {
	const most = int64(24 * time.Hour / time.Millisecond)
	return time.Duration(p.number(name, most)) * time.Millisecond
}
