package signin

import (
	"context"
	"time"

	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/auth"
	"github.com/llm-hub/llm-hub/gateway/control"
)

// How long an invite works.
const (
	inviteTime  = 7 * 24 * time.Hour // unless something else is said
	inviteMost  = 30 * 24 * time.Hour
	inviteLeast = time.Minute
)

// Invite makes an invite, and the secret that it is used with. Of what is wanted the
// id, hash and issuer are set here, and the expiry if there is none. The error of a
// tenant that p may not see is that of none.
func (s *Service) Invite(ctx context.Context, p auth.Person, by control.By, want control.Invite) (control.Invite, control.Secret, error) {
	now := s.cfg.Now()
	if want.Expires.IsZero() {
		want.Expires = now.Add(inviteTime)
	}
	switch c := s.cfg.Plane.Live().Current(); {
	case c.Registration != byInvite && c.Registration != open:
		return want, control.Secret{}, &gateway.Error{Kind: gateway.Conflict, Code: "registration_closed", Public: "Registration is closed: set settings.registration to invite or open."}
	case want.Expires.Before(now.Add(inviteLeast)) || want.Expires.After(now.Add(inviteMost)):
		return want, control.Secret{}, &gateway.Error{Kind: gateway.Invalid, Param: "expires", Public: "An invite works for a minute at least and 30 days at most."}
	}
	secret, hash := control.GenerateOnce(control.InvitePrefix)
	want.ID, want.Hash, want.Issuer = control.NewInviteID(), hash, p.Account
	_, err := s.cfg.Plane.Do(ctx, by, func(d *control.Draft) error {
		if !p.Sees(want.Tenant) {
			return &gateway.Error{Kind: gateway.NotFound, Code: "no_such_object", Public: "There is no tenant " + string(want.Tenant) + "."}
		}
		if err := d.AddInvite(&want); err != nil {
			return err
		}
		role := want.Role
		if want.User != "" {
			role, _ = d.MemberRole(control.Membership{Tenant: want.Tenant, User: want.User})
		}
		if p.Tenant != "" && !notAbove(want.Tenant, role, p.Role) {
			return &gateway.Error{Kind: gateway.Forbidden, Code: "role_above_yours", Param: "role", Public: "Nobody gives a greater role than their own."}
		}
		return nil
	})
	return want, secret, err
}
