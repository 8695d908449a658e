package signin

import (
	"context"
	"slices"

	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/control"
)

// AddToken gives the account id another personal token, and tells its secret. Of what
// is wanted the hash is set here. What the token may is bounded by what its account
// may, at every use; a role beyond that is refused now already.
func (s *Service) AddToken(ctx context.Context, by control.By, id string, want control.PersonalToken) (control.Secret, error) {
	if now := s.cfg.Now(); !want.Expires.IsZero() && !want.Expires.After(now) {
		return control.Secret{}, &gateway.Error{Kind: gateway.Invalid, Param: "expires", Public: "The token would have expired already."}
	}
	secret, hash := control.GenerateOnce(control.PersonalPrefix)
	want.Hash = hash
	return secret, s.edit(ctx, by, id, func(d *control.Draft, a *control.Account) error {
		if slices.ContainsFunc(a.Tokens, func(t control.PersonalToken) bool { return t.Name == want.Name }) {
			return &gateway.Error{Kind: gateway.Conflict, Code: "exists", Param: "name", Public: "You have a token of this name already."}
		}
		role := a.Role
		if want.Tenant != "" {
			role = ""
			for _, m := range a.Memberships {
				if m.Tenant == want.Tenant {
					role, _ = d.MemberRole(m)
				}
			}
		}
		if !notAbove(want.Tenant, want.Role, role) {
			return &gateway.Error{Kind: gateway.Forbidden, Code: "role_above_yours", Param: "role", Public: "A token may no more than you may."}
		}
		a.Tokens = append(a.Tokens, want)
		return nil
	})
}

// RemoveToken takes a personal token from the account id.
func (s *Service) RemoveToken(ctx context.Context, by control.By, id, name string) error {
	return s.edit(ctx, by, id, func(_ *control.Draft, a *control.Account) error {
		before := len(a.Tokens)
		a.Tokens = slices.DeleteFunc(a.Tokens, func(t control.PersonalToken) bool { return t.Name == name })
		if len(a.Tokens) == before {
			return &gateway.Error{Kind: gateway.NotFound, Code: "no_such_object", Public: "You have no token of this name."}
		}
		return nil
	})
}
