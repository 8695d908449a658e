package control

// Roles, the greatest first. A tenant has all of them, the installation those that
// its tokens and accounts may have: admin, operator and viewer.
const (
	RoleOwner    = "owner"
	RoleAdmin    = "admin"
	RoleOperator = "operator"
	RoleMember   = "member"
	RoleViewer   = "viewer"
)

// Roles are those in a tenant, the greatest first.
func Roles() []string {
	return []string{RoleOwner, RoleAdmin, RoleOperator, RoleMember, RoleViewer}
}

// HubRoles are those of the installation, the greatest first.
func HubRoles() []string { return []string{RoleAdmin, RoleOperator, RoleViewer} }
