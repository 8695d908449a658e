package vertex

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/oauth"
)

const (
	version         = "/v1"
	everywhere      = "global" // a location
	scope           = "https://www.googleapis.com/auth/cloud-platform"
	grantType       = "urn:ietf:params:oauth:grant-type:jwt-bearer"
	tokenURI        = "https://oauth2.googleapis.com/token"
	serviceAccount  = "service_account" // a type of key file
	assertionHolds  = time.Hour
	assertionSpread = time.Minute // a clock may be behind ours
)

// Account says how projects are found and asked.
func Account() provider.Account {
	return provider.Account{
		Places: []string{provider.Project, provider.Location},
		Proofs: [][]string{{provider.ServiceAccount}, {provider.AccessToken}, {provider.APIKey}},
		Environment: []provider.Environment{{
			Needs: map[string][]string{
				provider.ServiceAccount: {"GOOGLE_APPLICATION_CREDENTIALS"}, provider.Project: {"GOOGLE_CLOUD_PROJECT"},
			},
			May:  map[string][]string{provider.Location: {"GOOGLE_CLOUD_LOCATION"}},
			File: provider.ServiceAccount,
		}},
		Address: address, Authorizer: authorizer,
	}
}

// address is that of a project's location, or, without a project, of the express
// mode.
func address(place provider.Settings) (string, error) {
	project, location := place[provider.Project], place[provider.Location]
	base := strings.TrimRight(place[provider.BaseURL], "/")
	if base == "" {
		base = "https://" + host(location)
	}
	if !strings.HasSuffix(base, version) && !strings.HasSuffix(base, "/v1beta1") {
		base += version
	}
	switch {
	case project == "" && location != "":
		return "", &provider.SettingError{Key: provider.Location, Text: "goes only with a project"}
	case project == "":
		return base, nil
	case location == "":
		location = everywhere
	}
	return base + "/projects/" + url.PathEscape(project) + "/locations/" + url.PathEscape(location), nil
}

// host is where a location is served. "us" and "eu" are of several regions.
func host(location string) string {
	const domain = "googleapis.com"
	switch location {
	case "", everywhere:
		return "aiplatform." + domain
	case "us", "eu":
		return "aiplatform." + location + ".rep." + domain
	}
	return location + "-aiplatform." + domain
}

func authorizer(place, proof provider.Settings) (provider.Authorizer, error) {
	switch {
	case proof[provider.APIKey] != "":
		return nil, nil // the wire formats have a header for it
	case place[provider.Project] == "":
		return nil, &provider.SettingError{Key: provider.Project, Text: "is missing: only an api_key does without"}
	case proof[provider.AccessToken] != "":
		return provider.Bearer(proof[provider.AccessToken]), nil
	}
	signer, err := parseKeyFile(proof[provider.ServiceAccount])
	if err != nil {
		return nil, &provider.SettingError{Key: provider.ServiceAccount, Text: err.Error()}
	}
	return oauth.New(signer.TokenURI, signer.grant), nil
}

// keyFile is what Google gives for a service account.
type keyFile struct {
	Type       string `json:"type"`
	Email      string `json:"client_email"`
	KeyID      string `json:"private_key_id"`
	PrivateKey string `json:"private_key"`
	TokenURI   string `json:"token_uri"`

	key *rsa.PrivateKey
}

// parseKeyFile reads a key file. Its errors show nothing of the key.
func parseKeyFile(text string) (*keyFile, error) {
	var f keyFile
	if json.Unmarshal([]byte(text), &f) != nil {
		return nil, errors.New("not a JSON object of texts")
	}
	switch {
	case f.Type != serviceAccount:
		return nil, fmt.Errorf("not the key file of a service account: its type is not %q", serviceAccount)
	case f.Email == "":
		return nil, errors.New("its client_email lacks")
	}
	if f.TokenURI == "" {
		f.TokenURI = tokenURI
	}
	if u, err := url.Parse(f.TokenURI); err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, errors.New("its token_uri is no address")
	}
	block, _ := pem.Decode([]byte(f.PrivateKey))
	if block == nil {
		return nil, errors.New("its private_key is not in PEM")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	}
	rsaKey, ok := key.(*rsa.PrivateKey)
	if err != nil || !ok {
		return nil, errors.New("its private_key is no RSA key")
	}
	f.key, f.PrivateKey = rsaKey, ""
	return &f, nil
}

// grant is a request for a token, signed as of now.
func (f *keyFile) grant(now time.Time) (url.Values, error) {
	assertion, err := f.assertion(now)
	if err != nil {
		return nil, err
	}
	return url.Values{"grant_type": {grantType}, "assertion": {assertion}}, nil
}

// assertion is a JSON web token, RFC 7515 and 7523.
func (f *keyFile) assertion(now time.Time) (string, error) {
	issued := now.Add(-assertionSpread)
	header, err := json.Marshal(map[string]string{"alg": "RS256", "typ": "JWT", "kid": f.KeyID})
	if err != nil {
		return "", err
	}
	claims, err := json.Marshal(map[string]any{
		"iss": f.Email, "scope": scope, "aud": f.TokenURI, "iat": issued.Unix(), "exp": issued.Add(assertionHolds).Unix(),
	})
	if err != nil {
		return "", err
	}
	encode := base64.RawURLEncoding.EncodeToString
	signed := encode(header) + "." + encode(claims)
	sum := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(rand.Reader, f.key, crypto.SHA256, sum[:])
	if err != nil {
		return "", fmt.Errorf("sign for a token: %w", err)
	}
	return signed + "." + encode(signature), nil
}
