package events

import (
	"fmt"
	"hash/fnv"
	"regexp"
	"strconv"
	"strings"
)

// Names of streams and buckets.
const (
	TrafficStream  = "HUB_TRAFFIC"
	ControlStream  = "HUB_CONTROL"
	DeadStream     = "HUB_DEAD"
	CountersBucket = "HUB_COUNTERS"
	LeasesBucket   = "HUB_LEASES"   // written only by gateways, by compare-and-set
	NodesBucket    = "HUB_NODES"    // who owns what; entries lapse
	KeyringBucket  = "HUB_KEYRING"  // data keys, wrapped; what is deleted here cannot be read on any log
	AnswersBucket  = "HUB_ANSWERS"  // where answers are kept that requests go on from; entries lapse
	SessionsBucket = "HUB_SESSIONS" // who is signed in, by the hash of a token, and what was tried; entries lapse
	AlertStream    = "HUB_ALERTS"
	OutboxStream   = "HUB_OUTBOX" // on each node's own disk
)

// Partitions is the number of partitions of the traffic stream of a new hub. It
// is written to the control stream at creation and is immutable from then on.
const Partitions = 16

// Partition numbers a part of the traffic stream, from 0.
type Partition uint8

// String gives the two digits used in subjects and keys.
func (p Partition) String() string { return fmt.Sprintf("%02d", uint8(p)) }

// ParsePartition is the inverse of [Partition.String].
func ParsePartition(s string) (Partition, error) {
	n, err := strconv.ParseUint(s, 10, 8)
	if p := Partition(n); err == nil && n < Partitions && p.String() == s {
		return p, nil
	}
	return 0, fmt.Errorf("%q is not a partition, 00 to %02d", s, Partitions-1)
}

// PartitionOf gives the partition of a tenant: FNV-1a32 of its id modulo the
// number of partitions, the hash NATS itself uses.
func PartitionOf(t TenantID) Partition {
	h := fnv.New32a()
	h.Write([]byte(t)) // never fails
	return Partition(h.Sum32() % Partitions)
}

// Subjects of the traffic stream.
const (
	TrafficPrefix  = "hub.v1.traffic."
	TrafficPattern = TrafficPrefix + "*"
	ControlPrefix  = "hub.v1.control."
	ControlPattern = ControlPrefix + ">"
	DeadPrefix     = "hub.v1.dead."
	DeadPattern    = DeadPrefix + "*"
	AlertPrefix    = "hub.v1.alert."
	AlertPattern   = AlertPrefix + ">"
	OutboxPrefix   = "hub.v1.outbox."
	OutboxPattern  = OutboxPrefix + "*"
)

// TrafficSubject is `hub.v1.traffic.<pp>`.
func TrafficSubject(p Partition) string { return TrafficPrefix + p.String() }

// DeadSubject is `hub.v1.dead.<pp>`.
func DeadSubject(p Partition) string { return DeadPrefix + p.String() }

// ControlSubject is `hub.v1.control.<tenant>.<kind>`, the dots of kind as `_`.
func ControlSubject(t TenantID, k Kind) string {
	return ControlPrefix + string(t) + "." + strings.ReplaceAll(string(k), ".", "_")
}

var idPattern = regexp.MustCompile(`^[a-z0-9_-]{1,40}$`)

// ValidID tells whether s may be an id in subjects and keys: `[a-z0-9_-]{1,40}`.
func ValidID(s string) bool { return idPattern.MatchString(s) }

// Keys of the counters bucket.
const (
	CounterPrefix    = "c."
	CheckpointPrefix = "ckpt."
	OverPrefix       = "over."
	TablesKey        = "tables"  // checkpoint, intent and generation of the tables
	ArchiveKey       = "archive" // up to where the stream was trimmed, and where the rest is
)

// Keys of the other buckets.
const (
	LeasePrefix = "l."
	OwnerPrefix = "own."
)

// LeaseKey is `l.<scope kind>.<scope id>`: the leases on a scope's hard limits.
func LeaseKey(scopeKind, scopeID string) string { return LeasePrefix + scopeKind + "." + scopeID }

// ParseLeaseKey is the inverse of [LeaseKey].
func ParseLeaseKey(key string) (scopeKind, scopeID string, err error) {
	parts := strings.SplitN(key, ".", 3)
	if len(parts) != 3 || parts[0]+"." != LeasePrefix {
		return "", "", fmt.Errorf("lease key %q: not l.<kind>.<id>", key)
	}
	return parts[1], parts[2], nil
}

// OverKey is `over.<pp>`: the epochs that are over in a partition, with every
// request of theirs ended and counted.
func OverKey(p Partition) string { return OverPrefix + p.String() }

// OwnerKey is `own.<name>`: who does a piece of work at present.
func OwnerKey(name string) string { return OwnerPrefix + name }

// CheckpointKey is `ckpt.<pp>`: how far the counters of a partition are folded.
func CheckpointKey(p Partition) string { return CheckpointPrefix + p.String() }

// CounterKey is `c.<pp>.<scope kind>.<scope id>`.
func CounterKey(p Partition, scopeKind, scopeID string) string {
	return CounterPrefix + p.String() + "." + scopeKind + "." + scopeID
}

// ParseCounterKey is the inverse of [CounterKey].
func ParseCounterKey(key string) (p Partition, scopeKind, scopeID string, err error) {
	parts := strings.SplitN(key, ".", 4)
	if len(parts) != 4 || parts[0]+"." != CounterPrefix {
		return 0, "", "", fmt.Errorf("counter key %q: not c.<pp>.<kind>.<id>", key)
	}
	if p, err = ParsePartition(parts[1]); err != nil {
		return 0, "", "", fmt.Errorf("counter key %q: %w", key, err)
	}
	return p, parts[2], parts[3], nil
}
