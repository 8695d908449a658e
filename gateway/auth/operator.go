package auth

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/llm-hub/llm-hub/gateway/control"
)

// Refused attempts are logged one by one up to so many in a span; what comes
// beyond is counted.
const (
	loggedRefusals = 10
	refusalSpan    = time.Minute
)

// Operator recognises those who may use what is under /api: by the token of this
// node's directory, which opens everything, or by one that is configured.
type Operator struct {
	hash   [sha256.Size]byte
	tokens func(secret string, now time.Time) *control.Token
	logger *slog.Logger
	now    func() time.Time

	mu      sync.Mutex
	until   time.Time // end of the span
	refused int       // attempts in it
}

// NewOperator takes the directory's token, at least 32 visible ASCII characters, and
// what finds configured ones.
func NewOperator(token control.Secret, tokens func(secret string, now time.Time) *control.Token, logger *slog.Logger, now func() time.Time) (*Operator, error) {
	if tokens == nil || logger == nil || now == nil {
		return nil, errors.New("auth: tokens, logger and now must be set")
	}
	if !wellFormed(token.Reveal()) {
		return nil, fmt.Errorf("operator token: not %d to %d visible ASCII characters", minCredential, maxCredential)
	}
	return &Operator{hash: sha256.Sum256([]byte(token.Reveal())), tokens: tokens, logger: logger, now: now}, nil
}

// Identify tells who makes a request; from says where it came from, for the log. Its
// error is a *gateway.Error. What is compared are hashes, so the time it takes tells
// nothing of any token.
func (o *Operator) Identify(h http.Header, from string) (Person, error) {
	token, err := credential(h, "")
	if err == nil {
		hash := sha256.Sum256([]byte(token.Reveal()))
		if subtle.ConstantTimeCompare(hash[:], o.hash[:]) == 1 {
			return Person{Name: "operator", Role: control.RoleAdmin, Via: ViaToken, Since: o.now()}, nil
		}
		if t := o.tokens(token.Reveal(), o.now()); t != nil {
			p := Person{Name: "token/" + t.Name, Role: t.Role, Tenant: t.Tenant, User: t.User, Account: t.Account, Via: ViaToken, Since: o.now()}
			if t.Account != "" {
				p.Name = "account/" + t.Account + "/" + t.Name
			}
			return p, nil
		}
		err = unauthenticated("The operator token is not valid.")
	}
	o.log(from, err)
	return Person{}, err
}

func (o *Operator) log(from string, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	now := o.now()
	if !now.Before(o.until) {
		if beyond := o.refused - loggedRefusals; beyond > 0 {
			o.logger.Warn("more attempts to operate were refused", "count", beyond)
		}
		o.until, o.refused = now.Add(refusalSpan), 0
	}
	o.refused++
	if o.refused <= loggedRefusals {
		o.logger.Warn("attempt to operate refused", "from", from, "reason", err.Error())
	}
}
