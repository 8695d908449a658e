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

// Operator holds the token that opens everything under /api.
type Operator struct {
	hash   [sha256.Size]byte
	logger *slog.Logger
	now    func() time.Time

	mu      sync.Mutex
	until   time.Time // end of the span
	refused int       // attempts in it
}

// NewOperator takes the token, at least 32 visible ASCII characters.
func NewOperator(token control.Secret, logger *slog.Logger, now func() time.Time) (*Operator, error) {
	if logger == nil || now == nil {
		return nil, errors.New("auth: logger and now must be set")
	}
	if !wellFormed(token.Reveal()) {
		return nil, fmt.Errorf("operator token: not %d to %d visible ASCII characters", minCredential, maxCredential)
	}
	return &Operator{hash: sha256.Sum256([]byte(token.Reveal())), logger: logger, now: now}, nil
}

// Check tells whether a request comes with the token; from says where the request
// came from, for the log. Its error is a *gateway.Error. The comparison takes the
// same time wherever the texts differ.
func (o *Operator) Check(h http.Header, from string) error {
	token, err := credential(h, "")
	if err == nil {
		hash := sha256.Sum256([]byte(token.Reveal()))
		if subtle.ConstantTimeCompare(hash[:], o.hash[:]) == 1 {
			return nil
		}
		err = unauthenticated("The operator token is not valid.")
	}
	o.log(from, err)
	return err
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
