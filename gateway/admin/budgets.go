package admin

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/auth"
	"github.com/llm-hub/llm-hub/gateway/control"
)

// maxBudgets bounds how many limited scopes one answer is about.
const maxBudgets = 1000

// Budget is one limit, what is used of it, and where that leads.
type Budget struct {
	Scope accounting.ScopeKind `json:"scope"`
	ID    string               `json:"id"` // acme, acme/ci, smart, openai/main
	Limit accounting.Limit     `json:"limit"`
	Used  int64                `json:"used"` // of the window, by the counters; in the limit's unit
	Left  int64                `json:"left"` // at least 0

	Start    time.Time `json:"window_start,omitzero"`
	ResetAt  time.Time `json:"reset_at,omitzero"`
	PerDay   int64     `json:"per_day"`            // on average since the start of the window
	Forecast int64     `json:"forecast"`           // used at the end of the window at this pace
	EmptyAt  time.Time `json:"empty_at,omitzero"`  // when it is used up at this pace, if within the window
	Seq      uint64    `json:"as_of_seq,omitzero"` // of the log: the last change of the counter
}

// Limited is a scope with its limits.
type Limited struct {
	Scope  accounting.Scope
	Limits []accounting.Limit
}

// LimitedScopes lists what has a limit: of one tenant, or of all with what crosses
// tenants.
func LimitedScopes(c *control.Catalog, tenant events.TenantID) []Limited {
	var out []Limited
	add := func(kind accounting.ScopeKind, id string, limits []accounting.Limit) {
		if len(limits) > 0 {
			out = append(out, Limited{accounting.Scope{Kind: kind, ID: id}, limits})
		}
	}
	for _, id := range slices.Sorted(maps.Keys(c.Tenants)) {
		if tenant != "" && id != tenant {
			continue
		}
		t, name := c.Tenants[id], string(id)
		add(accounting.TenantScope, name, t.Limits)
		for _, model := range slices.Sorted(maps.Keys(t.ModelLimits)) {
			add(accounting.TenantModelScope, name+"/"+model, t.ModelLimits[model])
		}
		for _, m := range t.Teams {
			add(accounting.TeamScope, name+"/"+m.Name, m.Limits)
		}
		for _, u := range t.Users {
			add(accounting.UserScope, name+"/"+u.ID, u.Limits)
		}
		for _, k := range t.Keys {
			add(accounting.KeyScope, name+"/"+k.Name, k.Limits)
		}
	}
	if tenant != "" {
		return out
	}
	for _, name := range slices.Sorted(maps.Keys(c.Models)) {
		add(accounting.ModelScope, name, c.Models[name].Limits)
	}
	for _, name := range slices.Sorted(maps.Keys(c.Providers)) {
		for _, cred := range c.Providers[name].Credentials {
			add(accounting.CredentialScope, name+"/"+cred.Name, cred.Limits)
		}
	}
	return out
}

// BudgetsOf tells how the limits of a scope stand, by its counters: one, or one
// for each partition. now carries the zone that windows are counted in. Limits of
// concurrency are not kept in counters.
func BudgetsOf(l Limited, counters []accounting.Counter, now time.Time) []Budget {
	var out []Budget
	for _, limit := range l.Limits {
		if limit.Of == accounting.OfConcurrency {
			continue
		}
		b := Budget{Scope: l.Scope.Kind, ID: l.Scope.ID, Limit: limit}
		window := accounting.WindowAt(now, limit.Per)
		for _, c := range counters {
			b.Used += limit.Used(c.In(window))
			b.Seq = max(b.Seq, c.At.Seq)
		}
		pace := limit.PaceAt(b.Used, now)
		b.Left = max(0, limit.Max-max(0, b.Used))
		b.Start, b.ResetAt, b.PerDay, b.Forecast, b.EmptyAt = pace.Start, pace.End, pace.PerDay, pace.Forecast, pace.EmptyAt
		out = append(out, b)
	}
	return out
}

// Budgets is how all limits stand, or stood.
type Budgets struct {
	Rows     []Budget  `json:"rows"`
	TimeZone string    `json:"time_zone"`
	At       time.Time `json:"at,omitzero"`           // the instant that was asked for; absent: now
	Seq      uint64    `json:"as_of_seq,omitempty"`   // of the log: everything up to it was counted at that instant
	Control  uint64    `json:"control_seq,omitempty"` // of the control stream, likewise
}

