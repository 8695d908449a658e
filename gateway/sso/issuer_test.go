package sso_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
)

// issuer is a provider that says what a test wants, right or wrong. A real one signs
// people in to the whole hub in cmd/llm-hub.
type issuer struct {
	*httptest.Server
	key *ecdsa.PrivateKey

	mu         sync.Mutex
	asked      int                                       // requests
	challenges map[string]string                         // PKCE challenge by code
	nonces     map[string]string                         // by code
	answer     func(w http.ResponseWriter, nonce string) // of the token endpoint; nil: as it should
	userInfo   map[string]any                            // nil: there is no such endpoint
	discovery  func(http.ResponseWriter) bool            // answers in place of the document
}

const (
	clientID     = "hub"
	clientSecret = "canary-client-secret"
)

func newIssuer(t *testing.T) *issuer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	i := &issuer{key: key, challenges: map[string]string{}, nonces: map[string]string{}}
	i.Server = httptest.NewServer(http.HandlerFunc(i.serve))
	t.Cleanup(i.Close)
	return i
}

func (i *issuer) serve(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.asked++
	w.Header().Set("Content-Type", "application/json")
	switch r.URL.Path {
	case "/.well-known/openid-configuration":
		if i.discovery != nil && i.discovery(w) {
			return
		}
		about := map[string]any{
			"issuer": i.URL, "authorization_endpoint": i.URL + "/authorize", "token_endpoint": i.URL + "/token", "jwks_uri": i.URL + "/keys",
			"id_token_signing_alg_values_supported": []string{"none", "HS256", "RS256", "ES256"},
		}
		if i.userInfo != nil {
			about["userinfo_endpoint"] = i.URL + "/me"
		}
		i.say(w, about)
	case "/keys":
		point, _ := i.key.PublicKey.Bytes()
		i.say(w, map[string]any{"keys": []any{map[string]any{"kty": "EC", "crv": "P-256", "kid": "k1", "use": "sig", "x": b64(point[1:33]), "y": b64(point[33:])}}})
	case "/token":
		i.token(w, r)
	case "/me":
		i.say(w, i.userInfo)
	}
}

func (i *issuer) say(w io.Writer, v any) { _ = json.NewEncoder(w).Encode(v) }

// authorize is the person's visit: it gives what the browser brings back.
func (i *issuer) authorize(t *testing.T, location string) url.Values {
	t.Helper()
	u, err := url.Parse(location)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	if q.Get("code_challenge_method") != "S256" || q.Get("response_type") != "code" || q.Get("client_id") != clientID || q.Get("redirect_uri") == "" || q.Get("nonce") == "" || q.Get("state") == "" {
		t.Fatalf("asked %s", location)
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	code := fmt.Sprintf("canary-code-%d", len(i.challenges))
	i.challenges[code], i.nonces[code] = q.Get("code_challenge"), q.Get("nonce")
	return url.Values{"code": {code}, "state": {q.Get("state")}}
}

// token hands over tokens for a code once, to whoever has its verifier.
func (i *issuer) token(w http.ResponseWriter, r *http.Request) {
	code := r.FormValue("code")
	id, secret, basic := r.BasicAuth()
	if !basic {
		id, secret = r.FormValue("client_id"), r.FormValue("client_secret")
	}
	sum := sha256.Sum256([]byte(r.FormValue("code_verifier")))
	challenge, known := i.challenges[code]
	i.challenges[code] = "used"
	if !known || challenge != b64(sum[:]) || id != clientID || secret != clientSecret {
		w.WriteHeader(http.StatusBadRequest)
		i.say(w, map[string]string{"error": "invalid_grant", "error_description": "code " + code})
		return
	}
	if i.answer != nil {
		i.answer(w, i.nonces[code])
		return
	}
	i.give(w, i.sign(i.claims(i.nonces[code], nil)))
}

func (i *issuer) give(w io.Writer, idToken string) {
	i.say(w, map[string]any{"access_token": "canary-access-token", "token_type": "Bearer", "id_token": idToken})
}

// claims are right but for what is changed; nil takes one away.
func (i *issuer) claims(nonce string, changed map[string]any) map[string]any {
	c := map[string]any{
		"iss": i.URL, "sub": "248289761001", "aud": clientID, "exp": now.Unix() + 300, "iat": now.Unix(), "nonce": nonce,
		"email": "Jane@Acme.test", "email_verified": true, "name": "Jane Doe", "groups": []string{"eng"},
	}
	maps.Copy(c, changed)
	maps.DeleteFunc(c, func(_ string, v any) bool { return v == nil })
	return c
}

func (i *issuer) sign(claims map[string]any) string { return signBy(i.key, "k1", claims) }

func signBy(key *ecdsa.PrivateKey, kid string, claims map[string]any) string {
	head := segment(map[string]any{"alg": "ES256", "kid": kid}) + "." + segment(claims)
	sum := sha256.Sum256([]byte(head))
	r, s, err := ecdsa.Sign(rand.Reader, key, sum[:])
	if err != nil {
		return head // which no test takes for signed
	}
	return head + "." + b64(append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...))
}

// mac signs by a secret, as an attacker would who knows only what is public.
func mac(secret []byte, claims map[string]any) string {
	head := segment(map[string]any{"alg": "HS256", "kid": "k1"}) + "." + segment(claims)
	m := hmac.New(sha256.New, secret)
	m.Write([]byte(head))
	return head + "." + b64(m.Sum(nil))
}

func segment(v any) string {
	text, _ := json.Marshal(v) // texts, numbers and lists of them always encode
	return b64(text)
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
