package outbound

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseAllowList(t *testing.T) {
	tests := []struct {
		name, value string
		want        []string
		err         string
	}{
		{name: "empty", value: "  "},
		{name: "several", value: "127.0.0.0/8, ::1/128,fd00::/8", want: []string{"127.0.0.0/8", "::1/128", "fd00::/8"}},
		{name: "address", value: "10.0.0.1", err: `--allow: "10.0.0.1": a range needs a length, write 10.0.0.1/32`},
		{name: "mapped address", value: "::ffff:10.0.0.1", err: `--allow: "::ffff:10.0.0.1": a range needs a length, write 10.0.0.1/32`},
		{name: "address with zone", value: "fe80::1%eth0", err: `--allow: "fe80::1%eth0": a range has no zone`},
		{name: "host bits", value: "10.0.0.1/8", err: `--allow: "10.0.0.1/8": has bits beyond its length, write 10.0.0.0/8`},
		{name: "length", value: "10.0.0.0/33", err: `--allow: "10.0.0.0/33": not an address range like 10.0.0.0/8`},
		{name: "name", value: "localhost", err: `--allow: "localhost": not an address range like 10.0.0.0/8`},
		{name: "hole", value: "10.0.0.0/8,,::1/128", err: `--allow: "": not an address range like 10.0.0.0/8`},
		{name: "mapped", value: "::ffff:10.0.0.0/104", err: `--allow: "::ffff:10.0.0.0/104": an IPv4-mapped range never matches, write it as IPv4`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			list, err := ParseAllowList("--allow", tt.value)
			if msg := text(err); msg != tt.err {
				t.Fatalf("error %q, want %q", msg, tt.err)
			}
			var got []string
			for _, p := range list {
				got = append(got, p.String())
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("list (-want +got):\n%s", diff)
			}
		})
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestGuardRefuses(t *testing.T) {
	g := &guard{reserved: reserved()}
	for _, tt := range []struct{ addr, reason string }{
		{"0.0.0.0", "is unspecified"},
		{"0.1.2.3", "is of this network"},
		{"10.0.0.1", "is private"},
		{"100.64.0.1", "is of a carrier's network"},
		{"100.127.255.255", "is of a carrier's network"},
		{"127.0.0.1", "is loopback"},
		{"127.255.255.254", "is loopback"},
		{"169.254.169.254", "is link-local"},
		{"172.16.0.1", "is private"},
		{"172.31.255.255", "is private"},
		{"192.0.0.192", "is of a protocol"},
		{"192.0.2.1", "is for documentation"},
		{"192.88.99.1", "is a 6to4 relay"},
		{"192.168.0.1", "is private"},
		{"198.18.0.1", "is for benchmarks"},
		{"198.19.255.255", "is for benchmarks"},
		{"198.51.100.7", "is for documentation"},
		{"203.0.113.7", "is for documentation"},
		{"224.0.0.1", "is multicast"},
		{"240.0.0.1", "is reserved"},
		{"255.255.255.255", "is not global"},
		{"::", "is unspecified"},
		{"::1", "is loopback"},
		{"::7f00:1", "is IPv4-compatible"},
		{"::ffff:127.0.0.1", "is loopback"},
		{"::ffff:169.254.169.254", "is link-local"},
		{"::ffff:10.0.0.1", "is private"},
		{"::ffff:0:7f00:1", "is IPv4-translated"},
		{"64:ff9b::7f00:1", "is translated by NAT64"},
		{"64:ff9b::a9fe:a9fe", "is translated by NAT64"},
		{"64:ff9b:1::1", "is translated by NAT64"},
		{"100::1", "is discard-only"},
		{"2001::1", "is of a protocol"},
		{"2001:db8::1", "is for documentation"},
		{"2002:7f00:1::1", "is translated by 6to4"},
		{"3fff::1", "is for documentation"},
		{"5f00::1", "is of segment routing"},
		{"fc00::1", "is private"},
		{"fd00:ec2::254", "is private"},
		{"fe80::1", "is link-local"},
		{"fe80::1%eth0", "is link-local"},
		{"fec0::1", "is site-local"},
		{"ff02::1", "is multicast"},
	} {
		t.Run(tt.addr, func(t *testing.T) {
			addr := netip.MustParseAddr(tt.addr)
			want := &AddressError{Addr: addr.Unmap(), Reason: tt.reason}
			if diff := cmp.Diff(error(want), g.check(addr), cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			all := &guard{reserved: reserved(), allow: AllowList{netip.MustParsePrefix("::/0"), netip.MustParsePrefix("0.0.0.0/0")}}
			if err := all.checkPlain(addr); err != nil {
				t.Errorf("in the allow-list, still refused: %v", err)
			}
		})
	}
	if err := g.check(netip.Addr{}); err == nil {
		t.Error("the zero address is let through")
	}
}

func TestGuardLetsPublicPass(t *testing.T) {
	g := &guard{reserved: reserved()}
	for _, s := range []string{
		"1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.0", "169.253.255.255",
		"172.15.255.255", "172.32.0.0", "192.0.1.0", "198.17.255.255", "198.20.0.0", "223.255.255.255",
		"::ffff:1.1.1.1", "2001:4860:4860::8888", "2606:4700:4700::1111", "2a00::1",
	} {
		addr := netip.MustParseAddr(s)
		if err := g.check(addr); err != nil {
			t.Errorf("%s: %v", s, err)
		}
		want := "address " + addr.Unmap().String() + " is called without TLS and is not in the allow-list of private ranges"
		if got := text(g.checkPlain(addr)); got != want {
			t.Errorf("plain: %q, want %q", got, want)
		}
	}
}

func FuzzParseAllowList(f *testing.F) {
	f.Add("127.0.0.0/8,::1/128")
	f.Add("::ffff:1.2.3.4/96, fe80::%a/10")
	f.Fuzz(func(t *testing.T, value string) {
		list, err := ParseAllowList("--allow", value)
		if err != nil {
			return
		}
		for _, p := range list {
			if !list.Contains(p.Addr()) {
				t.Errorf("%q does not contain %s", value, p.Addr())
			}
		}
	})
}
