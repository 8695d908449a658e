package signin

import (
	"context"
	"strings"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/control"
)

// Login signs in with a password.
func (s *Service) Login(ctx context.Context, who Caller, address string, password control.Secret) (Entry, error) {
	if err := s.addresses.try(who.From); err != nil {
		return Entry{}, s.count(throttled, err)
	}
	a := s.cfg.Plane.Live().Current().AccountByEmail(normal(address))
	if err := s.prove(ctx, who, proof{subject: normal(address), account: a, password: password}); err != nil {
		return Entry{}, err
	}
	return s.enter(ctx, who, a)
}

// normal is how an address is looked for.
func normal(address string) string { return strings.ToLower(strings.TrimSpace(address)) }

// proof is somebody's claim to be an account.
type proof struct {
	subject  string           // the address that was given
	account  *control.Account // nil: there is none
	password control.Secret
}

// prove is nil if the password is the account's. It counts the try first, and costs
// one run of the hash whether there is an account or not.
func (s *Service) prove(ctx context.Context, who Caller, p proof) error {
	if err := s.accounts.try(ctx, p.subject); err != nil {
		return s.count(throttled, err)
	}
	var hash control.Secret
	if p.account != nil && !p.account.Disabled {
		hash = p.account.Password
	}
	right, weak, err := s.cfg.Hasher.Verify(ctx, hash, p.password.Reveal())
	if err != nil {
		return s.count(throttled, err)
	}
	if !right {
		account := ""
		if p.account != nil {
			account = p.account.ID
		}
		s.cfg.Logger.Warn("sign-in refused", "account", account, "from", who.From, "request", who.Request)
		return s.count(refused, &gateway.Error{
			Kind: gateway.Unauthenticated, Code: "wrong_credentials", Public: "The e-mail address or the password is not right.",
		})
	}
	if err := s.accounts.forget(ctx, p.subject); err != nil {
		return err
	}
	if weak {
		s.strengthen(ctx, who, p)
	}
	return nil
}

// strengthen hashes a password at today's cost. It can wait for the next time.
func (s *Service) strengthen(ctx context.Context, who Caller, p proof) {
	hash, err := s.cfg.Hasher.Hash(ctx, p.password.Reveal())
	if err == nil {
		err = s.edit(ctx, who.by(actorOf(p.account.ID), "account.rehash"), p.account.ID, func(_ *control.Draft, a *control.Account) error {
			if a.Password.Equal(p.account.Password) { // else somebody has changed it meanwhile
				a.Password = hash
			}
			return nil
		})
	}
	if err != nil {
		s.cfg.Logger.Warn("a password keeps its weaker hash", "account", p.account.ID, "error", err)
	}
}

// Reauthenticate proves once more who the caller is.
func (s *Service) Reauthenticate(ctx context.Context, who Caller, password control.Secret) (Entry, error) {
	a, session, err := s.confirm(ctx, who, password)
	if err != nil {
		return Entry{}, err
	}
	session.Proven, session.Epoch = s.cfg.Now(), a.Epoch
	return s.replace(ctx, who, session)
}

// confirm tells who the caller is, if they know the password.
func (s *Service) confirm(ctx context.Context, who Caller, password control.Secret) (*control.Account, Session, error) {
	if err := s.addresses.try(who.From); err != nil {
		return nil, Session{}, s.count(throttled, err)
	}
	a, session, err := s.own(ctx, who)
	if err != nil {
		return nil, session, err
	}
	return a, session, s.prove(ctx, who, proof{subject: a.Email, account: a, password: password})
}

// Switch lets the caller act in another tenant, or for the whole installation if it
// is empty.
func (s *Service) Switch(ctx context.Context, who Caller, tenant events.TenantID) (Entry, error) {
	a, session, err := s.own(ctx, who)
	if err != nil {
		return Entry{}, err
	}
	if s.cfg.Plane.Live().Current().RoleOf(a, tenant) == "" {
		return Entry{}, &gateway.Error{Kind: gateway.NotFound, Code: "no_such_membership", Param: "tenant", Public: "You are nobody there."}
	}
	session.Tenant = tenant
	return s.replace(ctx, who, session)
}

// LeaveEverywhere ends every session of the caller's account.
func (s *Service) LeaveEverywhere(ctx context.Context, who Caller) error {
	a, _, err := s.own(ctx, who)
	if err != nil {
		return err
	}
	err = s.edit(ctx, who.by(actorOf(a.ID), "account.leave"), a.ID, func(_ *control.Draft, a *control.Account) error {
		a.Epoch++
		return nil
	})
	if err != nil {
		return err
	}
	return s.Leave(ctx, who)
}
