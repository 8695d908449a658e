package sso

import (
	"cmp"
	"net/mail"
	"slices"
	"strings"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/control"
)

// Identity is who somebody is by a provider's word, and what that makes of them here.
type Identity struct {
	Issuer, Subject string
	Email           string  // in lower case; empty: none that the provider has verified
	Name            string  // for display
	Grants          []Grant // by tenant; at most one for each, at least one in all
}

// Grant is a role in a tenant.
type Grant struct {
	Tenant events.TenantID // empty: the whole installation
	Role   string
}

// claims are what a provider says of somebody.
type claims map[string]any

// identify makes an identity of claims. It fails for those who may not sign in.
func identify(s *control.SSO, c claims) (Identity, error) {
	id := Identity{Issuer: s.Issuer, Email: c.verifiedEmail()}
	id.Subject, _ = c["sub"].(string)
	id.Name, _ = c["name"].(string)
	if len(s.Domains) > 0 && !slices.Contains(s.Domains, domainOf(id.Email)) {
		return Identity{}, forbidden("sso_domain", "The provider vouches for no e-mail address of a domain that may sign in here.")
	}
	for _, r := range s.Rules {
		if r.Claim == "" || c.says(r.Claim, r.Value) {
			id.grant(Grant{r.Tenant, r.Role})
		}
	}
	if len(id.Grants) == 0 {
		return Identity{}, forbidden("sso_not_mapped", "Nothing that the provider says of you gives you a role here.")
	}
	slices.SortFunc(id.Grants, func(a, b Grant) int { return cmp.Compare(a.Tenant, b.Tenant) })
	return id, nil
}

func forbidden(code, public string) error {
	return &gateway.Error{Kind: gateway.Forbidden, Code: code, Public: public}
}

// grant adds a role unless there is a greater one for the tenant.
func (id *Identity) grant(g Grant) {
	i := slices.IndexFunc(id.Grants, func(had Grant) bool { return had.Tenant == g.Tenant })
	switch {
	case i < 0:
		id.Grants = append(id.Grants, g)
	case rank(g.Role) > rank(id.Grants[i].Role):
		id.Grants[i] = g
	}
}

// rank orders roles, those of a tenant and those of the installation.
func rank(role string) int { return -slices.Index(control.Roles(), role) }

// verifiedEmail is the address, if the provider says that it is verified. Some say so by
// a text.
func (c claims) verifiedEmail() string {
	address, _ := c["email"].(string)
	if verified := c["email_verified"]; verified != true && verified != "true" {
		return ""
	}
	if a, err := mail.ParseAddress(address); err != nil || a.Address != address {
		return ""
	}
	return strings.ToLower(address)
}

func domainOf(address string) string { return address[strings.LastIndex(address, "@")+1:] }

// says tells whether a claim is a value, or a list that has it. The claim is a name, or a
// path into objects if there is none of that name.
func (c claims) says(claim, value string) bool {
	switch v := c.find(claim).(type) {
	case string:
		return v == value
	case bool:
		return v && value == "true"
	case []any:
		return slices.Contains(v, any(value))
	default:
		return false
	}
}

func (c claims) find(path string) any {
	if v, ok := c[path]; ok {
		return v
	}
	at := map[string]any(c)
	names := strings.Split(path, ".")
	for _, name := range names[:len(names)-1] {
		at, _ = at[name].(map[string]any)
	}
	return at[names[len(names)-1]]
}
