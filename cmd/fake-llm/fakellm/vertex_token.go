package fakellm

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// The token endpoint of Google's cloud, and the one service account it knows.

const (
	tokenPath       = "/vertex/token"
	accountEmail    = "robot@fake-project.iam.gserviceaccount.com"
	accountKeyID    = "fake-key-1"
	accountKeyBits  = 1024 // nobody's secret, and quickly made
	mintedPrefix    = "ya29."
	tokenLife       = time.Hour
	grantAssertion  = "urn:ietf:params:oauth:grant-type:jwt-bearer"
	platformScope   = "https://www.googleapis.com/auth/cloud-platform"
	assertionLimit  = time.Hour
	assertionBehind = 10 * time.Minute
)

// tokens are what the endpoint has given out.
type tokens struct {
	mu     sync.Mutex
	key    *rsa.PrivateKey // of the service account, made when first asked for
	minted map[string]time.Time
}

func (t *tokens) account() (*rsa.PrivateKey, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var err error
	if t.key == nil {
		t.key, err = rsa.GenerateKey(rand.Reader, accountKeyBits)
	}
	return t.key, err
}

// ServiceAccount is the key file of the service account. base is where the fake is.
func (s *Server) ServiceAccount(base string) ([]byte, error) {
	key, err := s.tokens.account()
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return indentedJSON(map[string]string{
		"type": "service_account", "project_id": "fake-project", "client_email": accountEmail, "private_key_id": accountKeyID,
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})), "token_uri": base + tokenPath,
	}), nil
}

// TokensMinted is how many access tokens were given out.
func (s *Server) TokensMinted() int {
	s.tokens.mu.Lock()
	defer s.tokens.mu.Unlock()
	return len(s.tokens.minted)
}

// RevokeTokens makes all access tokens invalid.
func (s *Server) RevokeTokens() {
	s.tokens.mu.Lock()
	defer s.tokens.mu.Unlock()
	for token := range s.tokens.minted {
		s.tokens.minted[token] = time.Time{}
	}
}

// serveToken answers the token endpoint.
func (s *Server) serveToken(w http.ResponseWriter, r *http.Request) {
	refuse := func(code, description string) {
		writeJSON(w, http.StatusBadRequest, map[string]string{"error": code, "error_description": description})
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxRuleBytes)
	if err := r.ParseForm(); err != nil || r.Method != http.MethodPost {
		refuse("invalid_request", "Required parameter is missing: grant_type")
		return
	}
	if r.PostForm.Get("grant_type") != grantAssertion {
		refuse("unsupported_grant_type", "Invalid grant_type: "+r.PostForm.Get("grant_type"))
		return
	}
	if wrong := s.checkAssertion(r.PostForm.Get("assertion"), "http://"+r.Host+tokenPath); wrong != "" {
		refuse("invalid_grant", wrong)
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{"access_token": s.mint(), "expires_in": int(tokenLife.Seconds()) - 1, "token_type": "Bearer"})
}

func (s *Server) mint() string {
	s.tokens.mu.Lock()
	defer s.tokens.mu.Unlock()
	if s.tokens.minted == nil {
		s.tokens.minted = make(map[string]time.Time)
	}
	token := mintedPrefix + "fake-" + strconv.Itoa(len(s.tokens.minted)+1)
	s.tokens.minted[token] = time.Now().Add(tokenLife)
	return token
}

// checkAssertion says what is wrong with a signed claim, "" for nothing.
func (s *Server) checkAssertion(assertion, audience string) string {
	signed, signature, ok := cutLast(assertion, ".")
	head, body, _ := strings.Cut(signed, ".")
	var header struct{ Alg, Typ, Kid string }
	var claims struct {
		Iss, Scope, Aud string
		Iat, Exp        int64
	}
	if !ok || !decodePart(head, &header) || !decodePart(body, &claims) || header.Alg != "RS256" || header.Typ != "JWT" {
		return "Invalid JWT: not a signed token."
	}
	now, issued, ends := time.Now(), time.Unix(claims.Iat, 0), time.Unix(claims.Exp, 0)
	switch {
	case claims.Iss != accountEmail || header.Kid != accountKeyID:
		return "Invalid grant: account not found"
	case claims.Aud != audience:
		return "Invalid JWT: Failed audience check."
	case claims.Scope != platformScope:
		return "Invalid OAuth scope or ID token audience provided."
	case issued.After(now) || now.Sub(issued) > assertionBehind || !ends.After(now) || ends.Sub(issued) > assertionLimit:
		return "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe."
	}
	key, err := s.tokens.account()
	if err != nil {
		return err.Error()
	}
	raw, err := base64.RawURLEncoding.DecodeString(signature)
	if err != nil || rsa.VerifyPKCS1v15(&key.PublicKey, crypto.SHA256, sum256([]byte(signed)), raw) != nil {
		return "Invalid JWT Signature."
	}
	return ""
}

func cutLast(s, sep string) (before, after string, ok bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

func decodePart(part string, into any) bool {
	raw, err := base64.RawURLEncoding.DecodeString(part)
	return err == nil && json.Unmarshal(raw, into) == nil
}

// checkToken refuses a token that was not given out here, or not any more. Others
// than those of the endpoint's form are taken as they are.
func (s *Server) checkToken(key string) *failure {
	if !strings.HasPrefix(key, mintedPrefix) {
		return nil
	}
	s.tokens.mu.Lock()
	defer s.tokens.mu.Unlock()
	if time.Now().After(s.tokens.minted[key]) {
		return &failure{status: http.StatusUnauthorized, reason: reasonBadKey, key: key}
	}
	return nil
}
