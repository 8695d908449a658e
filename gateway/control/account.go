package control

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/llm-hub/llm-hub/gateway/provider"
)

// What a vendor's account is made of differs by kind: which keys a provider and
// its credentials may have says the kind's [provider.Account], and it alone knows
// what they mean.

// Types of texts of accounts.
type (
	placeName  string // of a project or the like
	regionName string // part of the name of a host
	secretJSON struct{ Secret }
)

func (v *regionName) parse(s string) error {
	if len(s) > maxName || strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" || s == "" {
		return fmt.Errorf("not a name of 1 to %d of a-z, 0-9 and -", maxName)
	}
	*v = regionName(s)
	return nil
}

func (*regionName) schema() schema { return schema{Type: "string", MinLength: 1} }

func (v *placeName) parse(s string) error {
	if len(s) > maxName || strings.Trim(strings.ToLower(s), "abcdefghijklmnopqrstuvwxyz0123456789.:_-") != "" || s == "" {
		return fmt.Errorf("not a name of 1 to %d letters, digits, '.', ':', '_' and '-'", maxName)
	}
	*v = placeName(s)
	return nil
}

func (*placeName) schema() schema { return schema{Type: "string", MinLength: 1} }

func (secretJSON) hide(string) bool { return true }

func (v *secretJSON) parse(s string) error {
	var object map[string]any
	if json.Unmarshal([]byte(s), &object) != nil || object == nil {
		return errors.New("not a JSON object") // its error might quote a secret
	}
	v.Secret = NewSecret(s)
	return nil
}

func (*secretJSON) schema() schema { return schema{Type: "string", MinLength: 1} }

// placeKeys and proofKeys are what only some kinds have.
func placeKeys() []string {
	return []string{provider.Region, provider.Project, provider.Location, provider.APIVersion}
}

func proofKeys() []string {
	return []string{
		provider.APIKey, provider.AccessToken, provider.ServiceAccount, provider.AccessKey, provider.SecretKey, provider.SessionToken,
		provider.EntraTenant, provider.ClientID, provider.ClientSecret,
	}
}

// settings are the values that doc, a struct, gives for keys.
func settings(doc reflect.Value, keys []string) provider.Settings {
	out := provider.Settings{}
	for _, key := range keys {
		field, _ := fieldOf(doc, key)
		text := ""
		if secret, ok := field.Interface().(interface{ Reveal() string }); ok {
			text = secret.Reveal()
		} else if field.Kind() == reflect.String {
			text = field.String()
		}
		if text != "" {
			out[key] = text
		}
	}
	return out
}

func (p *providerDoc) place() provider.Settings {
	return settings(reflect.ValueOf(p).Elem(), append(placeKeys(), provider.BaseURL))
}

func (c *credentialDoc) proof() provider.Settings {
	return settings(reflect.ValueOf(c).Elem(), proofKeys())
}

// voided is the credential without all that proves anything.
func (c *credentialDoc) voided() *credentialDoc {
	out := *c
	for _, key := range proofKeys() {
		field, _ := fieldOf(reflect.ValueOf(&out).Elem(), key)
		field.SetZero()
	}
	return &out
}

// address is where the provider is called; empty: where its kind is.
func (p *providerDoc) address(kind Kind) (string, error) {
	if kind.Account.Address == nil {
		return string(p.BaseURL), nil
	}
	return kind.Account.Address(p.place())
}

// authorizers are those made so far, by a digest of what they were made of. One
// that holds a token outlives the catalog that it was made for.
type authorizers struct{ made sync.Map }

func (a *authorizers) of(kind Kind, p *providerDoc, c *credentialDoc) (provider.Authorizer, error) {
	if kind.Account.Authorizer == nil {
		return nil, nil
	}
	place, proof := p.place(), c.proof()
	text, err := json.Marshal([]any{kind.Name, place, proof})
	if err != nil {
		return nil, err
	}
	key := sha256.Sum256(text)
	if had, ok := a.made.Load(key); ok {
		return had.(provider.Authorizer), nil
	}
	made, err := kind.Account.Authorizer(place, proof)
	if err != nil || made == nil {
		return nil, err
	}
	kept, _ := a.made.LoadOrStore(key, made)
	return kept.(provider.Authorizer), nil
}

