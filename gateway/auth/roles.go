package auth

import (
	"slices"

	"github.com/llm-hub/llm-hub/gateway/web"
)

// Person is an operator that was recognised.
type Person struct {
	Actor string // in the audit
	Role  string // admin, operator or viewer
}

// roles are what each role may. Whoever may less may nothing that another may not.
func roles() map[string][]web.Permission {
	viewer := []web.Permission{web.Look}
	operator := append(slices.Clone(viewer), web.Operate)
	return map[string][]web.Permission{
		"viewer": viewer, "operator": operator, "admin": append(slices.Clone(operator), web.Configure, web.Administer),
	}
}

// May tells whether the person's role has a permission.
func (p Person) May(permission web.Permission) bool {
	return slices.Contains(roles()[p.Role], permission)
}
