package client

import (
	"encoding/json"
	"time"
)

// Ref names something that is configured.
type Ref struct {
	Sort   string `json:"sort"`   // setting, price, provider, credential, model, tenant, user, key, token, ...
	Tenant string `json:"tenant"` // whose it is; _ of the whole hub
	ID     string `json:"id"`     // unique in its sort and tenant; a credential's is PROVIDER/NAME
}

// Object is something that is configured, S in the words of hub.yaml.
type Object[S any] struct {
	Ref
	Origin  string `json:"origin"`  // what it is kept up by: demo, environment, file or api
	Version uint64 `json:"version"` // sequence of the command that set it last; its ETag
	Spec    S      `json:"spec"`
	// LastUsed is of virtual keys now: the minute of the last admitted request, as late as
	// the fold of the log; absent: never.
	LastUsed *time.Time `json:"last_used,omitempty"`
}

// Page is a part of a list, in the order of tenant and id.
type Page[S any] struct {
	Items []Object[S] `json:"items"`
	Next  string      `json:"next,omitempty"` // value of after for the next page; absent: this is the last
}

// Change is one object that a command changes, before and after as operators may see it.
type Change struct {
	Ref
	Before json.RawMessage `json:"before,omitempty"` // absent: there was none
	After  json.RawMessage `json:"after,omitempty"`  // absent: removed
}

// Done is what became of a command.
type Done struct {
	Seq      uint64   `json:"seq"` // of the control stream, with the command in it
	Changes  []Change `json:"changes"`
	Keys     []Secret `json:"keys,omitempty"`     // keys and tokens that were made
	Replayed bool     `json:"replayed,omitempty"` // the log had it already; nothing was changed now
}

// Secret is a virtual key or token with the secret it was given, which is told only now.
type Secret struct {
	Tenant string `json:"tenant"`
	Name   string `json:"name"`
	Key    string `json:"key"`
}

// Changed is what became of a command about one object, and that object now.
type Changed[S any] struct {
	Done
	Sort    string `json:"sort,omitempty"` // this and what follows: absent if it was removed, or only tried
	Tenant  string `json:"tenant,omitempty"`
	ID      string `json:"id,omitempty"`
	Origin  string `json:"origin,omitempty"`
	Version uint64 `json:"version,omitempty"` // its ETag
	Spec    *S     `json:"spec,omitempty"`

	LastUsed *time.Time `json:"last_used,omitempty"` // of a virtual key
}

// Entry is one change of the configuration, as the audit has it.
type Entry struct {
	Seq     uint64    `json:"seq"`   // of its message in the control stream
	Index   int       `json:"index"` // in the message, from 0
	At      time.Time `json:"at"`    // clock of the node that took the command
	Logged  time.Time `json:"logged"`
	Node    string    `json:"node"`
	Request string    `json:"request"`
	Actor   string    `json:"actor"`
	Cause   string    `json:"cause"` // by which way, like apply or key.patch
	Origin  string    `json:"origin"`
	Kind    string    `json:"kind"`
	Ref
	Before json.RawMessage `json:"before,omitempty"` // absent: there was none
	After  json.RawMessage `json:"after,omitempty"`  // absent: removed
	Diff   []FieldChange   `json:"diff"`
}

// FieldChange is one field in which two versions of an object differ.
type FieldChange struct {
	Field  string          `json:"field"`
	Before json.RawMessage `json:"before,omitempty"`
	After  json.RawMessage `json:"after,omitempty"`
}

// Entries are a part of the audit, the newest first.
type Entries struct {
	Items []Entry `json:"items"`
	Next  string  `json:"next,omitempty"` // value of before for the next page; absent: this is the last
}

// AuditMessage is one message of the control stream, to the byte.
type AuditMessage struct {
	Seq  uint64    `json:"seq"`
	Time time.Time `json:"time"`
	Prev string    `json:"prev"` // hash of the message before it
	Data string    `json:"data"`
}

// AuditReport says whether a control stream is what was written.
type AuditReport struct {
	OK       bool   `json:"ok"`
	Messages uint64 `json:"messages"`         // that are as they were written
	Hash     string `json:"hash,omitempty"`   // of the last of them
	Broken   string `json:"broken,omitempty"` // the first place that is not, and why

	Signed uint64   `json:"signed,omitempty"` // the message up to which they are signed, 0: none
	Keys   []string `json:"keys,omitempty"`   // that have signed, Ed25519 in base64
}

// AuditKey is the key that checkpoints of the audit are signed by.
type AuditKey struct {
	Algorithm string `json:"algorithm"` // ed25519
	Key       string `json:"key"`       // the public key in base64
}

// JobLine is a line of what a job says: reports, then a result or an error.
type JobLine struct {
	Progress json.RawMessage `json:"progress,omitempty"`
	Result   json.RawMessage `json:"result,omitempty"`
	Error    *LineError      `json:"error,omitempty"`
}

// LineError is what went wrong in the middle of a long answer: its last line.
type LineError struct {
	Code   string `json:"code"`
	Detail string `json:"detail"`
}

// Cooldown is what an operator has said of a credential: leave it alone, or use it again.
type Cooldown struct {
	Credential string `json:"credential"`         // PROVIDER/NAME
	Model      string `json:"model,omitempty"`    // only for this one, by the vendor's name
	Until      string `json:"until,omitempty"`    // the end; absent: it is released
	Released   string `json:"released,omitempty"` // what vendors said of it up to then counts no more
	Reason     string `json:"reason,omitempty"`
}

// CooldownOrder makes every node leave a credential alone.
type CooldownOrder struct {
	For    string `json:"for"`             // how long, like 10m; up to 720h
	Model  string `json:"model,omitempty"` // only for this one, by the vendor's name
	Reason string `json:"reason,omitempty"`
}

// ReleaseOrder makes every node use a credential again, whatever vendors said before.
type ReleaseOrder struct {
	Model  string `json:"model,omitempty"` // only for this one, by the vendor's name
	Reason string `json:"reason,omitempty"`
}

// RollbackOrder says which version an object is to be like again.
type RollbackOrder struct {
	To uint64 `json:"to"` // a version of its history: a seq there
}
