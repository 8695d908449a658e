package control

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway"
)

// Rights are what a person may see and change of what is configured, once the
// permission of the route is given. They are checked for what a command changes, not
// for how it is put, so no way to put it is forgotten. The zero Rights are those of
// the whole installation.
//
//   - Nobody of a tenant sees or changes anything outside it; logical models they see.
//   - An owner or admin changes users, teams, keys and the tenant's own limits, an
//     operator keys, a member the keys that are theirs: with their teams all they see.
//   - Only owners make owners, and change or remove them. Nobody widens their own
//     rights. The last owner of a tenant stays one, see [Draft.keepOwners].
//   - A key says nothing that its tenant, its team, its user and its issuer may not do.
type Rights struct {
	Tenant events.TenantID // empty: the whole installation
	Role   string          // in the tenant
	User   string          // whom the person is there; empty: none of its users
}

// manages tells whether the person decides about people.
func (r Rights) manages() bool { return r.Role == RoleOwner || r.Role == RoleAdmin }

// sees tells whether the person may know of an object.
func (r Rights) sees(one *part) bool {
	switch {
	case r.Tenant == "", one.Sort == events.ModelSort:
		return true
	case one.Tenant != r.Tenant:
		return false
	case one.Sort == events.TenantSort:
		return true
	case one.Sort == events.UserSort, one.Sort == events.TeamSort, one.Sort == events.KeySort:
		return r.Role != RoleMember || r.owns(one)
	}
	return false
}

// owns tells whether an object is the person, or theirs, or a team they are in.
func (r Rights) owns(one *part) bool {
	switch doc := one.doc.(type) {
	case *userDoc:
		return r.User != "" && one.ID == r.User
	case *teamDoc:
		return r.User != "" && slices.Contains(doc.Members, reference(r.User))
	case *keyDoc:
		return r.User != "" && string(doc.User) == r.User
	}
	return false
}

// view is an object as the person may see it.
func (r Rights) view(one *part) (json.RawMessage, error) {
	if doc, ok := one.doc.(*modelDoc); ok && r.Tenant != "" {
		public := *doc
		public.Limits = nil // of all tenants together
		one = &part{Ref: one.Ref, doc: &public}
	}
	return one.view()
}

// hubFields are fields that the hub sets and no client may.
func hubFields(s events.Sort) []string {
	switch s {
	case events.KeySort:
		return []string{"id", "previous", "issuer"}
	case events.TokenSort:
		return []string{"previous"}
	}
	return nil
}

// tenantFields are those that a role in a tenant may give or change.
func tenantFields(s events.Sort, role string) []string {
	switch s {
	case events.TenantSort:
		return []string{"own_limits"}
	case events.UserSort:
		return []string{"email", "role", "limits", "models", "endpoints", "addresses", "expires"}
	case events.TeamSort:
		return []string{"name", "members", "models", "limits"}
	case events.KeySort:
		fields := []string{"name", "team", "models", "limits", "endpoints", "addresses", "expires", "state", "tags"}
		if role != RoleMember {
			fields = append(fields, "user")
		}
		return fields
	}
	return nil
}

func (r Rights) mayWrite(s events.Sort, field string) bool {
	if r.Tenant == "" {
		return !slices.Contains(hubFields(s), field)
	}
	return slices.Contains(tenantFields(s, r.Role), field)
}

// write checks that the fields in which a client has an object differ are the person's to write.
func (r Rights) write(ref Ref, before, after any) error {
	fields, err := changedFields(before, after)
	if err != nil {
		return err
	}
	for _, field := range fields {
		if !r.mayWrite(ref.Sort, field) {
			return forbidden("field_not_allowed", field, fmt.Sprintf("The field %s of a %s is not yours to set.", field, ref.Sort))
		}
	}
	return nil
}

// changedFields are the fields in which two documents of a sort differ.
func changedFields(before, after any) ([]string, error) {
	b, err := fieldsOf(before)
	if err != nil {
		return nil, err
	}
	a, err := fieldsOf(after)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(sortedKeys(b, a), func(key string) bool { return bytes.Equal(b[key], a[key]) }), nil
}

func fieldsOf(doc any) (fields map[string]json.RawMessage, err error) {
	raw, err := encoder{private: inClear}.json(doc)
	if err != nil {
		return nil, err
	}
	return fields, json.Unmarshal(raw, &fields)
}

func forbidden(code, field, public string) error {
	return &gateway.Error{Kind: gateway.Forbidden, Code: code, Param: field, Public: public}
}

// change checks that the person may make a change.
func (r Rights) change(c change) error {
	if r.Tenant == "" {
		return nil
	}
	if c.Tenant != r.Tenant {
		return missing(c.Ref)
	}
	switch {
	case c.Sort == events.TenantSort && r.manages() && c.old != nil && c.after != nil, c.Sort == events.TeamSort && r.manages():
		return nil
	case c.Sort == events.InviteSort && r.manages(): // its role is bounded where it is made
		return nil
	case c.Sort == events.UserSort && r.manages():
		return r.changeUser(c)
	case c.Sort == events.KeySort && (r.manages() || r.Role == RoleOperator):
		return nil
	case c.Sort == events.KeySort && r.Role == RoleMember:
		if c.old != nil && !r.owns(c.old) || c.after != nil && !r.owns(c.after) {
			return forbidden("not_yours", "", "A member changes only the keys that are theirs.")
		}
		return nil
	}
	return forbidden("role_not_allowed", "", fmt.Sprintf("The role %s may not change a %s.", r.Role, c.Sort))
}

func (r Rights) changeUser(c change) error {
	before, after := roleOf(c.old), roleOf(c.after)
	if r.Role != RoleOwner && (before == RoleOwner || after == RoleOwner) {
		return forbidden("owners_only", "role", "Only an owner makes, changes or removes an owner.")
	}
	if r.User == "" || c.ID != r.User {
		return nil
	}
	if c.old == nil || c.after == nil {
		return forbidden("own_rights", "", "Nobody adds or removes themselves: let another do it.")
	}
	fields, err := changedFields(c.old.doc, c.after.doc)
	if err != nil {
		return err
	}
	if !slices.Equal(fields, []string{"role"}) || AtMost(r.Tenant, before, after) != after {
		return forbidden("own_rights", fields[0], "Nobody changes their own rights, but for a lesser role: let another do it.")
	}
	return nil
}

// roleOf is the role of a user, empty of none.
func roleOf(one *part) string {
	if one == nil {
		return ""
	}
	return one.doc.(*userDoc).role()
}
