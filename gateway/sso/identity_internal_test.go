package sso

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/control"
)

func TestIdentity(t *testing.T) {
	member, ops := Grant{"acme", "member"}, Grant{"", "operator"}
	eng := control.SSORule{Claim: "groups", Value: "eng", Tenant: "acme", Role: "member"}
	lead := control.SSORule{Claim: "groups", Value: "leads", Tenant: "acme", Role: "admin"}
	everybody := control.SSORule{Tenant: "acme", Role: "viewer"}
	for _, tt := range []struct {
		name, claims string
		domains      []string
		rules        []control.SSORule
		email        string
		grants       []Grant
		code         string // of the refusal
	}{
		{"a list", `{"groups":["x","eng"]}`, nil, []control.SSORule{eng}, "", []Grant{member}, ""},
		{"a text", `{"groups":"eng"}`, nil, []control.SSORule{eng}, "", []Grant{member}, ""},
		{"part of a text", `{"groups":"engineering, eng"}`, nil, []control.SSORule{eng}, "", nil, "sso_not_mapped"},
		{"another case", `{"groups":["ENG"]}`, nil, []control.SSORule{eng}, "", nil, "sso_not_mapped"},
		{"the greatest", `{"groups":["eng","leads"]}`, nil, []control.SSORule{lead, eng, everybody}, "", []Grant{{"acme", "admin"}}, ""},
		{"the greatest, last", `{"groups":["eng","leads"]}`, nil, []control.SSORule{eng, lead}, "", []Grant{{"acme", "admin"}}, ""},
		{"a path", `{"realm_access":{"roles":["ops"]}}`, nil, []control.SSORule{{Claim: "realm_access.roles", Value: "ops", Role: "operator"}}, "", []Grant{ops}, ""},
		{"a name with dots", `{"https://acme.test/roles":["ops"]}`, nil, []control.SSORule{{Claim: "https://acme.test/roles", Value: "ops", Role: "operator"}}, "", []Grant{ops}, ""},
		{"two places", `{"groups":["eng"],"staff":true}`, nil, []control.SSORule{eng, {Claim: "staff", Value: "true", Role: "operator"}}, "", []Grant{ops, member}, ""},
		{"false", `{"staff":false}`, nil, []control.SSORule{{Claim: "staff", Value: "false", Role: "operator"}}, "", nil, "sso_not_mapped"},
		{"objects in a list", `{"groups":[{"eng":"eng"},7,null]}`, nil, []control.SSORule{eng}, "", nil, "sso_not_mapped"},
		{"an object", `{"groups":{"eng":true}}`, nil, []control.SSORule{eng}, "", nil, "sso_not_mapped"},
		{"a path that ends", `{"a":"b"}`, nil, []control.SSORule{{Claim: "a.b.c", Value: "", Role: "admin"}}, "", nil, "sso_not_mapped"},
		{"nothing", `{}`, nil, []control.SSORule{eng}, "", nil, "sso_not_mapped"},
		{"the domain", `{"email":"A@Acme.TEST","email_verified":true}`, []string{"acme.test"}, []control.SSORule{everybody}, "a@acme.test", []Grant{{"acme", "viewer"}}, ""},
		{"verified by a text", `{"email":"a@acme.test","email_verified":"true"}`, []string{"acme.test"}, []control.SSORule{everybody}, "a@acme.test", []Grant{{"acme", "viewer"}}, ""},
		{"not verified", `{"email":"a@acme.test","email_verified":false}`, []string{"acme.test"}, []control.SSORule{everybody}, "", nil, "sso_domain"},
		{"verified by nobody", `{"email":"a@acme.test"}`, []string{"acme.test"}, []control.SSORule{everybody}, "", nil, "sso_domain"},
		{"verified by a number", `{"email":"a@acme.test","email_verified":1}`, []string{"acme.test"}, []control.SSORule{everybody}, "", nil, "sso_domain"},
		{"another domain", `{"email":"a@evil.test","email_verified":true}`, []string{"acme.test"}, []control.SSORule{everybody}, "", nil, "sso_domain"},
		{"a domain below", `{"email":"a@x.acme.test","email_verified":true}`, []string{"acme.test"}, []control.SSORule{everybody}, "", nil, "sso_domain"},
		{"a domain that ends so", `{"email":"a@evilacme.test","email_verified":true}`, []string{"acme.test"}, []control.SSORule{everybody}, "", nil, "sso_domain"},
		{"two addresses", `{"email":"a@evil.test,b@acme.test","email_verified":true}`, []string{"acme.test"}, []control.SSORule{everybody}, "", nil, "sso_domain"},
		{"a name and an address", `{"email":"\"x@acme.test\" <a@evil.test>","email_verified":true}`, []string{"acme.test"}, []control.SSORule{everybody}, "", nil, "sso_domain"},
		{"quoted", `{"email":"\"a@evil.test\"@acme.test","email_verified":true}`, nil, []control.SSORule{{Claim: "email_verified", Value: "true", Role: "operator"}}, "", []Grant{ops}, ""},
		{"unverified, any domain", `{"email":"a@acme.test","groups":["eng"]}`, nil, []control.SSORule{eng}, "", []Grant{member}, ""},
		{"a role that it asks for", `{"role":"admin","tenant":"acme","groups":["eng"]}`, nil, []control.SSORule{eng}, "", []Grant{member}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := claims{"sub": "s", "name": "N"}
			if err := json.Unmarshal([]byte(tt.claims), &c); err != nil {
				t.Fatal(err)
			}
			got, err := identify(&control.SSO{Issuer: "https://i.test", Domains: tt.domains, Rules: tt.rules}, c)
			if tt.code != "" {
				if e := gateway.AsError(err); err == nil || e.Kind != gateway.Forbidden || e.Code != tt.code {
					t.Errorf("%+v, %v", got, err)
				}
				return
			}
			want := Identity{Issuer: "https://i.test", Subject: "s", Email: tt.email, Name: "N", Grants: tt.grants}
			if diff := cmp.Diff(want, got); err != nil || diff != "" {
				t.Errorf("%v\n%s", err, diff)
			}
		})
	}
}
