package control

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
)

// Values of words, and what holds where a key is left out.
const (
	strategyPriority   = "priority"
	registrationClosed = "closed"
	registrationOpen   = "open"
	drain              = "drain"
	unnamedCredential  = "default" // of a vendor that needs no key
	switchedOff        = "disabled"
	keyActive          = "active"
	keyPaused          = "paused"
	keyRevoked         = "revoked"
)

// DefaultTimeouts hold where the configuration says nothing.
func DefaultTimeouts() Timeouts {
	return Timeouts{Connect: 5 * time.Second, FirstByte: 60 * time.Second, Idle: 60 * time.Second, Total: 600 * time.Second}
}

// builder makes a catalog from a file without mistakes.
type builder struct {
	loader  *Loader
	file    *file
	people  []*part // accounts, invites and cooldowns are looked for among them
	catalog *Catalog
}

func (b *builder) build() (*Catalog, error) {
	zone, err := time.LoadLocation(cmp.Or(string(b.file.Settings.TimeZone), "UTC"))
	if err != nil {
		return nil, fmt.Errorf("settings.time_zone: %w", err)
	}
	b.catalog = &Catalog{
		Location: zone, Providers: map[string]*Provider{}, Models: map[string]*Model{},
		Tenants: map[events.TenantID]*Tenant{}, keys: map[[sha256.Size]byte]keyUse{}, tokens: map[[sha256.Size]byte]*Token{},
		people: newPeople(),
	}
	if b.catalog.Prices, err = b.prices(); err != nil {
		return nil, err
	}
	b.catalog.Retention = b.file.Settings.Retention.build()
	b.catalog.ContentDays = int(valueOr(b.file.Settings.Retention.ContentDays, 0))
	b.catalog.Registration = cmp.Or(string(b.file.Settings.Registration), registrationClosed)
	if j := b.file.Settings.Join; j.Tenant != "" {
		b.catalog.Join = Join{Tenant: events.TenantID(j.Tenant), Role: cmp.Or(string(j.Role), RoleMember)}
	}
	b.catalog.SSO = b.file.Settings.SSO.build()
	for _, w := range b.file.Settings.Webhooks {
		b.catalog.Webhooks = append(b.catalog.Webhooks, Webhook{URL: string(w.URL), Secret: w.Secret.Secret})
	}
	for i := range b.file.Providers {
		if err := b.provider(&b.file.Providers[i]); err != nil {
			return nil, err
		}
	}
	for i := range b.file.Models {
		b.model(&b.file.Models[i])
	}
	for i := range b.file.Tenants {
		b.tenant(&b.file.Tenants[i])
	}
	for i := range b.file.Tokens {
		b.token(&b.file.Tokens[i])
	}
	b.peopleOf()
	b.catalog.Cooldowns = cooldownsOf(b.people)
	b.catalog.Version, err = b.version()
	return b.catalog, err
}

// version is a hash of what the configuration says. Secrets are in it only as
// given or not, because it goes on the log.
func (b *builder) version() (string, error) {
	const bytes = 8
	text, err := json.Marshal(b.file)
	if err != nil {
		return "", fmt.Errorf("configuration: %w", err)
	}
	sum := sha256.Sum256(append(text, b.catalog.Prices.Version...))
	return hex.EncodeToString(sum[:bytes]), nil
}

func (b *builder) prices() (*accounting.Book, error) {
	var own []accounting.Override
	for i := range b.file.Settings.Prices {
		p := &b.file.Settings.Prices[i]
		own = append(own, accounting.Override{Kind: string(p.Provider), Model: string(p.Model), USD: p.usd()})
	}
	book, err := b.loader.Prices.With(own)
	if err != nil {
		return nil, fmt.Errorf("settings.%w", err)
	}
	return book, nil
}

