package signin

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway/control"
)

// How long a session lasts.
const (
	IdleTime     = 12 * time.Hour     // without a request
	LongestTime  = 7 * 24 * time.Hour // in all
	touchEvery   = 5 * time.Minute    // how exactly the last request is known
	believed     = time.Minute        // without asking again
	endedFor     = 5 * time.Minute    // what is over stays known: longer than believed
	sessionKey   = "s."
	sessionBytes = 32
)

// Errors of finding a session.
var (
	ErrNoSession   = errors.New("there is no such session")
	ErrUnreachable = errors.New("sessions are out of reach")
)

// Bucket keeps sessions and what goes with them.
type Bucket interface {
	events.Bucket
	events.Lapsing
	events.Watchable
}

// Session is somebody who signed in.
type Session struct {
	Account string          `json:"account"`
	Epoch   int64           `json:"epoch"`            // of the account when the session began
	Tenant  events.TenantID `json:"tenant,omitempty"` // that they act in; empty: the whole installation
	Made    time.Time       `json:"made"`             // first proof of who it is
	Seen    time.Time       `json:"seen"`             // last request, give or take [touchEvery]
	Proven  time.Time       `json:"proven"`           // last proof of who it is
	From    string          `json:"from,omitempty"`   // address that it was begun from
	Agent   string          `json:"agent,omitempty"`  // and by what
	Over    bool            `json:"over,omitempty"`
}

// ends is when the session is over unless somebody makes a request.
func (s Session) ends() time.Time {
	idle, all := s.Seen.Add(IdleTime), s.Made.Add(LongestTime)
	if idle.Before(all) {
		return idle
	}
	return all
}

// Sessions are those of all nodes. Its methods may be called at once.
type Sessions struct {
	bucket Bucket
	now    func() time.Time
	log    *slog.Logger

	mu        sync.Mutex
	following bool // every change is told
	known     map[string]knownSession
	swept     time.Time
}

// knownSession is an entry as this node has seen it last.
type knownSession struct {
	Session
	rev  uint64
	when time.Time // it was seen
}

// NewSessions makes the sessions of a bucket. They follow its changes while
// [Sessions.Run] runs, and ask it every time while it does not.
func NewSessions(b Bucket, now func() time.Time, log *slog.Logger) *Sessions {
	return &Sessions{bucket: b, now: now, log: log, known: map[string]knownSession{}}
}

// newToken is what a browser holds.
func newToken() control.Secret {
	b := make([]byte, sessionBytes)
	_, _ = rand.Read(b) // never fails
	return control.NewSecret(base64.RawURLEncoding.EncodeToString(b))
}

// keyOf is where a session is kept, false of what cannot be its token.
func keyOf(token control.Secret) (string, bool) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(token.Reveal())
	if err != nil || len(raw) != sessionBytes {
		return "", false
	}
	sum := sha256.Sum256([]byte(token.Reveal()))
	return sessionKey + hex.EncodeToString(sum[:]), true
}

// Begin makes a session; its times are set here, those that are given stay.
func (s *Sessions) Begin(ctx context.Context, made Session) (control.Secret, Session, error) {
	now := s.now()
	if made.Made.IsZero() {
		made.Made, made.Proven = now, now
	}
	made.Seen = now
	token := newToken()
	key, _ := keyOf(token)
	return token, made, s.put(ctx, key, 0, made)
}

// put writes a session for as long as it lasts.
func (s *Sessions) put(ctx context.Context, key string, rev uint64, made Session) error {
	ttl := made.ends().Sub(s.now())
	if made.Over {
		ttl = endedFor
	}
	if ttl < time.Second {
		return ErrNoSession
	}
	value, err := json.Marshal(made)
	if err != nil {
		return err
	}
	rev, err = s.bucket.PutFor(ctx, events.Put{Key: key, Value: value, Rev: rev}, ttl)
	if err != nil {
		if errors.Is(err, events.ErrConflict) {
			return err
		}
		return fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	s.learn(key, made, rev)
	return nil
}

// learn remembers an entry unless a newer one is known.
func (s *Sessions) learn(key string, made Session, rev uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	if now.Sub(s.swept) >= believed {
		for k, e := range s.known {
			if now.Sub(e.when) >= believed {
				delete(s.known, k)
			}
		}
		s.swept = now
	}
	if s.known[key].rev <= rev {
		s.known[key] = knownSession{made, rev, now}
	}
}

// Find gives the session of a token, or [ErrNoSession], or [ErrUnreachable].
func (s *Sessions) Find(ctx context.Context, token control.Secret) (Session, error) {
	key, ok := keyOf(token)
	if !ok {
		return Session{}, ErrNoSession
	}
	found, err := s.find(ctx, key)
	if err != nil {
		return Session{}, err
	}
	now := s.now()
	if found.Over || !now.Before(found.ends()) {
		return Session{}, ErrNoSession
	}
	if now.Sub(found.Seen) >= touchEvery {
		found.Seen = now
		// Another node may be faster, which is as good; and nobody is sent away because it could not be noted.
		_ = s.put(ctx, key, found.rev, found.Session)
	}
	return found.Session, nil
}

func (s *Sessions) find(ctx context.Context, key string) (knownSession, error) {
	s.mu.Lock()
	e, known := s.known[key]
	known = known && s.following && s.now().Sub(e.when) < believed
	s.mu.Unlock()
	if known {
		return e, nil
	}
	return s.ask(ctx, key)
}

func (s *Sessions) ask(ctx context.Context, key string) (knownSession, error) {
	e, err := s.bucket.Get(ctx, key)
	if err != nil {
		return knownSession{}, fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	made, ok := decodeSession(e)
	if !ok {
		return knownSession{}, ErrNoSession
	}
	s.learn(key, made, e.Rev)
	return knownSession{Session: made, rev: e.Rev}, nil
}

// decodeSession reads an entry; false if nothing is left of it.
func decodeSession(e events.Entry) (made Session, ok bool) {
	if e.Value == nil || json.Unmarshal(e.Value, &made) != nil {
		return Session{}, false
	}
	return made, true
}

// Run follows what other nodes do to sessions until ctx ends.
func (s *Sessions) Run(ctx context.Context) {
	const pause = time.Second
	for ctx.Err() == nil {
		if err := s.follow(ctx); err != nil && ctx.Err() == nil {
			s.log.Warn("sessions are not followed at present: each request asks for its own", "error", err)
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
	}
}

func (s *Sessions) follow(ctx context.Context) error {
	changes, err := s.bucket.Watch(ctx, sessionKey)
	if err != nil {
		return err
	}
	defer s.set(false)
	for e := range changes {
		if e.Key == "" {
			s.set(true)
			continue
		}
		made, ok := decodeSession(e)
		made.Over = made.Over || !ok
		s.learn(e.Key, made, e.Rev)
	}
	return nil
}

func (s *Sessions) set(following bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.following = following
	if !following {
		clear(s.known)
	}
}

// Following tells whether this node is told of every change.
func (s *Sessions) Following() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.following
}
