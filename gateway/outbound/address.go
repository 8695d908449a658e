package outbound

import (
	"fmt"
	"net/netip"
	"strings"
)

// AllowList holds address ranges that may be called although they are not public.
type AllowList []netip.Prefix

// ParseAllowList reads ranges in CIDR notation separated by commas. The empty
// value is the empty list. flag names the setting in errors.
func ParseAllowList(flag, value string) (AllowList, error) {
	if strings.TrimSpace(value) == "" {
		return nil, nil
	}
	var list AllowList
	for part := range strings.SplitSeq(value, ",") {
		p, err := parsePrefix(strings.TrimSpace(part))
		if err != nil {
			return nil, fmt.Errorf("%s: %q: %w", flag, strings.TrimSpace(part), err)
		}
		list = append(list, p)
	}
	return list, nil
}

func parsePrefix(s string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(s); err == nil {
		if a = a.Unmap(); a.Zone() != "" {
			return netip.Prefix{}, fmt.Errorf("a range has no zone")
		}
		return netip.Prefix{}, fmt.Errorf("a range needs a length, write %s", netip.PrefixFrom(a, a.BitLen()))
	}
	p, err := netip.ParsePrefix(s)
	switch {
	case err != nil:
		return netip.Prefix{}, fmt.Errorf("not an address range like 10.0.0.0/8")
	case p.Addr().Is4In6():
		return netip.Prefix{}, fmt.Errorf("an IPv4-mapped range never matches, write it as IPv4")
	case p != p.Masked():
		return netip.Prefix{}, fmt.Errorf("has bits beyond its length, write %s", p.Masked())
	}
	return p, nil
}

// Contains tells whether a is in one of the ranges. IPv4-mapped addresses count
// as IPv4; a zone does not matter.
func (l AllowList) Contains(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	for _, p := range l {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// AddressError says that an address must not be called.
type AddressError struct {
	Addr   netip.Addr
	Reason string // what is wrong with it, e.g. "is loopback"
}

// Error implements error.
func (e *AddressError) Error() string {
	return fmt.Sprintf("address %s %s and is not in the allow-list of private ranges", e.Addr, e.Reason)
}

// reserved lists ranges that the classification of [netip.Addr] leaves as global
// unicast, and why no vendor lives there.
func reserved() []reservedRange {
	return []reservedRange{
		{netip.MustParsePrefix("0.0.0.0/8"), "is of this network"},
		{netip.MustParsePrefix("100.64.0.0/10"), "is of a carrier's network"},
		{netip.MustParsePrefix("192.0.0.0/24"), "is of a protocol"},
		{netip.MustParsePrefix("192.0.2.0/24"), "is for documentation"},
		{netip.MustParsePrefix("192.88.99.0/24"), "is a 6to4 relay"},
		{netip.MustParsePrefix("198.18.0.0/15"), "is for benchmarks"},
		{netip.MustParsePrefix("198.51.100.0/24"), "is for documentation"},
		{netip.MustParsePrefix("203.0.113.0/24"), "is for documentation"},
		{netip.MustParsePrefix("240.0.0.0/4"), "is reserved"},
		{netip.MustParsePrefix("::/96"), "is IPv4-compatible"},
		{netip.MustParsePrefix("::ffff:0:0:0/96"), "is IPv4-translated"},
		{netip.MustParsePrefix("64:ff9b::/96"), "is translated by NAT64"},
		{netip.MustParsePrefix("64:ff9b:1::/48"), "is translated by NAT64"},
		{netip.MustParsePrefix("100::/64"), "is discard-only"},
		{netip.MustParsePrefix("2001::/23"), "is of a protocol"},
		{netip.MustParsePrefix("2001:db8::/32"), "is for documentation"},
		{netip.MustParsePrefix("2002::/16"), "is translated by 6to4"},
		{netip.MustParsePrefix("3fff::/20"), "is for documentation"},
		{netip.MustParsePrefix("5f00::/16"), "is of segment routing"},
		{netip.MustParsePrefix("fec0::/10"), "is site-local"},
	}
}

type reservedRange struct {
	prefix netip.Prefix
	reason string
}

// guard decides which addresses may be called.
type guard struct {
	allow    AllowList
	reserved []reservedRange
}

// check gives nil for a public address and for one in the allow-list; else an
// [*AddressError].
func (g *guard) check(a netip.Addr) error {
	a = a.Unmap()
	if g.allow.Contains(a) {
		return nil
	}
	if reason := g.reason(a.WithZone("")); reason != "" {
		return &AddressError{Addr: a, Reason: reason}
	}
	return nil
}

// checkPlain is check for connections without TLS.
func (g *guard) checkPlain(a netip.Addr) error {
	if a = a.Unmap(); g.allow.Contains(a) {
		return nil
	}
	if err := g.check(a); err != nil {
		return err
	}
	return &AddressError{Addr: a, Reason: "is called without TLS"}
}

func (g *guard) reason(a netip.Addr) string {
	switch {
	case !a.IsValid():
		return "is not an address"
	case a.IsUnspecified():
		return "is unspecified"
	case a.IsLoopback():
		return "is loopback"
	case a.IsLinkLocalUnicast():
		return "is link-local"
	case a.IsPrivate():
		return "is private"
	case a.IsMulticast():
		return "is multicast"
	case !a.IsGlobalUnicast():
		return "is not global"
	}
	for _, r := range g.reserved {
		if r.prefix.Contains(a) {
			return r.reason
		}
	}
	return ""
}
