package control

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"reflect"
	"strings"

	"github.com/llm-hub/llm-hub/events"
)

// Ref names an object of the configuration.
type Ref struct {
	Sort   events.Sort     `json:"sort"`
	Tenant events.TenantID `json:"tenant"` // [events.NoTenant]: of the whole hub
	ID     string          `json:"id"`     // unique in its sort and tenant
}

// String is for people: `key acme/ci`.
func (r Ref) String() string {
	if r.Tenant == events.NoTenant || r.Sort == events.TenantSort {
		return string(r.Sort) + " " + r.ID
	}
	return string(r.Sort) + " " + string(r.Tenant) + "/" + r.ID
}

// hubID is the id of the one object of its sort.
const hubID = "hub"

// part is one object of a configuration without the objects in it. Once it is in
// a [plan] nobody changes it.
type part struct {
	Ref
	host string // that its secrets are sent to
	doc  any    // pointer to one of the documents of file.go
}

// plain is the document with everything in clear: what two versions of an object
// are compared by. It must not leave the process.
func (p *part) plain() (string, error) {
	raw, err := encoder{private: inClear}.json(p.doc)
	return p.host + "\n" + string(raw), err
}

func (p *part) at(field string) Place {
	host := p.host
	if s, ok := p.doc.(*settingsDoc); ok && strings.HasPrefix(field, "sso.") {
		host = s.SSO.host()
	}
	return Place{Tenant: p.Tenant, Object: string(p.Sort) + " " + p.ID, Host: host, Field: field}
}

// sealed encodes the object for the log. What is as it was in before, whose object
// old is, stays sealed as it was, so that the log shows what changed.
func (p *part) sealed(ctx context.Context, vault Vault, old *part, before Object) ([]byte, error) {
	kept, err := p.kept(old, before)
	if err != nil {
		return nil, err
	}
	e := encoder{private: func(field string, v private) (string, error) {
		if was, ok := kept[field]; ok && was.plain == v.reveal() && old.at(field) == p.at(field) {
			return was.sealed, nil
		}
		text, err := vault.Seal(ctx, p.at(field), NewSecret(v.reveal()))
		return sealedPrefix + text, err
	}}
	raw, err := e.json(p.doc)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", p.Ref, err)
	}
	return raw, nil
}

// keptValue is a private value of the log, and what it is.
type keptValue struct{ sealed, plain string }

// kept are the private values of before by their field, none if they are bound to
// another host.
func (p *part) kept(old *part, before Object) (map[string]keptValue, error) {
	if old == nil || old.host != p.host {
		return nil, nil
	}
	doc := newDoc(p.Sort)
	if err := decodeDoc(before, doc); err != nil {
		return nil, err
	}
	kept := map[string]keptValue{}
	err := walk(reflect.ValueOf(doc).Elem(), "", func(field string, v private) error {
		kept[field] = keptValue{sealed: v.reveal()}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return kept, walk(reflect.ValueOf(old.doc).Elem(), "", func(field string, v private) error {
		kept[field] = keptValue{sealed: kept[field].sealed, plain: v.reveal()}
		return nil
	})
}

// open opens what is sealed in the document, in place.
func (p *part) open(ctx context.Context, vault Vault) error {
	return walk(reflect.ValueOf(p.doc).Elem(), "", func(field string, v private) error {
		text, ok := strings.CutPrefix(v.reveal(), sealedPrefix)
		if !ok {
			return nil
		}
		s, err := vault.Open(ctx, p.at(field), text)
		if err != nil {
			return fmt.Errorf("%s: %s: %w", p.Ref, field, err)
		}
		if err := v.parse(s.Reveal()); err != nil {
			return fmt.Errorf("%s: %s: %w", p.Ref, field, err)
		}
		return nil
	})
}

// walk calls visit for everything private in v.
func walk(v reflect.Value, path string, visit func(field string, v private) error) error {
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return nil
		}
		v = v.Elem()
	}
	if s, ok := v.Addr().Interface().(scalar); ok {
		if p, ok := s.(private); ok {
			return visit(path, p)
		}
		return nil
	}
	if v.Kind() == reflect.Slice {
		for i := range v.Len() {
			if err := walk(v.Index(i), at(path, i), visit); err != nil {
				return err
			}
		}
		return nil
	}
	for f := range v.Type().Fields() {
		if err := walk(v.FieldByIndex(f.Index), in(path, f.Tag.Get("yaml")), visit); err != nil {
			return err
		}
	}
	return nil
}

