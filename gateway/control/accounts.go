package control

import (
	"cmp"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway"
)

// Account is who signs in. One that a [Catalog] gives is never changed.
type Account struct {
	ID       string // a_ and 16 hex digits, by chance
	Email    string // in lower case; no two accounts have the same
	Name     string
	Role     string // in the whole installation: admin, operator, viewer; empty: none
	Disabled bool
	Verified bool // somebody else vouches that the address is the person's
	// Memberships are the users of tenants that the account may act as. Each is there.
	Memberships []Membership
	Password    Secret // PHC string of argon2id; empty: none
	Epoch       int64  // of its sessions, from 1; older ones are over
	Reset       *Reset // nil: none is under way
	Identities  []Identity
	Tokens      []PersonalToken
}

// Membership is one user of a tenant.
type Membership struct {
	Tenant events.TenantID
	User   string
}

// Reset is a permission to set the password once.
type Reset struct {
	Hash  string // SHA-256 of its secret in hex
	Until time.Time
}

// Identity is who the account is to a provider of single sign-on.
type Identity struct{ Issuer, Subject string }

// PersonalToken lets a program act as the account.
type PersonalToken struct {
	Name    string
	Hash    string          // SHA-256 of its secret in hex
	Tenant  events.TenantID // that it acts in; empty: the whole installation
	Role    string          // at most; what the account is at the time bounds it further
	Expires time.Time       // zero: never
}

// Bounds of an account, so that it stays one event.
const (
	maxMemberships    = 50
	maxPersonalTokens = 20
	maxIdentities     = 10
)

func accountRef(id string) Ref { return Ref{events.AccountSort, events.NoTenant, id} }

// NewAccountID mints the id of an account.
func NewAccountID() string { return "a_" + randomHex(8) }

func randomHex(bytes int) string {
	b := make([]byte, bytes)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}

// doc is the account in the words of the log, unchecked.
func (a *Account) doc() *accountDoc {
	d := &accountDoc{
		ID: id(a.ID), Email: email(strings.ToLower(a.Email)), Name: personName(a.Name), Role: operatorRole(a.Role), Verified: "no",
		Password: passwordHash{a.Password}, Epoch: new(positive(max(a.Epoch, 1))),
	}
	if a.Disabled {
		d.State = switchedOff
	}
	if a.Verified {
		d.Verified = "yes"
	}
	for _, m := range a.Memberships {
		d.Memberships = append(d.Memberships, membershipDoc{tenantID(m.Tenant), id(m.User)})
	}
	if a.Reset != nil {
		d.Reset = &resetDoc{keyOfHash(a.Reset.Hash), momentOf(a.Reset.Until)}
	}
	for _, i := range a.Identities {
		d.Identities = append(d.Identities, identityDoc{personalText(i.Issuer), personalText(i.Subject)})
	}
	for _, t := range a.Tokens {
		d.Tokens = append(d.Tokens, personalTokenDoc{
			Name: id(t.Name), Key: keyOfHash(t.Hash), Tenant: tenantID(t.Tenant), Role: role(t.Role), Expires: momentOf(t.Expires),
		})
	}
	return d
}

func (d *accountDoc) account() *Account {
	a := &Account{
		ID: string(d.ID), Email: string(d.Email), Name: string(d.Name), Role: string(d.Role), Disabled: d.State == switchedOff,
		Verified: d.Verified == "yes", Password: d.Password.Secret, Epoch: int64(valueOr(d.Epoch, 1)),
	}
	for _, m := range d.Memberships {
		a.Memberships = append(a.Memberships, Membership{events.TenantID(m.Tenant), string(m.User)})
	}
	if d.Reset != nil {
		a.Reset = &Reset{d.Reset.Key.digest(), d.Reset.Until.time()}
	}
	for _, i := range d.Identities {
		a.Identities = append(a.Identities, Identity{string(i.Issuer), string(i.Subject)})
	}
	for _, t := range d.Tokens {
		a.Tokens = append(a.Tokens, PersonalToken{string(t.Name), t.Key.digest(), events.TenantID(t.Tenant), string(t.Role), t.Expires.time()})
	}
	return a
}

// Accounts are those of the draft, in the order they were made. They may be changed
// and put back by [Draft.PutAccount].
func (d *Draft) Accounts() []*Account {
	var out []*Account
	for _, r := range d.plan.order {
		if doc, ok := d.plan.parts[r].doc.(*accountDoc); ok {
			out = append(out, doc.account())
		}
	}
	return out
}

