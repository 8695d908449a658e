package control

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/mail"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // a zone must not be unknown because the machine lacks the database

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
)

// scalar is a value of the configuration that is written as one text or number.
// It knows its own rule, for the decoder and for the schema.
type scalar interface {
	// parse reads the value. Its error says what the text is not and never
	// contains the text.
	parse(text string) error
	schema() schema
}

// Bounds of texts, in bytes.
const (
	minKey      = 32
	maxKey      = 256
	minSigning  = 32 // the size of the digest it keys
	maxName     = 64
	maxText     = 4096
	maxDuration = 24 * time.Hour
)

// Types of text.
type (
	id          string // of a provider, credential or key
	tenantID    string
	modelName   string // of a logical model
	vendorModel string
	vendorKind  string
	reference   string // to something named elsewhere in the file
	baseURL     string
	email       string
	timeZone    string
	webhookURL  string
	// endpointName is what events call an endpoint.
	endpointName string
	network      string // CIDR
	moment       string // RFC 3339, in UTC and whole seconds
	publicID     string
	secretText   struct{ Secret }
	suppliedKey  struct {
		Secret
		hash string // SHA-256 of the secret in hex, where that is all there is
	}
	// signingSecret keys a signature.
	signingSecret struct{ Secret }
)

// hide tells whether a text must not be shown in an error.
func (secretText) hide(string) bool    { return true }
func (suppliedKey) hide(string) bool   { return true }
func (signingSecret) hide(string) bool { return true }
func (*webhookURL) hide(string) bool   { return true } // whoever knows it may post to it

func (*baseURL) hide(text string) bool { return mayHoldSecret(text) }

// mayHoldSecret tells whether what should be an address may have a password or a key in it,
// or is a key itself that was put into the wrong field.
func mayHoldSecret(text string) bool {
	return strings.ContainsAny(text, "@?") || !strings.Contains(text, "://")
}

// Types of numbers and amounts.
type (
	positive int64 // at least 1
	days     int64 // at least 0
	months   int64 // at least 1
	duration time.Duration
	money    int64 // nano-USD, written as a decimal text of US dollars
)

const idPattern = `^[a-z0-9_-]{1,40}$`

func (v *id) parse(s string) error {
	if !events.ValidID(s) {
		return errors.New("not a name of 1 to 40 of a-z, 0-9, _ and -")
	}
	*v = id(s)
	return nil
}

func (*id) schema() schema { return schema{Type: "string", Pattern: idPattern} }

func (v *tenantID) parse(s string) error {
	if events.TenantID(s) == events.NoTenant {
		return errors.New("stands for no tenant")
	}
	*v = tenantID(s)
	return (*id)(v).parse(s)
}

func (*tenantID) schema() schema { return schema{Type: "string", Pattern: idPattern} }

const modelPattern = `^[a-z0-9][a-z0-9_-]*(\.[a-z0-9_-]+)*$`

var modelNames = regexp.MustCompile(modelPattern)

// The name is the end of a key in the counters bucket, so dots neither end it nor
// follow each other.
func (v *modelName) parse(s string) error {
	if len(s) > maxName || !modelNames.MatchString(s) {
		return errors.New("not a model name: 1 to 64 of a-z, 0-9, _, - and single dots, starting with a letter or digit")
	}
	*v = modelName(s)
	return nil
}

func (*modelName) schema() schema {
	return schema{Type: "string", Pattern: modelPattern, MaxLength: maxName}
}

// plain takes any text of visible ASCII characters.
func plain[T ~string](v *T, s string) error {
	switch {
	case s == "":
		return errors.New("is empty")
	case len(s) > maxText:
		return fmt.Errorf("is longer than %d bytes", maxText)
	case !visible(s):
		return errors.New("has a space or a character that is not visible ASCII")
	}
	*v = T(s)
	return nil
}

func visible(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < '!' || r > '~' })
}

func (v *vendorModel) parse(s string) error { return plain(v, s) }
func (v *vendorKind) parse(s string) error  { return plain(v, s) }
func (v *reference) parse(s string) error   { return plain(v, s) }
func (*vendorModel) schema() schema         { return schema{Type: "string", MinLength: 1} }
func (*vendorKind) schema() schema          { return schema{Type: "string", MinLength: 1} }
func (*reference) schema() schema           { return schema{Type: "string", MinLength: 1} }

// address reads the address of an HTTP server.
func address(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return nil, errors.New("not a URL")
	case u.Scheme != "https" && u.Scheme != "http":
		return nil, errors.New("not a URL that starts with https:// or http://")
	case u.Hostname() == "":
		return nil, errors.New("a URL without a host")
	case u.User != nil:
		return nil, errors.New("a URL with a user or password; secrets belong elsewhere")
	}
	if port := u.Port(); port != "" {
		if _, err := strconv.ParseUint(port, 10, 16); err != nil {
			return nil, errors.New("a URL with a port beyond 65535")
		}
	}
	return u, nil
}

