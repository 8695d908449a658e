package control

import (
	"slices"
	"strings"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
)

// checker finds what no value shows alone: names used twice, references to
// nothing, keys that exclude each other, and what this version does not do yet.
// What is not done yet is refused, so that no setting is silently without effect.
type checker struct {
	*document
	kinds       []Kind
	authorizers *authorizers

	providers []string
	models    []string
	secrets   map[string]string // path of each key by its digest
}

const notYet = "is not available yet"

func (c *checker) check() {
	c.secrets = map[string]string{}
	for _, p := range c.file.Providers {
		c.providers = append(c.providers, string(p.Name))
	}
	for _, m := range c.file.Models {
		c.models = append(c.models, string(m.Name))
	}
	names := names{c: c, what: "provider"}
	for i := range c.file.Providers {
		path := at("providers", i)
		names.add(in(path, "name"), string(c.file.Providers[i].Name))
		c.provider(path, &c.file.Providers[i])
	}
	names = names.next("logical model")
	for i := range c.file.Models {
		path := at("models", i)
		names.add(in(path, "name"), string(c.file.Models[i].Name))
		c.model(path, &c.file.Models[i])
	}
	names = names.next("tenant")
	for i := range c.file.Tenants {
		path := at("tenants", i)
		names.add(in(path, "name"), string(c.file.Tenants[i].Name))
		c.tenant(path, &c.file.Tenants[i])
	}
	names = names.next("token")
	for i := range c.file.Tokens {
		path := at("tokens", i)
		names.add(in(path, "name"), string(c.file.Tokens[i].Name))
		c.secret(in(path, "key"), &c.file.Tokens[i].Key)
		c.token(path, &c.file.Tokens[i])
	}
	c.settings("settings", &c.file.Settings)
}

// token checks that its role is one of those where it is, and that what it names is there.
func (c *checker) token(path string, t *tokenDoc) {
	i := slices.IndexFunc(c.file.Tenants, func(o tenantDoc) bool { return string(o.Name) == string(t.Tenant) })
	switch {
	case t.Tenant == "" && t.User != "":
		c.mistake(in(path, "user"), "is a user of a tenant: name the tenant as well")
	case t.Tenant == "" && t.Role != "" && !slices.Contains(HubRoles(), string(t.Role)):
		c.mistake(in(path, "role"), "not a role of the installation, which are %s", strings.Join(HubRoles(), ", "))
	case t.Tenant == "":
	case i < 0:
		c.refer(in(path, "tenant"), "tenant", t.Tenant, c.tenants())
	case t.User != "":
		t.User = reference(strings.ToLower(string(t.User)))
		c.refer(in(path, "user"), "user of the tenant", t.User, c.file.Tenants[i].people())
	case string(t.Role) == RoleMember:
		c.mistake(path, `lacks "user": a member sees only what is theirs`)
	}
}

func (c *checker) tenants() []string {
	var out []string
	for _, t := range c.file.Tenants {
		out = append(out, string(t.Name))
	}
	return out
}

// people are the users, by address as files name them and by id as the log does.
func (t *tenantDoc) people() []string {
	var out []string
	for _, u := range t.Users {
		out = append(out, string(u.Email), UserID(events.TenantID(t.Name), string(u.Email)))
	}
	return out
}

// names finds a name that is given twice among things of one sort.
type names struct {
	c     *checker
	what  string
	first map[string]string // path by name
}

func (n names) next(what string) names { return names{c: n.c, what: what} }

func (n *names) add(path, name string) {
	if name == "" { // lacks or was unfit, which is a mistake already
		return
	}
	if n.first == nil {
		n.first = map[string]string{}
	}
	if first, twice := n.first[name]; twice {
		n.c.mistake(path, "another %s has the name %s: %s", n.what, n.c.show(path, name), parent(first))
		return
	}
	n.first[name] = path
}

func (c *checker) provider(path string, p *providerDoc) {
	kind, known := findKind(c.kinds, string(p.Kind))
	switch where := in(path, "kind"); {
	case p.Kind == "":
	case !known:
		c.mistake(where, "no kind of vendor %s%s", c.show(where, string(p.Kind)), c.suggest(where, string(p.Kind), kindNames(c.kinds)))
	case kind.BaseURL == "" && kind.Account.Address == nil && p.BaseURL == "" && c.lacks(in(path, "base_url")):
		c.mistake(path, "lacks \"base_url\": vendors of kind %s have no address of their own", p.Kind)
	}
	if known && !kind.NoKey && p.Credentials == nil && !c.assembled && c.lacks(in(path, "credentials")) {
		c.mistake(path, "lacks \"credentials\": vendors of kind %s take no calls without a key", p.Kind)
	}
	c.notEmpty(in(path, "credentials"), p.Credentials != nil && len(p.Credentials) == 0)
	names := names{c: c, what: "credential of the provider"}
	for i := range p.Credentials {
		where := at(in(path, "credentials"), i)
		names.add(in(where, "name"), string(p.Credentials[i].Name))
		c.limits(where, p.Credentials[i].Limits)
		if known && !kind.NoKey && kind.Account.Proofs == nil && p.Credentials[i].APIKey.Empty() && !c.assembled && c.lacks(in(where, "api_key")) {
			c.mistake(where, "lacks \"api_key\": vendors of kind %s take no calls without a key", p.Kind)
		}
	}
	if known {
		c.account(path, kind, p)
	}
}

