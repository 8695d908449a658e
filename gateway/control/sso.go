package control

import (
	"encoding/json"
	"errors"
	"net/url"
	"strings"

	"github.com/llm-hub/llm-hub/events"
)

// SSO is a provider of single sign-on by OpenID Connect, and what those become who come
// from there.
type SSO struct {
	Issuer       string // as tokens name it
	ClientID     string
	ClientSecret Secret   // empty: the hub is a public client
	RedirectURL  string   // where browsers come back to: /api/v1/sso/callback of the hub
	Scopes       []string // openid among them
	Domains      []string // of addresses that may sign in, in lower case; nil: all
	Rules        []SSORule
}

// SSORule gives a role to those of whom a claim says a value.
type SSORule struct {
	Claim  string          // its name, or a path of names with dots; empty: everybody from the domains
	Value  string          // the claim's, or one of its list
	Tenant events.TenantID // empty: the whole installation
	Role   string
}

type ssoDoc struct {
	Issuer       issuerURL    `yaml:"issuer" required:"true" doc:"Address of the provider, exactly as its tokens name it."`
	ClientID     plainText    `yaml:"client_id" required:"true" doc:"What the provider knows this hub by."`
	ClientSecret secretText   `yaml:"client_secret" doc:"Secret of the client; without one the hub is a public client. Goes only to the issuer it was given for."`
	RedirectURL  redirectURL  `yaml:"redirect_url" required:"true" doc:"Where browsers come back to: the hub's own address and /api/v1/sso/callback, as the provider knows it."`
	Scopes       []plainText  `yaml:"scopes" doc:"Asked for besides openid. Default email and profile."`
	Domains      []domainName `yaml:"domains" doc:"Domains of e-mail addresses that may sign in. Default: all that the mapping says something of."`
	Rules        []ssoRuleDoc `yaml:"roles" required:"true" doc:"Who becomes what, decided anew at each sign-in. The greatest role counts; whom none matches may not sign in."`
}

type ssoRuleDoc struct {
	Claim  plainText `yaml:"claim" doc:"Claim of the identity, or a path like realm_access.roles. Default: the rule is for everybody from domains."`
	Value  claimText `yaml:"value" doc:"What the claim must be, or have in its list."`
	Tenant reference `yaml:"tenant" doc:"Name of the tenant they become a user of. Default: the whole installation."`
	Role   role      `yaml:"role" required:"true" doc:"In a tenant owner, admin, operator, member or viewer; in the installation admin, operator or viewer."`
}

// Types of texts of single sign-on.
type (
	issuerURL   string
	redirectURL string
	plainText   string
	claimText   string
	domainName  string
)

const callbackPath = "/api/v1/sso/callback"

func (*issuerURL) hide(text string) bool   { return mayHoldSecret(text) }
func (*redirectURL) hide(text string) bool { return mayHoldSecret(text) }

func (v *issuerURL) parse(s string) error {
	u, err := address(s)
	switch {
	case err != nil:
		return err
	case u.RawQuery != "" || u.Fragment != "" || u.ForceQuery:
		return errors.New("a URL with a query or fragment")
	}
	return plain(v, s) // with the slash at its end, if tokens have it
}

func (v *redirectURL) parse(s string) error {
	u, err := address(s)
	switch {
	case err != nil:
		return err
	case u.Path != callbackPath || u.RawQuery != "" || u.Fragment != "":
		return errors.New("not the address of the hub with the path " + callbackPath)
	}
	return plain(v, s)
}

func (v *plainText) parse(s string) error { return plain(v, s) }

func (v *claimText) parse(s string) error {
	if s == "" || len(s) > maxText || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' }) {
		return errors.New("not a text of one line")
	}
	*v = claimText(s)
	return nil
}

func (v *domainName) parse(s string) error {
	s = strings.ToLower(s)
	if !strings.Contains(s, ".") || strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789.-") != "" || strings.Trim(s, ".") != s || len(s) > maxName {
		return errors.New("not a domain like acme.example")
	}
	*v = domainName(s)
	return nil
}

func (*issuerURL) schema() schema {
	return schema{Type: "string", Format: "uri", Pattern: "^https?://"}
}
func (*redirectURL) schema() schema {
	return schema{Type: "string", Format: "uri", Pattern: "^https?://"}
}
func (*plainText) schema() schema  { return schema{Type: "string", MinLength: 1} }
func (*claimText) schema() schema  { return schema{Type: "string", MinLength: 1} }
func (*domainName) schema() schema { return schema{Type: "string", MinLength: 3, MaxLength: maxName} }

// host is where the client's secret is sent to: scheme, host and port.
func (d *ssoDoc) host() string {
	if d == nil {
		return ""
	}
	u, err := url.Parse(string(d.Issuer))
	if err != nil {
		return ""
	}
	return strings.ToLower(u.Scheme + "://" + u.Host)
}

// voidMovedSSO takes the client's secret away if the issuer has another host than the
// secret was given for, unless the patch gives one.
func voidMovedSSO(had, doc any, patch map[string]any) {
	before, _ := had.(*settingsDoc)
	after, _ := doc.(*settingsDoc)
	if before == nil || after == nil || before.SSO == nil || after.SSO == nil || before.SSO.host() == after.SSO.host() {
		return
	}
	given, _ := patch["sso"].(map[string]any)
	if _, ok := given["client_secret"]; !ok {
		after.SSO.ClientSecret = secretText{}
	}
}

func (c *checker) sso(path string, s *ssoDoc) {
	if s == nil {
		return
	}
	var tenants []string
	for _, t := range c.file.Tenants {
		tenants = append(tenants, string(t.Name))
	}
	c.notEmpty(in(path, "roles"), s.Rules != nil && len(s.Rules) == 0)
	for i, r := range s.Rules {
		where := at(in(path, "roles"), i)
		c.refer(in(where, "tenant"), "tenant", r.Tenant, tenants)
		switch {
		case (r.Claim == "") != (r.Value == "") && !c.mistaken(where):
			c.mistake(where, "needs claim and value, or neither")
		case r.Claim == "" && len(s.Domains) == 0 && !c.mistaken(where):
			c.mistake(where, "a rule without claim is for everybody from domains: give some")
		}
		if r.Tenant == "" && c.lacks(in(where, "tenant")) && (r.Role == RoleOwner || r.Role == RoleMember) {
			c.mistake(in(where, "role"), "%s is no role of the installation: admin, operator or viewer", string(r.Role))
		}
	}
}

// SetMemberRole gives a user of a tenant, who must be there, another role.
func (d *Draft) SetMemberRole(m Membership, role string) error {
	patch, err := json.Marshal(map[string]string{"role": role})
	if err != nil {
		return err
	}
	return d.Patch(Ref{events.UserSort, m.Tenant, m.User}, nil, patch)
}

func (d *ssoDoc) build() *SSO {
	if d == nil {
		return nil
	}
	out := &SSO{
		Issuer: string(d.Issuer), ClientID: string(d.ClientID), ClientSecret: d.ClientSecret.Secret, RedirectURL: string(d.RedirectURL), Scopes: []string{"openid"},
	}
	scopes := d.Scopes
	if scopes == nil {
		scopes = []plainText{"email", "profile"}
	}
	for _, s := range scopes {
		if s != "openid" {
			out.Scopes = append(out.Scopes, string(s))
		}
	}
	for _, domain := range d.Domains {
		out.Domains = append(out.Domains, string(domain))
	}
	for _, r := range d.Rules {
		out.Rules = append(out.Rules, SSORule{string(r.Claim), string(r.Value), events.TenantID(r.Tenant), string(r.Role)})
	}
	return out
}
