package provider

import "net/http"

// Settings are what the configuration says of a vendor's account, by the keys of
// hub.yaml. What it does not say is not in it.
type Settings map[string]string

// The keys. A vendor's [Account] says which of them it has.
const (
	BaseURL    = "base_url"
	Region     = "region"
	Project    = "project"
	Location   = "location"
	APIVersion = "api_version"

	APIKey         = "api_key"
	AccessToken    = "access_token"
	ServiceAccount = "service_account" // the content of Google's key file
	AccessKey      = "access_key"
	SecretKey      = "secret_key"
	SessionToken   = "session_token"
	EntraTenant    = "tenant_id"
	ClientID       = "client_id"
	ClientSecret   = "client_secret"
)

// Account is how a vendor is found and asked whose address is not one for all, or
// who wants more than a key in a header. The zero one is of a vendor that has
// neither. Its functions never call out, and their errors are a [*SettingError].
type Account struct {
	Places []string // keys of a provider, beside base_url
	// Proofs are the forms of a credential: of one of them every key must be given, and
	// no key of another. Optional ones may be added to each that has the key before.
	Proofs   [][]string
	Optional map[string]string // a key that may be given, by the key that it goes with
	// Environment are the forms in which the usual environment variables describe an
	// account, in order.
	Environment []Environment

	// Address is where the vendor is called; nil: at base_url.
	Address func(place Settings) (string, error)
	// Authorizer proves who asks; nil: api_key does, in the vendor's own header. It
	// may give nil, which means the same.
	Authorizer func(place, proof Settings) (Authorizer, error)
}

// SettingError says which setting is wrong, and how.
type SettingError struct {
	Key  string
	Text string // never has a secret in it
}

// Error implements error.
func (e *SettingError) Error() string { return e.Key + ": " + e.Text }

// Environment is a set of environment variables that describe an account.
type Environment struct {
	Needs map[string][]string // the variables of a key, of which the first that is set counts; one must be
	May   map[string][]string // the same, but none need be set
	File  string              // the key whose variable names a file that has the value; empty: none
	Model []string            // variables that name the one model of the account; nil: it has the vendor's own
}

// Authorizer proves to a vendor who asks. It is safe for concurrent use.
type Authorizer interface {
	// Authorize adds the proof to a finished request. body is what it will send, which
	// is not read from r. What must be fetched first is fetched over way, within r's
	// context. An error has a *Failure in its chain that says what to do about it.
	Authorize(way http.RoundTripper, r *http.Request, body []byte) error
}

// HeaderKey is an [Authorizer] that puts a secret into a header.
type HeaderKey struct{ name, value string }

// NewHeaderKey makes the header "name: value".
func NewHeaderKey(name, value string) HeaderKey { return HeaderKey{name, value} }

// Bearer is a token in the header Authorization.
func Bearer(token string) HeaderKey { return HeaderKey{"Authorization", "Bearer " + token} }

// Authorize implements [Authorizer].
func (k HeaderKey) Authorize(_ http.RoundTripper, r *http.Request, _ []byte) error {
	r.Header.Set(k.name, k.value)
	return nil
}

// String hides the secret from whoever prints it.
func (HeaderKey) String() string { return "[secret]" }

// GoString hides the secret from whoever prints it in detail.
func (HeaderKey) GoString() string { return "[secret]" }
