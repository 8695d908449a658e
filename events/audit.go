package events

import "fmt"

// AuditSigned is a checkpoint of the control stream: a signature over all that is
// before it. Whoever has the key can tell later whether that was changed.
type AuditSigned struct {
	Seq       uint64 `json:"seq"`       // of the message before this one
	Hash      string `json:"hash"`      // of that message
	Events    uint64 `json:"events"`    // in all messages up to it
	At        string `json:"at"`        // when it was signed, RFC 3339 in UTC
	Key       []byte `json:"key"`       // the public key, Ed25519
	Signature []byte `json:"signature"` // of [AuditSigned.Signed]
}

// Kind implements [Body].
func (AuditSigned) Kind() Kind { return AuditSignedKind }

// Signed is what the signature is of.
func (a AuditSigned) Signed() []byte {
	return fmt.Appendf(nil, "llm-hub audit v1\n%d\n%s\n%d\n%s\n", a.Seq, a.Hash, a.Events, a.At)
}
