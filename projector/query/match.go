package query

import (
	"fmt"
	"slices"

	"github.com/llm-hub/llm-hub/events"
)

// Value is a request's value of a dimension; its tags with commas between them.
func (r Request) Value(d Dimension) string {
	switch d {
	case Tenant:
		return r.Tenant
	case Team:
		return r.Principal.Team
	case User:
		return r.Principal.User
	case Key:
		return r.Principal.Key
	case Model:
		return r.Principal.Model
	case Tag:
		return r.Principal.Tags
	case Provider:
		return r.Target.Provider
	case Credential:
		return r.Target.Credential
	case UpstreamModel:
		return r.Target.Model
	case Endpoint:
		return r.Endpoint
	case Outcome:
		return r.Outcome
	case Status:
		return fmt.Sprint(r.Status)
	case Error:
		return r.Error
	case Reason:
		return r.Reason
	case Node:
		return r.Node
	case Finish:
		return r.Finish
	default:
		return ""
	}
}

// Matches tells whether the filter lets a request through, whenever it was: what
// the tables would say of it.
func (f RequestFilter) Matches(r Request) bool {
	if !f.Scope.Sees(events.TenantID(r.Tenant)) || f.Scope.user != "" && f.Scope.user != r.Principal.User || r.Total < f.MinTotal.Nanoseconds() || r.FirstByte < f.MinFirstByte.Nanoseconds() {
		return false
	}
	for d, values := range f.Where {
		if d == Tag {
			if !slices.ContainsFunc(r.Principal.TagList(), func(tag string) bool { return slices.Contains(values, tag) }) {
				return false
			}
			continue
		}
		if !slices.Contains(values, r.Value(d)) {
			return false
		}
	}
	return f.MinCost == 0 || r.Amounts.CostNanoUSD != nil && *r.Amounts.CostNanoUSD >= f.MinCost
}

// Sees tells whether a tenant is in the scope.
func (s Scope) Sees(t events.TenantID) bool {
	return s.everyone || slices.Contains(s.tenants, string(t))
}

// Tenants lists those that a filter can let through; nil: any.
func (f Filter) Tenants() []events.TenantID {
	if f.Scope.everyone && len(f.Where[Tenant]) == 0 {
		return nil
	}
	out := []events.TenantID{}
	among := f.Where[Tenant]
	if len(among) == 0 {
		among = f.Scope.tenants
	}
	for _, t := range among {
		if f.Scope.Sees(events.TenantID(t)) {
			out = append(out, events.TenantID(t))
		}
	}
	return out
}
