package events_test

import (
	"fmt"
	"testing"

	"github.com/llm-hub/llm-hub/events"
)

// TestPartitionOf holds the vectors for ever: a tenant that moved would be
// counted twice. The hash is FNV-1a32; 0x811c9dc5, that of nothing, is public.
func TestPartitionOf(t *testing.T) {
	for tenant, want := range map[events.TenantID]events.Partition{
		"":       0x811c9dc5 % events.Partitions,
		"a":      0xe40c292c % events.Partitions,
		"foobar": 0xbf9cf968 % events.Partitions,
		"acme":   0x45fd71af % events.Partitions,
		"_":      0xda0c196e % events.Partitions,
	} {
		if got := events.PartitionOf(tenant); got != want {
			t.Errorf("%q: partition %s, want %s", tenant, got, want)
		}
	}
}

func TestPartitionOfSpreads(t *testing.T) {
	const tenants = 16000
	count := map[events.Partition]int{}
	for n := range tenants {
		count[events.PartitionOf(events.TenantID(fmt.Sprintf("tenant-%d", n)))]++
	}
	for p := range events.Partition(events.Partitions) {
		if mean := tenants / events.Partitions; count[p] < mean*8/10 || count[p] > mean*12/10 {
			t.Errorf("partition %s has %d of %d tenants", p, count[p], tenants)
		}
	}
}

func TestNames(t *testing.T) {
	for got, want := range map[string]string{
		events.TrafficSubject(7):                           "hub.v1.traffic.07",
		events.DeadSubject(15):                             "hub.v1.dead.15",
		events.ControlSubject("acme", "key.created"):       "hub.v1.control.acme.key_created",
		events.ControlSubject("_", events.HubCreatedKind):  "hub.v1.control._.hub_created",
		events.CheckpointKey(3):                            "ckpt.03",
		events.CounterKey(3, "tenant", "acme"):             "c.03.tenant.acme",
		events.CounterKey(15, "credential", "openai/main"): "c.15.credential.openai/main",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestParseCounterKey(t *testing.T) {
	for _, tt := range []struct {
		p        events.Partition
		kind, id string
	}{{0, "tenant", "acme"}, {9, "key", "acme/ci"}, {15, "model", "gpt-4.1"}} {
		p, kind, id, err := events.ParseCounterKey(events.CounterKey(tt.p, tt.kind, tt.id))
		if err != nil || p != tt.p || kind != tt.kind || id != tt.id {
			t.Errorf("%+v came back as %s %s %s, %v", tt, p, kind, id, err)
		}
	}
	for _, key := range []string{"", "ckpt.00", "c.00", "c.00.tenant", "d.00.tenant.a", "c.16.tenant.a", "c.1.tenant.a", "c.xx.tenant.a", "c.+1.tenant.a", "c.1x.tenant.a"} {
		if p, kind, id, err := events.ParseCounterKey(key); err == nil {
			t.Errorf("%q is %s %s %s", key, p, kind, id)
		}
	}
}

func TestValidID(t *testing.T) {
	for _, s := range []string{"a", "acme", "a-b_c9", "_", "0123456789012345678901234567890123456789"} {
		if !events.ValidID(s) {
			t.Errorf("%q is refused", s)
		}
	}
	for _, s := range []string{"", "A", "a.b", "a b", "a\n", "ä", "01234567890123456789012345678901234567890"} {
		if events.ValidID(s) {
			t.Errorf("%q is accepted", s)
		}
	}
}
