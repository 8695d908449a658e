// Package admin speaks to operators, under /api/v1. It checks what they ask and
// writes what they get; the work itself is done behind the ports of [Config],
// which cmd implements with the folds.
//
// A parameter that is unknown, given twice or wrong is an error that names it.
// Long answers are newline-delimited JSON and leave line by line; what goes wrong
// in the middle of one is its last line, `{"error": ...}`.
package admin

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/auth"
	"github.com/llm-hub/llm-hub/gateway/control"
	"github.com/llm-hub/llm-hub/gateway/web"
)

// Operator knows who operates.
type Operator interface {
	// Identify tells who makes a request. Its error is a *gateway.Error.
	Identify(r *http.Request) (auth.Person, error)
}

// Config is what the operator's API stands on. Operator and Status must be set; a
// port that is nil is answered with 503.
type Config struct {
	Operator Operator

	// Usage answers from the tables.
	Usage func(context.Context, UsageQuery) (UsageTable, error)
	// Ask answers the other questions about traffic; the answer is anything that encodes as JSON.
	Ask func(context.Context, Question) (answer any, err error)
	// Story tells everything about one request; of those outside the scope nothing is known.
	Story func(context.Context, Scope, events.RequestID) (RequestStory, error)
	// Tail hands over requests that end after a place in the log, the zero Place is
	// now, as anything that encodes as JSON, until ctx ends or emit fails.
	Tail func(ctx context.Context, f TrafficFilter, after Place, emit func(at Place, row any) error) error
	// Export writes a file.
	Export func(ctx context.Context, q ExportQuery, to File) error
	// Exports makes exports in the background.
	Exports *Exports
	// Counters reads what a scope has used: one counter, or one for each partition
	// that has one.
	Counters func(context.Context, accounting.Scope) ([]accounting.Counter, error)
	// Ledger folds the counters that there were at an instant: all, or those of a
	// tenant and what crosses tenants of its partition. Reports as in Verify.
	Ledger func(ctx context.Context, at time.Time, tenant events.TenantID, report func(any) error) (Ledger, error)
	// Migrate brings the schema of the tables up to date, if up, and tells where it
	// stands; anything that encodes as JSON.
	Migrate func(ctx context.Context, up bool) (any, error)
	// Events gives the log's events, or its dead letters, as lines of JSON without
	// their newline, in the order of the log. It ends with the range.
	Events func(ctx context.Context, q EventsQuery, emit func(line []byte) error) error
	// Verify compares the log with what was folded from it. Its reports and its
	// result are anything that encodes as JSON.
	Verify func(ctx context.Context, report func(any) error) (result any, err error)
	// Rebuild folds anew from the log and swaps; reports and result as in Verify.
	Rebuild func(ctx context.Context, what RebuildQuery, report func(any) error) (result any, err error)
	// ApplyDead publishes dead letters to be applied again; reports and result as in Verify.
	ApplyDead func(ctx context.Context, q DeadQuery, report func(any) error) (result any, err error)
	// Archive is the archive of the log.
	Archive Archives
	// Correct publishes a correction of what was recorded.
	Correct func(context.Context, CorrectionOrder) (Correction, error)
	// PriceUnpriced publishes corrections that give what was recorded without a price
	// the one in force; dry: it only tells. Reports and result as in Verify.
	PriceUnpriced func(ctx context.Context, q Question, dry bool, report func(any) error) (result any, err error)
	// Summaries tells how targets did of late; zero: nobody has told.
	Summaries func(context.Context) (events.Summaries, error)
	// Simulate runs recorded requests through a draft. Reports and result as in Verify.
	Simulate func(ctx context.Context, q SimulateQuery, report func(any) error) (result any, err error)
	// Control is the configuration and the commands that change it.
	Control *control.Plane
	// Prober calls vendors for their own sake.
	Prober Prober
	// Backup writes a backup.
	Backup func(ctx context.Context, to io.Writer) error
	// Signer signs the audit.
	Signer control.Signer
	// Rewrap wraps every data key by the master key that is first now; it returns
	// how many there are.
	Rewrap func(context.Context) (int, error)
	// Status describes the installation; anything that encodes as JSON.
	Status func(context.Context) (any, error)
	// Freshness is what of it is for everybody: how far what they are shown is behind.
	Freshness func(context.Context) (any, error)
}

