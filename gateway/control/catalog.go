package control

import (
	"crypto/sha256"
	"net/netip"
	"slices"
	"time"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway/provider"
)

// Catalog is one version of the whole configuration, validated. It is never changed.
type Catalog struct {
	Version   string         // hash of what it was made from
	Location  *time.Location // windows are counted in it
	Providers map[string]*Provider
	Models    map[string]*Model // logical models by name
	Tenants   map[events.TenantID]*Tenant
	Prices    *accounting.Book
	Webhooks  []Webhook // in configured order
	// Retention is for how long the analytics tables keep rows.
	Retention Retention
	// ContentDays is for how many days answers are kept that no vendor keeps and that
	// requests may go on from; 0: they are not.
	ContentDays int
	SSO         *SSO // nil: nobody comes by single sign-on

	// Cooldowns are what operators have said of credentials and targets.
	Cooldowns *Cooldowns

	people

	tokens map[[sha256.Size]byte]*Token // of operators, by the SHA-256 of their secret
	keys   map[[sha256.Size]byte]keyUse // virtual keys by the SHA-256 of their secret
}

// Provider is a vendor account.
type Provider struct {
	Name        string
	Kind        string // a row of the vendor table
	BaseURL     string
	Timeouts    Timeouts
	Deployments map[string]string // what the vendor calls a model of ours, where it differs
	Credentials []*Credential     // in configured order
}

// Credential is one vendor key, or what stands for one.
type Credential struct {
	Provider   string
	Name       string
	APIKey     Secret
	Authorizer provider.Authorizer // nil: APIKey in the vendor's own header
	Weight     int                 // share in the rotation, at least 1
	Limits     []accounting.Limit
}

// Model is a logical model.
type Model struct {
	Name     string
	Strategy string // priority
	Timeouts Timeouts
	Limits   []accounting.Limit // of all tenants together
	Targets  []Target           // in configured order
}

// Target is a candidate of a logical model.
type Target struct {
	Provider *Provider
	Model    string // the vendor's name
	Priority int    // lower is tried first
	Weight   int
	Timeouts Timeouts // of a call to it: the model's, else the provider's, else the defaults
}

// Timeouts bound one vendor call.
type Timeouts struct {
	Connect   time.Duration
	FirstByte time.Duration
	Idle      time.Duration // between chunks
	Total     time.Duration // all attempts together
}

// Tenant is an organisation.
type Tenant struct {
	ID           events.TenantID
	Limits       []accounting.Limit
	ModelLimits  map[string][]accounting.Limit // narrowed to a logical model, by its name
	Keys         []*Key
	Users        []*User
	Teams        []*Team
	OnDisconnect string // drain, cancel
}

// User is a person of a tenant. The id carries no personal data.
type User struct {
	ID     string
	Email  string
	Role   string // owner, admin, operator, member, viewer
	Limits []accounting.Limit

	Expires time.Time // of all that the person has; zero: never
}

// User finds a user by id or e-mail address, nil if there is none; nor has nil any.
func (t *Tenant) User(name string) *User {
	if t == nil || name == "" {
		return nil
	}
	i := slices.IndexFunc(t.Users, func(u *User) bool { return u.ID == name || u.Email == name })
	if i < 0 {
		return nil
	}
	return t.Users[i]
}

// Team is people and keys of a tenant that spend together.
type Team struct {
	Name    string
	Members []string // ids of users
	Limits  []accounting.Limit
}

// Key is a virtual key. What it may is within the bounds of its tenant, its team,
// its user and its issuer.
type Key struct {
	Tenant *Tenant
	Name   string
	ID     string          // public part of a generated one, else empty
	User   *User           // nil: none
	Team   *Team           // nil: none
	Models map[string]bool // allow-list, nil: all
	Limits []accounting.Limit

	State     string          // active, paused, revoked
	Expires   time.Time       // zero: never
	Endpoints map[string]bool // allow-list of names in events, nil: all
	Addresses []netip.Prefix  // allow-list, nil: all
	Tags      []string        // sorted, each once
}

// Token is what an operator comes with, or a program that acts as an account.
type Token struct {
	Name    string
	Role    string    // admin, operator, viewer; of the tenant, if there is one
	Expires time.Time // zero: never

	Account string          // that it acts as; empty: none
	Tenant  events.TenantID // that it acts in; empty: the whole installation
	User    string          // of that tenant; empty: none
}

// TokenBySecret finds an operator's token that works at now, or nil.
func (c *Catalog) TokenBySecret(secret string, now time.Time) *Token {
	t := c.tokens[sha256.Sum256([]byte(secret))]
	if t == nil || !t.Expires.IsZero() && !now.Before(t.Expires) {
		return nil
	}
	return t
}

// keyUse is what a secret opens.
type keyUse struct {
	key   *Key
	until time.Time // of a secret that was replaced; zero: for ever
}

// Webhook is an address that is told of alerts.
type Webhook struct {
	URL    string // http or https; it may itself be a secret, so it is never logged
	Secret Secret // signs what is posted, at least 32 bytes
}

// KeyBySecret finds a virtual key, or nil. It may not be used unless [Key.Usable]
// says so.
func (c *Catalog) KeyBySecret(secret string) *Key {
	use := c.keys[sha256.Sum256([]byte(secret))]
	if !use.until.IsZero() && !time.Now().Before(use.until) {
		return nil
	}
	return use.key
}

// MayUse tells whether the key's allow-list lets it use a logical model.
func (k *Key) MayUse(model string) bool { return k.Models == nil || k.Models[model] }

// MayCall tells whether the key's allow-list lets it use an endpoint.
func (k *Key) MayCall(endpoint string) bool { return k.Endpoints == nil || k.Endpoints[endpoint] }

// MayComeFrom tells whether the key may be used from an address.
func (k *Key) MayComeFrom(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	return k.Addresses == nil || slices.ContainsFunc(k.Addresses, func(p netip.Prefix) bool { return p.Contains(a) })
}

// Usable is what keeps the key from being used at now: paused, revoked or expired;
// empty: nothing.
func (k *Key) Usable(now time.Time) (obstacle string) {
	switch {
	case k.State != keyActive:
		return k.State
	case !k.Expires.IsZero() && !now.Before(k.Expires):
		return "expired"
	}
	return ""
}