func (b *builder) provider(doc *providerDoc) error {
	kind, _ := findKind(b.loader.Kinds, string(doc.Kind))
	address, err := doc.address(kind)
	if err != nil {
		return fmt.Errorf("provider %s: %w", doc.Name, err)
	}
	p := &Provider{
		Name: string(doc.Name), Kind: kind.Name, BaseURL: cmp.Or(address, strings.TrimRight(kind.BaseURL, "/")),
		Timeouts: doc.Timeouts.or(DefaultTimeouts()), Deployments: doc.deployments(),
	}
	for i := range doc.Credentials {
		c := &doc.Credentials[i]
		if doc.State == switchedOff || c.State == switchedOff {
			continue
		}
		if len(c.proof()) == 0 && !kind.NoKey { // it was voided, see [Draft.voidMoved]
			continue
		}
		authorizer, err := b.loader.authorizers.of(kind, doc, c)
		if err != nil {
			return fmt.Errorf("credential %s of provider %s: %w", c.Name, doc.Name, err)
		}
		p.Credentials = append(p.Credentials, &Credential{
			Provider: p.Name, Name: string(c.Name), APIKey: c.APIKey.Secret, Authorizer: authorizer,
			Weight: int(valueOr(c.Weight, 1)), Limits: limitsOf(c.Limits),
		})
	}
	if doc.Credentials == nil && kind.NoKey && doc.State != switchedOff {
		p.Credentials = []*Credential{{Provider: p.Name, Name: unnamedCredential, Weight: 1}}
	}
	b.catalog.Providers[p.Name] = p
	return nil
}

func (b *builder) model(doc *modelDoc) {
	m := &Model{
		Name: string(doc.Name), Strategy: cmp.Or(string(doc.Strategy), strategyPriority),
		Timeouts: doc.Timeouts.or(DefaultTimeouts()), Limits: limitsOf(doc.Limits),
	}
	for _, t := range doc.Targets {
		p := b.catalog.Providers[string(t.Provider)]
		m.Targets = append(m.Targets, Target{
			Provider: p, Model: string(t.Model), Priority: int(valueOr(t.Priority, 1)), Weight: 1,
			Timeouts: doc.Timeouts.or(p.Timeouts),
		})
	}
	b.catalog.Models[m.Name] = m
}

func (b *builder) tenant(doc *tenantDoc) {
	t := &Tenant{
		ID: events.TenantID(doc.Name), OnDisconnect: cmp.Or(string(doc.OnDisconnect), drain),
	}
	for _, l := range tightest(limitsOf(doc.Limits), limitsOf(doc.OwnLimits)) {
		if l.Model == "" {
			t.Limits = append(t.Limits, l)
			continue
		}
		if t.ModelLimits == nil {
			t.ModelLimits = map[string][]accounting.Limit{}
		}
		t.ModelLimits[l.Model] = append(t.ModelLimits[l.Model], l)
	}
	within := map[reference]bounds{}
	for i := range doc.Users {
		u := &doc.Users[i]
		t.Users = append(t.Users, &User{
			ID: UserID(t.ID, string(u.Email)), Email: string(u.Email), Role: u.role(), Limits: limitsOf(u.Limits), Expires: u.Expires.time(),
		})
		within[reference(UserID(t.ID, string(u.Email)))], within[reference(u.Email)] = u.bounds(), u.bounds()
	}
	teams, ofTeam := map[reference]*Team{}, map[reference]bounds{}
	for _, m := range doc.Teams {
		team := &Team{Name: string(m.Name), Limits: limitsOf(m.Limits)}
		for _, id := range memberIDs(t.ID, m.Members) {
			team.Members = append(team.Members, string(id))
		}
		t.Teams = append(t.Teams, team)
		teams[reference(m.Name)], ofTeam[reference(m.Name)] = team, m.bounds()
	}
	for i := range doc.Keys {
		own := &doc.Keys[i]
		k, may := b.key(t, own), own.bounds().and(doc.bounds()).and(ofTeam[own.Team]).and(within[own.User]).and(within[own.Issuer])
		k.User, k.Team = t.User(string(own.User)), teams[own.Team]
		k.Models, k.Endpoints, k.Addresses, k.Expires = may.models, may.endpoints, may.addresses, may.expires
		t.Keys = append(t.Keys, k)
	}
	b.catalog.Tenants[t.ID] = t
}

// key adds a virtual key to the catalog.
func (b *builder) key(t *Tenant, doc *keyDoc) *Key {
	k := &Key{
		Tenant: t, Name: string(doc.Name), ID: string(doc.ID), Limits: limitsOf(doc.Limits),
		State: cmp.Or(string(doc.State), keyActive),
	}
	for _, tag := range doc.Tags {
		k.Tags = append(k.Tags, string(tag))
	}
	slices.Sort(k.Tags)
	k.Tags = slices.Compact(k.Tags)
	b.secret(doc.Key, keyUse{key: k})
	if doc.Previous != nil {
		b.secret(doc.Previous.Key, keyUse{key: k, until: doc.Previous.Until.time()})
	}
	return k
}