// lacks tells whether no value was written at path, not even an unfit one.
func (c *checker) lacks(path string) bool {
	_, written := c.places[path]
	return !written
}

func (c *checker) model(path string, m *modelDoc) {
	if m.Strategy != "" && m.Strategy != strategyPriority {
		c.mistake(in(path, "strategy"), "%s %s", m.Strategy, notYet)
	}
	c.limits(path, m.Limits)
	c.notEmpty(in(path, "targets"), m.Targets != nil && len(m.Targets) == 0)
	type pair struct {
		provider reference
		model    vendorModel
	}
	seen := map[pair]int{}
	for i, t := range m.Targets {
		where := at(in(path, "targets"), i)
		c.refer(in(where, "provider"), "provider", t.Provider, c.providers)
		if first, twice := seen[pair{t.Provider, t.Model}]; twice && t.Provider != "" && t.Model != "" {
			c.mistake(where, "the same provider and model as %s", at(in(path, "targets"), first))
			continue
		}
		seen[pair{t.Provider, t.Model}] = i
	}
}

func (c *checker) tenant(path string, t *tenantDoc) {
	c.limitsOf(path, t.Limits, true)
	for i := range t.Limits {
		c.refer(in(at(in(path, "limits"), i), "model"), "logical model", t.Limits[i].Model, c.models)
	}
	own := "own_limits"
	c.limitList(in(path, own), t.OwnLimits, true)
	for i := range t.OwnLimits {
		c.refer(in(at(in(path, own), i), "model"), "logical model", t.OwnLimits[i].Model, c.models)
	}
	c.allowList(in(path, "models"), t.Models)
	users, people := names{c: c, what: "user of the tenant"}, t.people()
	for i := range t.Users {
		where := at(in(path, "users"), i)
		users.add(in(where, "email"), string(t.Users[i].Email))
		c.limits(where, t.Users[i].Limits)
		c.allowList(in(where, "models"), t.Users[i].Models)
	}
	teams := names{c: c, what: "team of the tenant"}
	for i := range t.Teams {
		where := at(in(path, "teams"), i)
		teams.add(in(where, "name"), string(t.Teams[i].Name))
		c.team(where, &t.Teams[i], people)
	}
	keys := names{c: c, what: "key of the tenant"}
	for i := range t.Keys {
		where := at(in(path, "keys"), i)
		keys.add(in(where, "name"), string(t.Keys[i].Name))
		c.key(where, &t.Keys[i], people)
		c.refer(in(where, "team"), "team of this tenant", t.Keys[i].Team, t.teamNames())
	}
}

func (c *checker) team(path string, m *teamDoc, people []string) {
	for i := range m.Members {
		m.Members[i] = reference(strings.ToLower(string(m.Members[i])))
		where := at(in(path, "members"), i)
		if slices.Contains(m.Members[:i], m.Members[i]) {
			c.mistake(where, "%s is listed twice", c.show(where, string(m.Members[i])))
			continue
		}
		c.refer(where, "user of this tenant", m.Members[i], people)
	}
	c.allowList(in(path, "models"), m.Models)
	c.limits(path, m.Limits)
}

func (t *tenantDoc) teamNames() []string {
	var out []string
	for _, m := range t.Teams {
		out = append(out, string(m.Name))
	}
	return out
}

func (c *checker) key(path string, k *keyDoc, people []string) {
	c.secret(in(path, "key"), &k.Key)
	k.User = reference(strings.ToLower(string(k.User)))
	c.refer(in(path, "user"), "user of this tenant", k.User, people)
	c.allowList(in(path, "models"), k.Models)
	c.limits(path, k.Limits)
}

// allowList checks the models that somebody may use.
func (c *checker) allowList(path string, models []reference) {
	if models != nil && len(models) == 0 {
		c.mistake(path, "is an empty list: leave it out to allow every model")
	}
	for i, m := range models {
		if slices.Contains(models[:i], m) && m != "" {
			c.mistake(at(path, i), "%s is listed twice", c.show(at(path, i), string(m)))
			continue
		}
		c.refer(at(path, i), "logical model", m, c.models)
	}
}

// secret finds a secret that is given twice: nobody could tell who uses it.
func (c *checker) secret(path string, key *suppliedKey) {
	hash := key.digest()
	if hash == "" {
		return
	}
	if first, twice := c.secrets[hash]; twice {
		c.mistake(path, "the same secret as %s", first)
		return
	}
	c.secrets[hash] = path
}

// refer checks that something is called name.
func (c *checker) refer(path, what string, name reference, known []string) {
	if name == "" || slices.Contains(known, string(name)) {
		return
	}
	c.mistake(path, "no %s %s%s", what, c.show(path, string(name)), c.suggest(path, string(name), known))
}

func (c *checker) suggest(path, text string, known []string) string {
	if c.places[path].from != "" {
		return ""
	}
	return didYouMean(text, known)
}

