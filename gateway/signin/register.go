package signin

import (
	"context"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/control"
)

// Ways of registering, as settings have them.
const (
	byInvite = "invite"
	open     = "open"
)

// Register makes an account for whoever comes, with an invite or, where registration
// is open, without; then the secret is empty.
func (s *Service) Register(ctx context.Context, who Caller, n Newcomer, invite control.Secret) (Entry, error) {
	if err := s.addresses.try(who.From); err != nil {
		return Entry{}, s.count(throttled, err)
	}
	c := s.cfg.Plane.Live().Current()
	switch {
	case c.Registration != byInvite && c.Registration != open:
		return Entry{}, s.count(refused, &gateway.Error{Kind: gateway.Forbidden, Code: "registration_closed", Public: "Registration is closed: ask an administrator for an account."})
	case c.Registration == byInvite && invite.Empty():
		return Entry{}, s.count(refused, &gateway.Error{Kind: gateway.Forbidden, Code: "invite_needed", Param: "invite", Public: "To register you need an invite."})
	case !invite.Empty() && c.InviteBySecret(invite, s.cfg.Now()) == nil:
		return Entry{}, s.count(refused, notInvited())
	}
	a, err := s.newAccount(ctx, n)
	if err != nil {
		return Entry{}, err
	}
	_, err = s.cfg.Plane.Do(ctx, who.by(actorOf(a.ID), "register"), func(d *control.Draft) error {
		m, bound, err := s.admit(d, a, invite)
		if err != nil {
			return err
		}
		a.Memberships, a.Verified = []control.Membership{m}, bound
		return d.PutAccount(a)
	})
	if err != nil {
		return Entry{}, err
	}
	return s.enter(ctx, who, a)
}

// admit makes an account a member, by an invite, which it takes away, or by what
// settings say of those who have none. bound tells whether the invite was for its
// address.
func (s *Service) admit(d *control.Draft, a *control.Account, secret control.Secret) (m control.Membership, bound bool, err error) {
	if secret.Empty() {
		join := s.cfg.Plane.Live().Current().Join
		if join.Tenant == "" {
			return m, false, &gateway.Error{Kind: gateway.Forbidden, Code: "registration_closed", Public: "Registration is closed: ask an administrator for an account."}
		}
		m, err = d.AddMember(join.Tenant, a.Email, join.Role)
		return m, false, err
	}
	i := d.Invite(control.Digest(secret))
	if i == nil || !s.cfg.Now().Before(i.Expires) || !s.stillMay(d, i) {
		return m, false, notInvited()
	}
	if i.Email != "" && i.Email != a.Email {
		return m, false, &gateway.Error{Kind: gateway.Forbidden, Code: "invite_for_another", Param: "email", Public: "The invite is for another e-mail address."}
	}
	if m = (control.Membership{Tenant: i.Tenant, User: i.User}); i.User == "" {
		if m, err = d.AddMember(i.Tenant, a.Email, i.Role); err != nil {
			return m, false, err
		}
	}
	return m, i.Email != "", d.RemoveInvite(i.Tenant, i.ID)
}

func notInvited() *gateway.Error {
	return &gateway.Error{Kind: gateway.NotFound, Code: "no_such_invite", Param: "invite", Public: "The invite is not valid, was used, has expired or was taken back."}
}

// JoinBy makes the caller's account a member by an invite.
func (s *Service) JoinBy(ctx context.Context, who Caller, invite control.Secret) error {
	if err := s.addresses.try(who.From); err != nil {
		return s.count(throttled, err)
	}
	a, _, err := s.own(ctx, who)
	if err != nil {
		return err
	}
	return s.edit(ctx, who.by(actorOf(a.ID), "join"), a.ID, func(d *control.Draft, a *control.Account) error {
		if i := d.Invite(control.Digest(invite)); i != nil && a.MemberOf(i.Tenant) {
			return &gateway.Error{Kind: gateway.Conflict, Code: "exists", Public: "You are a member of that tenant already."}
		}
		m, bound, err := s.admit(d, a, invite)
		if err != nil {
			return err
		}
		a.Memberships, a.Verified = append(a.Memberships, m), a.Verified || bound
		return nil
	})
}

// stillMay tells whether who made an invite could make it now.
func (s *Service) stillMay(d *control.Draft, i *control.Invite) bool {
	role := i.Role
	if i.User != "" {
		role, _ = d.MemberRole(control.Membership{Tenant: i.Tenant, User: i.User})
	}
	if i.Issuer == "" {
		return true // an operator's token, which may all
	}
	issuer, err := d.Account(i.Issuer, nil)
	if err != nil || issuer.Disabled {
		return false
	}
	if issuer.Role == adminRole {
		return true
	}
	for _, m := range issuer.Memberships {
		if its, _ := d.MemberRole(m); m.Tenant == i.Tenant && invites(its) {
			return notAbove(i.Tenant, role, its)
		}
	}
	return false
}

// invites tells whether somebody of a tenant may invite others.
func invites(role string) bool { return role == ownerRole || role == adminRole }

// notAbove tells whether a role is at most another.
func notAbove(tenant events.TenantID, role, most string) bool {
	return role != "" && control.AtMost(tenant, role, most) == role
}