// parts takes a configuration apart, in the order of [events.Sorts]. Settings are
// among them only if something is said there.
func (f *file) parts(kinds []Kind) []*part {
	var out []*part
	add := func(sort events.Sort, tenant events.TenantID, id, host string, doc any) {
		out = append(out, &part{Ref: Ref{sort, tenant, id}, host: host, doc: doc})
	}
	settings := f.Settings
	settings.Prices = nil
	if !reflect.ValueOf(settings).IsZero() {
		add(events.SettingsSort, events.NoTenant, hubID, "", &settings)
	}
	for i := range f.Settings.Prices {
		p := &f.Settings.Prices[i]
		add(events.PriceSort, events.NoTenant, priceID(p), "", p)
	}
	for _, p := range f.Providers {
		p.Credentials = nil
		add(events.ProviderSort, events.NoTenant, string(p.Name), "", &p)
	}
	for i := range f.Providers {
		p := &f.Providers[i]
		for j := range p.Credentials {
			c := &p.Credentials[j]
			add(events.CredentialSort, events.NoTenant, credentialID(p, c), hostOf(p, kinds), c)
		}
	}
	for i := range f.Models {
		add(events.ModelSort, events.NoTenant, string(f.Models[i].Name), "", &f.Models[i])
	}
	for _, t := range f.Tenants {
		t.Keys, t.Users, t.Teams = nil, nil, nil
		add(events.TenantSort, events.TenantID(t.Name), string(t.Name), "", &t)
	}
	for i := range f.Tenants {
		t := events.TenantID(f.Tenants[i].Name)
		for j := range f.Tenants[i].Users {
			u := &f.Tenants[i].Users[j]
			add(events.UserSort, t, UserID(t, string(u.Email)), "", u)
		}
	}
	for i := range f.Tenants {
		t := events.TenantID(f.Tenants[i].Name)
		for _, m := range f.Tenants[i].Teams {
			m.Members = memberIDs(t, m.Members)
			add(events.TeamSort, t, string(m.Name), "", &m)
		}
	}
	for i := range f.Tenants {
		t := events.TenantID(f.Tenants[i].Name)
		for _, k := range f.Tenants[i].Keys {
			if strings.Contains(string(k.User), "@") {
				k.User = reference(UserID(t, string(k.User)))
			}
			add(events.KeySort, t, string(k.Name), "", &k)
		}
	}
	for _, t := range f.Tokens {
		if strings.Contains(string(t.User), "@") {
			t.User = reference(UserID(events.TenantID(t.Tenant), string(t.User)))
		}
		add(events.TokenSort, events.NoTenant, string(t.Name), "", &t)
	}
	return out
}

// memberIDs are the ids of people who may be named by their addresses.
func memberIDs(t events.TenantID, names []reference) []reference {
	var out []reference
	for _, n := range names {
		if strings.Contains(string(n), "@") {
			n = reference(UserID(t, string(n)))
		}
		out = append(out, n)
	}
	return out
}

func priceID(p *priceDoc) string { return cmp.Or(string(p.Provider), "*") + "/" + string(p.Model) }

// OwnerOf is the provider that the id of a credential names.
func OwnerOf(id string) string {
	owner, _, _ := strings.Cut(id, "/")
	return owner
}

func credentialID(p *providerDoc, c *credentialDoc) string {
	return string(p.Name) + "/" + string(c.Name)
}

// hostOf is where a provider's keys are sent to: scheme, host and port, or its
// kind where the settings give no address.
func hostOf(p *providerDoc, kinds []Kind) string {
	kind, _ := findKind(kinds, string(p.Kind))
	address, err := p.address(kind)
	if err != nil { // which is a mistake that is told elsewhere
		return string(p.Kind)
	}
	u, err := url.Parse(cmp.Or(address, kind.BaseURL))
	if err != nil || u.Host == "" {
		return string(p.Kind)
	}
	return strings.ToLower(u.Scheme + "://" + u.Host)
}

// newDoc makes an empty document of a sort.
func newDoc(s events.Sort) any {
	switch s {
	case events.SettingsSort:
		return new(settingsDoc)
	case events.PriceSort:
		return new(priceDoc)
	case events.ProviderSort:
		return new(providerDoc)
	case events.CredentialSort:
		return new(credentialDoc)
	case events.ModelSort:
		return new(modelDoc)
	case events.TenantSort:
		return new(tenantDoc)
	case events.UserSort:
		return new(userDoc)
	case events.TeamSort:
		return new(teamDoc)
	case events.KeySort:
		return new(keyDoc)
	case events.TokenSort:
		return new(tokenDoc)
	case events.AccountSort:
		return new(accountDoc)
	case events.InviteSort:
		return new(inviteDoc)
	case events.CooldownSort:
		return new(cooldownDoc)
	}
	return nil
}

// assemble puts parts together again. What has lost its holder is left out.
func assemble(parts []*part) *file {
	f := &file{}
	var prices []priceDoc
	providers, tenants := map[string]int{}, map[events.TenantID]int{}
	for _, p := range parts { // in the order of the sorts, so holders come first
		switch doc := p.doc.(type) {
		case *settingsDoc:
			f.Settings = *doc
		case *priceDoc:
			prices = append(prices, *doc)
		case *providerDoc:
			providers[p.ID] = len(f.Providers)
			f.Providers = append(f.Providers, *doc)
		case *credentialDoc:
			if i, ok := providers[OwnerOf(p.ID)]; ok {
				f.Providers[i].Credentials = append(f.Providers[i].Credentials, *doc)
			}
		case *modelDoc:
			f.Models = append(f.Models, *doc)
		case *tenantDoc:
			tenants[p.Tenant] = len(f.Tenants)
			f.Tenants = append(f.Tenants, *doc)
		case *userDoc:
			if i, ok := tenants[p.Tenant]; ok {
				f.Tenants[i].Users = append(f.Tenants[i].Users, *doc)
			}
		case *teamDoc:
			if i, ok := tenants[p.Tenant]; ok {
				f.Tenants[i].Teams = append(f.Tenants[i].Teams, *doc)
			}
		case *tokenDoc:
			f.Tokens = append(f.Tokens, *doc)
		case *keyDoc:
			if i, ok := tenants[p.Tenant]; ok {
				f.Tenants[i].Keys = append(f.Tenants[i].Keys, *doc)
			}
		}
	}
	f.Settings.Prices = prices
	return f
}