// API holds the handlers.
type API struct {
	cfg   Config
	tails places // of live tails
}

// New makes the handlers.
func New(cfg Config) (*API, error) {
	if cfg.Operator == nil || cfg.Status == nil {
		return nil, errors.New("admin: Operator and Status must be set")
	}
	return &API{cfg: cfg}, nil
}

// Routes are the addresses.
func (a *API) Routes() []web.Route {
	return described(append(slices.Concat(contractRoutes(), a.questionRoutes(), a.exportRoutes(), a.objectRoutes(), a.lifeRoutes(), a.probeRoutes(), a.auditRoutes(), a.archiveRoutes()), []web.Route{
		{Method: http.MethodGet, Path: "/api/v1/usage", Permission: web.Look, Handler: a.usage},
		{Method: http.MethodGet, Path: "/api/v1/events", Permission: web.Review, Handler: a.events},
		{Method: http.MethodGet, Path: "/api/v1/requests/stream", Permission: web.Look, Handler: a.tail},
		{Method: http.MethodGet, Path: "/api/v1/requests/:id", Permission: web.Look, Handler: a.request},
		{Method: http.MethodGet, Path: "/api/v1/requests/:id/decision", Permission: web.Look, Handler: a.why},
		{Method: http.MethodGet, Path: "/api/v1/budgets", Permission: web.Look, Handler: a.budgets},
		{Method: http.MethodGet, Path: "/api/v1/migrations", Permission: web.Inspect, Handler: a.migrations},
		{Method: http.MethodPost, Path: "/api/v1/migrations", Permission: web.Administer, Handler: a.migrations},
		{Method: http.MethodGet, Path: "/api/v1/status", Permission: web.Look, Handler: a.status},
		{Method: http.MethodPost, Path: "/api/v1/verify", Permission: web.Operate, Handler: a.verify},
		{Method: http.MethodPost, Path: "/api/v1/rebuild", Permission: web.Operate, Handler: a.rebuild},
		{Method: http.MethodPost, Path: "/api/v1/dead-letters/apply", Permission: web.Operate, Handler: a.applyDead},
		{Method: http.MethodPost, Path: "/api/v1/corrections", Permission: web.Operate, Handler: a.correct},
		{Method: http.MethodPost, Path: "/api/v1/master-key/rewrap", Permission: web.Administer, Handler: a.rewrap},
		{Method: http.MethodGet, Path: "/api/v1/config", Permission: web.Administer, Handler: a.export},
		{Method: http.MethodGet, Path: "/api/v1/backup", Permission: web.Administer, Handler: a.backup},
		{Method: http.MethodPost, Path: "/api/v1/config", Permission: web.Administer, Handler: a.apply},
	}...))
}

// Guards hold every permission of this API: the request must come with a credential
// whose role has it.
func (a *API) Guards() map[web.Permission]web.Guard {
	guards := map[web.Permission]web.Guard{}
	for _, p := range web.Permissions() {
		guards[p] = func(c echo.Context) error { return a.guard(c, p) }
	}
	return guards
}

func (a *API) status(c echo.Context) error {
	if err := newParams(c).done(); err != nil {
		return err
	}
	status := a.cfg.Status
	if !auth.From(c.Request().Context()).May(web.Inspect) {
		status = a.cfg.Freshness
	}
	if status == nil {
		return absent("The status")
	}
	s, err := status(c.Request().Context())
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, s)
}

// absent is the error of a port that this process does not have.
func absent(what string) error {
	return &gateway.Error{Kind: gateway.Unavailable, Public: what + " is not available in this process."}
}
