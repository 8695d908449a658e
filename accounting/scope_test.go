package accounting_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
)

// TestPrincipalScopes: a request is counted for everything it is made for, and for no
// team or user that it is not.
func TestPrincipalScopes(t *testing.T) {
	whole := []accounting.Scope{
		{Kind: accounting.TenantScope, ID: "acme"}, {Kind: accounting.TeamScope, ID: "acme/red"}, {Kind: accounting.UserScope, ID: "acme/ann"},
		{Kind: accounting.KeyScope, ID: "acme/ci"}, {Kind: accounting.TenantModelScope, ID: "acme/smart"}, {Kind: accounting.ModelScope, ID: "smart"},
	}
	if diff := cmp.Diff(whole, accounting.PrincipalScopes("acme", events.Principal{User: "ann", Team: "red", Key: "ci", Model: "smart"})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	bare := append(whole[:1:1], whole[3:]...)
	if diff := cmp.Diff(bare, accounting.PrincipalScopes("acme", events.Principal{Key: "ci", Model: "smart"})); diff != "" {
		t.Errorf("of neither (-want +got):\n%s", diff)
	}
}
