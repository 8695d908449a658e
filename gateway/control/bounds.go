package control

import (
	"net/netip"
	"slices"
	"time"
)

// bounds narrow what a virtual key may be used for. What is nil or zero lets
// everything through. A key is used within its own bounds and those of its tenant,
// its team, its user and the user who issued it, as they are at that moment.
type bounds struct {
	models    map[string]bool
	endpoints map[string]bool
	addresses []netip.Prefix
	expires   time.Time
}

func (t *tenantDoc) bounds() bounds { return bounds{models: setOf(t.Models)} }

func (m *teamDoc) bounds() bounds { return bounds{models: setOf(m.Models)} }

func (u *userDoc) bounds() bounds {
	return bounds{models: setOf(u.Models), endpoints: setOf(u.Endpoints), addresses: prefixesOf(u.Addresses), expires: u.Expires.time()}
}

func (k *keyDoc) bounds() bounds {
	return bounds{models: setOf(k.Models), endpoints: setOf(k.Endpoints), addresses: prefixesOf(k.Addresses), expires: k.Expires.time()}
}

func prefixesOf(list []network) []netip.Prefix {
	var out []netip.Prefix
	for _, n := range list {
		if p, err := netip.ParsePrefix(string(n)); err == nil { // it was parsed before
			out = append(out, p)
		}
	}
	return out
}

// and lets through what both let through.
func (b bounds) and(o bounds) bounds {
	return bounds{
		models: both(b.models, o.models), endpoints: both(b.endpoints, o.endpoints),
		addresses: bothPrefixes(b.addresses, o.addresses), expires: sooner(b.expires, o.expires),
	}
}

func both(a, b map[string]bool) map[string]bool {
	if a == nil {
		return b
	}
	if b == nil {
		return a
	}
	out := map[string]bool{}
	for name := range a {
		if b[name] {
			out[name] = true
		}
	}
	return out
}

func bothPrefixes(a, b []netip.Prefix) []netip.Prefix {
	if a == nil {
		return b
	}
	if b == nil {
		return a
	}
	out := []netip.Prefix{}
	for _, p := range a {
		for _, q := range b {
			if p.Overlaps(q) { // one is inside the other
				out = append(out, narrower(p, q))
			}
		}
	}
	return out
}

func narrower(p, q netip.Prefix) netip.Prefix {
	if p.Bits() > q.Bits() {
		return p
	}
	return q
}

// sooner is the first of two moments, where zero is never.
func sooner(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// exceeds names the field by which b says more than o lets through, empty if none
// does. What b does not say it takes from o.
func (b bounds) exceeds(o bounds) (field string) {
	beyond := func(list, most map[string]bool) bool { return len(both(list, most)) < len(list) }
	switch {
	case beyond(b.models, o.models):
		return "models"
	case beyond(b.endpoints, o.endpoints):
		return "endpoints"
	case o.addresses != nil && slices.ContainsFunc(b.addresses, func(p netip.Prefix) bool { return !inside(p, o.addresses) }):
		return "addresses"
	case !o.expires.IsZero() && b.expires.After(o.expires):
		return "expires"
	}
	return ""
}

func inside(p netip.Prefix, list []netip.Prefix) bool {
	return slices.ContainsFunc(list, func(q netip.Prefix) bool { return q.Bits() <= p.Bits() && q.Contains(p.Addr()) })
}

// looser tells whether one of limits lets more through than a limit of the same kind in most.
func looser(limits, most []limitDoc) bool {
	for _, l := range limitsOf(limits) {
		for _, m := range limitsOf(most) {
			amount := m.Max
			if m.Max = l.Max; m == l && l.Max > amount {
				return true
			}
		}
	}
	return false
}

// exceeds names the field by which a key says more than the person whose key it is,
// who issued it or issues it now may; empty: none.
func (d *Draft) exceeds(r Ref, key *keyDoc) (field string) {
	if t, ok := d.doc(tenantRef(r.Tenant)).(*tenantDoc); ok {
		if field = key.bounds().exceeds(t.bounds()); field != "" {
			return field
		}
	}
	if m, ok := d.doc(teamRef(r.Tenant, key.Team)).(*teamDoc); ok {
		if field = key.bounds().exceeds(m.bounds()); field != "" {
			return field
		}
	}
	for _, id := range []reference{key.User, key.Issuer, reference(d.by.Rights.User)} {
		u, ok := d.doc(userRef(r.Tenant, id)).(*userDoc)
		if !ok {
			continue
		}
		if field = key.bounds().exceeds(u.bounds()); field != "" {
			return field
		}
		if looser(key.Limits, u.Limits) {
			return "limits"
		}
	}
	return ""
}