func (p *providerDoc) deployments() map[string]string {
	if len(p.Deployments) == 0 {
		return nil
	}
	out := make(map[string]string, len(p.Deployments))
	for _, d := range p.Deployments {
		out[string(d.Model)] = string(d.Name)
	}
	return out
}

// account checks what only some kinds have.
func (c *checker) account(path string, kind Kind, p *providerDoc) {
	for key := range settings(reflect.ValueOf(p).Elem(), placeKeys()) {
		if !slices.Contains(kind.Account.Places, key) {
			c.mistake(in(path, key), "vendors of kind %s have no %s", kind.Name, key)
		}
	}
	seen := map[vendorModel]int{}
	for i, d := range p.Deployments {
		where := at(in(path, "deployments"), i)
		if first, twice := seen[d.Model]; twice && d.Model != "" {
			c.mistake(where, "the same model as %s", at(in(path, "deployments"), first))
			continue
		}
		seen[d.Model] = i
	}
	placed := !slices.ContainsFunc(append(placeKeys(), provider.BaseURL), func(key string) bool { return c.mistaken(in(path, key)) })
	if placed {
		_, err := p.address(kind)
		c.setting(path, path, err)
		placed = err == nil
	}
	for i := range p.Credentials {
		where := at(in(path, "credentials"), i)
		if c.proof(where, kind, &p.Credentials[i]) && placed && !c.mistaken(where) {
			_, err := c.authorizers.of(kind, p, &p.Credentials[i])
			c.setting(path, where, err)
		}
	}
}

// setting notes what a kind says of the settings of a provider and of what is at
// path in it.
func (c *checker) setting(provider, path string, err error) {
	wrong, ok := settingError(err)
	switch {
	case ok && slices.Contains(placeKeys(), wrong.Key):
		c.mistake(in(provider, wrong.Key), "%s", wrong.Text)
	case ok:
		c.mistake(in(path, wrong.Key), "%s", wrong.Text)
	case err != nil:
		c.mistake(path, "%s", err)
	}
}

func settingError(err error) (*provider.SettingError, bool) {
	return errors.AsType[*provider.SettingError](err)
}

// proof tells whether a credential is made of what its kind takes.
func (c *checker) proof(path string, kind Kind, doc *credentialDoc) bool {
	forms := kind.Account.Proofs
	if forms == nil {
		forms = [][]string{{provider.APIKey}}
	}
	given, ok := doc.proof(), true
	if len(given) == 0 && c.assembled { // it was voided
		return false
	}
	known := slices.Concat(forms...)
	for with, optional := range kind.Account.Optional {
		known = append(known, optional)
		if given[optional] != "" && given[with] == "" && c.lacks(in(path, with)) {
			c.mistake(in(path, optional), "goes only with %s", with)
			ok = false
		}
	}
	for key := range given {
		if !slices.Contains(known, key) {
			c.mistake(in(path, key), "vendors of kind %s take no %s", kind.Name, key)
			ok = false
		}
	}
	if kind.Account.Proofs == nil || !ok || c.mistaken(path) {
		return ok
	}
	matches := 0
	for _, form := range forms {
		if !slices.ContainsFunc(form, func(key string) bool { return given[key] == "" }) {
			matches++
		}
	}
	whole := slices.ContainsFunc(forms, func(form []string) bool { return isForm(form, kind.Account.Optional, given) })
	switch {
	case whole:
	case matches > 1:
		c.mistake(path, "has more than one proof: give %s", waysOf(forms))
	default:
		c.mistake(path, "lacks a proof: give %s", waysOf(forms))
	}
	return whole
}

// isForm tells whether what is given is just the form, with what may be added to it.
func isForm(form []string, optionals map[string]string, given provider.Settings) bool {
	rest := len(given)
	for _, key := range form {
		if given[key] == "" {
			return false
		}
		rest--
		if optional := optionals[key]; optional != "" && given[optional] != "" {
			rest--
		}
	}
	return rest == 0
}

// waysOf words the forms: api_key, or access_key with secret_key.
func waysOf(forms [][]string) string {
	ways := make([]string, len(forms))
	for i, form := range forms {
		ways[i] = strings.Join(form, " with ")
	}
	return strings.Join(ways, ", or ")
}