func (c *checker) notEmpty(path string, empty bool) {
	if empty {
		c.mistake(path, "is an empty list: at least one is needed")
	}
}

func (c *checker) limits(holder string, limits []limitDoc) { c.limitsOf(holder, limits, false) }

// limitsOf checks the limits of a holder, which may be narrowed to a logical model or not.
func (c *checker) limitsOf(holder string, limits []limitDoc, narrow bool) {
	c.limitList(in(holder, "limits"), limits, narrow)
}

func (c *checker) limitList(list string, limits []limitDoc, narrow bool) {
	seen := map[accounting.Limit]int{} // without its amount
	for i := range limits {
		l, path := &limits[i], at(list, i)
		if l.Model != "" && !narrow {
			c.mistake(in(path, "model"), "only a limit of a tenant can be narrowed to a logical model")
		}
		if !c.limit(path, l) {
			continue
		}
		for _, rule := range l.rules() {
			rule.Max = 0
			if first, twice := seen[rule]; twice {
				c.mistake(path, "counts the same as %s", at(list, first))
				break
			}
			seen[rule] = i
		}
	}
}

// limit tells whether l is whole.
func (c *checker) limit(path string, l *limitDoc) bool {
	before := len(c.wrong)
	if len(l.rules()) == 0 && !c.mistaken(path) {
		c.mistake(path, "lacks an amount: requests, tokens, cost_usd or concurrency")
	}
	if l.Of != "" && l.Tokens == nil {
		c.mistake(in(path, "of"), "says which tokens are counted, but tokens are not limited")
	}
	switch {
	case l.Concurrency != nil && l.Per != "":
		c.mistake(in(path, "per"), "concurrency holds at every moment, not per %s: leave it out", l.Per)
	case l.Concurrency == nil && l.Per == "" && !c.mistaken(path):
		c.mistake(path, `lacks "per"`)
	}
	return len(c.wrong) == before && !c.mistaken(path)
}

// mistaken tells whether something inside the value at path is wrong, so that
// what lacks may just have been unfit.
func (c *checker) mistaken(path string) bool {
	return slices.ContainsFunc(c.wrong, func(m *Mistake) bool {
		rest, inside := strings.CutPrefix(m.Path, path)
		return inside && (rest == "" || rest[0] == '.' || rest[0] == '[')
	})
}

// maxContentDays bounds how long content is kept.
const maxContentDays = 3650

func (c *checker) settings(path string, s *settingsDoc) {
	c.join(path, s)
	if n := s.Retention.ContentDays; n != nil && *n > maxContentDays {
		c.mistake(in(path, "retention.content_days"), "must be at most %d", maxContentDays)
	}
	c.retention(in(path, "retention"), &s.Retention)
	c.webhooks(in(path, "webhooks"), s.Webhooks)
	c.sso(in(path, "sso"), s.SSO)
	c.prices(in(path, "prices"), s.Prices)
}

// retention checks that what is added up is kept no longer than what it is added up from,
// or is shown beside: a page of requests has amounts of usage, a chart has roll-ups.
func (c *checker) retention(path string, r *retentionDoc) {
	for _, pair := range []struct {
		name, than  string
		long, short *months
	}{
		{"usage_months", "requests_months", r.UsageMonths, r.RequestsMonths},
		{"rollups_months", "requests_months", r.RollupsMonths, r.RequestsMonths},
		{"rollups_months", "usage_months", r.RollupsMonths, r.UsageMonths},
	} {
		switch at := in(path, pair.name); {
		case pair.long == nil || c.mistaken(in(path, pair.than)):
		case pair.short == nil:
			c.mistake(at, "%d is shorter than %s, which is for ever without a number", *pair.long, pair.than)
		case *pair.long < *pair.short:
			c.mistake(at, "%d is shorter than %s, %d", *pair.long, pair.than, *pair.short)
		}
	}
}

// join checks what those become who register: without a password that somebody else
// vouches for nobody gets more than a look and a key of their own.
func (c *checker) join(path string, s *settingsDoc) {
	var tenants []string
	for _, t := range c.file.Tenants {
		tenants = append(tenants, string(t.Name))
	}
	c.refer(in(path, "join.tenant"), "tenant", s.Join.Tenant, tenants)
	if s.Registration == registrationOpen && s.Join.Tenant == "" && c.lacks(in(path, "join.tenant")) {
		c.mistake(in(path, "registration"), "open needs join.tenant: the tenant that people join")
	}
	if r := string(s.Join.Role); r != "" && r != RoleMember && r != RoleViewer {
		c.mistake(in(path, "join.role"), "%s is more than whoever comes may be: member or viewer", r)
	}
}

// webhooks finds an address that is given twice: it would be told everything twice.
func (c *checker) webhooks(path string, hooks []webhookDoc) {
	seen := map[webhookURL]int{}
	for i, h := range hooks {
		if first, twice := seen[h.URL]; twice && h.URL != "" {
			c.mistake(at(path, i), "the same url as %s", at(path, first))
			continue
		}
		seen[h.URL] = i
	}
}
