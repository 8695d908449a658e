package signin

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/auth"
	"github.com/llm-hub/llm-hub/gateway/control"
)

// Roles that are given here.
const (
	adminRole = "admin"
	ownerRole = "owner"
)

// Config is what a [Service] stands on. All must be set but Count.
type Config struct {
	Plane    *control.Plane
	Bucket   Bucket
	Sessions *Sessions // of the same bucket
	Hasher   *Hasher
	Now      func() time.Time
	Logger   *slog.Logger
	// Count is told what became of each try to sign in: one of [Outcomes].
	Count func(outcome string)
}

// Service is everything about who signs in. Its methods may be called at once; their
// errors are *gateway.Error.
type Service struct {
	cfg       Config
	accounts  accountThrottle
	addresses *addressThrottle
}

// New makes a service.
func New(cfg Config) (*Service, error) {
	if cfg.Plane == nil || cfg.Bucket == nil || cfg.Sessions == nil || cfg.Hasher == nil || cfg.Now == nil || cfg.Logger == nil {
		return nil, errors.New("signin: every part of Config but Count must be set")
	}
	if cfg.Count == nil {
		cfg.Count = func(string) {}
	}
	return &Service{cfg: cfg, accounts: accountThrottle{cfg.Bucket, cfg.Now}, addresses: newAddressThrottle(cfg.Now)}, nil
}

// Outcomes of tries to sign in.
const (
	entered   = "entered"
	refused   = "refused"
	throttled = "throttled"
	left      = "left"
)

// Outcomes are all that [Config.Count] is told.
func Outcomes() []string { return []string{entered, refused, throttled, left} }

// count tells an outcome and hands err on.
func (s *Service) count(outcome string, err error) error {
	s.cfg.Count(outcome)
	return err
}

// Caller is where a call comes from.
type Caller struct {
	From    string           // address and port of the connection
	Request events.RequestID // unique
	Token   control.Secret   // of the session that the caller comes with; empty: none
	Agent   string           // what the caller's program calls itself
}

// by says whose command it is.
func (c Caller) by(actor, cause string) control.By {
	return control.By{Actor: actor, Cause: cause, Origin: control.OriginAPI, Request: c.Request}
}

// actorOf is an account in the audit.
func actorOf(id string) string { return "account/" + id }

// Entry is a session that has just begun.
type Entry struct {
	Token   control.Secret // for the browser, and nobody else
	Session Session
}

func notValid(text string) *gateway.Error {
	return &gateway.Error{Kind: gateway.Unauthenticated, Code: "not_valid", Public: text}
}

// Enter begins a session of an account that somebody has proven to be, by whichever
// way, and ends the one that the caller came with.
func (s *Service) Enter(ctx context.Context, who Caller, account string) (Entry, error) {
	a := s.cfg.Plane.Live().Current().Account(account)
	if a == nil || a.Disabled {
		return Entry{}, s.count(refused, notValid("There is no such account, or it is disabled."))
	}
	return s.enter(ctx, who, a)
}

func (s *Service) enter(ctx context.Context, who Caller, a *control.Account) (Entry, error) {
	session := Session{Account: a.ID, Epoch: max(a.Epoch, 1)}
	if a.Role == "" && len(a.Memberships) > 0 {
		session.Tenant = a.Memberships[0].Tenant
	}
	e, err := s.replace(ctx, who, session)
	if err != nil {
		return e, err
	}
	s.cfg.Count(entered)
	s.cfg.Logger.Info("signed in", "account", a.ID, "from", who.From, "request", who.Request)
	return e, nil
}

// replace begins a session and ends the caller's: a token that was there before is
// never good for what came after.
func (s *Service) replace(ctx context.Context, who Caller, next Session) (Entry, error) {
	token, session, err := s.cfg.Sessions.Begin(ctx, next.seenAs(who))
	if err == nil && !who.Token.Empty() {
		err = s.cfg.Sessions.End(ctx, who.Token)
	}
	if err != nil {
		return Entry{}, sessionError(err)
	}
	return Entry{token, session}, nil
}

func sessionError(err error) error {
	if errors.Is(err, ErrNoSession) {
		return &gateway.Error{Kind: gateway.Unauthenticated, Code: "no_session", Public: "Nobody is signed in: sign in first."}
	}
	return outOfReach(err)
}

// Recognise tells who holds the token of a session.
func (s *Service) Recognise(ctx context.Context, token control.Secret) (auth.Person, Session, error) {
	session, err := s.cfg.Sessions.Find(ctx, token)
	if err != nil {
		return auth.Person{}, Session{}, sessionError(err)
	}
	c := s.cfg.Plane.Live().Current()
	a := c.Account(session.Account)
	if a == nil || a.Disabled || a.Epoch != session.Epoch {
		return auth.Person{}, Session{}, sessionError(ErrNoSession)
	}
	p := auth.Person{
		Name: actorOf(a.ID), Role: c.RoleOf(a, session.Tenant), Tenant: session.Tenant, Account: a.ID,
		Via: auth.ViaSession, Since: session.Proven,
	}
	if u := c.Member(a, session.Tenant); u != nil {
		p.User = u.ID
	}
	return p, session, nil
}

// Leave ends the caller's session.
func (s *Service) Leave(ctx context.Context, who Caller) error {
	if err := s.cfg.Sessions.End(ctx, who.Token); err != nil {
		return sessionError(err)
	}
	s.cfg.Count(left)
	return nil
}

// own is the account that the caller is signed in as.
func (s *Service) own(ctx context.Context, who Caller) (*control.Account, Session, error) {
	p, session, err := s.Recognise(ctx, who.Token)
	if err != nil {
		return nil, session, err
	}
	return s.cfg.Plane.Live().Current().Account(p.Account), session, nil
}

// edit changes an account, by whoever's command it is.
func (s *Service) edit(ctx context.Context, by control.By, id string, change func(*control.Draft, *control.Account) error) error {
	_, err := s.cfg.Plane.Do(ctx, by, func(d *control.Draft) error {
		a, err := d.Account(id, nil)
		if err != nil {
			return err
		}
		if err := change(d, a); err != nil {
			return err
		}
		return d.PutAccount(a)
	})
	return err
}
