package signin

import (
	"context"
	"time"

	"github.com/llm-hub/llm-hub/gateway/control"
)

// ResetTime is how long a reset works.
const ResetTime = time.Hour

// newAccount is what a newcomer says, with the password hashed.
func (s *Service) newAccount(ctx context.Context, n Newcomer) (*control.Account, error) {
	a := &control.Account{ID: control.NewAccountID(), Email: normal(n.Email), Name: n.Name, Epoch: 1}
	if err := CheckPassword("password", n.Password.Reveal(), a.Email); err != nil {
		return nil, err
	}
	var err error
	a.Password, err = s.cfg.Hasher.Hash(ctx, n.Password.Reveal())
	return a, err
}

// ChangePassword gives the caller's account another password, which ends all its
// sessions, and begins a new one.
func (s *Service) ChangePassword(ctx context.Context, who Caller, current, next control.Secret) (Entry, error) {
	a, session, err := s.confirm(ctx, who, current)
	if err != nil {
		return Entry{}, err
	}
	if err := s.setPassword(ctx, who.by(actorOf(a.ID), "account.password"), a, next, nil); err != nil {
		return Entry{}, err
	}
	session.Proven = s.cfg.Now()
	session.Epoch = s.cfg.Plane.Live().Current().Account(a.ID).Epoch
	return s.replace(ctx, who, session)
}

// Reset sets a password with what [Service.AllowReset] gave. It ends all sessions.
func (s *Service) Reset(ctx context.Context, who Caller, token, password control.Secret) error {
	if err := s.addresses.try(who.From); err != nil {
		return s.count(throttled, err)
	}
	gone := notValid("The reset is not valid, was used, or is older than an hour: ask for another.")
	a := s.cfg.Plane.Live().Current().AccountByReset(token, s.cfg.Now())
	if a == nil {
		return s.count(refused, gone)
	}
	err := s.setPassword(ctx, who.by(actorOf(a.ID), "account.reset"), a, password, func(now *control.Account) error {
		if now.Reset == nil || now.Reset.Hash != a.Reset.Hash || now.Disabled {
			return gone
		}
		return nil
	})
	if err != nil {
		return err
	}
	return s.accounts.forget(ctx, a.Email)
}

// setPassword gives an account another password if check, which may be nil, agrees to
// the account as it is then.
func (s *Service) setPassword(ctx context.Context, by control.By, a *control.Account, next control.Secret, check func(*control.Account) error) error {
	if err := CheckPassword("password", next.Reveal(), a.Email); err != nil {
		return err
	}
	hash, err := s.cfg.Hasher.Hash(ctx, next.Reveal())
	if err != nil {
		return err
	}
	return s.edit(ctx, by, a.ID, func(_ *control.Draft, now *control.Account) error {
		if check != nil {
			if err := check(now); err != nil {
				return err
			}
		}
		now.Password, now.Reset = hash, nil
		now.Epoch++
		return nil
	})
}

// AllowReset lets whoever is given the secret set an account's password once. An
// earlier one works no more.
func (s *Service) AllowReset(ctx context.Context, by control.By, id string) (secret control.Secret, until time.Time, err error) {
	secret, hash := control.GenerateOnce(control.ResetPrefix)
	until = s.cfg.Now().Add(ResetTime)
	return secret, until, s.edit(ctx, by, id, func(_ *control.Draft, a *control.Account) error {
		a.Reset = &control.Reset{Hash: hash, Until: until}
		return nil
	})
}
