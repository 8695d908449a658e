package auth

import (
	"context"
	"slices"
	"time"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway/control"
	"github.com/llm-hub/llm-hub/gateway/web"
)

// Ways in which a person is recognised.
const (
	ViaToken   = "token"
	ViaSession = "session"
)

// Person is somebody who uses what is under /api, as one request was recognised. It
// is either a person of the whole installation or of one tenant, never both at once.
// The zero Person may nothing and sees nothing.
type Person struct {
	Name    string          // the actor in events: an id, never a name or an address
	Role    string          // of the installation, or in the tenant
	Tenant  events.TenantID // empty: the whole installation
	User    string          // id of the user in the tenant whom the person is; empty: none
	Account string          // id of whoever signed in; empty: a token came
	Via     string          // [ViaToken], [ViaSession]
	Since   time.Time       // of the last proof of who it is
}

// hubRoles are what the roles of the installation may.
func hubRoles() map[string][]web.Permission {
	viewer := []web.Permission{web.Look, web.Review, web.Inspect}
	operator := append(slices.Clone(viewer), web.Operate)
	return map[string][]web.Permission{
		control.RoleViewer:   viewer,
		control.RoleOperator: operator,
		control.RoleAdmin: append(slices.Clone(operator),
			web.Configure, web.Administer, web.ManageKeys, web.ManagePeople, web.ManageTenant),
	}
}

// tenantRoles are what the roles in a tenant may, of what is the tenant's. What an
// owner may beyond an admin, and a member less than an operator, is said of objects:
// see [control.Rights].
func tenantRoles() map[string][]web.Permission {
	manager := []web.Permission{web.Look, web.Review, web.ManageKeys, web.ManagePeople, web.ManageTenant}
	return map[string][]web.Permission{
		control.RoleOwner:    manager,
		control.RoleAdmin:    manager,
		control.RoleOperator: {web.Look, web.Review, web.ManageKeys},
		control.RoleMember:   {web.Look, web.ManageKeys},
		control.RoleViewer:   {web.Look, web.Review},
	}
}

// May tells whether the person's role has a permission.
func (p Person) May(permission web.Permission) bool {
	if p.Tenant == "" {
		return slices.Contains(hubRoles()[p.Role], permission)
	}
	return slices.Contains(tenantRoles()[p.Role], permission)
}

// Knows tells whether what a permission opens exists at all for the person: nobody
// of a tenant learns what only the installation has.
func (p Person) Knows(permission web.Permission) bool {
	if p.Tenant == "" {
		return true
	}
	for _, has := range tenantRoles() {
		if slices.Contains(has, permission) {
			return true
		}
	}
	return false
}

// Sees tells whether the person may learn that a tenant exists.
func (p Person) Sees(tenant events.TenantID) bool {
	if p.Tenant == "" {
		return hubRoles()[p.Role] != nil
	}
	return p.Tenant == tenant && tenantRoles()[p.Role] != nil
}

// Everything tells whether the person sees all traffic of what [Person.Sees]; a
// member sees only their own.
func (p Person) Everything() bool { return p.Tenant == "" || p.Role != control.RoleMember }

// Rights are what the person may see and change of what is configured.
func (p Person) Rights() control.Rights {
	return control.Rights{Tenant: p.Tenant, Role: p.Role, User: p.User}
}

type personKey struct{}

// With is ctx of a request that p makes.
func With(ctx context.Context, p Person) context.Context {
	return context.WithValue(ctx, personKey{}, p)
}

// From is who makes the request of ctx: the zero Person, who may nothing, if nobody
// was recognised.
func From(ctx context.Context) Person {
	p, _ := ctx.Value(personKey{}).(Person)
	return p
}