func (v *baseURL) parse(s string) error {
	u, err := address(s)
	switch {
	case err != nil:
		return err
	case u.RawQuery != "" || u.Fragment != "" || u.ForceQuery:
		return errors.New("a URL with a query or fragment")
	}
	return plain(v, strings.TrimRight(s, "/"))
}

// A webhook's address may have a query: some receivers keep their secret there.
func (v *webhookURL) parse(s string) error {
	switch u, err := address(s); {
	case err != nil:
		return err
	case u.Fragment != "":
		return errors.New("a URL with a fragment")
	}
	return plain(v, s)
}

func (*webhookURL) schema() schema {
	return schema{Type: "string", Format: "uri", Pattern: "^https?://"}
}

func (*baseURL) schema() schema { return schema{Type: "string", Format: "uri", Pattern: "^https?://"} }

const endpointPattern = `^[a-z][a-z_]*(\.[a-z][a-z_]*)*$`

var endpointNames = regexp.MustCompile(endpointPattern)

func (v *endpointName) parse(s string) error {
	if len(s) > maxName || !endpointNames.MatchString(s) {
		return errors.New("not the name of an endpoint like chat.completions")
	}
	*v = endpointName(s)
	return nil
}

func (*endpointName) schema() schema {
	return schema{Type: "string", Pattern: endpointPattern, MaxLength: maxName}
}

// An address alone is the network of itself.
func (v *network) parse(s string) error {
	p, err := netip.ParsePrefix(s)
	if a, addrErr := netip.ParseAddr(s); err != nil && addrErr == nil && a.Zone() == "" {
		p, err = a.Prefix(a.BitLen())
	}
	if err != nil {
		return errors.New(`not a network like "10.0.0.0/8" or an address`)
	}
	*v = network(p.Masked().String())
	return nil
}

func (*network) schema() schema { return schema{Type: "string", MinLength: 1} }

func (v *moment) parse(s string) error {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return errors.New(`not a time like "2027-01-31T00:00:00Z"`)
	}
	*v = moment(t.UTC().Truncate(time.Second).Format(time.RFC3339))
	return nil
}

// time is the zero time if none is given.
func (v moment) time() time.Time {
	t, _ := time.Parse(time.RFC3339, string(v)) // what was parsed before
	return t
}

func (*moment) schema() schema { return schema{Type: "string", Format: "date-time"} }

const publicPattern = `^[0-9A-Za-z]{12}$`

var publicIDs = regexp.MustCompile(publicPattern)

func (v *publicID) parse(s string) error {
	if !publicIDs.MatchString(s) {
		return errors.New("not the public part of a key: 12 digits and letters")
	}
	*v = publicID(s)
	return nil
}

func (*publicID) schema() schema { return schema{Type: "string", Pattern: publicPattern} }

func (v *email) parse(s string) error {
	const longest = 254
	a, err := mail.ParseAddress(s)
	if err != nil || a.Address != s || len(s) > longest {
		return errors.New("not an e-mail address")
	}
	*v = email(strings.ToLower(s))
	return nil
}

func (*email) schema() schema { return schema{Type: "string", Format: "email"} }

func (v *timeZone) parse(s string) error {
	if _, err := Zone(s); err != nil {
		return err
	}
	*v = timeZone(s)
	return nil
}

// Zone finds a time zone by its IANA name. Neither the machine's own zone, under whatever
// name, nor those that count leap seconds are any: not everybody has the same.
func Zone(name string) (*time.Location, error) {
	loc, err := time.LoadLocation(name)
	if err != nil || name == "" || name == "Local" || name[0] < 'A' || name[0] > 'Z' {
		return nil, errors.New(`not a time zone like "UTC" or "Europe/Berlin"`)
	}
	return loc, nil
}

func (*timeZone) schema() schema { return schema{Type: "string", MinLength: 1} }

func (v *secretText) parse(s string) error {
	var text string
	if err := plain(&text, s); err != nil {
		return err
	}
	v.Secret = NewSecret(text)
	return nil
}

func (*secretText) schema() schema { return schema{Type: "string", MinLength: 1} }

func (v *signingSecret) parse(s string) error {
	if len(s) < minSigning {
		return fmt.Errorf("shorter than %d bytes", minSigning)
	}
	return (*secretText)(v).parse(s)
}

// The length is not in the schema, because what is written may be env:NAME.
func (*signingSecret) schema() schema { return schema{Type: "string", MinLength: 1} }

func (v *suppliedKey) parse(s string) error {
	if hash, ok := strings.CutPrefix(s, hashPrefix); ok {
		if b, err := hex.DecodeString(hash); err != nil || len(b) != sha256.Size || hash != strings.ToLower(hash) {
			return errors.New("not a SHA-256 of 64 digits in lower case")
		}
		v.hash = hash
		return nil
	}
	if len(s) < minKey || len(s) > maxKey || !visible(s) {
		return fmt.Errorf("not a key of %d to %d visible ASCII characters", minKey, maxKey)
	}
	if !WellFormed(s) {
		return errors.New("looks like a key that llm-hub generates, but its checksum is wrong")
	}
	v.Secret = NewSecret(s)
	return nil
}

