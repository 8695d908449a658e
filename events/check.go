package events

import (
	"fmt"
	"strings"
)

// MaxValueSize bounds the value of one key, in bytes: what a log carries in one
// message, less its headers.
const MaxValueSize = 1000 << 10

// maxKeySize bounds a key, in bytes.
const maxKeySize = 512

// Check tells whether m may be appended: a whole id, 1 to [MaxMessageEvents]
// events, at most [MaxMessageBytes], the last line ended. Every log calls it.
func (m Message) Check() error {
	id := m.ID
	switch {
	case !validIDPart(string(id.Node)) || !validIDPart(string(id.Epoch)):
		return fmt.Errorf("message %s: node and epoch must be visible ASCII without a dot", id)
	case id.Partition >= Partitions:
		return fmt.Errorf("message %s: partition is not below %d", id, Partitions)
	case id.Counter == 0:
		return fmt.Errorf("message %s: counter must start at 1", id)
	case m.Count < 1 || m.Count > MaxMessageEvents:
		return fmt.Errorf("message %s: %d events, not 1 to %d", id, m.Count, MaxMessageEvents)
	case len(m.Data) == 0 || m.Data[len(m.Data)-1] != '\n':
		return fmt.Errorf("message %s: last line is not ended", id)
	case len(m.Data) > MaxMessageBytes:
		return fmt.Errorf("message %s: %d bytes, more than %d", id, len(m.Data), MaxMessageBytes)
	}
	return nil
}

// CheckPuts tells whether puts may be committed: 1 to [MaxCommit], each to
// another valid key, no value above [MaxValueSize]. Every bucket calls it.
func CheckPuts(puts []Put) error {
	if len(puts) == 0 || len(puts) > MaxCommit {
		return fmt.Errorf("commit: %d puts, not 1 to %d", len(puts), MaxCommit)
	}
	seen := make(map[string]struct{}, len(puts))
	for _, p := range puts {
		if !ValidKey(p.Key) {
			return fmt.Errorf("commit: key %q is not valid", p.Key)
		}
		if len(p.Value) > MaxValueSize {
			return fmt.Errorf("commit: key %s: value has %d bytes, more than %d", p.Key, len(p.Value), MaxValueSize)
		}
		if _, twice := seen[p.Key]; twice {
			return fmt.Errorf("commit: key %s twice", p.Key)
		}
		seen[p.Key] = struct{}{}
	}
	return nil
}

// ValidKey tells whether key may be a key of a bucket: 1 to 512 visible ASCII
// characters other than `*` and `>`, in parts between dots none of which is empty.
func ValidKey(key string) bool {
	if key == "" || len(key) > maxKeySize || !visible(key) {
		return false
	}
	return !strings.ContainsAny(key, "*>") && key[0] != '.' && key[len(key)-1] != '.' && !strings.Contains(key, "..")
}

func validIDPart(s string) bool { return s != "" && visible(s) && !strings.Contains(s, ".") }

func visible(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}
