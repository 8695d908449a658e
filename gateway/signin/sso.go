package signin

import (
	"context"
	"slices"
	"strings"
	"unicode"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/control"
	"github.com/llm-hub/llm-hub/gateway/sso"
)

// ssoActor is who changes an account by the word of a provider: not the person, who could
// not give themselves a role.
const ssoActor = "sso"

// EnterAs signs in whom a provider of single sign-on vouches for. The account is the one
// with that identity; the first time, one with the address that the provider has
// verified, if somebody vouched for that address here, too, or else a new one. What the
// rules speak of becomes what the grants say, anew each time; the rest stays.
func (s *Service) EnterAs(ctx context.Context, who Caller, id sso.Identity) (Entry, error) {
	account := ""
	_, err := s.cfg.Plane.Do(ctx, who.by(ssoActor, "sso.login"), func(d *control.Draft) error {
		a, err := identified(d, id)
		if err != nil {
			return err
		}
		account = a.ID
		if err := s.regrant(d, a, id.Grants); err != nil {
			return err
		}
		return d.PutAccount(a)
	})
	if err != nil {
		s.cfg.Logger.Warn("single sign-on refused", "issuer", id.Issuer, "from", who.From, "request", who.Request, "reason", gateway.AsError(err).Code)
		return Entry{}, s.count(refused, err)
	}
	return s.Enter(ctx, who, account)
}

// identified is the account of an identity, or one that gets it now.
func identified(d *control.Draft, id sso.Identity) (*control.Account, error) {
	mine := control.Identity{Issuer: id.Issuer, Subject: id.Subject}
	accounts := d.Accounts()
	for _, a := range accounts {
		if slices.Contains(a.Identities, mine) {
			return a, nil
		}
	}
	if id.Email == "" {
		return nil, &gateway.Error{Kind: gateway.Forbidden, Code: "sso_unverified", Public: "The provider vouches for no e-mail address of yours, which an account needs."}
	}
	for _, a := range accounts {
		switch {
		case a.Email != id.Email:
		case !a.Verified:
			return nil, &gateway.Error{
				Kind: gateway.Conflict, Code: "sso_account_exists", Public: "There is an account with this e-mail address that somebody made without proving that it is theirs: ask an administrator.",
			}
		default:
			a.Identities = append(a.Identities, mine)
			return a, nil
		}
	}
	return &control.Account{ID: control.NewAccountID(), Email: id.Email, Name: shownName(id.Name), Verified: true, Epoch: 1, Identities: []control.Identity{mine}}, nil
}

// shownName is as much of a provider's name for somebody as an account may have.
func shownName(name string) string {
	const longest = 60 // characters
	name = strings.Join(strings.FieldsFunc(name, func(r rune) bool { return r == ' ' || !unicode.IsPrint(r) }), " ")
	if runes := []rune(name); len(runes) > longest {
		name = string(runes[:longest])
	}
	return strings.TrimSpace(name)
}

// regrant gives an account the roles of grants wherever the rules give any, and takes
// those away that no grant gives any more.
func (s *Service) regrant(d *control.Draft, a *control.Account, grants []sso.Grant) error {
	roles := map[events.TenantID]string{}
	for _, g := range grants {
		roles[g.Tenant] = g.Role
	}
	for _, tenant := range s.ruled() {
		role, granted := roles[tenant]
		switch {
		case tenant == "":
			a.Role = role
		case granted:
			if err := member(d, a, tenant, role); err != nil {
				return err
			}
		default:
			a.Memberships = slices.DeleteFunc(a.Memberships, func(m control.Membership) bool { return m.Tenant == tenant })
		}
	}
	if a.Role == "" && len(a.Memberships) == 0 {
		return &gateway.Error{Kind: gateway.Forbidden, Code: "sso_not_mapped", Public: "Nothing that the provider says of you gives you a role here."}
	}
	return nil
}

// ruled are the tenants that rules speak of, the installation as the empty one.
func (s *Service) ruled() []events.TenantID {
	var out []events.TenantID
	if settings := s.cfg.Plane.Live().Current().SSO; settings != nil {
		for _, r := range settings.Rules {
			if !slices.Contains(out, r.Tenant) {
				out = append(out, r.Tenant)
			}
		}
	}
	slices.Sort(out)
	return out
}

// member makes an account a user of a tenant with a role: the user that it is already,
// or the one with its address, whom nobody else acts as, or a new one.
func member(d *control.Draft, a *control.Account, tenant events.TenantID, role string) error {
	i := slices.IndexFunc(a.Memberships, func(m control.Membership) bool { return m.Tenant == tenant })
	if i >= 0 {
		return d.SetMemberRole(a.Memberships[i], role)
	}
	m := control.Membership{Tenant: tenant, User: control.UserID(tenant, a.Email)}
	if _, there := d.MemberRole(m); !there {
		var err error
		if m, err = d.AddMember(tenant, a.Email, role); err != nil {
			return err
		}
	} else if taken(d, a, m) {
		return &gateway.Error{Kind: gateway.Conflict, Code: "sso_user_taken", Public: "Another account acts as the user with your e-mail address: ask an administrator."}
	} else if err := d.SetMemberRole(m, role); err != nil {
		return err
	}
	a.Memberships = append(a.Memberships, m)
	return nil
}

func taken(d *control.Draft, a *control.Account, m control.Membership) bool {
	return slices.ContainsFunc(d.Accounts(), func(other *control.Account) bool {
		return other.ID != a.ID && slices.Contains(other.Memberships, m)
	})
}
