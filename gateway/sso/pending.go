package sso

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"time"

	"golang.org/x/oauth2"

	"github.com/llm-hub/llm-hub/gateway/control"
)

// pending is a sign-in that has begun: what only the browser that began it knows.
type pending struct {
	State    string    `json:"state"`
	Nonce    string    `json:"nonce"`
	Verifier string    `json:"verifier"` // of PKCE
	Issuer   string    `json:"issuer"`
	Client   string    `json:"client"`
	Begun    time.Time `json:"begun"`
}

func newPending(s *control.SSO, now time.Time) pending {
	return pending{State: rand.Text(), Nonce: rand.Text(), Verifier: oauth2.GenerateVerifier(), Issuer: s.Issuer, Client: s.ClientID, Begun: now.UTC()}
}

// encode writes it for a cookie.
func (p pending) encode() string {
	text, _ := json.Marshal(p) // texts and a time always encode
	return base64.RawURLEncoding.EncodeToString(text)
}

func decodePending(text string) (p pending, err error) {
	const longest = 4 << 10
	if len(text) > longest {
		return p, errors.New("too long")
	}
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return p, err
	}
	if err := json.Unmarshal(raw, &p); err != nil {
		return p, err
	}
	if p.State == "" || p.Nonce == "" || p.Verifier == "" {
		return p, errors.New("something is missing")
	}
	return p, nil
}

// is tells whether a state is that of the sign-in.
func (p pending) is(state string) bool { return same(p.State, state) }

// asked tells whether a nonce is that of the sign-in.
func (p pending) asked(nonce string) bool { return same(p.Nonce, nonce) }

func same(a, b string) bool {
	return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1
}
