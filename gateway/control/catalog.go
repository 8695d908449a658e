package control

import (
	"crypto/sha256"
	"time"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
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

	keys map[[sha256.Size]byte]*Key // virtual keys by the SHA-256 of their secret
}

// Provider is a vendor account.
type Provider struct {
	Name        string
	Kind        string // a row of the vendor table
	BaseURL     string
	Timeouts    Timeouts
	Credentials []*Credential // in configured order
}

// Credential is one vendor key.
type Credential struct {
	Provider string
	Name     string
	APIKey   Secret
	Weight   int // share in the rotation, at least 1
	Limits   []accounting.Limit
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
	Keys         []*Key
	Users        []*User
	OnDisconnect string // drain, cancel
}

// User is a person of a tenant. The id carries no personal data.
type User struct {
	ID     string
	Email  string
	Role   string // owner, admin, operator, member, viewer; without effect until people can log in
	Limits []accounting.Limit
}

// Key is a virtual key.
type Key struct {
	Tenant *Tenant
	Name   string
	User   *User           // nil: none
	Models map[string]bool // allow-list, nil: all
	Limits []accounting.Limit
}

// Webhook is an address that is told of alerts.
type Webhook struct {
	URL    string // http or https; it may itself be a secret, so it is never logged
	Secret Secret // signs what is posted, at least 32 bytes
}

// KeyBySecret finds a virtual key, or nil.
func (c *Catalog) KeyBySecret(secret string) *Key {
	return c.keys[sha256.Sum256([]byte(secret))]
}

// MayUse tells whether the key's allow-list lets it use a logical model.
func (k *Key) MayUse(model string) bool { return k.Models == nil || k.Models[model] }
