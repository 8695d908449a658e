package accounting

import (
	"github.com/llm-hub/llm-hub/events"
)

// ScopeKind is what a counter is kept for.
type ScopeKind string

// Kinds of scope. Those of a tenant live in one partition; model and credential
// cross tenants and so have one shard per partition, which readers add up.
const (
	TenantScope      ScopeKind = "tenant"
	TeamScope        ScopeKind = "team"
	UserScope        ScopeKind = "user"
	KeyScope         ScopeKind = "key"
	TenantModelScope ScopeKind = "tenant_model" // a logical model in a tenant
	ModelScope       ScopeKind = "model"
	CredentialScope  ScopeKind = "credential"
)

// Scope is one thing that usage is counted for.
type Scope struct {
	Kind ScopeKind
	ID   string // `acme`; `acme/ci` for a team, user or key; `acme/smart`; `smart`; `openai/main` for a credential
}

// Sharded tells whether the scope has one counter per partition.
func (s Scope) Sharded() bool { return s.Kind == ModelScope || s.Kind == CredentialScope }

// PrincipalScopes are the scopes a request is admitted under: tenant, team and user
// (if any), key, and logical model, in the tenant and altogether.
func PrincipalScopes(t events.TenantID, p events.Principal) []Scope {
	out := make([]Scope, 0, 7)
	out = append(out, Scope{TenantScope, string(t)})
	if p.Team != "" {
		out = append(out, Scope{TeamScope, string(t) + "/" + p.Team})
	}
	if p.User != "" {
		out = append(out, Scope{UserScope, string(t) + "/" + p.User})
	}
	return append(out, Scope{KeyScope, string(t) + "/" + p.Key}, Scope{TenantModelScope, string(t) + "/" + p.Model}, Scope{ModelScope, p.Model})
}

// TargetScope is the vendor credential an attempt is made with.
func TargetScope(t events.Target) Scope {
	return Scope{CredentialScope, t.Provider + "/" + t.Credential}
}

// Totals is what is counted for a scope in a window.
type Totals struct {
	Requests int64        `json:"requests,omitempty"` // requests admitted
	Attempts int64        `json:"attempts,omitempty"` // vendor calls that ended, counted for credentials and all scopes of the request
	Failures int64        `json:"failures,omitempty"` // of these, without an answer
	Usage    events.Usage `json:"usage,omitzero"`
	Cost     int64        `json:"cost_nano_usd,omitempty"`
	Unpriced int64        `json:"unpriced,omitempty"` // usage records whose price was unknown
}

// Plus adds two totals.
func (t Totals) Plus(u Totals) Totals {
	return Totals{
		Requests: t.Requests + u.Requests, Attempts: t.Attempts + u.Attempts, Failures: t.Failures + u.Failures,
		Usage: t.Usage.Plus(u.Usage), Cost: t.Cost + u.Cost, Unpriced: t.Unpriced + u.Unpriced,
	}
}

// Minus subtracts u.
func (t Totals) Minus(u Totals) Totals {
	return Totals{
		Requests: t.Requests - u.Requests, Attempts: t.Attempts - u.Attempts, Failures: t.Failures - u.Failures,
		Usage: t.Usage.Minus(u.Usage), Cost: t.Cost - u.Cost, Unpriced: t.Unpriced - u.Unpriced,
	}
}

// ChargeTotals is what one charge counts, whoever it is booked on.
func ChargeTotals(c events.Charge) Totals {
	if c.CostNanoUSD == nil {
		return Totals{Usage: c.Usage, Unpriced: 1}
	}
	return Totals{Usage: c.Usage, Cost: *c.CostNanoUSD}
}

// scopeKey is what the scopes of an entry depend on.
type scopeKey struct {
	tenant     events.TenantID
	principal  events.Principal
	provider   string // empty where no vendor is concerned
	credential string
}

// maxScopes bounds the memory of a scopeCache.
const maxScopes = 1 << 14

// scopeCache makes the scopes of an entry once for all entries that share them.
type scopeCache map[scopeKey][]Scope

func (c *scopeCache) of(k scopeKey) []Scope {
	if s, ok := (*c)[k]; ok {
		return s
	}
	if *c == nil || len(*c) >= maxScopes {
		*c = make(scopeCache)
	}
	s := PrincipalScopes(k.tenant, k.principal)
	if k.provider != "" {
		s = append(s, TargetScope(events.Target{Provider: k.provider, Credential: k.credential}))
	}
	(*c)[k] = s
	return s
}