// budgets answers how all limits stand, or stood at an instant. That is a fold of
// the log; with progress it is told as a job.
func (a *API) budgets(c echo.Context) error {
	p := newParams(c)
	tenant := events.TenantID(p.text("tenant"))
	if tenant != "" && !events.ValidID(string(tenant)) {
		p.wrong("tenant", "%q is not the id of a tenant", string(tenant))
	}
	at, told := p.instant(time.Now()), p.choice("progress", "false", "true") == "true"
	if told && at.IsZero() {
		p.wrong("progress", "is told of a past instant only: it needs at")
	}
	if err := p.done(); err != nil {
		return err
	}
	if a.cfg.Control == nil || a.cfg.Counters == nil || !at.IsZero() && a.cfg.Ledger == nil {
		return absent("The counters")
	}
	q := ledgerQuery{at: at, tenant: tenant, who: auth.From(c.Request().Context())}
	if q.who.Tenant != "" {
		q.tenant = q.who.Tenant
	}
	if told {
		return run(c, func(ctx context.Context, report func(any) error) (any, error) { return a.budgetsAt(ctx, q, report) })
	}
	var out Budgets
	var err error
	if at.IsZero() {
		q.at = time.Now()
		out, err = q.budgets(c.Request().Context(), a.cfg.Control.Live().Current(), a.cfg.Counters)
	} else {
		out, err = a.budgetsAt(c.Request().Context(), q, func(any) error { return nil })
	}
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, out)
}

type ledgerQuery struct {
	at     time.Time
	tenant events.TenantID
	who    auth.Person
}

// budgetsAt tells how the limits of an instant stood then.
func (a *API) budgetsAt(ctx context.Context, q ledgerQuery, report func(any) error) (Budgets, error) {
	then, err := a.cfg.Control.At(ctx, q.at)
	if err != nil {
		return Budgets{}, err
	}
	catalog, err := then.Catalog(ctx)
	if err != nil {
		return Budgets{}, err
	}
	ledger, err := a.cfg.Ledger(ctx, q.at, q.tenant, report)
	if err != nil {
		return Budgets{}, err
	}
	out, err := q.budgets(ctx, catalog, ledger.Counters)
	out.At, out.Seq, out.Control = q.at, ledger.Seq, then.Seq
	return out, err
}

func (q ledgerQuery) budgets(ctx context.Context, catalog *control.Catalog, counters countersFunc) (Budgets, error) {
	if q.tenant != "" && catalog.Tenants[q.tenant] == nil {
		return Budgets{}, &gateway.Error{Kind: gateway.NotFound, Param: "tenant", Public: "There is no such tenant."}
	}
	scopes := LimitedScopes(catalog, q.tenant)
	if !q.who.Everything() {
		scopes = slices.DeleteFunc(scopes, func(l Limited) bool { return !ownScope(catalog.Tenants[q.tenant], q.who.User, l.Scope) })
	}
	rows, err := allBudgets(ctx, scopes, counters, q.at.In(catalog.Location))
	return Budgets{Rows: rows, TimeZone: catalog.Location.String()}, err
}

type countersFunc func(context.Context, accounting.Scope) ([]accounting.Counter, error)

func allBudgets(ctx context.Context, scopes []Limited, counters countersFunc, now time.Time) ([]Budget, error) {
	if len(scopes) > maxBudgets {
		return nil, &gateway.Error{Kind: gateway.Invalid, Param: "tenant", Public: "So many scopes have a limit that a tenant must be named."}
	}
	out := []Budget{}
	for _, l := range scopes {
		have, err := counters(ctx, l.Scope)
		if err != nil {
			return nil, err
		}
		out = append(out, BudgetsOf(l, have, now)...)
	}
	return out, nil
}

// ownScope tells whether what is counted is one user's: theirs, or of a key or a team of theirs.
func ownScope(t *control.Tenant, user string, s accounting.Scope) bool {
	name := strings.TrimPrefix(s.ID, string(t.ID)+"/")
	switch {
	case user == "":
		return false
	case s.Kind == accounting.UserScope:
		return name == user
	case s.Kind == accounting.TeamScope:
		return slices.ContainsFunc(t.Teams, func(m *control.Team) bool { return m.Name == name && slices.Contains(m.Members, user) })
	case s.Kind == accounting.KeyScope:
		return slices.ContainsFunc(t.Keys, func(k *control.Key) bool { return k.Name == name && k.User != nil && k.User.ID == user })
	}
	return false
}
