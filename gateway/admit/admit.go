package admit

import (
	"errors"
	"hash/maphash"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway/control"
)

// Config configures an [Admitter]. All fields must be set.
type Config struct {
	Counters events.Watchable // the counters bucket
	Logger   *slog.Logger
	Now      func() time.Time
}

// Admitter decides whether requests may begin. All its methods may be called at once.
type Admitter struct {
	cfg      Config
	calendar calendar
	loaded   atomic.Bool // the counters have been read once
	seed     maphash.Seed
	stripes  [64]stripe
}

// stripe holds some of the accounts, so that no lock is shared by all requests.
type stripe struct {
	mu       sync.RWMutex
	accounts map[accounting.Scope]*account
}

// New makes an admitter. Hard limits refuse until [Admitter.Run] has read the counters.
func New(cfg Config) (*Admitter, error) {
	if cfg.Counters == nil || cfg.Logger == nil || cfg.Now == nil {
		return nil, errors.New("admit: Counters, Logger and Now must be set")
	}
	a := &Admitter{cfg: cfg, seed: maphash.MakeSeed()}
	for i := range a.stripes {
		a.stripes[i].accounts = map[accounting.Scope]*account{}
	}
	return a, nil
}

// Loaded tells whether the counters have been read.
func (a *Admitter) Loaded() bool { return a.loaded.Load() }

// Scoped is a scope and its limits.
type Scoped struct {
	Scope  accounting.Scope
	Limits []accounting.Limit
}

// maxScopes is how many scopes a request may have: one of each kind.
const maxScopes = 5

// Scopes are those of a request's scopes that have limits, in the order of
// [accounting.PrincipalScopes]; nil if none has.
func Scopes(c *control.Catalog, k *control.Key, p events.Principal) []Scoped {
	var ofUser, ofModel []accounting.Limit
	if k.User != nil {
		ofUser = k.User.Limits
	}
	if m := c.Models[p.Model]; m != nil {
		ofModel = m.Limits
	}
	if len(k.Tenant.Limits)+len(ofUser)+len(k.Limits)+len(ofModel) == 0 {
		return nil
	}
	var out []Scoped
	for _, s := range accounting.PrincipalScopes(k.Tenant.ID, p) {
		limits := k.Limits
		switch s.Kind {
		case accounting.TenantScope:
			limits = k.Tenant.Limits
		case accounting.UserScope:
			limits = ofUser
		case accounting.ModelScope:
			limits = ofModel
		default:
		}
		if len(limits) > 0 {
			out = append(out, Scoped{Scope: s, Limits: limits})
		}
	}
	return out
}

// CredentialScopes is the scope of an attempt at a vendor, if it has limits.
func CredentialScopes(c *control.Credential, t events.Target) []Scoped {
	if len(c.Limits) == 0 {
		return nil
	}
	return []Scoped{{Scope: accounting.TargetScope(t), Limits: c.Limits}}
}

// Request is what asks to begin.
type Request struct {
	Tenant   events.TenantID
	Scopes   []Scoped // kinds in the order of their constants, each at most once
	Estimate events.Charge
	At       time.Time // of admission, in the time zone that windows are counted in
}

// Admit takes the estimate from every limit, or from none and tells which refused.
func (a *Admitter) Admit(r Request) (*Reservation, *Refusal) {
	res := &Reservation{admitter: a, at: r.At}
	if len(r.Scopes) == 0 {
		return res, nil
	}
	if !a.loaded.Load() && needsCounters(r.Scopes) {
		return nil, &Refusal{}
	}
	res.windows, res.partition = a.calendar.at(r.At), events.PartitionOf(r.Tenant)
	res.held = accounting.Totals{Requests: 1, Attempts: 1, Usage: r.Estimate.Usage}
	if r.Estimate.CostNanoUSD != nil {
		res.held.Cost = *r.Estimate.CostNanoUSD
	}
	res.scopes = r.Scopes[:min(len(r.Scopes), maxScopes)]
	for i, s := range res.scopes {
		res.accounts[i] = a.account(s.Scope)
		res.accounts[i].mu.Lock() // in the order of kinds, so that no two requests wait for each other
	}
	refusal, notes := res.take(&r)
	for i := range res.scopes {
		res.accounts[i].mu.Unlock()
	}
	for _, n := range notes {
		n.log(a.cfg.Logger)
	}
	if refusal != nil {
		return nil, refusal
	}
	return res, nil
}

// needsCounters tells whether a hard limit depends on what was used before.
func needsCounters(scopes []Scoped) bool {
	for _, s := range scopes {
		for _, l := range s.Limits {
			if l.Mode == accounting.Hard && l.Of != accounting.OfConcurrency {
				return true
			}
		}
	}
	return false
}

func (a *Admitter) account(s accounting.Scope) *account {
	t := &a.stripes[maphash.String(a.seed, s.ID)%uint64(len(a.stripes))]
	t.mu.RLock()
	acc := t.accounts[s]
	t.mu.RUnlock()
	if acc != nil {
		return acc
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if acc = t.accounts[s]; acc == nil {
		acc = &account{kind: s.Kind}
		t.accounts[s] = acc
	}
	return acc
}