// secret lets a key be found by a secret. A key whose secret is not known cannot be
// used.
func (b *builder) secret(key suppliedKey, use keyUse) {
	if hash, ok := key.sum(); ok {
		b.catalog.keys[hash] = use
	}
}

func (b *builder) token(doc *tokenDoc) {
	hash, ok := doc.Key.sum()
	if !ok {
		return
	}
	t := &Token{Name: string(doc.Name), Role: string(doc.Role), Tenant: events.TenantID(doc.Tenant), Expires: doc.Expires.time()}
	if doc.User != "" {
		user := b.catalog.Tenants[t.Tenant].User(string(doc.User))
		if user == nil { // it was checked before
			return
		}
		t.User, t.Role, t.Expires = user.ID, AtMost(t.Tenant, t.Role, user.Role), sooner(t.Expires, user.Expires)
	}
	b.catalog.tokens[hash] = t
	if doc.Previous == nil {
		return
	}
	if hash, ok := doc.Previous.Key.sum(); ok {
		before := *t
		before.Expires = sooner(t.Expires, doc.Previous.Until.time())
		b.catalog.tokens[hash] = &before
	}
}

// tightest puts two lists of limits together: of two of one kind the smaller one.
func tightest(a, b []accounting.Limit) []accounting.Limit {
	out := slices.Clone(a)
	for _, l := range b {
		i := slices.IndexFunc(out, func(o accounting.Limit) bool { o.Max = l.Max; return o == l })
		if i < 0 {
			out = append(out, l)
			continue
		}
		out[i].Max = min(out[i].Max, l.Max)
	}
	return out
}

// setOf is nil for nothing.
func setOf[T ~string](list []T) map[string]bool {
	if len(list) == 0 {
		return nil
	}
	set := make(map[string]bool, len(list))
	for _, v := range list {
		set[string(v)] = true
	}
	return set
}

// UserID is the id of a person in events: it tells nothing to whoever does not
// know the address. The case of the address does not matter.
func UserID(t events.TenantID, email string) string {
	if id, gone := strings.CutPrefix(email, destroyedPrefix); gone {
		return id
	}
	const bytes = 8
	sum := sha256.Sum256([]byte(string(t) + "\n" + strings.ToLower(email)))
	return "u_" + hex.EncodeToString(sum[:bytes])
}

func valueOr[T any](v *T, other T) T {
	if v == nil {
		return other
	}
	return *v
}

func (t *timeoutsDoc) or(other Timeouts) Timeouts {
	pick := func(d *duration, o time.Duration) time.Duration { return time.Duration(valueOr(d, duration(o))) }
	return Timeouts{
		Connect: pick(t.Connect, other.Connect), FirstByte: pick(t.FirstByte, other.FirstByte),
		Idle: pick(t.Idle, other.Idle), Total: pick(t.Total, other.Total),
	}
}

// rules are what the limit says, one for each of its amounts.
func (l *limitDoc) rules() []accounting.Limit {
	var rules []accounting.Limit
	add := func(of accounting.Of, most int64) {
		rules = append(rules, accounting.Limit{
			Per: accounting.Per(l.Per), Of: of, Max: most, Mode: accounting.Mode(l.mode()), Model: string(l.Model),
		})
	}
	if l.Requests != nil {
		add(accounting.OfRequests, int64(*l.Requests))
	}
	if l.Tokens != nil {
		add(l.tokens(), int64(*l.Tokens))
	}
	if l.CostUSD != nil {
		add(accounting.OfCost, int64(*l.CostUSD))
	}
	if l.Concurrency != nil {
		add(accounting.OfConcurrency, int64(*l.Concurrency))
	}
	return rules
}

func (l *limitDoc) mode() mode { return cmp.Or(l.Mode, mode(accounting.Hard)) }

// tokens says which tokens are counted.
func (l *limitDoc) tokens() accounting.Of {
	switch l.Of {
	case "input":
		return accounting.OfInputTokens
	case "output":
		return accounting.OfOutputTokens
	default:
		return accounting.OfTokens
	}
}

func limitsOf(docs []limitDoc) []accounting.Limit {
	var limits []accounting.Limit
	for i := range docs {
		limits = append(limits, docs[i].rules()...)
	}
	return limits
}
