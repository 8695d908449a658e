package control

import (
	"fmt"
	"slices"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway"
)

// doc is the document of an object, nil if there is none.
func (d *Draft) doc(r Ref) any {
	if one := d.plan.parts[r]; one != nil {
		return one.doc
	}
	return nil
}

// settle does what follows from a change, whoever made it. With a tenant or user go
// their keys, tokens and places in teams; what a removed user had issued for others passes to whoever
// removed them.
func (d *Draft) settle() {
	for _, one := range d.plan.sorted() {
		switch doc := one.doc.(type) {
		case *keyDoc:
			if d.gone(userRef(one.Tenant, doc.User)) {
				d.plan.remove(one.Ref)
			} else if d.gone(userRef(one.Tenant, doc.Issuer)) {
				passed := *doc
				passed.Issuer = reference(d.by.Rights.User)
				d.plan.set(&part{Ref: one.Ref, doc: &passed}, d.plan.origin[one.Ref])
			}
		case *teamDoc:
			left := slices.DeleteFunc(slices.Clone(doc.Members), func(m reference) bool { return d.gone(userRef(one.Tenant, m)) })
			if len(left) < len(doc.Members) {
				rest := *doc
				rest.Members = left
				d.plan.set(&part{Ref: one.Ref, doc: &rest}, d.plan.origin[one.Ref])
			}
		case *tokenDoc:
			if t := events.TenantID(doc.Tenant); d.gone(tenantRef(t)) || d.gone(userRef(t, doc.User)) {
				d.plan.remove(one.Ref)
			}
		}
	}
}

func tenantRef(t events.TenantID) Ref { return Ref{events.TenantSort, t, string(t)} }

func userRef(t events.TenantID, user reference) Ref { return Ref{events.UserSort, t, string(user)} }

func teamRef(t events.TenantID, team reference) Ref { return Ref{events.TeamSort, t, string(team)} }

// gone tells whether the change takes an object away.
func (d *Draft) gone(r Ref) bool { return d.now.plan.parts[r] != nil && d.plan.parts[r] == nil }

// keepOwners refuses to leave a tenant that had an owner without one. A file may: it
// is the word of whoever has the installation.
func (d *Draft) keepOwners() error {
	if d.by.Origin != OriginAPI {
		return nil
	}
	left := owners(d.plan)
	for tenant, had := range owners(d.now.plan) {
		if len(left[tenant]) == 0 && !d.gone(tenantRef(tenant)) {
			return &gateway.Error{
				Kind: gateway.Conflict, Code: "last_owner", Param: "role", Public: fmt.Sprintf("The %s is the last owner of its tenant: make another one first.", had[0]),
			}
		}
	}
	return nil
}

// owners are the owners of each tenant that has any.
func owners(p *plan) map[events.TenantID][]Ref {
	out := map[events.TenantID][]Ref{}
	for _, r := range p.order {
		if r.Sort == events.UserSort && roleOf(p.parts[r]) == RoleOwner {
			out[r.Tenant] = append(out[r.Tenant], r)
		}
	}
	return out
}

// allow checks what a command changes, before what follows from it, against the
// rights of whoever gave it.
func (d *Draft) allow() error {
	changes, err := d.now.plan.changes(d.now.state, d.plan)
	if err != nil {
		return err
	}
	for _, c := range changes {
		if err := d.by.Rights.change(c); err != nil {
			return err
		}
		if c.Sort != events.KeySort || c.after == nil || d.by.Origin != OriginAPI {
			continue
		}
		key := c.after.doc.(*keyDoc)
		if team := d.plan.parts[teamRef(c.Tenant, key.Team)]; team != nil && !d.by.Rights.sees(team) {
			return missing(team.Ref)
		}
		if c.old != nil && sameBounds(c.old.doc.(*keyDoc), key) {
			continue // it was within bounds when it got them, and is used within those of now
		}
		if field := d.exceeds(c.Ref, key); field != "" {
			return forbidden("exceeds_issuer", field, fmt.Sprintf("The field %s lets the key do more than its tenant, its team, its user or whoever issues it may.", field))
		}
	}
	return d.keepOwners()
}

// sameBounds tells whether two versions of a key say the same of what it may.
func sameBounds(a, b *keyDoc) bool {
	fields, err := changedFields(a, b)
	return err == nil && !slices.ContainsFunc(fields, func(f string) bool {
		return slices.Contains([]string{"models", "endpoints", "addresses", "expires", "limits", "user", "team"}, f)
	})
}
