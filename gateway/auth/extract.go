package auth

import (
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/control"
)

// Bounds of a credential, in bytes.
const (
	minCredential = 32
	maxCredential = 256
)

// HasCredential tells whether headers carry a credential, good or not.
func HasCredential(h http.Header) bool {
	for _, name := range credentialHeaders() {
		if len(h[name]) > 0 {
			return true
		}
	}
	return false
}

func credentialHeaders() [4]string {
	return [...]string{"Authorization", "X-Api-Key", "Api-Key", "X-Goog-Api-Key"}
}

// credential finds the one credential of a request: `Authorization: Bearer` as
// OpenAI's clients send it, x-api-key as Anthropic's, api-key as Azure's,
// x-goog-api-key as Google's, and beside those found, the one in the address if it
// may be there. The same one in several places is one. Its errors are
// *gateway.Error and never contain what was sent.
func credential(h http.Header, found string) (control.Secret, error) {
	for _, name := range credentialHeaders() {
		for _, value := range h[name] {
			text := strings.TrimSpace(value)
			if text == "" {
				continue
			}
			if name == "Authorization" {
				var ok bool
				if text, ok = bearer(text); !ok {
					return control.Secret{}, unauthenticated("The Authorization header must be `Bearer` and a key.")
				}
			}
			if found != "" && found != text {
				return control.Secret{}, &gateway.Error{
					Kind: gateway.Invalid, Code: "ambiguous_credentials", Public: "The request has two different keys; send one.",
				}
			}
			found = text
		}
	}
	switch {
	case found == "":
		return control.Secret{}, unauthenticated("No key was sent. Send one as `Authorization: Bearer <key>`.")
	case !wellFormed(found):
		return control.Secret{}, unauthenticated(incorrect)
	}
	return control.NewSecret(found), nil
}

const incorrect = "The key is not valid."

func unauthenticated(public string) *gateway.Error {
	return &gateway.Error{Kind: gateway.Unauthenticated, Code: "invalid_api_key", Public: public}
}

// bearer takes the token out of an Authorization header. The scheme's case does
// not matter.
func bearer(value string) (string, bool) {
	scheme, token, _ := strings.Cut(value, " ")
	token = strings.TrimSpace(token)
	return token, strings.EqualFold(scheme, "Bearer") && token != ""
}

// wellFormed tells apart what cannot be a credential, without looking anything up.
func wellFormed(text string) bool {
	if len(text) < minCredential || len(text) > maxCredential {
		return false
	}
	for i := range len(text) {
		if text[i] < '!' || text[i] > '~' {
			return false
		}
	}
	return control.WellFormed(text)
}

// inAddress is the credential in the query of an address: `key`, as Gemini's clients
// send it.
func inAddress(u *url.URL) string {
	if u.RawQuery == "" {
		return ""
	}
	return strings.TrimSpace(u.Query().Get("key"))
}

// Key finds the virtual key that a request was made with. The key is looked up by
// the hash of its secret, so the time of the look-up tells nothing of any secret.
// Its error is a *gateway.Error: Unauthenticated, or Invalid if two different
// credentials were sent, or Forbidden if the key may not come from where it does.
func Key(r *http.Request, c *control.Catalog) (*control.Key, error) {
	secret, err := credential(r.Header, inAddress(r.URL))
	if err != nil {
		return nil, err
	}
	key := c.KeyBySecret(secret.Reveal())
	if key == nil {
		return nil, unauthenticated(incorrect)
	}
	// Whoever has the secret may know why it does not work.
	if obstacle := key.Usable(time.Now()); obstacle != "" {
		return nil, &gateway.Error{Kind: gateway.Unauthenticated, Code: "key_" + obstacle, Public: "The key is " + obstacle + "."}
	}
	if from, err := netip.ParseAddrPort(r.RemoteAddr); key.Addresses != nil && (err != nil || !key.MayComeFrom(from.Addr())) {
		return nil, &gateway.Error{Kind: gateway.Forbidden, Code: "address_not_allowed", Public: "The key may not be used from this address."}
	}
	return key, nil
}
