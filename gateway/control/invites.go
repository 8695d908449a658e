package control

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway"
)

// Invite makes its holder a member, once.
type Invite struct {
	ID      string          // i_ and 12 hex digits, by chance
	Tenant  events.TenantID // that it is for
	Hash    string          // SHA-256 of its secret in hex
	Role    string          // of the user that it makes; empty: of User
	User    string          // that is there already and whom it is for; empty: a new one
	Email   string          // that the account must have; empty: any
	Expires time.Time
	Issuer  string // account, whose role bounds the invite when it is used too; empty: an operator's token
}

// NewInviteID mints the id of an invite.
func NewInviteID() string { return "i_" + randomHex(6) }

func inviteRef(t events.TenantID, id string) Ref { return Ref{events.InviteSort, t, id} }

func (i *Invite) doc() *inviteDoc {
	return &inviteDoc{
		Name: id(i.ID), Key: keyOfHash(i.Hash), Role: role(i.Role), User: id(i.User), Email: email(strings.ToLower(i.Email)),
		Expires: momentOf(i.Expires), Issuer: id(i.Issuer),
	}
}

func (d *inviteDoc) invite(t events.TenantID) *Invite {
	return &Invite{
		ID: string(d.Name), Tenant: t, Hash: d.Key.digest(), Role: string(d.Role), User: string(d.User), Email: string(d.Email),
		Expires: d.Expires.time(), Issuer: string(d.Issuer),
	}
}

// AddInvite adds an invite. Its errors name the field.
func (d *Draft) AddInvite(i *Invite) error {
	if !d.HasTenant(i.Tenant) {
		return missing(Ref{events.TenantSort, i.Tenant, string(i.Tenant)})
	}
	if (i.Role == "") == (i.User == "") {
		return &gateway.Error{Kind: gateway.Invalid, Param: "role", Public: "An invite has a role, or names a user who is there already, and not both."}
	}
	if i.User != "" {
		if _, there := d.MemberRole(Membership{i.Tenant, i.User}); !there {
			return missing(Ref{events.UserSort, i.Tenant, i.User})
		}
	}
	raw, err := encoder{private: inClear}.json(i.doc())
	if err != nil {
		return err
	}
	doc := new(inviteDoc)
	if err := decodeSpec(events.InviteSort, raw, doc); err != nil {
		return err
	}
	d.set(&part{Ref: inviteRef(i.Tenant, i.ID), doc: doc})
	return nil
}

// Invite finds an invite by the hash of its secret, expired or not; nil: none.
func (d *Draft) Invite(hash string) *Invite {
	for _, r := range d.plan.order {
		if doc, ok := d.plan.parts[r].doc.(*inviteDoc); ok && doc.Key.digest() == hash {
			return doc.invite(r.Tenant)
		}
	}
	return nil
}

// RemoveInvite takes an invite away.
func (d *Draft) RemoveInvite(t events.TenantID, id string) error {
	return d.Remove(inviteRef(t, id), nil)
}

// create is [Draft.Create] of what needs no more than a few words.
func (d *Draft) create(sort events.Sort, holder string, words map[string]string) (Ref, error) {
	for key, text := range words {
		if text == "" {
			delete(words, key)
		}
	}
	raw, err := json.Marshal(words)
	if err != nil {
		return Ref{}, err
	}
	return d.Create(sort, holder, raw)
}

// AtMost is the lesser of two roles of a tenant, or of the installation if tenant is
// empty. A role that is none is the least.
func AtMost(tenant events.TenantID, a, b string) string {
	ranks := Roles()
	if tenant == "" {
		ranks = HubRoles()
	}
	i, j := slices.Index(ranks, a), slices.Index(ranks, b)
	if i < 0 || j < 0 {
		return ""
	}
	return ranks[max(i, j)]
}