// Account is the draft's account of that id, to be changed and put back by
// [Draft.PutAccount], if it matches.
func (d *Draft) Account(id string, match Match) (*Account, error) {
	one, err := d.find(accountRef(id), match)
	if err != nil {
		return nil, err
	}
	return one.doc.(*accountDoc).account(), nil
}

// PutAccount adds an account or replaces it. Its errors name the field.
func (d *Draft) PutAccount(a *Account) error {
	switch {
	case len(a.Memberships) > maxMemberships:
		return tooMany("memberships", maxMemberships)
	case len(a.Tokens) > maxPersonalTokens:
		return tooMany("tokens", maxPersonalTokens)
	case len(a.Identities) > maxIdentities:
		return tooMany("identities", maxIdentities)
	}
	for _, other := range d.Accounts() {
		if other.ID != a.ID && other.Email == strings.ToLower(a.Email) {
			return &gateway.Error{Kind: gateway.Conflict, Code: "exists", Param: "email", Public: "There is an account with this e-mail address already."}
		}
	}
	for i, m := range a.Memberships {
		if _, there := d.MemberRole(m); !there {
			return &gateway.Error{
				Kind: gateway.Invalid, Param: fmt.Sprintf("memberships[%d]", i), Public: fmt.Sprintf("There is no user %s in the tenant %s.", m.User, m.Tenant),
			}
		}
		if slices.Index(a.Memberships, m) != i {
			return &gateway.Error{Kind: gateway.Invalid, Param: fmt.Sprintf("memberships[%d]", i), Public: "The same user is listed twice."}
		}
	}
	raw, err := encoder{private: inClear}.json(a.doc())
	if err != nil {
		return err
	}
	doc := new(accountDoc)
	if err := decodeSpec(events.AccountSort, raw, doc); err != nil {
		return err
	}
	d.set(&part{Ref: accountRef(a.ID), doc: doc})
	return nil
}

func tooMany(field string, most int) error {
	return &gateway.Error{Kind: gateway.Invalid, Param: field, Public: fmt.Sprintf("An account has at most %d %s.", most, field)}
}

// MemberRole is the role of a user of a tenant, false if there is none.
func (d *Draft) MemberRole(m Membership) (string, bool) {
	one := d.plan.parts[Ref{events.UserSort, m.Tenant, m.User}]
	if one == nil {
		return "", false
	}
	return cmp.Or(string(one.doc.(*userDoc).Role), RoleMember), true
}

// HasTenant tells whether there is a tenant.
func (d *Draft) HasTenant(t events.TenantID) bool {
	return d.plan.parts[Ref{events.TenantSort, t, string(t)}] != nil
}

// AddTenant adds a tenant about which nothing is said yet.
func (d *Draft) AddTenant(t events.TenantID) error {
	_, err := d.create(events.TenantSort, "", map[string]string{"name": string(t)})
	return err
}

// AddMember adds a user to a tenant. One with that address must not be there: who
// has an address is nobody's yet.
func (d *Draft) AddMember(t events.TenantID, address, role string) (Membership, error) {
	r, err := d.create(events.UserSort, string(t), map[string]string{"email": address, "role": role})
	if e := gateway.AsError(err); err != nil && e.Code == "exists" {
		e.Param = "email"
		e.Public = "The tenant has a user with this e-mail address already: ask for an invite for that user."
	}
	return Membership{t, r.ID}, err
}

// unlink takes what has lost its user: a membership, and what the account's tokens
// did in that tenant, so that nobody comes back with a user of the same name.
func (d *Draft) unlink() error {
	for _, a := range d.Accounts() {
		before := len(a.Memberships) + len(a.Tokens)
		a.Memberships = slices.DeleteFunc(a.Memberships, func(m Membership) bool {
			_, there := d.MemberRole(m)
			return !there
		})
		a.Tokens = slices.DeleteFunc(a.Tokens, func(t PersonalToken) bool { return t.Tenant != "" && !a.MemberOf(t.Tenant) })
		if len(a.Memberships)+len(a.Tokens) == before {
			continue
		}
		if err := d.PutAccount(a); err != nil {
			return err
		}
	}
	for _, r := range slices.Clone(d.plan.order) {
		if doc, ok := d.plan.parts[r].doc.(*inviteDoc); ok && doc.User != "" {
			if _, there := d.MemberRole(Membership{r.Tenant, string(doc.User)}); !there {
				d.plan.remove(r)
			}
		}
	}
	return nil
}

// MemberOf tells whether the account is linked to a user of a tenant.
func (a *Account) MemberOf(t events.TenantID) bool {
	return slices.ContainsFunc(a.Memberships, func(m Membership) bool { return m.Tenant == t })
}
