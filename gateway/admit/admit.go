package admit

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway/control"
)

// Counters is the bucket of counters: followed, and read when a node has died.
type Counters interface {
	events.Watchable
	Get(ctx context.Context, key string) (events.Entry, error)
}

// Config configures an [Admitter]. All fields must be set unless they say otherwise.
type Config struct {
	Counters Counters
	Leases   events.Bucket // the bucket of leases
	Node     events.NodeID
	Epoch    events.Epoch     // of this process: it holds leases as `<node>.<epoch>`
	TTL      time.Duration    // of a lease, at least a second; 0 is 30 s
	Now      func() time.Time // with a monotonic reading, as time.Now gives
	Logger   *slog.Logger
}

func (c *Config) check() error {
	switch {
	case c.Counters == nil || c.Leases == nil || c.Logger == nil || c.Now == nil:
		return errors.New("admit: Counters, Leases, Logger and Now must be set")
	case c.Node == "" || c.Epoch == "":
		return errors.New("admit: Node and Epoch must be set")
	case c.TTL != 0 && c.TTL < leastTTL:
		return fmt.Errorf("admit: TTL: %s is less than %s", c.TTL, leastTTL)
	}
	return nil
}

// Admitter decides whether requests may begin. All its methods may be called at once.
type Admitter struct {
	cfg      Config
	me       accounting.HolderID
	start    time.Time
	calendar calendar
	seed     maphash.Seed
	stripes  [64]stripe

	loaded  atomic.Bool // the counters have been read once
	ended   atomic.Bool // lost is closed
	closing atomic.Bool
	lost    chan struct{}
	over    [events.Partitions]atomic.Pointer[accounting.Over]
	bury    atomic.Bool // there may be leases of the dead

	exchanges, failures, conflicts atomic.Uint64

	returning sync.WaitGroup // reservations that wait to be given back
	wake      chan struct{}  // something is in queue
	queue     struct {
		mu  sync.Mutex
		due []*account
	}
}

// stripe holds some of the accounts, so that no lock is shared by all requests.
type stripe struct {
	mu       sync.RWMutex
	accounts map[accounting.Scope]*account
}

// New makes an admitter. Hard limits refuse until [Admitter.Run] has read the counters.
func New(cfg Config) (*Admitter, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	cfg.TTL = cmp.Or(cfg.TTL, defaultTTL)
	a := &Admitter{
		cfg: cfg, me: accounting.NewHolderID(cfg.Node, cfg.Epoch), start: cfg.Now(), seed: maphash.MakeSeed(),
		lost: make(chan struct{}), wake: make(chan struct{}, 1),
	}
	for i := range a.stripes {
		a.stripes[i].accounts = map[accounting.Scope]*account{}
	}
	return a, nil
}

// Lost is closed when everybody else takes this process for dead: its epoch is
// over, what it held is given to others, and it admits nothing any more. Stop the
// process; its next start has another epoch.
func (a *Admitter) Lost() <-chan struct{} { return a.lost }

// Status is how the admitter is doing, since its start.
type Status struct {
	Exchanges uint64 // of leases with the store
	Failures  uint64 // of these, that did not come to an end
	Conflicts uint64 // tries that another node was faster than
}

// Status tells how the admitter is doing.
func (a *Admitter) Status() Status {
	return Status{Exchanges: a.exchanges.Load(), Failures: a.failures.Load(), Conflicts: a.conflicts.Load()}
}

// Loaded tells whether the counters have been read.
func (a *Admitter) Loaded() bool { return a.loaded.Load() }

// Scoped is a scope and its limits.
type Scoped struct {
	Scope  accounting.Scope
	Limits []accounting.Limit
}

// maxScopes is how many scopes a request may have: one of each kind.
const maxScopes = 7

// Scopes are those of a request's scopes that have limits, in the order of
// [accounting.PrincipalScopes]; nil if none has.
func Scopes(c *control.Catalog, k *control.Key, p events.Principal) []Scoped {
	var ofTeam, ofUser, ofModel []accounting.Limit
	if k.Team != nil {
		ofTeam = k.Team.Limits
	}
	if k.User != nil {
		ofUser = k.User.Limits
	}
	if m := c.Models[p.Model]; m != nil {
		ofModel = m.Limits
	}
	ofTenantModel := k.Tenant.ModelLimits[p.Model]
	if len(k.Tenant.Limits)+len(ofTeam)+len(ofUser)+len(k.Limits)+len(ofTenantModel)+len(ofModel) == 0 {
		return nil
	}
	var out []Scoped
	for _, s := range accounting.PrincipalScopes(k.Tenant.ID, p) {
		limits := k.Limits
		switch s.Kind {
		case accounting.TenantScope:
			limits = k.Tenant.Limits
		case accounting.TeamScope:
			limits = ofTeam
		case accounting.UserScope:
			limits = ofUser
		case accounting.TenantModelScope:
			limits = ofTenantModel
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

// Admit takes the estimate from every limit, or from none and tells which
// refused. It asks the store of leases where this node holds too little, and waits
// for it no longer than ctx and 2 s.
func (a *Admitter) Admit(ctx context.Context, r Request) (*Reservation, *Refusal) {
	res := &Reservation{admitter: a, at: r.At}
	if a.ended.Load() || a.closing.Load() {
		return nil, &Refusal{why: textStopping}
	}
	if len(r.Scopes) == 0 {
		return res, nil
	}
	if !a.loaded.Load() && needsCounters(r.Scopes) {
		return nil, &Refusal{why: textLoading}
	}
	res.windows, res.partition = a.calendar.at(r.At), events.PartitionOf(r.Tenant)
	res.held = charged(r.Estimate)
	res.held.Requests = 1
	res.scopes = r.Scopes[:min(len(r.Scopes), maxScopes)]
	for i, s := range res.scopes {
		res.accounts[i] = a.account(s.Scope)
	}
	v := res.attempt()
	if len(v.waits) > 0 {
		v = res.retry(ctx, v)
	}
	if v.refusal != nil {
		return nil, v.refusal
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
		acc = &account{scope: s, key: events.LeaseKey(string(s.Kind), s.ID), epoch: a.cfg.Epoch}
		t.accounts[s] = acc
	}
	return acc
}