// The length is not in the schema, because what is written may be env:NAME.
func (*suppliedKey) schema() schema { return schema{Type: "string", MinLength: 1} }

func (v *positive) parse(s string) error { return whole(v, s, 1) }
func (v *days) parse(s string) error     { return whole(v, s, 0) }

// maxMonths bounds how long rows are kept that are not kept for ever.
const maxMonths = 1200

func (v *months) parse(s string) error {
	err := whole(v, s, 0)
	switch {
	case err == nil && *v == 0:
		return errors.New("0 months would keep nothing: leave the key out to keep rows for ever")
	case err != nil || *v > maxMonths:
		return fmt.Errorf("not a whole number from 1 to %d", maxMonths)
	}
	return nil
}

func (*positive) schema() schema { return schema{Type: "integer", Minimum: new(int64(1))} }
func (*months) schema() schema {
	return schema{Type: "integer", Minimum: new(int64(1)), Maximum: new(int64(maxMonths))}
}
func (*days) schema() schema { return schema{Type: "integer", Minimum: new(int64(0))} }

// whole takes decimal digits. A leading zero, which older YAML reads as octal, is
// refused.
func whole[T ~int64](v *T, s string, least int64) error {
	const most = 1e15 // sums of it stay far from overflow
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || s != strconv.FormatInt(n, 10) || n < least || n > most {
		return fmt.Errorf("not a whole number from %d to %d", least, int64(most))
	}
	*v = T(n)
	return nil
}

func (v *duration) parse(s string) error {
	d, err := time.ParseDuration(s)
	if err != nil || d <= 0 || d > maxDuration {
		return errors.New(`not a duration like "5s" or "10m", more than 0 and at most 24h`)
	}
	*v = duration(d)
	return nil
}

func (*duration) schema() schema {
	return schema{Type: "string", Pattern: `^([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+$`}
}

const moneyPattern = `^[0-9]+(\.[0-9]{1,9})?$`

func (v *money) parse(s string) error {
	n, err := accounting.ParseUSD(s)
	if err != nil {
		return errors.New(`not an amount of US dollars like "0.15", with at most 9 digits behind the point`)
	}
	*v = money(n)
	return nil
}

func (*money) schema() schema { return schema{Type: "string", Pattern: moneyPattern} }

// Types of words: one of a closed set.
type (
	strategy     string
	per          string
	tokensOf     string
	mode         string
	role         string
	onDisconnect string
	registration string
	operatorRole string
	keyState     string
	switchState  string
)

func strategies() []string {
	return []string{"priority", "weighted", "least-busy", "latency", "cost", "headroom"}
}
func spans() []string         { return []string{"minute", "hour", "day", "week", "month", "life"} }
func tokenKinds() []string    { return []string{"total", "input", "output"} }
func modes() []string         { return []string{"hard", "soft", "shadow"} }
func disconnects() []string   { return []string{"drain", "cancel"} }
func registrations() []string { return []string{registrationClosed, "invite", registrationOpen} }

func keyStates() []string { return []string{keyActive, keyPaused, keyRevoked} }

func switchStates() []string { return []string{"enabled", switchedOff} }

func (v *switchState) parse(s string) error  { return word(v, s, switchStates()) }
func (v *keyState) parse(s string) error     { return word(v, s, keyStates()) }
func (v *operatorRole) parse(s string) error { return word(v, s, HubRoles()) }
func (v *strategy) parse(s string) error     { return word(v, s, strategies()) }
func (v *per) parse(s string) error          { return word(v, s, spans()) }
func (v *tokensOf) parse(s string) error     { return word(v, s, tokenKinds()) }
func (v *mode) parse(s string) error         { return word(v, s, modes()) }
func (v *role) parse(s string) error         { return word(v, s, Roles()) }
func (v *onDisconnect) parse(s string) error { return word(v, s, disconnects()) }
func (v *registration) parse(s string) error { return word(v, s, registrations()) }

func (*switchState) schema() schema  { return schema{Type: "string", Enum: switchStates()} }
func (*keyState) schema() schema     { return schema{Type: "string", Enum: keyStates()} }
func (*operatorRole) schema() schema { return schema{Type: "string", Enum: HubRoles()} }
func (*strategy) schema() schema     { return schema{Type: "string", Enum: strategies()} }
func (*per) schema() schema          { return schema{Type: "string", Enum: spans()} }
func (*tokensOf) schema() schema     { return schema{Type: "string", Enum: tokenKinds()} }
func (*mode) schema() schema         { return schema{Type: "string", Enum: modes()} }
func (*role) schema() schema         { return schema{Type: "string", Enum: Roles()} }
func (*onDisconnect) schema() schema { return schema{Type: "string", Enum: disconnects()} }
func (*registration) schema() schema { return schema{Type: "string", Enum: registrations()} }

func word[T ~string](v *T, s string, words []string) error {
	if !slices.Contains(words, s) {
		return &wordError{words}
	}
	*v = T(s)
	return nil
}

// wordError says that a text is none of words.
type wordError struct{ words []string }

func (e *wordError) Error() string { return "not one of " + strings.Join(e.words, ", ") }
