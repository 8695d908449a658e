package control

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"time"

	"github.com/llm-hub/llm-hub/events"
)

// Join is what those become who register without an invite; zero: nobody may.
type Join struct {
	Tenant events.TenantID
	Role   string
}

// people are what a catalog knows of those who sign in.
type people struct {
	Registration string // closed, invite, open
	Join         Join

	accounts   map[string]*Account
	emails     map[string]*Account
	identities map[Identity]*Account
	resets     map[string]*Account // by the hash of the secret
	invites    map[string]*Invite  // by the hash of the secret
}

func newPeople() people {
	return people{
		accounts: map[string]*Account{}, emails: map[string]*Account{}, identities: map[Identity]*Account{},
		resets: map[string]*Account{}, invites: map[string]*Invite{},
	}
}

// Accounts are all accounts by their ids.
func (p *people) Accounts() []*Account {
	out := make([]*Account, 0, len(p.accounts))
	for _, id := range sortedKeys(p.accounts) {
		out = append(out, p.accounts[id])
	}
	return out
}

// HasAccounts tells whether there is any.
func (p *people) HasAccounts() bool { return len(p.accounts) > 0 }

// Account finds an account, or nil.
func (p *people) Account(id string) *Account { return p.accounts[id] }

// AccountByEmail finds an account by an address in lower case, or nil.
func (p *people) AccountByEmail(address string) *Account { return p.emails[address] }

// AccountByIdentity finds who somebody is to a provider of single sign-on, or nil.
func (p *people) AccountByIdentity(i Identity) *Account { return p.identities[i] }

// AccountByReset finds whose password may be set by a secret at now, or nil.
func (p *people) AccountByReset(secret Secret, now time.Time) *Account {
	a := p.resets[Digest(secret)]
	if a == nil || a.Disabled || !now.Before(a.Reset.Until) {
		return nil
	}
	return a
}

// Invites are those for a tenant, or all of them, by tenant and id.
func (p *people) Invites(tenant events.TenantID) []*Invite {
	var out []*Invite
	for _, i := range p.invites {
		if tenant == "" || i.Tenant == tenant {
			out = append(out, i)
		}
	}
	slices.SortFunc(out, func(a, b *Invite) int { return cmp.Or(cmp.Compare(a.Tenant, b.Tenant), cmp.Compare(a.ID, b.ID)) })
	return out
}

// InviteBySecret finds an invite that can be used at now, or nil.
func (p *people) InviteBySecret(secret Secret, now time.Time) *Invite {
	i := p.invites[Digest(secret)]
	if i == nil || !now.Before(i.Expires) {
		return nil
	}
	return i
}

// User finds a user of a tenant, or nil.
func (c *Catalog) User(m Membership) *User {
	return c.Tenants[m.Tenant].User(m.User)
}

// Member is the user that an account is in a tenant, or nil.
func (c *Catalog) Member(a *Account, t events.TenantID) *User {
	for _, m := range a.Memberships {
		if m.Tenant == t {
			return c.User(m)
		}
	}
	return nil
}

// RoleOf is what an account is in a tenant, or in the whole installation if tenant is
// empty; empty: nothing.
func (c *Catalog) RoleOf(a *Account, tenant events.TenantID) string {
	if a == nil || a.Disabled {
		return ""
	}
	if tenant == "" {
		return a.Role
	}
	if u := c.Member(a, tenant); u != nil {
		return u.Role
	}
	return ""
}

// peopleOf adds accounts and invites to the catalog. Tenants and users are in it.
func (b *builder) peopleOf() {
	c := b.catalog
	for _, one := range b.people {
		switch doc := one.doc.(type) {
		case *accountDoc:
			a := doc.account()
			c.accounts[a.ID], c.emails[a.Email] = a, a
			for _, i := range a.Identities {
				c.identities[i] = a
			}
			if a.Reset != nil {
				c.resets[a.Reset.Hash] = a
			}
			for _, t := range a.Tokens {
				b.personalToken(a, t)
			}
		case *inviteDoc:
			i := doc.invite(one.Tenant)
			c.invites[i.Hash] = i
		}
	}
}

// personalToken lets a token be found, with what its account and its user may now.
func (b *builder) personalToken(a *Account, t PersonalToken) {
	hash, ok := hashOf(t.Hash)
	may := AtMost(t.Tenant, t.Role, b.catalog.RoleOf(a, t.Tenant))
	if !ok || may == "" {
		return
	}
	token := &Token{Name: t.Name, Role: may, Expires: t.Expires, Account: a.ID, Tenant: t.Tenant}
	if u := b.catalog.Member(a, t.Tenant); u != nil {
		token.User, token.Expires = u.ID, sooner(t.Expires, u.Expires)
	}
	b.catalog.tokens[hash] = token
}

func hashOf(text string) (hash [sha256.Size]byte, ok bool) {
	n, err := hex.Decode(hash[:], []byte(text))
	return hash, err == nil && n == len(hash)
}
