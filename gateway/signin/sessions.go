package signin

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/control"
)

// idLength is how much of the hash of a token names its session. Whoever knows it
// knows nothing of the token.
const idLength = 24

// idOf names the session that is kept at a key.
func idOf(key string) string {
	return strings.TrimPrefix(key, sessionKey)[:idLength]
}

// Open is a session that is not over.
type Open struct {
	Session
	ID      string // unique; not its token
	Current bool   // the caller's own

	key string
}

// Of lists the sessions of an account that are not over, the last used first. It reads
// those of all accounts: nobody asks often.
func (s *Sessions) Of(ctx context.Context, account string) ([]Open, error) {
	entries, err := s.bucket.List(ctx, sessionKey)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	now := s.now()
	var out []Open
	for _, e := range entries {
		made, ok := decodeSession(e)
		if ok && made.Account == account && !made.Over && now.Before(made.ends()) && len(e.Key) > len(sessionKey)+idLength {
			out = append(out, Open{Session: made, ID: idOf(e.Key), key: e.Key})
		}
	}
	slices.SortFunc(out, func(a, b Open) int { return cmp.Or(b.Seen.Compare(a.Seen), cmp.Compare(a.ID, b.ID)) })
	return out, nil
}

// OpenSessions lists the sessions of an account, the last used first.
func (s *Service) OpenSessions(ctx context.Context, who Caller, account string) ([]Open, error) {
	a := s.cfg.Plane.Live().Current().Account(account)
	if a == nil {
		return nil, sessionError(ErrNoSession)
	}
	list, err := s.cfg.Sessions.Of(ctx, account)
	if err != nil {
		return nil, sessionError(err)
	}
	list = slices.DeleteFunc(list, func(o Open) bool { return o.Epoch != a.Epoch })
	own, _ := keyOf(who.Token)
	for i, o := range list {
		list[i].Current = o.key == own
	}
	return list, nil
}

// EndSession ends one session of an account, by its id.
func (s *Service) EndSession(ctx context.Context, who Caller, account, id string) error {
	list, err := s.OpenSessions(ctx, who, account)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(list, func(o Open) bool { return o.ID == id })
	if i < 0 {
		return &gateway.Error{Kind: gateway.NotFound, Code: "no_such_object", Public: "There is no such session of yours."}
	}
	return s.end(ctx, account, list[i:i+1])
}

// EndOthers ends all sessions of an account but the caller's.
func (s *Service) EndOthers(ctx context.Context, who Caller, account string) error {
	list, err := s.OpenSessions(ctx, who, account)
	if err != nil {
		return err
	}
	return s.end(ctx, account, slices.DeleteFunc(list, func(o Open) bool { return o.Current }))
}

func (s *Service) end(ctx context.Context, account string, list []Open) error {
	for _, o := range list {
		if err := s.cfg.Sessions.end(ctx, o.key); err != nil {
			return sessionError(err)
		}
		s.cfg.Count(left)
		s.cfg.Logger.Info("session ended", "account", account, "session", o.ID)
	}
	return nil
}

// end ends the session at a key, everywhere. One that is not there has ended already.
func (s *Sessions) end(ctx context.Context, key string) error {
	const rivals = 5
	var err error
	for range rivals {
		var e knownSession
		if e, err = s.ask(ctx, key); errors.Is(err, ErrNoSession) || err == nil && e.Over {
			return nil
		}
		if err != nil {
			return err
		}
		e.Over = true
		if err = s.put(ctx, key, e.rev, e.Session); !errors.Is(err, events.ErrConflict) {
			return err
		}
	}
	return fmt.Errorf("%w: %w", ErrUnreachable, err)
}

// End ends the session of a token, everywhere.
func (s *Sessions) End(ctx context.Context, token control.Secret) error {
	key, ok := keyOf(token)
	if !ok {
		return nil
	}
	return s.end(ctx, key)
}

// maxAgent is how much of what a browser calls itself is kept, in bytes.
const maxAgent = 160

// seenAs is a session as begun by a caller: from which address, without the port, and by
// which program, in its own words. Behind a proxy the address is the proxy's.
func (s Session) seenAs(who Caller) Session {
	s.From = who.From
	if host, _, err := net.SplitHostPort(who.From); err == nil {
		s.From = host
	}
	printable := func(r rune) rune {
		if r < ' ' || r > '~' {
			return -1
		}
		return r
	}
	s.Agent = strings.Map(printable, who.Agent)
	s.Agent = s.Agent[:min(len(s.Agent), maxAgent)]
	return s
}
